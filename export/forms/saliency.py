"""What it takes to make a saliency model in every form: its graph, what it is fed, how far two forms are apart."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from data.objects import overlap
from data.picture import Letterbox
from export.forms.form import Agreement, Canvas, Feeds, Graph
from export.onnx import as_graph, converted, forget_origin, inputs, largest_difference
from export.runtime.contract import FEATURES, Contract
from export.runtime.found_objects import found_objects
from export.runtime.saliency import outputs_of
from export.runtime.session import session

BATCHES = (1, 3, 8)
ODD = (3, 5)  # height and width of another canvas, in the model's multiples
SEEN = -50.0  # log densities below lie in the bars
EXACT = "saliency.layers.finalizer.Finalizer"  # computes in float32 under every precision


class SaliencyExporter:
    """A saliency network; see `export.forms.form.Exporter`."""

    endings = (".onnx",)
    unit = "1 - CC"
    has_canvas = True

    def __init__(self, network: nn.Module, contract: Contract, decoding: dict[str, float]) -> None:
        del decoding
        self.network, self.contract = network, contract

    def graphs(self) -> list[Graph]:
        """The graph of any canvas, with the values of the finisher and of all that comes after it."""
        pictures = [np.full((64, 96, 3), shade, np.uint8) for shade in (60, 180)]
        model = converted(self.network, self.contract, pictures)
        exact = exact_values(model.graph)
        forget_origin(model.graph)
        return [Graph(model, exact)]

    def difference(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> Agreement:
        """The largest difference from PyTorch: of log densities, of boxes and features as shares of the largest."""
        opened, graph = session(files[0], "cpu", torch.get_num_threads()), as_graph(self.network, contract)
        worst = largest_difference(graph, opened, _batches(contract, pictures), contract)
        return Agreement(worst, 0.0, 0.0, {}, len(pictures))

    def feeds(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> list[list[Feeds]]:
        """One picture at a time, each under another viewing condition."""
        del files
        return [[_feeds(contract, [picture], contract.canvas, number) for number, picture in enumerate(pictures)]]

    def agreement(
        self, files: Sequence[Path], others: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]
    ) -> Agreement:
        """How far the densities of whole viewing and slices are apart, and what becomes of boxes and media."""
        ours, theirs = (session(paths[0], "cpu", torch.get_num_threads()) for paths in (files, others))
        names = [name for name in outputs_of(contract) if name not in FEATURES]
        losses: list[float] = []
        worst, media, boxes = [0.0], list[bool](), [0, 0]  # boxes: those found again, of how many
        for feeds in _batches(contract, pictures):
            wanted, got = (dict(zip(names, opened.run(names, feeds), strict=True)) for opened in (ours, theirs))
            for name in ("density", "slices"):
                if name in wanted:
                    worst.append(float(np.abs(wanted[name] - got[name])[wanted[name] > SEEN].max(initial=0)))
            losses += [
                1 - _correlation(one, other) for one, other in zip(wanted["density"], got["density"], strict=True)
            ]
            if "medium" in wanted:
                media += (wanted["medium"].argmax(1) != got["medium"].argmax(1)).tolist()
            if "objects" in wanted:
                again = _found_again(wanted["objects"], got["objects"], contract, feeds)
                boxes = [boxes[0] + again[0], boxes[1] + again[1]]
        lost = {"media": float(np.mean(media))} if media else {}
        lost |= {"boxes": 1 - boxes[0] / boxes[1]} if boxes[1] else {}
        return Agreement(float(np.max(worst)), float(np.mean(losses)), float(np.max(losses)), lost, len(pictures))

    def runner(self, files: Sequence[Path], contract: Contract) -> Callable[[], object]:
        """One run of the graph on one picture, on one thread, without the features for scanpath models."""
        opened = session(files[0], "cpu", 1)
        noise = np.random.default_rng(0).integers(0, 256, (*contract.canvas, 3), np.uint8)
        feeds = _feeds(contract, [noise], contract.canvas, 0)
        names = [name for name in outputs_of(contract) if name not in FEATURES]
        return lambda: opened.run(names, feeds)


def exact_values(graph: onnx.GraphProto) -> frozenset[str]:
    """The names of what the finisher computes, and of all that is computed from it."""
    exact: set[str] = set()
    for node in graph.node:
        inside = any(EXACT in entry.value for entry in node.metadata_props if entry.key.endswith("class_hierarchy"))
        if inside or any(name in exact for name in node.input):
            exact.update(node.output)
    return frozenset(exact)


def _batches(contract: Contract, pictures: Sequence[np.ndarray]) -> Iterator[Feeds]:
    """The pictures in batches of 1, 3 and 8 in turn; each size on another canvas, too, where it is free."""
    start, turn = 0, 0
    while start < len(pictures):
        count = BATCHES[turn % len(BATCHES)]
        some = pictures[start : start + count]
        yield _feeds(contract, some, contract.canvas, start)
        if turn < len(BATCHES) and not contract.fixed:
            yield _feeds(contract, some, (ODD[0] * contract.multiple, ODD[1] * contract.multiple), start)
        start, turn = start + count, turn + 1


def _feeds(contract: Contract, pictures: Sequence[np.ndarray], canvas: Canvas, first: int) -> Feeds:
    return inputs(pictures, canvas, len(contract.conditions), first, contract.fill)


def _found_again(wanted: np.ndarray, got: np.ndarray, contract: Contract, feeds: Feeds) -> tuple[int, int]:
    """How many of the boxes that a model finds another form finds, too (half of the union in common), of how many."""
    same = total = 0
    canvas = feeds["picture"].shape[1:3]
    box = Letterbox.fit(canvas, canvas)
    for one, other in zip(wanted, got, strict=True):
        before, after = (found_objects(maps, contract.kinds, box).boxes for maps in (one, other))
        total += len(before)
        if len(before) and len(after):
            same += int((overlap(before, after).max(1) > 0.5).sum())
    return same, total


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of two log densities; NaN where one is not finite, 1 where both are flat."""
    first, second = (np.exp(values.astype(np.float64)).ravel() for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / norm if norm else 1.0
