"""A PostgreSQL server for tests: a cluster of its own on loopback, by an unprivileged user, then gone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

#: Nothing of a test's cluster needs to survive a power cut.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "120",
}


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: from the PATH, else where Debian keeps them."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running() -> Iterator[str]:
    """Start a fresh cluster and give the ``DATABASE_URL`` of its empty database."""
    folder = binaries()
    assert folder is not None, "call binaries() first"
    # PostgreSQL refuses to run as root.
    owner = "nobody" if os.geteuid() == 0 else None
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="odpg", ignore_cleanup_errors=True) as name:
        if owner:
            account = pwd.getpwnam(owner)
            os.chown(name, account.pw_uid, account.pw_gid)
        data = f"{name}/data"

        def run(program: str, *arguments: str) -> None:
            # To a file, not a pipe: the server that pg_ctl starts would keep a pipe open.
            with Path(name, "setup.log").open("ab") as log:
                done = subprocess.run(
                    [str(folder / program), *arguments],
                    cwd=name,
                    user=owner,
                    stdout=log,
                    stderr=log,
                    check=False,
                )
            assert done.returncode == 0, Path(name, "setup.log").read_text()

        run("initdb", "-D", data, "-U", "odontoid", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")
        options = " ".join(f"-c {key}={value!r}" for key, value in {**_SETTINGS, "port": port}.items())
        run("pg_ctl", "-D", data, "-o", options, "-l", f"{name}/server.log", "-w", "-t", "300", "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "odontoid", "odontoid")
            yield f"postgresql://odontoid@127.0.0.1:{port}/odontoid"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
