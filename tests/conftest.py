"""The named cast and the places they write to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before NumPy is loaded: tests run beside one another, where two threads of one sum wait for each other
# longer than they work. Trainers that tests start have this from here.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
from rest_framework.test import APIClient

from tests import builders
from tests.database import django_db_modify_db_settings, flush_protected  # noqa: F401

PASSWORD = "correct horse battery staple"
#: User name → role. The outsider is signed in and has no part in the study.
CAST = {
    "observer_a": "observer",
    "observer_b": "observer",
    "observer_c": "observer",
    "neurosurgeon": "adjudicator",
    "lead": "lead",
    "outsider": "",
}

MEMORY, ROOM = Path("/dev/shm"), 8 * 2**30

# The same examples each time, and none that fails because the machine is busy.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders in memory where there is room: tests sync to disk thousands of times over.

    They prove as much there: what they kill is processes, never the machine.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture(autouse=True)
def data_folders(settings: Any, tmp_path: Path) -> None:
    """Every test writes to its own folder, and signs in without the price of a real hash."""
    for name, folder in (
        ("IMAGE_STORE_DIR", "images"),
        ("IMPORTS_DIR", "imports"),
        ("INCOMING_DIR", "incoming"),
        ("RUNS_DIR", "runs"),
        ("LABEL_SETS_DIR", "label_sets"),
        ("PLANES_DIR", "planes"),
        ("FILE_UPLOAD_TEMP_DIR", "uploads"),
    ):
        path = tmp_path / "data" / folder
        path.mkdir(parents=True)
        setattr(settings, name, str(path) if name == "FILE_UPLOAD_TEMP_DIR" else path)
    settings.DISK_RESERVE_BYTES = 0
    # Every test client starts the middleware anew: static files are looked up when asked for, not listed.
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PSEUDONYM_KEY = "a key for tests only"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def cast(db: None) -> dict[str, Any]:
    """Everybody, by user name."""
    from config.accounts.models import User

    return {name: User.objects.create_user(name, password=PASSWORD, role=role) for name, role in CAST.items()}


@pytest.fixture
def password() -> str:
    return PASSWORD


def _person(name: str) -> Any:
    @pytest.fixture(name=name)
    def person(cast: dict[str, Any]) -> Any:
        return cast[name]

    return person


def _client(name: str) -> Any:
    @pytest.fixture(name=f"as_{name}")
    def client(cast: dict[str, Any]) -> APIClient:
        return signed_in(cast[name])

    return client


def signed_in(user: Any) -> APIClient:
    client = APIClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


observer_a, observer_b, observer_c = map(_person, ("observer_a", "observer_b", "observer_c"))
neurosurgeon, lead, outsider = map(_person, ("neurosurgeon", "lead", "outsider"))
as_observer_a, as_observer_b, as_observer_c = map(_client, ("observer_a", "observer_b", "observer_c"))
as_neurosurgeon, as_lead, as_outsider = map(_client, ("neurosurgeon", "lead", "outsider"))


@pytest.fixture
def stranger() -> APIClient:
    """A client that is not signed in."""
    return APIClient()


@pytest.fixture
def included(db: None, tmp_path: Path) -> Callable[..., list[Any]]:
    """``included("P1", "P2", slices=7, …)``: patients through the real importers, ready to be read."""

    def make(*patient_ids: str, **series: Any) -> list[Any]:
        from cohort.importing import import_directory
        from cohort.ingest import ingest_paths
        from cohort.models import Patient
        from cohort.pseudonyms import study_pseudonyms

        folder = builders.write_study(tmp_path / "delivery", patient_ids, **series)
        import_directory(folder)
        results = list(ingest_paths([folder / "dicom"]))
        refused = [result for result in results if result.outcome != "accepted"]
        assert not refused, refused
        names = study_pseudonyms()
        return [Patient.objects.get(pseudonym=names.patient(p)) for p in patient_ids]

    return make


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The folder of real MRI, from ODONTOID_SAMPLE_DATA or beside the checkout; skips without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ODONTOID_SAMPLE_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"REAL MRI NOT TESTED: no sample data at {folder}; set ODONTOID_SAMPLE_DATA")
    return folder
