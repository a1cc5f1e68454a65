"""torchvision imports on any torch build, and what is declared for it changes no network."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import json, sys, torch
if sys.argv[1] == "existing":
    # As on a matching build: the operators exist, with kernels, before anybody declares anything.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.impl(name, lambda dets, scores, iou_threshold: scores, "CPU")
from modeling.training.torchvision_ops import declare_missing, torchvision_models
declared = declare_missing()
again = declare_missing()
network = torchvision_models().resnet101(weights=None)
works = None
if sys.argv[1] == "existing":
    works = torch.ops.torchvision.nms(torch.zeros(1, 4), torch.ones(1), 0.5).tolist()
if sys.argv[2] != "-":
    network.load_state_dict(torch.load(sys.argv[2], weights_only=True), strict=True)
else:
    torch.save(network.state_dict(), sys.argv[3])
print(json.dumps({"declared": declared, "again": again, "works": works,
    "keys": {k: list(v.shape) for k, v in network.state_dict().items()}}))
"""


def run(mode: str, load: str, save: str) -> dict:
    command = [sys.executable, "-c", SCRIPT, mode, load, save]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_resnet101_keys_load_strictly_with_and_without_the_declaration(tmp_path):
    weights = str(tmp_path / "w.pt")
    existing = run("existing", "-", weights)
    assert existing["declared"] == []
    assert existing["works"] == [1.0], "an operator that existed must keep its kernel"
    as_found = run("as found", weights, "-")
    assert set(as_found["declared"]) <= {"nms", "qnms"}
    assert as_found["again"] == []
    assert as_found["keys"] == existing["keys"]
    # 101 layers: 100 convolutions and the head; 3 + 4 + 23 + 3 blocks of three, four shortcuts, one stem.
    convolutions = [k for k, shape in existing["keys"].items() if len(shape) == 4]
    assert len(convolutions) == 1 + 3 * (3 + 4 + 23 + 3) + 4
