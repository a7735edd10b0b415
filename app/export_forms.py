"""What `gaze export --all` does: many models, each in several precisions and canvases, and their manifest.

One process makes one model; several models are made side by side. What fails is told and stops nothing else, also a
process that dies.
"""

import logging
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from app import checksums, export_model, tasks
from app.export_model import source_path
from app.predict.files import find_pictures
from data.errors import GazeError, ModelError, short_reason
from data.table.read import read_table
from evaluation.saliency import protocol
from export import triton
from export.forms import build, manifest
from export.forms.build import Outcome, Settings
from export.forms.form import Form, parse_canvases, parse_precisions
from export.forms.manifest import Accuracy, Manifest
from export.onnx import OPSET
from export.runtime import registry
from export.runtime.contract import Contract
from export.runtime.registry import WEIGHTS
from export.runtime.session import cores
from saliency import TASK
from training import weights

logger = logging.getLogger(__name__)

TRITON = "triton"  # the folder of the repository
SPLIT = "val"  # of data sets, on which accuracy is measured

Report = Callable[[Outcome], None]


class Request(NamedTuple):
    """What a person asks for."""

    folder: Path
    settings: Settings
    opset: int = OPSET
    jobs: int = 1


def request(
    folder: Path,
    precision: str,
    canvas: str,
    opset: int | None,
    jobs: int,
    pictures: Path | None,
    data: Sequence[Path],
    allow_loss: bool,
    calibration: str,
) -> Request:
    """What a person asks for with the options of `gaze export`.

    Raises:
        GazeError: There is no such precision, canvas, folder of pictures or data set.
    """
    forms = tuple(Form(one, size) for size in parse_canvases(canvas) for one in parse_precisions(precision))
    own = () if pictures is None else tuple(find_pictures([str(pictures)], folder))
    for root in data:
        next(iter(read_table(root)), None)
    return Request(folder, Settings(forms, own, tuple(data), allow_loss, calibration), opset or OPSET, jobs)


def every_model() -> list[str]:
    """The names of all models that have weights, but those of tasks whose models have one form alone."""
    places = dict.fromkeys((registry.folder(), WEIGHTS))
    names = {path.stem for place in places for path in place.glob("*.safetensors")}
    single = {key for task in tasks.TASKS.values() if not task.forms for key in task.models}
    return sorted(name for name in names if _key(name) not in single)


def without_weights(sources: Sequence[str]) -> list[str]:
    """The keys of the models that could come in several forms of which none of the sources is one."""
    known = {_key(source) for source in sources}
    return [key for task in tasks.TASKS.values() if task.forms for key in task.models if key not in known]


def _key(source: str) -> str | None:
    """The key of the model that some weights are of; None where they cannot be read, which their own line says."""
    try:
        return weights.model_key(str(weights.read(source_path(source))[0].get("model")), tasks.models())
    except GazeError:
        logger.debug("%s: cannot be read", source, exc_info=True)
        return None


def export(sources: Sequence[str], request: Request, tell: Report) -> Manifest:
    """Write the models into the folder in every form that is asked for; `tell` hears of each as it is done.

    Raises:
        GazeError: The folder's manifest is none, the folder cannot be written, or two files would have one name.
    """
    _check_names(sources, request.settings)
    manifest.read_manifest(request.folder)  # before minutes of work
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        manifest.sweep(request.folder)
        with tempfile.TemporaryDirectory(prefix=manifest.STAGING, dir=request.folder):  # whether it can be written
            pass
    except OSError as error:
        problem = f"{request.folder} cannot be written ({short_reason(error)})"
        raise GazeError(f"{problem}; check folder and disk, or give another with -o.") from error
    for outcome in _outcomes(sources, request):
        tell(outcome)
    checksums.update(request.folder)
    return manifest.read_manifest(request.folder)


def write_triton(folder: Path, told: Manifest) -> list[str]:
    """Write the models of a manifest as a repository for NVIDIA's Triton, into `folder`/triton; the files it lacks.

    Raises:
        ModelError: It cannot be written.
    """
    files = [folder / file.file for entry in told.models for file in entry.files]
    there = [path for path in files if path.is_file()]
    triton.write_repository(there, folder / TRITON)
    return [path.name for path in files if path not in there]


def _check_names(sources: Sequence[str], settings: Settings) -> None:
    """Refuses sources whose files would have one name, or none that a file can have."""
    taken: dict[str, str] = {}
    for source in sources:
        stem = source_path(source).stem
        export_model.check_name(stem)
        for name in {form.name(stem).casefold() for form in settings.forms}:
            other = taken.setdefault(name, source)
            if other != source:
                raise GazeError(f"{other} and {source} would both become {name}.onnx; rename one of them.")
    if twice := [source for source in sources if list(sources).count(source) > 1]:
        raise GazeError(f"{twice[0]} is named twice; name it once.")


def _outcomes(sources: Sequence[str], request: Request) -> Iterator[Outcome]:
    jobs = min(request.jobs, len(sources))
    if jobs > 1:
        yield from _side_by_side(sources, request, jobs)
        return
    for source in sources:
        yield from _made(source, request)


def _side_by_side(sources: Sequence[str], request: Request, jobs: int) -> Iterator[Outcome]:
    """Each model in a process of its own, so that one that dies takes no other along."""
    waiting, running = list(sources), dict[Future[list[Outcome]], tuple[str, ProcessPoolExecutor]]()
    own, threads = multiprocessing.get_context("spawn"), max(1, cores() // jobs)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                source, pool = waiting.pop(0), ProcessPoolExecutor(1, own, torch.set_num_threads, (threads,))
                running[pool.submit(_listed, source, request)] = source, pool
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                source, pool = running.pop(future)
                pool.shutdown()
                yield from _result(future, source)
    finally:
        for _, pool in running.values():
            _end(pool, request.folder)


def _result(future: Future[list[Outcome]], source: str) -> list[Outcome]:
    try:
        return future.result()
    except BrokenProcessPool:
        logger.debug("%s: its process has ended", source, exc_info=True)
        problem = "its process has ended; look at the memory, or take fewer --jobs"
        return [Outcome(source_path(source).stem, None, problem)]


def _end(pool: ProcessPoolExecutor, folder: Path) -> None:
    """Stop a process in the middle of its work, and remove what it has staged."""
    for process in list((pool._processes or {}).values()):
        process.terminate()
        process.join()
        for path in folder.glob(f"{manifest.STAGING}{process.pid}-*"):
            shutil.rmtree(path, ignore_errors=True)
    pool.shutdown(cancel_futures=True)


def _listed(source: str, request: Request) -> list[Outcome]:
    return list(_made(source, request))


def _made(source: str, request: Request) -> Iterator[Outcome]:
    """The forms of one model; one outcome with a sentence where there can be none at all."""
    path, settings = source_path(source), request.settings
    try:
        if source in tasks.models() and not tasks.models()[source].trainable:
            raise ModelError(f"{source} needs no training, and comes in one form at most: gaze export {source}")
        network = weights.load(path, tasks.models())
        key = str(weights.describe(network)["model"])
        task = tasks.task_of(key)
        if not tasks.models()[key].trainable:
            raise ModelError(f"{source} has no exportable form")
        if not task.forms:
            raise ModelError(f"{source} has one form alone; export it by itself, without options of form")
        old = _contract_beside(path)
        contract = export_model.contract(network, path.stem, task.name).model_copy(update={"opset": request.opset})
        if old is not None:
            kept = {name: getattr(old, name) for name in ("licence", "training", "scores", "mirror")}
            contract = contract.model_copy(update=kept)
        exporter = task.load("forms")(network, contract, dict(old.decoding) if old else {})
        measured = task.name == TASK.name and bool(settings.data)
        settings = settings if measured else replace(settings, data=())
        yield from build.make(exporter, request.folder, settings, _score(settings.data) if measured else None)
    except GazeError as error:
        yield Outcome(path.stem, None, str(error).rstrip("."))


def _contract_beside(path: Path) -> Contract | None:
    """What the exported file beside some weights says of itself, if there is one that is sound."""
    beside = path.with_suffix(".onnx")
    try:
        return registry.contract_in(beside) if beside.is_file() else None
    except ModelError:
        return None


def _score(data: Sequence[Path]) -> build.Score:
    """What measures the correlation with people's densities on data sets, of a form and of fp32 beside it."""

    def score(form: Path, plain: Path) -> list[Accuracy]:
        settings = protocol.Settings(split=SPLIT, baselines=False)
        found = []
        for root in data:
            models = list(dict.fromkeys((form, plain)))
            result = protocol.evaluate(root, models, settings)
            rows = result.values["whole"]
            own, other = (float(np.nanmean(rows[registry.contract_in(path).name]["cc"])) for path in (form, plain))
            pictures = len(result.pictures)
            found.append(Accuracy(data=root.name, split=SPLIT, pictures=pictures, cc=own, change=own - other))
        return found

    return score
