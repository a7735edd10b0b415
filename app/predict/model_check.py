"""Is an exported file what it says it is? Looked at before its graph is opened, then tried on a picture.

`promised` reads the contract alone and opens nothing. `tried` opens the graph, which is native code run on a file from
elsewhere: only for files of people who are trusted (SECURITY.md).
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

import saliency
import scanpath
from app.predict.simulate import Settings, scene_model, simulate
from data.errors import GazeError, ModelError, short_reason
from data.gaze import Objects
from data.objects import grid
from data.picture import Letterbox
from export.runtime import external_data, registry
from export.runtime.contract import Contract
from export.runtime.saliency import Predictor, graph_inputs, outputs_of
from export.runtime.visual_search import VisualSearcher, cut
from saliency import metrics

logger = logging.getLogger(__name__)

SUM = 0.01  # by which the probabilities of a map may miss one
SAME = 1e-4  # by which logarithms of two runs may differ
Pixels = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Trial:
    """What came of trying a model on a picture."""

    contract: Contract
    provider: str
    kept: tuple[str, ...]  # promises that were kept, in words
    likeness: float  # correlation with the usual model's map of the same picture; NaN where there is none


def promised(path: Path) -> Contract:
    """What a file promises, without opening its graph.

    Raises:
        ModelError: It is no model of gaze, keeps data in other files, or is of a task that the app does not know.
    """
    contract = registry.contract_in(path)
    beside = external_data.names(path)
    if beside:
        raise ModelError(f"{path.name}: it keeps its weights in {beside[0][:80]!r}; export it again as one file.")
    if contract.task not in (saliency.TASK.name, scanpath.TASK.name):
        raise ModelError(f"{path.name}: it is a model of {contract.task[:80]!r}, which the app has no page for.")
    return contract


def tried(path: Path, picture: Pixels, usual: Predictor | None = None) -> Trial:
    """Opens a file that was `promised`, and holds it against its promises on a picture.

    Raises:
        ModelError: It cannot be opened or run, or breaks a promise.
    """
    contract = promised(path)
    try:
        return _saliency(path, picture, usual) if contract.task == saliency.TASK.name else _scanpath(path, picture)
    except GazeError as error:
        raise ModelError(str(error)) from error
    except Exception as error:  # ONNX Runtime's errors share no other parent
        logger.debug("%s: cannot be run", path, exc_info=True)
        raise ModelError(f"{path.name}: it cannot be run ({short_reason(error)}); export it again.") from error


def _saliency(path: Path, picture: Pixels, usual: Predictor | None) -> Trial:
    model = Predictor(path, look=None)
    contract = model.contract
    _check_sums(path, model, picture)
    first = model(picture, contract.conditions[0])
    again = model(picture, contract.conditions[0])
    if np.abs(first.density - again.density).max() > SAME:
        raise ModelError(f"{path.name}: two runs on one picture differ; export it again.")
    for condition in contract.conditions[1:]:
        model(picture, condition)
    kept = [
        f"its {1 + len(contract.slices)} maps are shares of looks that sum to 1",
        "two runs on one picture agree",
        f"it runs for all {len(contract.conditions)} ways of viewing",
    ]
    likeness = float("nan") if usual is None else _likeness(first.density, usual(picture).density)
    return Trial(contract, model.provider, tuple(kept), likeness)


def _check_sums(path: Path, model: Predictor, picture: Pixels) -> None:
    """Refuses a graph whose maps, as they come out of it, are no probabilities."""
    size = picture.shape[0], picture.shape[1]
    box = Letterbox.fit(size, model.canvas(size))
    maps = model.run(graph_inputs([picture], [box], np.zeros(1, np.int64), model.contract.fill))
    named = dict(zip(outputs_of(model.contract), maps, strict=True))
    planes = np.concatenate([named["density"][:, None], named.get("slices", named["density"][:, None])], 1)[0]
    spans = [f"{start:g} to {end:g} s" for start, end in model.contract.slices]
    if len(planes) != 1 + max(1, len(spans)):
        raise ModelError(
            f"{path.name}: it promises {len(spans)} seconds, and gives {len(planes) - 1}; export it again."
        )
    for when, plane in zip(["the whole viewing", *spans], planes, strict=False):
        total = float(np.exp(plane, dtype=np.float64).sum())
        if abs(total - 1) > SUM:
            raise ModelError(f"{path.name}: its map of {when} sums to {total:.3g}, not to 1; export it again.")


def _likeness(one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"]) -> float:
    return float(metrics.cc(np.exp(one)[None], np.exp(other)[None])[0])


def _scanpath(path: Path, picture: Pixels) -> Trial:
    contract = promised(path)
    if contract.searches_places:
        return _searcher(path, picture)
    model = scene_model(path)
    height, width = picture.shape[:2]
    cells: Objects = grid(width, height, 3, 4)
    settings = Settings(observers=3, condition=contract.conditions[0])
    paths = simulate(model, "sample", picture, cells, settings=settings)
    order = paths.rollouts.order
    if not ((order >= -1) & (order < len(cells))).all() or not (order[:, 0] >= 0).all():
        raise ModelError(f"{path.name}: it looks at objects that are not there; export it again.")
    kept = ("its observers look at objects that are there, one after another", "each of them stops")
    return Trial(contract, model.provider, kept, float("nan"))


def _searcher(path: Path, picture: Pixels) -> Trial:
    model = VisualSearcher(path)
    height, width = picture.shape[:2]
    target = width / 8, height / 8, width / 6, height / 6
    sight = model.look(picture, cut(picture, target))
    once, again = (sight.search(None, limit=5) for _ in range(2))
    if not (once.xy == again.xy).all():
        raise ModelError(f"{path.name}: two searches of one picture differ; export it again.")
    sight.search(target, limit=5)
    kept = ("its attention maps cover the picture", "two searches of one picture agree")
    return Trial(model.contract, model.provider, kept, float("nan"))
