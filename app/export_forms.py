"""What `gaze export --all` does: many models, each in several precisions and canvases, and their manifest.

One process makes one model; several models are made side by side. What fails is told and stops nothing else.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from app import export_model, tasks
from app.predict.files import find_pictures
from data.errors import GazeError, ModelError
from evaluation.saliency import protocol
from export import triton
from export.forms import build
from export.forms.build import Outcome, Settings
from export.forms.form import Form, parse_canvases, parse_precisions
from export.forms.manifest import Accuracy, Manifest, read_manifest
from export.onnx import OPSET
from export.runtime import registry
from export.runtime.contract import Contract
from export.runtime.registry import WEIGHTS
from export.runtime.session import cores
from training import weights

WEIGHTLESS = "no weights"
TRITON = "triton"  # the folder of the repository
SPLIT = "val"  # of data sets, on which accuracy is measured

Report = Callable[[Outcome], None]


class Request(NamedTuple):
    """What a person asks for."""

    folder: Path
    settings: Settings
    opset: int = OPSET
    data: tuple[Path, ...] = ()
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
        GazeError: There is no such precision, canvas or folder of pictures.
    """
    forms = tuple(Form(one, size) for size in parse_canvases(canvas) for one in parse_precisions(precision))
    own = () if pictures is None else tuple(find_pictures([str(pictures)], folder))
    return Request(folder, Settings(forms, own, allow_loss, calibration), opset or OPSET, tuple(data), jobs)


def every_model() -> list[str]:
    """The names of all models that have weights."""
    places = dict.fromkeys((registry.folder(), WEIGHTS))
    return sorted({path.stem for place in places for path in place.glob("*.safetensors")})


def without_weights(sources: Sequence[str]) -> list[str]:
    """The keys of the models of all tasks of which none of the sources is one."""
    known = {str(weights.read(source_path(source))[0].get("model")) for source in sources}
    return [key for key in tasks.models() if key not in known]


def source_path(source: str) -> Path:
    """The weights of a model by its name, or the checkpoint or .safetensors that a person gives."""
    if Path(source).suffix in (".ckpt", ".safetensors"):
        return Path(source)
    for place in (registry.folder(), WEIGHTS):
        if (place / f"{source}.safetensors").is_file():
            return place / f"{source}.safetensors"
    return WEIGHTS / f"{source}.safetensors"


def export(sources: Sequence[str], request: Request, tell: Report) -> Manifest:
    """Write the models into the folder in every form that is asked for; `tell` hears of each as it is done.

    Raises:
        GazeError: The folder's manifest is none, or two sources have one name.
    """
    stems = [source_path(source).stem for source in sources]
    if twice := {stem for stem in stems if stems.count(stem) > 1}:
        raise GazeError(f"Two sources are called {min(twice)!r}; rename one of the files.")
    manifest = read_manifest(request.folder)
    for outcome in _outcomes(sources, request, manifest):
        if outcome.entry is not None and not outcome.kept:
            manifest = manifest.with_entry(outcome.entry)
            manifest.write(request.folder)
        tell(outcome)
    return manifest


def write_triton(folder: Path, manifest: Manifest) -> None:
    """Write the models of a manifest as a repository for NVIDIA's Triton, into `folder`/triton.

    Raises:
        ModelError: It cannot be written.
    """
    triton.write_repository([folder / file.file for entry in manifest.models for file in entry.files], folder / TRITON)


def _outcomes(sources: Sequence[str], request: Request, manifest: Manifest) -> Iterator[Outcome]:
    jobs = min(request.jobs, len(sources))
    if jobs < 2:
        for source in sources:
            yield from _made(source, request, manifest)
        return
    threads = max(1, cores() // jobs)
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), torch.set_num_threads, (threads,))
    try:
        left: set[Future[list[Outcome]]] = {pool.submit(_listed, source, request, manifest) for source in sources}
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _listed(source: str, request: Request, manifest: Manifest) -> list[Outcome]:
    return list(_made(source, request, manifest))


def _made(source: str, request: Request, manifest: Manifest) -> Iterator[Outcome]:
    """The forms of one model; one outcome with a sentence where there can be none at all."""
    path = source_path(source)
    try:
        network = weights.load(path, tasks.models())
        key = str(weights.describe(network)["model"])
        task = tasks.task_of(key)
        if not task.forms or not tasks.models()[key].trainable:
            raise ModelError(f"{source} has no exportable form")
        old = _contract_beside(path)
        contract = export_model.contract(network, path.stem, task.name).model_copy(update={"opset": request.opset})
        if old is not None:
            kept = {name: getattr(old, name) for name in ("licence", "training", "scores", "mirror")}
            contract = contract.model_copy(update=kept)
        exporter = task.load("forms")(network, contract, dict(old.decoding) if old else {})
        score = _scorer(request.data) if task.name == "saliency" and request.data else None
        yield from build.make(exporter, request.folder, manifest, request.settings, score)
    except GazeError as error:
        yield Outcome(path.stem, None, str(error).rstrip("."))


def _contract_beside(path: Path) -> Contract | None:
    """What the exported file beside some weights says of itself, if there is one that is sound."""
    beside = path.with_suffix(".onnx")
    try:
        return registry.contract_in(beside) if beside.is_file() else None
    except ModelError:
        return None


def _scorer(data: Sequence[Path]) -> build.Score:
    """What measures the correlation with people's densities on data sets, of a form and of fp32 beside it."""

    def score(form: Path, plain: Path) -> list[Accuracy]:
        settings = protocol.Settings(split=SPLIT, baselines=False)
        found = []
        for root in data:
            models = list(dict.fromkeys((form, plain)))
            result = protocol.evaluate(root, models, settings)
            rows = result.values["whole"]
            own, other = (float(np.nanmean(rows[_row(path)]["cc"])) for path in (form, plain))
            pictures = len(result.pictures)
            found.append(Accuracy(data=root.name, split=SPLIT, pictures=pictures, cc=own, change=own - other))
        return found

    return score


def _row(path: Path) -> str:
    return registry.contract_in(path).name
