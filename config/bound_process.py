"""A child process that ends when the process that started it ends, even by ``kill -9``.

``bound(command)`` is an argument list for ``subprocess``. It runs this file, which leaves a small
watcher behind and then becomes ``command`` under the same process id, so that exit status and
signals are the command's own. The watcher waits for the end of either side; when it is the
owner's, it ends the command's process group.

Linux has prctl(PR_SET_PDEATHSIG) for this, but it follows the parent's *thread*, sees only a
direct parent (not the server above a process manager) and exists nowhere else.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

#: Between the ending signal and SIGKILL, seconds.
GRACE = 5.0


def bound(
    command: Sequence[str], *, ending: signal.Signals = signal.SIGTERM, owner: int | None = None
) -> list[str]:
    """``command``, bound to ``owner`` (default: this process).

    Parameters
    ----------
    command
        Argument list; the program is looked up on the PATH.
    ending
        What the command's process group gets when the owner is gone; SIGKILL follows after
        ``GRACE`` seconds. Start the command in a session of its own, or the group is the owner's.
    """
    python = [sys.executable, "-I", "-S", __file__]  # neither Django nor site-packages: starts in 20 ms
    return [*python, str(owner or os.getpid()), str(int(ending)), *command]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _first_to_end(*pids: int) -> int:
    """Return the process that is gone first, as soon as it is.

    A pidfd tells a process that has ended and that nobody has waited for yet; ``kill(pid, 0)`` takes it
    for a living one, so it is only the way out where there are no pidfds.
    """
    descriptors: dict[int, int] = {}
    for pid in pids:
        try:
            descriptors[os.pidfd_open(pid)] = pid
        except ProcessLookupError:
            return pid
        except (AttributeError, OSError):  # not Linux, or a sandbox that forbids the call
            while all(_alive(pid) for pid in pids):
                time.sleep(0.5)
            return next(pid for pid in pids if not _alive(pid))
    ended, _, _ = select.select(descriptors, [], [])
    return descriptors[ended[0]]


def _watch(owner: int, command: int, ending: int) -> None:
    if _first_to_end(command, owner) == command:
        return
    # Not a session leader: signal it alone, its group is somebody else's.
    group = os.getpgid(command) == command
    end = os.killpg if group else os.kill
    with suppress(ProcessLookupError):
        end(command, ending)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and _alive(command):
            time.sleep(0.05)
        end(command, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    owner, ending, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    mine = os.getpid()
    if os.fork() == 0:
        # Twice, so that the command never meets a child it did not start.
        if os.fork() == 0:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):  # an open pipe would keep the reader of the command's output waiting
                os.dup2(null, stream)
            with suppress(ProcessLookupError):
                _watch(owner, mine, ending)
        os._exit(0)
    os.wait()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
