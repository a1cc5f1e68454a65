"""The kinds of saliency map, what each has passed, and which is shown first (no Django, no torch)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Kinds of map and their names, the sharper first. A trust report tests each by the same tests.
KINDS: Mapping[str, str] = {"layercam": "LayerCAM", "gradcam": "GradCAM"}
#: One-sided maps, for a case and against it, and their kinds; the arrays of a saliency file.
METHODS: Mapping[str, str] = {
    "gradcam": "gradcam",
    "against": "gradcam",
    "layercam": "layercam",
    "layercam_against": "layercam",
}
#: Of ``trust.json``. Version 1 tested GradCAM alone.
VERSION = 2

_PASSED = "passed randomisation, deletion, insertion and occlusion"
_LIMIT = "They do not show that the network is right."
_NOT_TESTED = (
    "Not validated for localisation: this run's maps have not been tested against randomised "
    "weights, occlusion or known lesions. Do not read anatomy from them."
)
_OLDER = (
    "Not validated for localisation: the trust report is an older version's, which did not test all maps. "
    "Make it again. Do not read anatomy from these maps."
)


def of_answer(kind: str, predicted: int) -> str:
    """The method that speaks for the answer given.

    A patient called negative often has no positive evidence at all, and an empty map explains nothing.
    """
    if kind == "gradcam":
        return "gradcam" if predicted else "against"
    return kind if predicted else f"{kind}_against"


def current(report: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The report, unless an older version made it: that counts as none."""
    return report if report is not None and report["version"] == VERSION else None


def default_kind(report: Mapping[str, Any] | None) -> str:
    """The kind shown first: LayerCAM, unless GradCAM alone has passed the tests."""
    found = current(report)
    if found is None:
        return "layercam"
    passed = {kind for kind in KINDS if found["maps"][kind]["validated"]}
    return "gradcam" if passed == {"gradcam"} else "layercam"


def verdicts(report: Mapping[str, Any] | None, recorded: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What stands on the maps of a run with this report, if any.

    Parameters
    ----------
    recorded
        {"validated", "statement"} of the run's own result, which says why a report could not be made.

    Returns
    -------
    dict
        ``validated`` and ``statement`` of the run, ``maps`` {kind: the same of that kind}, and
        ``default_map``, the kind shown first.
    """
    found = current(report)
    if found is None:
        said = _NOT_TESTED if report is None else _OLDER
        if report is None and recorded and not recorded["validated"]:
            said = recorded["statement"]
        none = {"validated": False, "statement": said}
        return none | {"maps": dict.fromkeys(KINDS, none), "default_map": default_kind(None)}

    def verdict(part: Mapping[str, Any]) -> dict[str, Any]:
        return {key: part[key] for key in ("validated", "statement")}

    maps = {kind: verdict(found["maps"][kind]) for kind in KINDS}
    return verdict(found) | {"maps": maps, "default_map": default_kind(found)}


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def kind_statement(kind: str, failed: Sequence[str], patients: int) -> str:
    """What stands on every map of one kind."""
    name = KINDS[kind]
    if failed:
        return (
            f"Not validated for localisation: {name} failed {_listed(failed)} on {patients} test patients. "
            "Do not read anatomy from its maps."
        )
    return f"{name} {_PASSED} on {patients} test patients: its maps follow this network. {_LIMIT}"


def statement(failed: Mapping[str, Sequence[str]], patients: int) -> str:
    """Which kinds passed on how many test patients, and what the others failed.

    Parameters
    ----------
    failed
        Kind → the tests that it failed.
    """
    passed = [kind for kind in KINDS if not failed[kind]]
    if len(passed) == len(KINDS):
        names = _listed([KINDS[kind] for kind in passed])
        return f"{names} {_PASSED} on {patients} test patients: the maps follow this network. {_LIMIT}"
    rest = [kind for kind in KINDS if failed[kind]]
    if not passed:
        found = ", ".join(f"{KINDS[kind]} failed {_listed(failed[kind])}" for kind in rest)
        return (
            f"Not validated for localisation: {found}, on {patients} test patients. Do not read anatomy "
            "from these maps."
        )
    (good,), (bad,) = passed, rest
    return (
        f"{KINDS[good]} {_PASSED} on {patients} test patients: its maps follow this network. {_LIMIT} "
        f"{KINDS[bad]} is not validated for localisation: {_listed(failed[bad])} failed. Do not read "
        "anatomy from its maps."
    )
