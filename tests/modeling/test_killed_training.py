"""The training command killed at every epoch: what is taken up again ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.modeling.test_training_command import OUTCOMES, REPOSITORY, TINY, arguments
from tests.modeling.tiny import write_label_set

#: The command, which kills itself where it tells of a checkpoint: nobody else would be sure to come in time.
DEADLY = """
import os, signal, sys
from modeling.training.__main__ import main

class Deadly:
    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        self.stream.write(text)
        self.stream.flush()
        if '"event": "checkpoint"' in text:
            os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name):
        return getattr(self.stream, name)

sys.stdout = Deadly(sys.stdout)
sys.exit(main(sys.argv[1:]))
"""


def test_killed_at_every_epoch_equals_uninterrupted(tmp_path: Path) -> None:
    """SIGKILL after each epoch's checkpoint, taken up each time: the same predictions to the last bit."""
    label_set, cache = write_label_set(tmp_path / "set", OUTCOMES), tmp_path / "cache"
    recipe = TINY | {"epochs": 2, "size": 32, "saliency": False, "ema_decay": 0.9}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words = arguments(label_set, recipe, tmp_path / "killed", cache, "--resume")
    kills = 0
    while True:
        one = subprocess.run(
            [sys.executable, "-c", DEADLY, *words],
            cwd=REPOSITORY, env=environment, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        if one.returncode == 0:
            break
        assert one.returncode == -signal.SIGKILL
        kills += 1
    assert kills == 2  # after the last epoch too: what is left then is to score and explain
    whole = tmp_path / "whole"
    command = [sys.executable, "-m", "modeling.training", *arguments(label_set, recipe, whole, cache)]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert (whole / "predictions.csv").read_bytes() == (tmp_path / "killed" / "predictions.csv").read_bytes()
