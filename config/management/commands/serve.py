"""``manage.py serve``: web server, workers and queue on this machine, until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from config import serving


class Command(BaseCommand):
    help = "Run the web server, the workers and the queue on this machine until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        status = serving.serve(host, port, lambda url: self.stdout.write(f"Odontoid answers at {url}"))
        # 130 and 143: stopped on purpose, by Ctrl-C or by a supervisor.
        if status not in (0, 130, 143):
            raise SystemExit(status)
