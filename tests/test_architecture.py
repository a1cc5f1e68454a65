"""The walls of the house: which module may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Package → packages it must never import.
UPHILL = {
    "config/accounts": {"cohort", "annotation", "modeling"},
    "cohort": {"annotation", "modeling"},
    "annotation": {"modeling"},
}
#: Modules that run where there is no Django: in a shell, a notebook, another project.
NO_DJANGO = [
    "cohort/criteria.py",
    "cohort/deidentify.py",
    "cohort/delivery.py",
    "cohort/dicom_file.py",
    "cohort/dicomweb/accept.py",
    "cohort/dicomweb/multipart.py",
    "cohort/dicomweb/native_xml.py",
    "cohort/dicomweb/rendering.py",
    "cohort/export_files.py",
    "cohort/columns.py",
    "cohort/csv_format.py",
    "cohort/mapping.py",
    "cohort/omop.py",
    "cohort/row_parsing.py",
    "cohort/spellings.py",
    "cohort/flow_diagram.py",
    "cohort/multipart.py",
    "cohort/nifti.py",
    "cohort/nifti_reading.py",
    "cohort/part10.py",
    "cohort/pixels.py",
    "cohort/pull_list.py",
    "cohort/recognition.py",
    "cohort/stack.py",
    "cohort/vocabulary.py",
    "cohort/phantom",
    "annotation/rubric.py",
    "annotation/agreement.py",
    "annotation/descriptive.py",
    "modeling/bootstrap.py",
    "modeling/discrimination.py",
    "modeling/hazard.py",
    "modeling/manifest.py",
    "modeling/metrics.py",
    "modeling/probabilities.py",
    "modeling/two_by_two.py",
    "modeling/published.py",
    "modeling/splits.py",
    "modeling/recipe.py",
    "modeling/training",
]


def sources(place: str) -> list[Path]:
    path = ROOT / place
    assert path.exists(), f"{place} is named in this test and does not exist"
    return [path] if path.is_file() else [p for p in path.rglob("*.py") if "migrations" not in p.parts]


def imported(source: Path) -> set[str]:
    """Top-level packages that a file imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", UPHILL)
def test_imports_point_one_way(package: str) -> None:
    for source in sources(package):
        assert not imported(source) & UPHILL[package], source


@pytest.mark.parametrize("place", NO_DJANGO)
def test_pure_modules_know_no_django(place: str) -> None:
    for source in sources(place):
        assert not imported(source) & {"django", "rest_framework", "celery"}, source


def test_torch_is_imported_under_training_only() -> None:
    for package in ("config", "cohort", "annotation", "modeling"):
        for source in sources(package):
            if "training" not in source.parts:
                assert not imported(source) & {"torch", "torchvision"}, source


def test_a_process_of_the_site_loads_nothing_that_takes_long_and_few_pages_need() -> None:
    """Web workers, queue workers and every command pay for it at each start."""
    code = (
        "import django, sys; django.setup(); import config.urls, config.celery;"
        "config.celery.app.loader.import_default_modules();"
        "sys.exit(' '.join({'torch', 'sklearn', 'scipy.stats', 'scipy.interpolate'} & {*sys.modules}) or 0)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
