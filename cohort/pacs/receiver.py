"""The C-STORE receiver: what modalities and archives push, and what a C-MOVE sends here (PS3.4 Annex B).

An object is acknowledged with success only when it is safe on disk. The threads that serve associations
touch no database: they write files, and the sweep of ``cohort.receiving`` does the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.pdu import A_RELEASE_RQ

from cohort import expected, pixels, receiving
from cohort.dicom_file import ENHANCED, MR_IMAGE, SECONDARY_CAPTURE, FileError
from cohort.models import ImportBatch

logger = logging.getLogger(__name__)

VERIFICATION = "1.2.840.10008.1.1"
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND, MISMATCH = 0x0000, 0xA700, 0xC000, 0xA900
NOT_AUTHORISED = 0x0124
#: One object is held in memory while it arrives.
MAX_OBJECT_BYTES = 512 * 2**20
#: Associations at once, from all peers.
MAX_ASSOCIATIONS = 8
#: A peer that says nothing for so long has hung, seconds.
TIMEOUT = 60.0
#: Uncompressed before compressed and lossless before lossy, for a sender that leaves the choice to us.
_SYNTAXES = [
    *sorted(pixels.NATIVE, key=lambda uid: (uid.is_deflated, uid)),
    *sorted(pixels.COMPRESSED, key=lambda uid: (pixels.lossy(uid), uid)),
]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who may send: an AE title, and an address if only from there."""

    ae_title: str
    address: str | None = None

    @classmethod
    def parse(cls, text: str) -> Peer:
        """``AET`` or ``AET@address``; ValueError for anything else."""
        title, at, address = text.strip().partition("@")
        title = title.strip()
        if not 1 <= len(title) <= 16 or not title.isascii() or "\\" in title or (at and not address.strip()):
            raise ValueError(f"{text!r} is neither AET nor AET@address")
        return cls(title, address.strip() or None)


class Receiver:
    """A storage server for these peers, until ``stop``."""

    def __init__(self, ae_title: str, peers: Iterable[Peer]) -> None:
        self.peers = list(peers)
        if not self.peers:
            raise ValueError("no peer may send: name at least one")
        self.ae = AE(ae_title)
        self.ae.require_called_aet = True
        self.ae.require_calling_aet = sorted({peer.ae_title for peer in self.peers})
        self.ae.maximum_associations = MAX_ASSOCIATIONS
        self.ae.network_timeout = self.ae.dimse_timeout = self.ae.acse_timeout = TIMEOUT
        self.ae.add_supported_context(VERIFICATION)
        for sop_class in sorted({MR_IMAGE, *ENHANCED, *SECONDARY_CAPTURE}):
            self.ae.add_supported_context(sop_class, _SYNTAXES)
        self._server: Any = None
        self._sizes: dict[Any, int] = {}
        self._folders: dict[Any, set[Path]] = {}

    def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one for 0. OSError if it is taken."""
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._admit),
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_PDU_RECV, self._ended_well),
            (evt.EVT_DIMSE_RECV, self._reset),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_ABORTED, self._broken),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]
        self._server = self.ae.start_server((host, port), block=False, evt_handlers=handlers)
        return int(self._server.server_address[1])

    def stop(self, patience: float = 10.0) -> None:
        """Take no new association, let the running ones end for a while, then abort them."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self.ae.maximum_associations = 1
        server.socket.close()
        until = time.monotonic() + patience
        while server.active_associations and time.monotonic() < until:
            time.sleep(0.05)
        self.ae.shutdown()

    def _admit(self, event: Any) -> None:
        requestor = event.assoc.requestor
        title = str(getattr(requestor.primitive, "calling_ae_title", "") or "").strip()
        address = requestor.address
        if any(p.ae_title == title and p.address in (None, address) for p in self.peers):
            return
        logger.warning("an association of %s from %s was refused: no such peer", title, address)
        # Rejected for good, by the user of the service: calling AE title not recognised (PS3.8 9.3.4).
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)
        event.assoc.kill()

    def _count(self, event: Any) -> None:
        size = self._sizes.get(event.assoc, 0) + len(event.data)
        self._sizes[event.assoc] = size
        if size > MAX_OBJECT_BYTES:
            logger.warning("an object of more than %s MiB: association aborted", MAX_OBJECT_BYTES >> 20)
            event.assoc.abort()

    def _reset(self, event: Any) -> None:
        self._sizes[event.assoc] = 0

    def _store(self, event: Any) -> int:
        peer = str(event.assoc.requestor.ae_title or "").strip()
        try:
            with receiving.arriving() as folder:
                path = folder / "object"
                digest = receiving.write(path, [event.encoded_dataset()])
                header = receiving.read_header(path)
                request = event.request
                if (str(header.SOPInstanceUID), str(header.SOPClassUID)) != (
                    str(request.AffectedSOPInstanceUID),
                    str(request.AffectedSOPClassUID),
                ):
                    return MISMATCH
                mover = str(request.MoveOriginatorApplicationEntityTitle or "").strip()
                asked = mover == self.ae.ae_title.strip()
                if asked or not mover:  # some archives do not say on whose behalf they send
                    wanted = expected.look_up(str(header.SeriesInstanceUID))
                    if wanted is not None:
                        return SUCCESS if wanted.keep(path, digest, header) else NOT_AUTHORISED
                if asked:  # our C-MOVE did not ask for it, or has ended
                    return NOT_AUTHORISED
                arrived = receiving.Arrived(path, digest, header)
                kept = receiving.keep([arrived], receiving.Origin(ImportBatch.Road.C_STORE, peer))
                self._folders.setdefault(event.assoc, set()).update(kept)
        except FileError as error:
            logger.info("C-STORE from %s: an object was refused: it %s", peer, error)
            return CANNOT_UNDERSTAND
        except OSError as error:
            logger.error("C-STORE from %s: an object could not be written: %s", peer, error.strerror)
            return OUT_OF_RESOURCES
        return SUCCESS

    def _ended_well(self, event: Any) -> None:
        # Not the association's is_released: another thread sets it, at times after the line has closed.
        if isinstance(event.pdu, A_RELEASE_RQ):
            self._folders.pop(event.assoc, None)

    def _broken(self, event: Any) -> None:
        receiving.give_time(self._folders.get(event.assoc, ()))

    def _closed(self, event: Any) -> None:
        self._sizes.pop(event.assoc, None)
        receiving.give_time(self._folders.pop(event.assoc, ()))  # the line went dead, or the peer hung
