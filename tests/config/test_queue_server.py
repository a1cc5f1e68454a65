"""The embedded queue: starts, keeps what it was given, refuses a second, ends with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from config import queue_server
from config.bound_process import bound

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def directory() -> Iterator[Path]:
    # pytest's own temporary directories are too long for a socket's path.
    with tempfile.TemporaryDirectory(prefix="odq") as name:
        yield Path(name)


def client(directory: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(directory.resolve() / queue_server.SOCKET), decode_responses=True)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_serves_on_a_socket_and_stops(directory: Path) -> None:
    with queue_server.running(directory) as url:
        assert url == f"redis+socket://{directory.resolve()}/valkey.sock"
        assert client(directory).ping()
        policy = client(directory).config_get("maxmemory-policy")
        assert policy == {"maxmemory-policy": "noeviction"}
    assert not queue_server.answers(directory / queue_server.SOCKET)


def test_what_was_queued_survives_kill_9(directory: Path) -> None:
    with queue_server.running(directory):
        client(directory).rpush("gpu", *range(50))
        pid = int(client(directory).info("server")["process_id"])
        time.sleep(1.1)  # appendfsync everysec
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not queue_server.answers(directory / queue_server.SOCKET))
    with queue_server.running(directory):
        assert client(directory).llen("gpu") == 50


def test_a_second_server_on_the_same_files_is_refused(directory: Path) -> None:
    with (
        queue_server.running(directory),
        pytest.raises(queue_server.QueueServerError, match="already runs"),
    ):
        queue_server.command(directory)


def test_a_path_too_long_for_a_socket_is_named(directory: Path) -> None:
    with pytest.raises(queue_server.QueueServerError, match="ODONTOID_DATA_DIR"):
        queue_server.command(directory / ("x" * 120))


def test_ends_when_its_owner_is_killed(directory: Path) -> None:
    code = (
        "import sys, time, pathlib; from config import queue_server\n"
        "with queue_server.running(pathlib.Path(sys.argv[1])): time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(directory)], cwd=ROOT)
    try:
        assert wait_until(lambda: queue_server.answers(directory / queue_server.SOCKET))
    finally:
        owner.kill()
        owner.wait()
    assert wait_until(lambda: not queue_server.answers(directory / queue_server.SOCKET))


def test_a_bound_command_keeps_its_exit_status_and_output() -> None:
    done = subprocess.run(
        bound(["sh", "-c", "echo out; echo err >&2; exit 7"]), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_a_command_that_ignores_the_ending_signal_is_killed(directory: Path) -> None:
    code = (
        "import subprocess, sys, time; from config.bound_process import bound\n"
        "p = subprocess.Popen(bound(['sh', '-c', \"trap '' TERM; echo $$ > $0; while :; do sleep 1; done\","
        " sys.argv[1]]), start_new_session=True)\n"
        "time.sleep(60)"
    )
    file = directory / "pid"
    owner = subprocess.Popen([sys.executable, "-c", code, str(file)], cwd=ROOT)
    try:
        assert wait_until(lambda: file.exists() and bool(file.read_text().strip()))
    finally:
        owner.kill()
        owner.wait()
    child = int(file.read_text())
    assert wait_until(lambda: not Path(f"/proc/{child}").exists() if os.path.isdir("/proc/self") else True)
