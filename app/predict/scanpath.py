"""What `gaze predict --task scanpath` does: in which order several observers look at the objects of each picture.

Each picture becomes, as asked for: `png`: NAME.path.png, the observer's path that agrees best with all others; `csv`:
NAME.paths.csv (every fixation of every observer) and NAME.objects.csv (when and how often each object is seen); `json`:
NAME.path.json as in `export/schema_scanpath.json`. NAME is as in `app.predict.saliency`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from app.predict import jobs, provenance, visual_search
from app.predict.files import find_pictures, make_folder, output_names
from app.predict.provenance import Making, Provenance, described, digest
from app.predict.simulate import SEARCHER, WALK, SceneModel, Settings, SimulatedPaths, Target, scene_model, simulate
from data import coco, objects
from data import picture as pictures
from data.errors import GazeError, ModelError, PictureError
from data.gaze import Objects
from export.runtime.dataset_objects import DENSITY
from export.runtime.detector import Detector
from export.runtime.registry import named_file, read_contract
from export.runtime.saliency import Prediction, Predictor
from export.runtime.scene_objects import FOUND, SOURCES, scene_objects
from export.runtime.visual_search import VisualSearcher
from scanpath import TASK

FORMATS = ("png", "csv", "json")
ENDINGS = {"png": (".path.png",), "csv": (".paths.csv", ".objects.csv"), "json": (".path.json",)}
Source = Callable[[UInt8[np.ndarray, "h w 3"], str, Prediction | None], Objects]


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where the paths over some pictures are written."""

    formats: tuple[str, ...] = FORMATS

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        return [self.folder / (self.names[path] + ending) for kind in self.formats for ending in ENDINGS[kind]]

    def write(self, path: Path, picture: UInt8[np.ndarray, "h w 3"], trace: SimulatedPaths) -> None:
        """Write the files of one picture."""
        self.fill(path, lambda name, file: file.write(_content(name, path, picture, trace)), trace.damaged)


def _content(name: str, path: Path, picture: UInt8[np.ndarray, "h w 3"], trace: SimulatedPaths) -> bytes:
    if name.endswith(".path.png"):
        return pictures.encode(trace.drawn(picture))
    if name.endswith(".paths.csv"):
        return trace.paths_csv().encode()
    if name.endswith(".objects.csv"):
        return trace.objects_csv().encode()
    return trace.to_json(str(path)).encode()


@dataclass(frozen=True)
class Tracer:
    """Everything that turns a picture into paths."""

    model: SceneModel
    source: Source
    density: Predictor | None  # None: looks scatter about the middles of objects
    target: Target | None
    settings: Settings
    annotated: coco.Coco | None = None  # where the objects come from a COCO file

    def __call__(self, pixels: UInt8[np.ndarray, "h w 3"], name: str) -> SimulatedPaths:
        """The paths over one picture; `name` is that of its file, with its folders as far as they are known."""
        prediction = None if self.density is None else self.density(pixels)
        found = self.source(pixels, name, prediction)
        return simulate(self.model, Path(name).name, pixels, found, prediction, self.target, self.settings)


def tracer(model: str | None, provider: str, objects: str, target: str | None, **settings: Any) -> Tracer:
    """A `Tracer` from what a person says; `settings` are those of `Settings`.

    The model is by default "oat-free", and "oat-search" where there is a target. Without the model `DENSITY`, places
    and the walk do without a density; found objects and proto-objects cannot.
    """
    annotated = coco.read(_existing(objects)) if Path(objects).suffix.lower() == ".json" else None
    looked_for, where = aim(target), source(objects, provider, annotated)
    free, search = TASK.default_models
    name = model or (free if looked_for is None else search)
    known = objects in SOURCES or named_file(DENSITY)
    density = Predictor(DENSITY, provider=provider, look=None) if known else None
    return Tracer(scene_model(name, provider), where, density, looked_for, Settings(**settings), annotated)


def making(tracer: Tracer, objects: str, target: str | None, accept_damaged: bool = False) -> Making:
    """What a tracer makes its files of, for the log; `objects` and `target` are the words that it was made from."""
    model, density, settings = tracer.model, tracer.density, tracer.settings
    temperature = settings.temperature or model.temperature
    sampled: dict[str, Any] = {"observers": settings.observers, "temperature": temperature, "seed": settings.seed}
    sampled["limit"] = settings.limit
    annotated, is_detector = tracer.annotated, Path(objects).suffix.lower() == ".onnx"
    options = {
        "density": None
        if density is None
        else described(density.contract.name, density.contract.version, density.path),
        "objects": "COCO" if annotated else digest(Path(objects)) if is_detector else objects,
        "target": digest(Path(target)) if target and Path(target).is_file() else target,
    }
    told: dict[str, Any] = {"model": model.model, "version": model.version, "condition": settings.condition}
    told["density"] = None if density is None else density.contract.name
    return Making(
        TASK.name,
        described(model.model, model.version, *model.files),
        settings.condition,
        options | sampled,
        {},
        ".path.json",
        told | sampled,
        usual=objects == FOUND and target is None,
        objects=_hashes(annotated) if annotated else lambda path: "",
        accept_damaged=accept_damaged,
    )


def _hashes(annotated: coco.Coco) -> Callable[[Path], str]:
    """A hash of what a COCO file says of each picture, so that what it says of others may change."""

    def of(path: Path) -> str:
        try:
            picture = annotated.picture(path.absolute().as_posix())
        except GazeError:
            return ""  # what is wrong is told when the picture is predicted
        items = [(item.box, item.category, item.attributes, item.score, item.outline) for item in picture.annotations]
        return hashlib.sha256(json.dumps([picture.size, items], sort_keys=True).encode()).hexdigest()

    return of


def run(
    tracer: Tracer, paths: Sequence[Path], output: Output, accept_damaged: bool = False
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Trace and write each picture; yields each path when it is done, with its error where it is broken.

    Raises:
        GazeError: The folder cannot be made, or a model does not suit what is asked of it.
    """
    make_folder(output.folder)
    for path in paths:
        yield path, _trace(tracer, path, output, accept_damaged)


def _trace(tracer: Tracer, path: Path, output: Output, accept_damaged: bool) -> PictureError | None:
    """Trace and write one picture, of which nothing is held afterwards; its error where it is broken."""
    try:
        pixels, damage = pictures.read_damaged(path) if accept_damaged else (pictures.read(path), "")
        trace = replace(tracer(pixels, path.absolute().as_posix()), damaged=damage)
    except ModelError:
        raise
    except PictureError as error:
        return error.with_traceback(None)  # which would hold the picture
    except GazeError as error:
        return PictureError(f"{path}: {error}")
    output.write(path, pixels, trace)
    return None


def source(words: str, provider: str = "auto", annotated: coco.Coco | None = None) -> Source:
    """Where objects come from: one of `SOURCES`, "grid:ROWSxCOLUMNS", a COCO .json or a detector's .onnx file.

    `annotated` is the COCO file where it has been read already.

    Raises:
        GazeError: It is none of these, or there is no such file.
    """
    if words in SOURCES:
        return lambda pixels, name, prediction: _of_density(pixels, prediction, words)
    if cells := objects.cells(words):
        return lambda pixels, name, prediction: objects.grid(pixels.shape[1], pixels.shape[0], *cells)
    if Path(words).suffix.lower() == ".json":
        file = annotated or coco.read(_existing(words))
        return lambda pixels, name, prediction: file.objects(name, (pixels.shape[1], pixels.shape[0]))
    if Path(words).suffix.lower() == ".onnx":
        return _detector(_existing(words), provider)
    choices = f"{', '.join(SOURCES)}, a grid such as grid:6x8, a .json or an .onnx"
    raise GazeError(f"Objects cannot come from {words!r}; choose {choices}.")


def searches_places(model: str) -> bool:
    """Whether this is a model that looks for a target place by place, and not object by object."""
    return model != WALK and read_contract(model).searches_places


def _of_places(model: str, objects: str | None, degrees: float | None, **settings: Any) -> dict[str, Any]:
    """The settings that a search of places has.

    Raises:
        GazeError: Others were given, which mean nothing to it.
    """
    foreign = {name: settings[name] for name in ("observers", "temperature", "seed") if name in settings}
    given = [name for name, value in foreign.items() if value != Settings.model_fields[name].default]
    if objects is not None or given:
        option = "objects" if objects is not None else given[0]
        raise GazeError(f"{model} searches places, one observer and no objects; leave out --{option}.")
    own = {name: value for name, value in settings.items() if name not in foreign}
    return own if degrees is None else own | {"degrees": degrees}


def _existing(words: str) -> Path:
    if not Path(words).is_file():
        raise GazeError(f"There is no file {words}; give the objects as a COCO .json or a detector's .onnx file.")
    return Path(words)


def _of_density(pixels: UInt8[np.ndarray, "h w 3"], prediction: Prediction | None, words: str) -> Objects:
    if prediction is None:
        raise ModelError(f"Objects are found by the model {DENSITY}; take a grid such as grid:6x8, or make it.")
    return scene_objects(pixels, prediction, words)


def _detector(path: Path, provider: str) -> Source:
    detector = Detector(path, provider=provider)
    return lambda pixels, name, prediction: detector.objects(pixels)


def aim(words: str | None) -> Target | None:
    """What is looked for, as a person gives it: "x,y,width,height" in pixels, or a picture file; None: nothing.

    Raises:
        GazeError: It is neither, or the file is no picture.
    """
    if words is None:
        return None
    numbers = re.fullmatch(r"\s*" + r"\s*,\s*".join([r"(-?\d+(?:\.\d+)?)"] * 4) + r"\s*", words)
    if numbers:
        x, y, width, height = map(float, numbers.groups())
        return Target((x, y, width, height))
    if not Path(words).is_file():
        raise GazeError(f"The target {words!r} is no box x,y,width,height, and no such file exists; give one of them.")
    return Target(crop=pictures.read(Path(words)))


def job(
    sources: tuple[str, ...],
    folder: Path,
    model: str | None,
    formats: str | None,
    provider: str,
    objects: str,
    detector: str | None,
    target: str | None,
    accept_damaged: bool = False,
    degrees: float | None = None,
    **settings: Any,
) -> jobs.Job:
    """The job of `gaze predict --task scanpath`; options as there.

    A model that searches places, such as eccnet, has a job of its own (`app.predict.visual_search`).

    Raises:
        GazeError: There is no such picture, model, format, condition, source of objects or target.
    """
    if model and searches_places(model):
        places = _of_places(model, detector or (objects if objects != FOUND else None), degrees, **settings)
        searcher = VisualSearcher(model, provider=provider)
        return visual_search.job(sources, folder, searcher, formats, aim(target), target, accept_damaged, **places)
    if degrees is not None:
        raise GazeError(f"--degrees is for a model that searches places; leave it out, or add --model {SEARCHER}.")
    if detector and objects != FOUND:
        raise GazeError("--objects and --detector both say where objects come from; give one of them.")
    if detector and not detector.lower().endswith(".onnx"):
        raise GazeError(f"--detector takes an .onnx file, but it is {detector!r}; use --objects for anything else.")
    kinds = jobs.formats(formats or "png,csv,json", FORMATS)
    paths, log = find_pictures(sources, folder), Provenance(folder)
    made = tracer(model, provider, detector or objects, target, **settings)
    out = Output(folder, output_names(paths, log.names()), kinds)

    def write(out: Output) -> jobs.Outcomes:
        return run(made, list(out.todo or ()), out, accept_damaged)

    words = f"{made.model.model} on {made.model.provider}"
    how = making(made, detector or objects, target, accept_damaged)
    return jobs.resumable(paths, out, log, how, write, words)
