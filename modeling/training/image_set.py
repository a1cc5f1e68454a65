"""All patients' input planes for a network: kept on the device where they fit, else read batch by batch."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """To the device; from pinned memory, so that the host need not wait for the copy."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


#: Share of the free memory that the images may take to be kept resident.
RESIDENT_SHARE = 0.4


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # a system that does not say
        return 0


class ImageSet:
    """Input planes of all patients, in half precision.

    Resident on the device where they fit into :data:`RESIDENT_SHARE` of its free memory, else read from
    the memory maps batch by batch.
    """

    def __init__(self, planes: Sequence[npt.NDArray[np.float16]], device: torch.device) -> None:
        self.device = device
        self._planes = planes
        self._resident: Tensor | None = None
        size = sum(array.nbytes for array in planes)
        if planes and size <= RESIDENT_SHARE * _free_bytes(device):
            self._resident = torch.from_numpy(np.stack(planes)).to(device)

    def __len__(self) -> int:
        return len(self._planes)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """float32 (len(indices), slices, rows, columns) on the device."""
        chosen = torch.tensor(list(indices))
        if self._resident is not None:
            return self._resident.index_select(0, sent(chosen, self.device)).float()
        return sent(torch.from_numpy(np.stack([self._planes[i] for i in indices])), self.device).float()
