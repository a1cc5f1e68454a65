"""``manage.py demo``: a phantom study through the real importers, then served until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from config import demo, serving


class Command(BaseCommand):
    help = "Make a phantom study with simulated reads and a finished run, then serve it until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=60)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, patients: int, host: str, port: int, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        demo.prepare(patients=patients, say=self.stdout.write)

        def ready(url: str) -> None:
            self.stdout.write("")
            self.stdout.write(f"  Odontoid is ready:  {url}")
            self.stdout.write("")
            for username, role, task in demo.LOGINS:
                self.stdout.write(f"  {username:<14} {demo.PASSWORD:<18} {role:<18} {task}")
            self.stdout.write("")
            self.stdout.write("  Synthetic patients. Research use only, not a medical device. Ctrl-C stops.")
            self.stdout.flush()

        status = serving.serve(host, port, ready)
        if status not in (0, 130, 143):
            raise SystemExit(status)
