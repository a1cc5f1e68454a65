"""``manage.py receive_dicom``: the C-STORE receiver, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from cohort import receiving
from cohort.pacs import nodes
from cohort.pacs.receiver import Peer, Receiver


class Command(BaseCommand):
    help = "Receive DICOM images by C-STORE and ingest each series once it is complete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ae-title", default=settings.DICOM_AE_TITLE)
        parser.add_argument("--host", default=settings.DICOM_HOST, help="Address to listen on.")
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT, help="0 takes a free one.")
        parser.add_argument(
            "--peer", action="append", metavar="AET[@ADDRESS]", dest="peers",
            help="Who may send; repeat it. By default ODONTOID_DICOM_PEERS. C-MOVE nodes may always.",
        )  # fmt: skip

    def handle(
        self, *args: Any, ae_title: str, host: str, port: int, peers: list[str] | None, **options: Any
    ) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            allowed = [Peer.parse(text) for text in (peers or settings.DICOM_PEERS)]
            allowed += [Peer(node.ae_title) for node in nodes.load().values() if node.ae_title]
            receiver = Receiver(ae_title, allowed)
            port = receiver.start(host, port)
        except (ValueError, OSError, nodes.NodesError) as error:
            raise CommandError(f"The receiver cannot start: {error}") from error
        self.stdout.write(f"{ae_title} receives at {host}:{port}")
        self.stdout.flush()
        while not stop.wait(1):
            self._sweep()
        receiver.stop()
        self.stdout.write(f"Stopped; {receiving.waiting()} series wait for the next start.")

    def _sweep(self) -> None:
        close_old_connections()
        for result in receiving.sweep():
            self.stdout.write(f"{result.outcome}: series {result.series_uid or 'unknown'}: {result.reason}")
            self.stdout.flush()
