"""What it takes to make a scanpath model in every form: its graphs, what they are fed, how far two forms are apart."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from export.forms.form import Agreement, Feeds, Graph
from export.onnx import forget_origin
from export.runtime.contract import Contract
from export.runtime.registry import STEP
from export.scanpath_onnx import Walk, converted, difference, example_scenes, promised
from scanpath.models.oat import OAT

PICTURES = 12  # scenes to walk through; a path has many fixations


class ScanpathExporter:
    """An OAT; see `export.forms.form.Exporter`."""

    endings = (".onnx", STEP)
    unit = "bits"
    has_canvas = False

    def __init__(self, network: OAT, contract: Contract, decoding: dict[str, float]) -> None:
        self.network = network
        self.contract = promised(network, contract).model_copy(update={"decoding": decoding})

    def graphs(self) -> list[Graph]:
        """The graphs of the scene and of a step."""
        models = converted(self.network, self.contract, _scenes(self.contract, [np.zeros((96, 128, 3), np.uint8)])[0])
        for model in models:
            forget_origin(model.graph)
        return [Graph(model, frozenset()) for model in models]

    def difference(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> Agreement:
        """The largest difference of logits and log durations from PyTorch, along paths over scenes."""
        scenes = _scenes(contract, pictures)
        worst = float(np.max([difference(self.network, files, arrays, contract) for arrays in scenes]))
        return Agreement(worst, 0.0, 0.0, {}, len(scenes))

    def feeds(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> list[list[Feeds]]:
        """What the graphs read along paths."""
        scenes: list[Feeds] = []
        steps: list[Feeds] = []
        for arrays in _scenes(contract, pictures):
            walk = Walk(files, arrays, contract)
            scenes.append(walk.scene)
            steps += [state for state, _ in walk]
        return [scenes, steps]

    def agreement(
        self, files: Sequence[Path], others: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]
    ) -> Agreement:
        """How far the probabilities of the next fixation are apart, along the same paths."""
        scenes = _scenes(contract, pictures)
        losses: list[float] = []
        worst, paces = [0.0], [0.0]
        for arrays in scenes:
            bits: list[float] = []
            pairs = zip(Walk(files, arrays, contract), Walk(others, arrays, contract), strict=True)
            for (_, (wanted, pace)), (_, (got, other)) in pairs:
                before, after = (_log_softmax(logits) for logits in (wanted, got))
                apart = np.where(np.exp(before) > 0, np.exp(before) * (before - after), 0)
                bits += (apart.sum(1) / np.log(2)).tolist()
                possible = before > np.log(1e-6)
                worst.append(float(np.abs(before - after)[possible].max()))
                paces.append(float(np.abs(pace[..., 0] - other[..., 0]).mean()))
            losses.append(float(np.mean(bits)))
        lost = {"durations": float(np.mean(paces))} if contract.durations else {}
        return Agreement(float(np.max(worst)), float(np.mean(losses)), float(np.max(losses)), lost, len(losses))

    def runner(self, files: Sequence[Path], contract: Contract) -> Callable[[], object]:
        """A few observers' paths over a scene of 48 objects, on one thread."""
        pictures = [np.full((96, 128, 3), shade, np.uint8) for shade in (60, 120, 180)]
        walk = Walk(files, _scenes(contract, pictures)[-1], contract, threads=1)
        return lambda: sum(1 for _ in walk)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    exact = logits.astype(np.float64)
    exact = exact - exact.max(1, keepdims=True)
    return np.asarray(exact - np.log(np.exp(exact).sum(1, keepdims=True)))


def _scenes(contract: Contract, pictures: Sequence[np.ndarray]) -> list[Feeds]:
    """Scenes on some of the pictures, evenly spread."""
    return example_scenes(contract, pictures[:: max(1, len(pictures) // PICTURES)][:PICTURES])
