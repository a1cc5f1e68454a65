"""May this run's maps be believed? Maps tested against what would have to destroy them.

The tests are in :mod:`modeling.training.randomisation`, :mod:`modeling.training.trust_checks` and
:mod:`modeling.training.trust_phantoms`. If
exactness, randomisation or faithfulness fails, every map of that kind says that it is not validated for
localisation.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from modeling.manifest import Manifest
from modeling.map_verdicts import KINDS, VERSION, kind_statement, statement
from modeling.recipe import Recipe
from modeling.training import trust_checks as checks
from modeling.training import trust_phantoms as phantoms
from modeling.training.cam_cells import trace
from modeling.training.image_set import ImageSet
from modeling.training.preprocess import PlaneGeometry
from modeling.training.randomisation import Own, is_below, randomisation
from modeling.training.saved import fold_of, load_network, weight_files
from modeling.training.train import Stopped, derive_seed, fit_network
from modeling.training.trust_checks import Case, Cells

Say = Callable[[str, int, int], None]
#: Test patients whose maps are tested, spread over the range of scores.
PATIENTS = 12
#: Work in progress, in the run's folder; who has the report made removes it when it is written.
WORK = "work"
#: Relative error up to which a map counts as exact.
EXACT = 1e-4


class Trust:
    """What a trust report is made from; :meth:`report` makes it."""

    def __init__(
        self,
        manifest: Manifest,
        recipe: Recipe,
        folder: Path,
        images: ImageSet,
        geometries: Sequence[PlaneGeometry],
        outcomes: Tensor,
        folds: Sequence[Mapping[str, Any]],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """``folds``: {"fold", "train", "test": indices, "logit_threshold"} of the saved networks."""
        self.manifest, self.recipe, self.images, self.stop = manifest, recipe, images, stop
        self.geometries, self.outcomes, self.folds = geometries, outcomes, folds
        self.seed = derive_seed(recipe.seed, 6)
        #: Where the networks that are trained for the report alone have their checkpoints.
        self.work = folder / WORK
        self.networks = {fold_of(p): load_network(p, recipe, images.device) for p in weight_files(folder)}

    def _cases(self) -> tuple[list[Case], Own, dict[str, float]]:
        """The patients whose maps are tested, the maps of all test patients, and how exact these are."""
        found: list[tuple[float, Case]] = []
        everybody: dict[int, list[tuple[float, Cells]]] = {}
        exact = {"hirescam": 0.0, "sum": 0.0}
        share = max(2, round(PATIENTS / len(self.folds)))
        for fold in self.folds:
            network = self.networks[fold["fold"]]
            own = []
            for index in fold["test"]:
                image = self.images.batch([index])
                passed = trace(network, image)
                error = checks.exactness(network, passed)
                exact = {key: max(exact[key], error[key]) for key in exact}
                sign = 1.0 if passed.logit >= fold["logit_threshold"] else -1.0
                name, cells = self.manifest.patients[index].patient, passed.cells(sign)
                case = Case(name, image, self.geometries[index], fold["fold"], sign, cells)
                own.append((passed.logit, case))
            everybody[fold["fold"]] = [(case.sign, case.cells) for _, case in own]
            own.sort(key=lambda row: row[0])
            spread = np.unique(np.linspace(0, len(own) - 1, min(share, len(own))).round().astype(int))
            found += [own[i] for i in spread]
            self._pause()
        return [case for _, case in found], everybody, exact

    def _pause(self) -> None:
        if self.stop():
            raise Stopped

    def _other_maps(
        self, between: str, others: Sequence[tuple[Case, nn.Module]], trained_on: int = 0
    ) -> dict[str, Any]:
        """Kind → likeness of each case's maps to those of another network.

        ``trained_on``: how many of these patients that network knew.
        """
        pairs = [(case.cells, checks.answer_cells(network, case)) for case, network in others]
        about = {"between": between, "pairs": len(pairs), "trained_on": trained_on}
        return {kind: about | found for kind, found in checks.likeness(pairs).items()}

    def _retrained(self, part: int, *, shuffled: bool) -> nn.Module:
        """The first fold's network once more, from another seed or on outcomes dealt out anew."""
        fold, outcomes = self.folds[0], self.outcomes.clone()
        train = list(fold["train"])
        if shuffled:
            order = np.random.default_rng([self.seed, part]).permutation(len(train))
            outcomes[train] = self.outcomes[[train[i] for i in order]]
        # Another network than any of the run's: its state must never be taken for one of theirs.
        about = f"trust report, network {part}\n{self.recipe.to_json()}\n{self.manifest.sha256}"
        fit = fit_network(
            self.recipe, self.images, outcomes, train, seed=derive_seed(self.seed, part), stop=self.stop,
            checkpoint=self.work / f"trust-{part}.checkpoint.pt",
            stamp=hashlib.sha256(about.encode()).hexdigest(),
        )  # fmt: skip
        return fit.network.eval()

    def report(self, mode: str, say: Say = lambda what, done, total: None) -> dict[str, Any]:
        """Every test, and what follows; plain JSON. ``say`` hears what begins, and how far that is."""
        began = time.monotonic()
        steps = ["maps", "randomisation", "faithfulness"]
        steps += ["label-shuffled network", "second seed"] if mode == "full" else []
        steps += ["pointing game"] if self.manifest.study == "phantoms" else []

        def begin(step: str) -> None:
            say(step, steps.index(step), len(steps))

        begin("maps")
        cases, everybody, exact = self._cases()
        begin("randomisation")
        random = randomisation(cases, everybody, self.networks, self.seed)
        self._pause()
        begin("faithfulness")
        faithful = checks.faithfulness(cases, self.networks, derive_seed(self.seed, 2))
        self._pause()
        shuffled, repeatability = self._others(mode, cases, begin)
        pointing = None
        if self.manifest.study == "phantoms":
            begin("pointing game")
            first = self.folds[0]
            pointing = phantoms.pointing(
                self.recipe, self.networks[first["fold"]], self.images.device, self.seed,
                first["logit_threshold"],
            )  # fmt: skip
        energy = checks.energy(cases)
        exactness = exact | {"passed": max(exact.values()) < EXACT}
        maps: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            # LayerCAM is not complete: there is nothing for its cells to sum to.
            tests = {"exactness": exactness} if kind == "gradcam" else {}
            tests |= {"randomisation": random[kind]} | faithful[kind]
            failed = [name for name, test in tests.items() if not test["passed"]]
            if shuffled:
                size, limit = shuffled[kind]["size"], random[kind]["baseline"]
                shuffled[kind]["below_baseline"] = is_below(size, limit)
            maps[kind] = {
                "validated": not failed,
                "failed": failed,
                "statement": kind_statement(kind, failed, len(cases)),
                "grain": list(checks.grain(cases, kind)),
                "exactness": None,
                **tests,
                "label_shuffled": shuffled and shuffled[kind],
                "repeatability": repeatability and repeatability[kind],
                "energy": energy[kind],
            }
        failures = {kind: part["failed"] for kind, part in maps.items()}
        return {
            "version": VERSION,
            "mode": mode,
            "patients": [case.patient for case in cases],
            "validated": not any(failures.values()),
            "failed": list(dict.fromkeys(name for names in failures.values() for name in names)),
            "statement": statement(failures, len(cases)),
            "maps": maps,
            "pointing": pointing,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _others(
        self, mode: str, cases: Sequence[Case], begin: Callable[[str], None]
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Kind → likeness to a network of shuffled labels, and to one that should agree; None if not run."""
        if mode == "full":
            first = [case for case in cases if case.fold == self.folds[0]["fold"]]
            begin("label-shuffled network")
            network = self._retrained(3, shuffled=True)
            shuffled = self._other_maps("labels", [(case, network) for case in first])
            begin("second seed")
            network = self._retrained(4, shuffled=False)
            return shuffled, self._other_maps("seeds", [(case, network) for case in first])
        if len(self.networks) == 1:
            return None, None
        folds = list(self.networks)
        following = dict(zip(folds, [*folds[1:], folds[0]], strict=True))
        # No other fold's network is free of them: what it trained on is told beside the figure.
        train = {row["fold"]: {self.manifest.patients[i].patient for i in row["train"]} for row in self.folds}
        trained_on = sum(case.patient in train[following[case.fold]] for case in cases)
        others = [(case, self.networks[following[case.fold]]) for case in cases]
        return None, self._other_maps("folds", others, trained_on)
