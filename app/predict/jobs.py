"""What `gaze predict` has to do, task by task: which pictures, which files, and with which model."""

from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any, NamedTuple

from app.predict import files as predict_files
from app.predict import saliency, scanpath
from data.errors import GazeError, PictureError
from export.runtime.saliency import Predictor

ONLY = {  # options of `gaze predict` that belong to one task
    "saliency": ("opacity", "palette"),
    "scanpath": ("objects", "detector", "target", "observers", "temperature", "seed", "limit"),
}


class Job(NamedTuple):
    """What `gaze predict` has to do."""

    paths: list[Path]
    files: Callable[[Path], list[Path]]  # that a picture becomes
    run: Callable[[list[Path]], Generator[tuple[Path, PictureError | None], None, None]]
    model: str


def job(task: str, given: Collection[str], sources: tuple[str, ...], folder: Path, **options: Any) -> Job:
    """The job that a person asks for; of the options, those `given` must belong to the task."""
    for other, names in ONLY.items():
        for name in names:
            if other != task and name in given:
                raise GazeError(f"--{name} is for --task {other}; leave it out, or add --task {other}.")
    return (_maps if task == "saliency" else _paths)(sources, folder, **options)


def _maps(
    sources: tuple[str, ...],
    folder: Path,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    opacity: float,
    palette: str,
    **_: Any,
) -> Job:
    kinds = _formats(formats or "png,json", saliency.FORMATS)
    paths = predict_files.find_pictures(sources, folder)
    predictor = Predictor(model or "tempsal", provider=provider, threads=None if len(paths) == 1 else 1)
    slices = bool(predictor.contract.slices)
    out = saliency.Output(folder, predict_files.output_names(paths), kinds, opacity, palette, slices)
    words = f"{predictor.contract.name} on {predictor.provider}"
    return Job(paths, out.files, lambda todo: saliency.run(predictor, todo, out, condition), words)


def _paths(
    sources: tuple[str, ...],
    folder: Path,
    model: str | None,
    formats: str | None,
    provider: str,
    objects: str,
    detector: str | None,
    target: str | None,
    **options: Any,
) -> Job:
    if detector and objects != "proto":
        raise GazeError("--objects and --detector both say where objects come from; give one of them.")
    if detector and not detector.lower().endswith(".onnx"):
        raise GazeError(f"--detector takes an .onnx file, but it is {detector!r}; use --objects for anything else.")
    kinds = _formats(formats or "png,csv,json", scanpath.FORMATS)
    paths = predict_files.find_pictures(sources, folder)
    settings = {key: value for key, value in options.items() if key not in ONLY["saliency"]}
    tracer = scanpath.tracer(model, provider, detector or objects, target, **settings)
    out = scanpath.Output(folder, predict_files.output_names(paths), kinds)
    words = f"{tracer.model.model} on {tracer.model.provider}"
    return Job(paths, out.files, lambda todo: scanpath.run(tracer, todo, out), words)


def _formats(words: str, known: tuple[str, ...]) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip().lower() for part in words.split(",")))
    if unknown := [part for part in formats if part not in known]:
        raise GazeError(f"There is no format {unknown[0]!r} for this task; name some of {', '.join(known)}.")
    return formats
