"""Make torchvision importable on a torch build whose operators its binary does not match.

The torchvision wheel on PyPI is compiled against the CUDA build of torch. On a CPU build its extension
does not load, its operators never come to exist, and merely importing it fails while it registers shape
rules for them ("operator torchvision::nms does not exist"). The networks use none of these operators:
declaring their schemas, without kernels, is enough. Where the extension loads nothing is declared.

Import torchvision only through :func:`torchvision_models`.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

#: The operators whose shape rules torchvision registers while it is imported.
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def _load_extension() -> bool:
    """Load torchvision's own operators, as it would itself; False where they do not fit this torch."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise ImportError("torchvision is not installed")
    for library in sorted(Path(spec.origin).parent.glob("_C*.so")):
        try:
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]
        except OSError:
            return False
    return True


def declare_missing() -> tuple[str, ...]:
    """Declare the schemas that do not exist yet; returns their names, none on a matching build."""
    _load_extension()
    missing = tuple(name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name))
    if missing:
        # A fragment adds to a namespace that somebody else may have defined; it lives as long as we do.
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in missing:
            library.define(SCHEMAS[name])  # type: ignore[no-untyped-call]
        _libraries.append(library)
    return missing


def torchvision_models() -> ModuleType:
    """``torchvision.models``, importable on any torch build."""
    declare_missing()
    return importlib.import_module("torchvision.models")


_libraries: list[torch.library.Library] = []
