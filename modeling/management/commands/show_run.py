"""``manage.py show_run``: one run with its result."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.utils.encoders import JSONEncoder

from modeling import queries
from modeling.models import Run
from modeling.serializers import RunOut


class Command(BaseCommand):
    help = "Show a run: state, progress and, once published, its figures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, run: int, format: str, **options: Any) -> None:
        found = queries.with_parts(Run.objects.select_related("label_set")).filter(pk=run).first()
        if found is None:
            raise CommandError(f"there is no run {run}")
        if format == "json":
            self.stdout.write(json.dumps(RunOut(found).data, cls=JSONEncoder, indent=2))
            return
        self.stdout.write("\n".join(_lines(found)))


def _lines(run: Run) -> list[str]:
    lines = [
        f"run {run.pk}: {run.state}, profile {run.profile}, seed {run.seed}, attempt {run.attempts}",
        f"label set {run.label_set_id}: {run.label_set.hash}",
    ]
    if run.error:
        lines.append(f"error: {run.error}")
    if run.device:
        lines.append(f"device: {run.device}")
    if run.result:
        lines += [f"warning: {warning}" for warning in run.result.get("warnings", ())]
        lines += figures(run.result["metrics"], folds=len(run.result["split"]["folds"]))
    return lines


def figures(metrics: dict[str, Any], *, folds: int = 1) -> list[str]:
    """Lines for the console; of several ``folds`` each patient is judged at its own folds' thresholds."""
    counts = metrics["confusion"]
    threshold = f"threshold {metrics['threshold']:.3f}"
    if folds > 1:
        threshold = f"each fold's own threshold (mean {metrics['threshold']:.3f})"
    lines = [
        f"{metrics['n']} test patients, {metrics['positives']} cases; {threshold}: "
        + ", ".join(f"{name.upper()} {counts[name]}" for name in ("tp", "fp", "tn", "fn"))
    ]
    auc = metrics["auc"]
    if auc:
        lines.append(f"{'AUC':<18}{auc['value']:.3f}  ({auc['low']:.3f}–{auc['high']:.3f}, DeLong)")
    for name, figure in metrics["table"].items():
        value = "undefined" if figure["value"] is None else f"{figure['value']:.3f}"
        interval = figure.get("wilson")
        shown = f"  ({interval[0]:.3f}–{interval[1]:.3f}, Wilson)" if interval else ""
        lines.append(f"{name:<18}{value}{shown}")
    return lines
