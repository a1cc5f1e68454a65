"""A run as if a worker had published it, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from modeling import queries, runs
from modeling.map_verdicts import VERSION, kind_statement, statement
from modeling.metrics import evaluate
from modeling.models import Prediction, Run
from modeling.results import Result


def write_saliency(path: Path, *, earlier: bool = False) -> np.ndarray:
    """A file of maps; earlier versions kept no LayerCAM against a case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    more = {"layercam_against": values[:, ::-1], "layercam_against_peak": np.float64(3.5)}
    np.savez_compressed(
        path, gradcam=values, gradcam_peak=np.float64(1.5), layercam=values[::-1],
        layercam_peak=np.float64(2.5), against=values // 2, against_peak=np.float64(0.5),
        slices=np.array([0.5, -0.25], np.float32), logit=np.float64(0.1), origin=np.array([1.0, 2.0, 3.0]),
        row_end=np.array([1.0, 5.0, 3.0]), column_end=np.array([1.0, 2.0, 1.0]),
        normal=np.array([1.0, 0.0, 0.0]), normal_offsets_mm=np.array([-1.65, 1.65]),
        field=np.array([0, 0, 3, 4]), series_uid=np.array("2.25.1"), **({} if earlier else more),
    )  # fmt: skip
    return values


def trust_report(layercam: list[str], gradcam: list[str]) -> dict[str, Any]:
    """What stands on the maps in a ``trust.json``, by the tests that each kind of map failed."""
    failed = {"layercam": layercam, "gradcam": gradcam}
    maps = {
        kind: {"validated": not names, "failed": names, "statement": kind_statement(kind, names, 12)}
        for kind, names in failed.items()
    }
    return {
        "version": VERSION,
        "validated": not layercam + gradcam,
        "statement": statement(failed, 12),
        "maps": maps,
    }


def publish_run(run: Run) -> Run:
    """p00 and p01 trained on, p02 (FP), p03 (TP), p04 (TN) tested."""
    claim = runs.claim(run.pk)
    assert claim is not None
    directory = queries.run_directory(run.pk) / "attempt-1"
    write_saliency(directory / "saliency" / "p03.npz")
    (directory / "predictions.csv").write_text("patient,score\np03,0.9\n")
    queries.log_path(run.pk).write_text("one\ntwo\n")
    rows = [("p00", "train", 0, 0.1), ("p01", "train", 1, 0.8), ("p02", "test", 0, 0.6),
            ("p03", "test", 1, 0.9), ("p04", "test", 0, 0.2)]  # fmt: skip
    predictions = [
        Prediction(
            run=run, patient=name, split=split, outcome=outcome, logit=float(np.log(score / (1 - score))),
            score=score, threshold=0.5, saliency="saliency/p03.npz" if name == "p03" else "",
        )
        for name, split, outcome, score in rows
    ]  # fmt: skip
    content = {"metrics": evaluate([0, 1, 0], [0.6, 0.9, 0.2], 0.5), "environment": {"code_version": "c0de"}}
    runs.publish(claim, path=f"{run.pk}/attempt-1", result=Result(content, predictions))
    run.refresh_from_db()
    return run
