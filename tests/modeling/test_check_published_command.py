"""``manage.py check_published``"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from modeling.metrics import check_published
from modeling.paper import PAPER


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("check_published", *arguments, stdout=out)
    return out.getvalue()


def test_without_a_file_it_checks_the_paper() -> None:
    lines = said().splitlines()
    assert lines[:-1] == check_published(PAPER)
    assert lines[-1] == "9 contradictions"
    assert any("the reasons sum to 43, not to the 56" in line for line in lines)
    assert json.loads(said("--format", "json")) == check_published(PAPER)


def test_a_file_of_another_publication(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"tp": 9, "fp": 7, "tn": 48, "fn": 3, "sensitivity": 0.75}))
    assert said(str(file)) == "All can be true together.\n"
    file.write_text(json.dumps({"sensitivity": 0.75, "ppv": 0.5}))
    assert said(str(file)).endswith("the number of patients is not given.\nNo contradiction found.\n")
    for content, words in (
        ("[1]", "a JSON object"),
        ("{", "Expecting"),
        ('{"colour": 1}', "unknown keys"),
        ('{"proportions": [{}]}', "name, k, n, stated missing"),
        ('{"proportions": 5}', "proportions: 5"),
    ):
        file.write_text(content)
        with pytest.raises(CommandError, match=words):
            said(str(file))
    with pytest.raises(CommandError, match="No such file"):
        said(str(tmp_path / "nothing.json"))
