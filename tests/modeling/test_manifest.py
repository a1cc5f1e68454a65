"""A label set is read whole or refused with the patient and the field."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest

from modeling.manifest import ManifestError, canonical_bytes, load_manifest, manifest_sha256, parse_manifest
from tests.modeling.tiny import manifest_of, patient_row


def content():
    return manifest_of([patient_row("P1", 1, ["a.dcm"]), patient_row("P2", 0, ["b.dcm"])])


def test_reads_and_names_itself(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(content(), indent=3))
    manifest = load_manifest(path)
    assert [p.patient for p in manifest.patients] == ["P1", "P2"]
    assert manifest.patients[0].series.files == ("a.dcm",)
    # Layout does not matter, content does.
    assert (
        manifest.sha256
        == manifest_sha256(content())
        == hashlib.sha256(canonical_bytes(content())).hexdigest()
    )
    changed = content()
    changed["patients"][0]["covariates"]["age"] = 99
    assert manifest_sha256(changed) != manifest.sha256


def test_canonical_bytes_have_no_freedom():
    assert canonical_bytes({"b": "é", "a": [1, 2.5]}) == '{"a":[1,2.5],"b":"é"}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_bytes({"a": float("nan")})


def test_duplicate_patient_is_named():
    rows = content()
    rows["patients"].append(copy.deepcopy(rows["patients"][0]))
    rows["patients"][2]["series"] |= {"uid": "other", "content_hash": "other"}
    with pytest.raises(ManifestError, match="patient P1 is listed twice"):
        parse_manifest(rows)


@pytest.mark.parametrize("field", ["uid", "content_hash"])
def test_the_same_images_under_two_patients_are_refused(field):
    rows = content()
    rows["patients"][1]["series"][field] = rows["patients"][0]["series"][field]
    with pytest.raises(ManifestError, match="patients P1 and P2 share the series"):
        parse_manifest(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": 2}, "P1: outcome 2"),
        ({"outcome": True}, "P1: outcome True"),
        ({"outcome": 0}, "P1: outcome 0 is not that of a case"),
        ({"follow_up_category": "bad"}, "P1: follow_up_category 'bad'"),
        ({"baseline_category": "case"}, "P1: baseline_category 'case'"),
        ({"provenance": "guessed"}, "P1: provenance"),
        ({"follow_up_years": 0}, "P1: follow_up_years"),
        ({"follow_up_years": None}, "P1: follow_up_years"),
        ({"covariates": {"age": "old"}}, "P1: age 'old'"),
        ({"covariates": {"rf": "yes"}}, "P1: rf 'yes'"),
        ({"covariates": {"sex": "f"}}, "P1: sex 'f'"),
        ({"series": None}, "P1: no baseline series"),
        ({"patient": ""}, "no patient pseudonym"),
    ],
)
def test_a_bad_field_is_named(change, words):
    rows = content()
    rows["patients"][0] |= change
    with pytest.raises(ManifestError, match=words.replace("(", r"\(")):
        parse_manifest(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files": []}, "not a list of file names"),
        ({"files": ["a.dcm", "a.dcm"]}, "twice"),
        ({"files": ["../../etc/passwd"]}, "leaves the image root"),
        ({"path": "/etc"}, "leaves the image root"),
        ({"uid": ""}, "series.uid is missing"),
    ],
)
def test_a_bad_series_is_named(change, words):
    rows = content()
    rows["patients"][0]["series"] |= change
    with pytest.raises(ManifestError, match=f"P1.*{words}"):
        parse_manifest(rows)


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(ManifestError, match="No such file"):
        load_manifest(tmp_path / "none.json")
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(ManifestError, match=r"bad\.json is not JSON"):
        load_manifest(bad)
    for text, words in (("[]", "not a JSON object"), ('{"version": 2}', "version 2")):
        bad.write_text(text)
        with pytest.raises(ManifestError, match=words):
            load_manifest(bad)
    with pytest.raises(ManifestError, match="empty label set"):
        parse_manifest(content() | {"patients": []})
    with pytest.raises(ManifestError, match="intermediate_policy"):
        parse_manifest(content() | {"intermediate_policy": "maybe"})
