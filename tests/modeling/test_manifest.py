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


@pytest.mark.parametrize("path", ["P1", "./P1"])
def test_the_same_file_under_two_patients_is_refused(path):
    """Another uid and hash do not make other images of it."""
    rows = content()
    rows["patients"][1]["series"] |= {"path": path, "files": ["b.dcm", "a.dcm"]}
    with pytest.raises(ManifestError, match=r"patients P1 and P2 share the file P1/a\.dcm"):
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
        ({"patient": "../../x"}, "names files"),
        ({"patient": "P/1"}, "names files"),
        ({"site": 5}, "P1: site 5 is not text"),
        ({"covariates": []}, "P1: covariates is not an object"),
        ({"covariates": {"age": -5}}, "P1: age -5 is not within 0 to 120 years"),
        ({"covariates": {"age": float("inf")}}, "P1: age inf is not a number"),
        ({"covariates": {"age": 10**400}}, "P1: age 10+ is not within 0 to 120 years"),
        ({"covariates": {"disease_years": 300}}, "P1: disease_years 300"),
        ({"covariates": {"rf": 1}}, "P1: rf 1"),
        ({"follow_up_years": float("inf")}, "P1: follow_up_years inf is not a number"),
        ({"labels": "x"}, "P1: labels is not an object"),
        ({"labels": {"follow_up": [1]}}, "P1: labels.follow_up is not an object"),
        ({"labels": {"follow_up": {"readings": 5}}}, "P1: labels.follow_up.readings is not a list"),
        ({"labels": {"follow_up": {"readings": ["x"]}}}, "P1, follow-up reading 1: the reading is not"),
        ({"labels": {"follow_up": {"readings": [{"kind": "read"}]}}}, "P1, follow-up reading 1: reader None"),
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
        ({"files": ["a.dcm", "./a.dcm"]}, "twice"),
        ({"scanner": 3}, "scanner 3 is not text"),
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
    with pytest.raises(ManifestError, match="study None"):
        parse_manifest({key: value for key, value in content().items() if key != "study"})
    with pytest.raises(ManifestError, match="no canonical form: Out of range float"):
        parse_manifest(content() | {"charter": {"version": float("inf")}})
    bad.write_text("[" * 100_000)
    with pytest.raises(ManifestError, match="is not JSON"):
        load_manifest(bad)
