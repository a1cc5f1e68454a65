"""``python -m cohort.phantom write DIR``, ``… funnel DIR`` and ``… bench``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cohort.phantom.acquire import Acquisition, render, render_planes
from cohort.phantom.anatomy import make_patient
from cohort.phantom.cohort import write_cohort
from cohort.phantom.dicom import Identity, write_series
from cohort.phantom.funnel import write_funnel
from cohort.phantom.planning import FIRST_EXAM
from cohort.phantom.prognosis import STRONG


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cohort.phantom", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    write = verbs.add_parser("write", help="write a phantom cohort: CSV exports, DICOM series, truth.json")
    write.add_argument("directory", type=Path)
    write.add_argument("--patients", type=int, default=60)
    write.add_argument("--seed", type=int, default=0)
    write.add_argument("--matrix", type=int, help="fixed matrix (default: varies, 256 to 512)")
    write.add_argument("--slices", type=int, help="fixed number of slices (default: varies, 13 to 17)")
    write.add_argument("--positive-share", type=float, default=0.2)
    write.add_argument("--signal", type=float, default=STRONG, help="slope of the log hazard on degeneration")
    write.add_argument("--baseline-case-share", type=float, default=0.0)
    write.add_argument("--no-leavers", action="store_true", help="only patients who reach the last step")
    write.add_argument("--processes", type=int, default=1)
    funnel = verbs.add_parser(
        "funnel", help="write the published flow's 3,248 patients as CSV, without images"
    )
    funnel.add_argument("directory", type=Path)
    funnel.add_argument("--seed", type=int, default=0)
    bench = verbs.add_parser("bench", help="measure rendering and writing; prints JSON")
    bench.add_argument("--matrix", type=int, default=512)
    bench.add_argument("--slices", type=int, default=15)
    options = parser.parse_args(arguments)
    if options.verb == "bench":
        print(json.dumps(measure(options.matrix, options.slices)))
        return 0
    try:
        if options.verb == "funnel":
            named = write_funnel(options.directory, seed=options.seed)
            print(json.dumps({way: len(patients) for way, patients in named.items()}))
            return 0
        truth = write_cohort(
            options.directory, options.patients, seed=options.seed,
            matrix=options.matrix, slices=options.slices,
            positive_share=options.positive_share, signal=options.signal,
            baseline_case_share=options.baseline_case_share, leavers=not options.no_leavers,
            processes=options.processes,
            progress=lambda done, total: print(f"{done}/{total}", file=sys.stderr),
        )  # fmt: skip
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(truth["oracle"]))
    return 0


def measure(matrix: int, slices: int, repeats: int = 5, necks: int = 60) -> dict[str, float]:
    """Processor seconds per series and per 500 necks of 6 × 96²; the best of some repeats."""
    acq = Acquisition(matrix=matrix, slices=slices, yaw=2.0, roll=1.0)
    rendering, writing = [], []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(repeats):
            anatomy = make_patient(k)
            start = time.process_time()
            volume, _, geometry = render(anatomy, acq, np.random.default_rng(k), with_masks=False)
            rendering.append(time.process_time() - start)
            start = time.process_time()
            write_series(Path(folder) / str(k), volume, geometry, Identity("B", "B", f"B{k}", FIRST_EXAM))
            writing.append(time.process_time() - start)
    anatomies = [make_patient(k) for k in range(necks)]
    start = time.process_time()
    render_planes(anatomies, 96)
    planes = (time.process_time() - start) * 500 / necks
    return {
        "matrix": matrix,
        "slices": slices,
        "render_s": round(min(rendering), 3),
        "write_s": round(min(writing), 3),
        "planes_500x6x96_s": round(planes, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
