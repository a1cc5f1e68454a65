"""A Chromium for the browser tests: the machine's, or one installed for them.

``python -m tests.e2e.chromium`` makes sure there is one (`make test` calls it): Debian's package
when this is root on Debian, else the npm package ``@sparticuz/chromium``, whose binary lies inside
the package. Playwright's own download is not used: it needs a host beyond the package registries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NPM_PACKAGE = "@sparticuz/chromium@143.0.4"
ROOT = Path(__file__).resolve().parents[2]
_PACKED = ROOT / "var" / "browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

#: Nothing outside the machine is asked for; the CPU renders.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
#: WebGL without a graphics card.
SWIFTSHADER = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def find() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get("ODONTOID_CHROMIUM")
    if named:
        return named
    for name in _NAMES:
        path = shutil.which(name)
        if path:
            return path
    packed = _PACKED / "chromium"
    return str(packed) if packed.exists() else None


def _install_with_apt() -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        if subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL).returncode:
            return False
    return find() is not None


def _install_with_npm() -> bool:
    bin_directory = subprocess.run(
        [sys.executable, str(ROOT / "frontend" / "find_node.py")], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"}
    _PACKED.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(_PACKED), NPM_PACKAGE],
        env=environment,
        check=True,
    )
    script = "import c from '@sparticuz/chromium'; console.log(await c.executablePath())"
    unpacked = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        env=environment,
        cwd=_PACKED,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    shutil.copy(unpacked, _PACKED / "chromium")  # it unpacks into the temporary directory
    return True


def main() -> int:
    if find():
        return 0
    print("== Installing Chromium for the browser tests", flush=True)
    try:
        if _install_with_apt() or _install_with_npm():
            return 0
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
    print("No Chromium could be had: the browser tests will be SKIPPED.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
