"""A model on this machine: how long a run takes and how that compares with what the machine could do."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.errors import ModelError, short_reason
from data.picture import Letterbox
from export.runtime import registry
from export.runtime import session as sessions
from export.runtime.bench import fresh
from export.runtime.bench.flops import Flops, count
from export.runtime.bench.machine import Yardsticks, busy, processor
from export.runtime.latency import Latency, latency
from export.runtime.records import Record
from export.runtime.saliency import Predictor, graph_inputs
from export.runtime.scanpath import MEMORY, NEXT, ScanpathPredictor, grey_scene
from export.runtime.video_step import StepPredictor, first_inputs, outputs_of
from export.runtime.visual_search import ATTENTION, GAZE, VisualSearcher

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

logger = logging.getLogger(__name__)

SEARCHED = (450, 600)  # height and width of a picture that is searched, in the model's pixels
OBJECTS, OBSERVERS, FIXATIONS = 30, 20, 5  # of a scene; fixations that a measured step has before it


class Machine(Record):
    """Where the measurements were made."""

    processor: str
    cores: int
    threads: int  # of each run
    onnxruntime: str
    busy: float | None  # share of all cores that other processes used before the first measurement
    yardsticks: Yardsticks


class Run(Record):
    """One graph with one number of pictures, or of observers."""

    graph: str  # "saliency"; "video"; of paths "scene" (30 objects) and "step" (20 observers, their sixth fixation)
    batch: int
    latency: Latency
    per_second: float  # pictures, frames, scenes, or steps of one observer
    gflop: Flops  # of the whole batch
    peak_share: float | None  # of what the yardsticks say is possible; None where the model does not run on the CPU


class Result(Record):
    """One model."""

    model: str
    file: str
    provider: str
    file_mb: float  # of a scanpath model both files
    canvas: tuple[int, int] | None  # height and width in pixels; None of a scanpath model
    cold: fresh.ColdStart
    busy: float | None  # as in `Machine`, before this model
    runs: tuple[Run, ...]


def machine(threads: int) -> Machine:
    """This machine; takes three seconds."""
    import onnxruntime

    others = busy()
    return Machine(
        processor=processor(),
        cores=sessions.cores(),
        threads=threads,
        onnxruntime=onnxruntime.__version__,
        busy=others,
        yardsticks=Yardsticks(**fresh.ask(threads)),
    )


def measure(
    model: str | Path, batches: Sequence[int], seconds: float, provider: str, threads: int, against: Yardsticks
) -> Result:
    """Measures a model, for `seconds` each number of pictures.

    Raises:
        ModelError: There is no such model, or it is broken.
    """
    path = registry.find_model(model)
    contract = registry.read_contract(path)
    others = busy()
    predictor: Predictor | StepPredictor | ScanpathPredictor | VisualSearcher
    if contract.task == Predictor.task.name:
        predictor = Predictor(path, provider=provider, threads=threads)
        graphs = _saliency(predictor, batches)
        size = path.stat().st_size
    elif contract.task == StepPredictor.task.name:
        predictor = StepPredictor(path, provider=provider, threads=threads)
        graphs = _video(predictor, batches)
        size = path.stat().st_size
    elif contract.searches_places:
        predictor = VisualSearcher(path, provider=provider, threads=threads)
        graphs = _search(predictor)
        size = path.stat().st_size + _step(path).stat().st_size
    else:
        predictor = ScanpathPredictor(path, provider=provider, threads=threads)
        graphs = _scanpath(predictor)
        size = path.stat().st_size + _step(path).stat().st_size
    runs = tuple(_run(graph, seconds, against if predictor.provider == "cpu" else None) for graph in graphs)
    return Result(
        model=contract.name,
        file=str(path),
        provider=predictor.provider,
        file_mb=round(size / 1e6, 2),
        canvas=contract.canvas if contract.multiple else None,
        cold=fresh.ColdStart(**fresh.ask(threads, str(path), predictor.provider)),
        busy=others,
        runs=runs,
    )


class Graph(NamedTuple):
    """One graph, and what it is run on."""

    name: str
    batch: int
    file: Path
    opened: "InferenceSession"
    outputs: Sequence[str]
    inputs: Mapping[str, np.ndarray]


def _run(graph: Graph, seconds: float, against: Yardsticks | None) -> Run:
    """Measures a graph, and counts what it computes."""
    try:
        took = latency(lambda: sessions.run(graph.opened, graph.outputs, graph.inputs), seconds)
    except Exception as error:  # ONNX Runtime's errors share no other parent
        logger.debug("%s: cannot be run", graph.file, exc_info=True)
        problem = f"{graph.file.name} cannot be run with {graph.batch} at once ({short_reason(error)})"
        raise ModelError(f"{problem}; give smaller numbers with --batch.") from error
    flops, share = count(graph.file, graph.inputs), None
    if against is not None:
        best_s = flops.dense / against.matmul + flops.depthwise / against.depthwise
        share = round(best_s / (took.p50_ms / 1e3), 4)
    rate = round(1e3 * graph.batch / took.p50_ms, 2)
    return Run(graph=graph.name, batch=graph.batch, latency=took, per_second=rate, gflop=flops, peak_share=share)


def _saliency(predictor: Predictor, batches: Sequence[int]) -> Iterator[Graph]:
    """The graph with so many pictures, which fill their canvas, at once."""
    canvas = predictor.canvases[0]
    box, random = Letterbox.fit(canvas, canvas), np.random.default_rng(0)
    for batch in batches:
        pictures = list(random.integers(0, 256, (batch, *canvas, 3), np.uint8))
        inputs = graph_inputs(pictures, [box] * batch, np.zeros(batch, np.int64))
        yield Graph("saliency", batch, predictor.path, predictor._session, predictor._outputs, inputs)


def _video(predictor: StepPredictor, batches: Sequence[int]) -> Iterator[Graph]:
    """A step of so many videos at once."""
    random = np.random.default_rng(0)
    for batch in batches:
        inputs = first_inputs(predictor.contract, batch)
        inputs["picture"] = random.integers(0, 256, inputs["picture"].shape, np.uint8)
        yield Graph("video", batch, predictor.path, predictor._session, outputs_of(predictor.contract), inputs)


def _scanpath(predictor: ScanpathPredictor) -> Iterator[Graph]:
    """The graph of a scene, and that of a step."""
    scene, pixels = grey_scene(OBJECTS)
    inputs = predictor.graph_inputs(scene, predictor.contract.conditions[0], pixels)
    yield Graph("scene", 1, predictor.path, predictor._scene, MEMORY, inputs)
    memory = dict(zip(MEMORY, sessions.run(predictor._scene, MEMORY, inputs), strict=True))
    layers, heads, width = predictor.contract.past
    state: dict[str, np.ndarray] = {
        "last": np.arange(OBSERVERS) % OBJECTS,
        "trace": np.zeros((OBSERVERS, OBJECTS, 2), np.float32),
        "past": np.zeros((layers, 2, OBSERVERS, heads, FIXATIONS, width), np.float32),
    }
    yield Graph("step", OBSERVERS, _step(predictor.path), predictor._step, NEXT, {**state, **memory})


def _search(predictor: VisualSearcher) -> Iterator[Graph]:
    """The graph of a picture and a target, and that of a fixation."""
    inputs = predictor.graph_inputs(np.random.default_rng(0).integers(0, 256, (*SEARCHED, 3), np.uint8))
    names = tuple(node.name for node in predictor._scene.get_outputs())
    yield Graph("scene", 1, predictor.path, predictor._scene, names, inputs)
    memory = dict(zip(names, sessions.run(predictor._scene, names, inputs), strict=True))
    gaze = np.array([SEARCHED[::-1]], np.float32) / 2
    yield Graph("step", 1, predictor.files[1], predictor._step, (ATTENTION,), {GAZE: gaze, **memory})


def _step(path: Path) -> Path:
    return path.with_name(path.stem + registry.STEP)
