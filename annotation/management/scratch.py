"""A management command again, in a process with a folder and a database of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile

from django.conf import settings


def run(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py command --here …`` where nothing of the study in use can be touched.

    A fresh process, because Django's database and folders are fixed once it has started.
    """
    with tempfile.TemporaryDirectory(prefix="odontoid-scratch-") as folder:
        return subprocess.run(
            [sys.executable, "manage.py", command, "--here", *arguments],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "ODONTOID_DATA_DIR": folder,
                "DATABASE_URL": f"sqlite://{folder}/scratch.sqlite3",
                "ODONTOID_SECRET_KEY": secrets.token_urlsafe(),
                "ODONTOID_PSEUDONYM_KEY": secrets.token_urlsafe(),
                "ODONTOID_LOG_LEVEL": "ERROR",
                "ODONTOID_HTTPS": "no",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
