"""A real Orthanc with its DICOMweb plug-in, on loopback, with a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.ports import free_port

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
AE_TITLE = "ORTHANC"


def missing() -> str | None:
    """Why there is no Orthanc to test with, or None."""
    if not (shutil.which("Orthanc") or Path("/usr/sbin/Orthanc").exists()):
        return "ORTHANC NOT TESTED: there is no Orthanc; apt-get install orthanc orthanc-dicomweb"
    if not PLUGIN.exists():
        return "ORTHANC NOT TESTED: there is no DICOMweb plug-in; apt-get install orthanc-dicomweb"
    return None


@dataclass
class Orthanc:
    """A running server."""

    process: subprocess.Popen[bytes]
    http_port: int
    dicom_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 60) -> Any:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = urllib3.request(method, self.url + path, body=content, timeout=timeout)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data.decode()[:500]}")
        return json.loads(answer.data) if answer.data else None

    def load(self, paths: Iterable[Path]) -> list[str]:
        """Put files into it; its own ids of the instances."""
        return [self.ask("POST", "/instances", path.read_bytes())["ID"] for path in paths]

    def empty(self) -> None:
        for patient in self.ask("GET", "/patients"):
            self.ask("DELETE", f"/patients/{patient}")

    def know(self, ae_title: str, port: int) -> None:
        """Make a DICOM node known to it under its AE title."""
        self.ask("PUT", f"/modalities/{ae_title}", {"AET": ae_title, "Host": "127.0.0.1", "Port": port})

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start(folder: Path, extra: Mapping[str, Any] | None = None) -> Orthanc:
    """Start an empty one and wait until it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    http, dicom = free_port(), free_port()
    configuration = {
        "Name": "tests", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"),
        "HttpPort": http, "DicomPort": dicom, "DicomAet": AE_TITLE, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomCheckModalityHost": True, "DicomServerEnabled": True,
        "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowEcho": True, "Plugins": [str(PLUGIN)], "ConcurrentJobs": 2,
        "SynchronousCMove": True, "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, **(extra or {}),
    }  # fmt: skip
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    log = (folder / "log").open("wb")
    command = [shutil.which("Orthanc") or "/usr/sbin/Orthanc", str(path)]
    server = Orthanc(subprocess.Popen(command, stdout=log, stderr=log), http, dicom)
    log.close()
    until = time.monotonic() + 120
    while True:
        try:
            server.ask("GET", "/system", timeout=2)
            return server
        except (urllib3.exceptions.HTTPError, RuntimeError):
            if server.process.poll() is not None or time.monotonic() > until:
                server.stop()
                raise RuntimeError((folder / "log").read_text()[-2000:]) from None
            time.sleep(0.05)
