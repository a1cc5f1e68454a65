"""``python -m modeling.training --manifest M --images DIR --recipe R --out O``: one whole run.

Progress goes to standard output as JSON lines, errors to standard error as well.

Exit status: 0 done · 2 the input is at fault (the message says what) · 143 stopped by SIGTERM or SIGINT
with a checkpoint in ``OUT/work``, to be taken up with ``--resume`` · 1 anything else.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from pathlib import Path

from modeling.manifest import ManifestError, load_manifest
from modeling.recipe import RecipeError, from_mapping
from modeling.splits import SplitError
from modeling.training.progress import Progress
from modeling.training.stopping import STOPPED, StopFlag

BAD_INPUT = 2


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m modeling.training", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="label set, JSON")
    parser.add_argument(
        "--images", type=Path, help="root of the series folders (default: the manifest's folder)"
    )
    parser.add_argument(
        "--recipe", type=Path, required=True, help="recipe, JSON; absent settings take the profile's"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--cache", type=Path, help="folder of preprocessed images (default: OUT/cache)")
    parser.add_argument(
        "--part", metavar="rN-fN", help="train one fold of a cross-validation only; OUT gets no result.json"
    )
    parser.add_argument("--resume", action="store_true", help="take up what a stopped run left in OUT/work")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run; returns the exit status."""
    arguments = _arguments(argv)
    stop = StopFlag()
    # Under torchrun the processes are replicas; the first reports, the others work in folders of their own.
    rank = int(os.environ.get("RANK", "0"))
    progress = Progress(sys.stdout if rank == 0 else io.StringIO())

    def refuse(error: Exception) -> int:
        progress.emit("error", message=str(error))
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT

    out: Path = arguments.out if rank == 0 else arguments.out / f"rank{rank}"
    try:
        manifest = load_manifest(arguments.manifest)
        recipe = from_mapping(json.loads(arguments.recipe.read_text())).with_overrides(arguments.set)
    except (ManifestError, RecipeError) as error:
        return refuse(error)
    except (OSError, ValueError) as error:
        return refuse(ValueError(f"recipe {arguments.recipe}: {error}"))
    if (out / "result.json").exists():
        if arguments.resume:
            progress.emit("done", out=str(out))
            return 0
        return refuse(ValueError(f"{out} already holds a finished run; choose another --out"))

    # torch takes seconds to import: a wrong manifest or recipe is refused before that.
    from modeling.training.checkpoint import CheckpointError
    from modeling.training.experiment import run_experiment
    from modeling.training.network import WeightsError
    from modeling.training.saved import SavedNetworkError
    from modeling.training.train import Stopped, TrainingError
    from modeling.training.volume import ImageError

    refused = (
        *(ManifestError, SplitError, ImageError, WeightsError),
        *(CheckpointError, TrainingError, SavedNetworkError),
    )
    try:
        run_experiment(
            manifest,
            recipe,
            images=arguments.images or arguments.manifest.parent,
            out=out,
            cache=arguments.cache or arguments.out / "cache",
            progress=progress,
            stop=stop,
            resume=arguments.resume,
            part=arguments.part,
        )
    except Stopped:
        progress.emit("stopped", resume=True)
        return STOPPED
    except refused as error:
        return refuse(error)
    except Exception as error:
        progress.emit("error", message=f"{type(error).__name__}: {error}")
        raise
    progress.emit("done", out=str(out))
    if rank:
        shutil.rmtree(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
