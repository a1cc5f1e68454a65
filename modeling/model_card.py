"""A run's model card: what the network is, was trained on, reaches, and is not for (no Django, no torch).

After Mitchell, FAccT 2019. Every figure is the run's own; what no record says is NOT PROVIDED.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from modeling.map_verdicts import KINDS

NOT_PROVIDED = "NOT PROVIDED"
#: Of a charter, what says how scans were read and whose labels differ.
_TERMS = ("read_design", "discrepancy_rule", "rubric_version")
INTENDED_USE = (
    "Research on the prediction of rheumatoid-arthritis-associated deformity of the upper cervical spine "
    "from a baseline sagittal T2 MRI. Research use only. Not a medical device; no decision on a patient may "
    "rest on it."
)


def _number(value: float | None, digits: int = 3) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"


def _with_interval(value: float | None, bounds: Any) -> str:
    low_high = f" (95 % CI {_number(bounds[0])} to {_number(bounds[1])})" if bounds else ""
    return f"{_number(value)}{low_high}"


def _figures(metrics: Mapping[str, Any], within: Mapping[str, Any] | None) -> list[str]:
    def estimate(auc: Mapping[str, Any] | None) -> str:
        return _with_interval(auc["value"], (auc["low"], auc["high"])) if auc else "undefined"

    name = "AUC over all folds (DeLong)" if within else "AUC (DeLong)"
    rows = [(name, estimate(metrics["auc"]))]
    if within:
        rows.append(("AUC within folds, each patient among those of its own (DeLong)", estimate(within)))
    rows.append(("AUPRC (bootstrap)", _with_interval(metrics["auprc"], metrics.get("auprc_ci"))))
    for name, figure in metrics["table"].items():
        bounds = figure.get("wilson") or figure.get("bootstrap")
        rows.append((name.replace("_", " "), _with_interval(figure["value"], bounds)))
    rows.append(("Brier score", _with_interval(metrics["brier"], metrics.get("brier_ci"))))
    for name in ("slope", "intercept"):
        found = metrics["calibration"][name]
        shown = _with_interval(found["value"], (found["low"], found["high"])) if found else "no finite fit"
        rows.append((f"Calibration {name}", shown))
    return ["| figure | test patients |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _threshold(metrics: Mapping[str, Any], split: Mapping[str, Any]) -> str:
    value = _number(metrics["threshold"])
    if len(split.get("folds", ())) > 1:
        return f"Each patient at the thresholds of its own folds (mean {value}, which the run never applied)"
    return f"Threshold {value}"


def together(networks: int) -> str | None:
    """What a bundle of several networks says of a new patient, and that its run's figures are not of that."""
    if networks < 2:
        return None
    return (
        f"mean of {networks} networks at the mean of their thresholds; the run evaluated each network alone, "
        "on its own fold"
    )


def labels_of(manifest: Mapping[str, Any]) -> str:
    """How a label set's labels came to be, from its manifest alone: what that does not say stays unsaid."""
    rows = manifest["patients"]
    how = Counter(row["provenance"] for row in rows)
    readings = [
        reading
        for row in rows
        for reading in ((row.get("labels") or {}).get("follow_up") or {}).get("readings") or ()
    ]
    observers, adjudicators = (
        len({reading["reader"] for reading in readings if reading["kind"] == kind})
        if readings
        else NOT_PROVIDED
        for kind in ("read", "adjudication")
    )
    charter = manifest.get("charter") or {}
    terms = charter.get("terms") or {}
    fixed = [f"{name.replace('_', ' ')} {terms[name]}" for name in _TERMS if terms.get(name) is not None]
    if terms.get("consensus") is not None:
        fixed.append(f"consensus meetings {'held' if terms['consensus'] else 'not held'}")
    said = [
        "final follow-up labels as recorded: "
        + ", ".join(f"{count} {key}" for key, count in sorted(how.items())),
        f"observers who read independently: {observers}",
        f"adjudicators: {adjudicators}",
        f"charter version {charter.get('version', NOT_PROVIDED)}"
        + (f" ({', '.join(fixed)})" if fixed else ""),
    ]
    simulated = (
        "the images are simulated, and their observers may be; " if manifest["study"] == "phantoms" else ""
    )
    return simulated + "; ".join(said)


def model_card(
    result: Mapping[str, Any], *, title: str, label_set: Mapping[str, Any], trust: Mapping[str, Any]
) -> str:
    """The card as Markdown.

    Parameters
    ----------
    result
        A run's ``result.json``.
    label_set
        ``{"hash", "patients", "positives", "labels"}``, the last as :func:`labels_of` says it.
    trust
        What :func:`modeling.map_verdicts.verdicts` says of its maps.
    """
    recipe, metrics, environment = result["recipe"], result["metrics"], result["environment"]
    counts = metrics["confusion"]
    matrix = ", ".join(f"{name.upper()} {counts[name]}" for name in ("tp", "fp", "tn", "fn"))
    data = "synthetic phantoms, no patients" if result["study"] == "phantoms" else "patients of one study"
    groups = [
        f"- {name.replace('_', ' ')} {row['level']}: n {row['n']}, cases {row['positives']}, AUC "
        + (_number(row["auc"]["value"]) if row["auc"] else "undefined")
        for name, rows in result["groups"].items()
        for row in rows
    ]
    against = metrics["mcnemar"]
    split = result["split"]
    repeats = 1 + max((row["repeat"] for row in split.get("folds", [])), default=0)
    kept = together(sum(row["repeat"] == 0 for row in split.get("folds", ())))
    of_bundle = [f"Of its bundle, `evaluate` takes the {kept}: the figures below are not of that mean.", ""]
    of_repeats = (
        f" Each patient's score is the mean of {repeats} networks, one of every repeat; only those of the "
        "first repeat are kept, and alone they may do worse."
        if repeats > 1
        else ""
    )
    lines = [
        f"# {title}",
        "",
        f"**{INTENDED_USE}**",
        "",
        "## Model",
        "",
        f"torchvision ResNet-{recipe['depth']}, {recipe['slices']} sagittal planes as channels, "
        f"{recipe['size']}² pixels, one logit. Input: {recipe['volume']}, grid {recipe['grid']}, intensities "
        "clipped at the 0.5th and 99.5th percentile of the field of view and standardised over it. "
        f"Profile `{recipe['profile']}`, trained on {recipe['label_source']} labels"
        if "label_source" in recipe
        else f"torchvision ResNet-{recipe['depth']}, profile `{recipe['profile']}`",
        "",
        f"Code {environment['code_version']}, torch {environment['packages']['torch']}, "
        f"device {environment['device']}, seed {recipe['seed']}.",
        "",
        "## Data",
        "",
        f"{data}; label set {label_set['hash']}: {label_set['patients']} patients, {label_set['positives']} "
        f"with deformity at follow-up. Labels: {label_set['labels']}. "
        f"Split: {result['split']['kind']}, seed {result['split']['seed']}. Intermediate follow-up counts as "
        f"{result['intermediate_policy']}.{of_repeats}",
        "",
        f"## Evaluation: {metrics['n']} test patients, {metrics['positives']} cases",
        "",
        *(of_bundle if kept else ()),
        *_figures(metrics, result.get("auc_within_folds")),
        "",
        f"{_threshold(metrics, split)}, set without test patients: {matrix}. Always calling "
        # Not the no-information rate, which is that of always calling positive where cases are the majority.
        f"negative would be right in {_number(1 - metrics['prevalence'])}; exact McNemar against that "
        f"p = {_number(against['p'])}.",
        "",
        "## Subgroups",
        "",
        *groups,
        "",
        "## Saliency maps",
        "",
        trust["statement"],
        "",
        *(
            f"- {name}: {'passed' if trust['maps'][kind]['validated'] else 'not validated for localisation'}"
            for kind, name in KINDS.items()
        ),
        "",
        "## Limits",
        "",
        *(f"- {warning}" for warning in result.get("warnings", ())),
        "- External validation: " + NOT_PROVIDED,
        "- Ethical review, consent, funding: " + NOT_PROVIDED,
        "- Figures are of the label set above; another site's scanners, prevalence and follow-up differ.",
        "",
    ]
    return "\n".join(lines)
