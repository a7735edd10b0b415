"""What `gaze predict` has to do, task by task: which pictures, which files, and with which model."""

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from app.predict import files as predict_files
from app.predict import saliency, scanpath
from app.predict.provenance import Making, Provenance, described
from data.errors import GazeError, PictureError
from export.runtime.saliency import Predictor

ONLY = {  # options of `gaze predict` that belong to one task
    "saliency": ("opacity", "palette"),
    "scanpath": ("objects", "detector", "target", "observers", "temperature", "seed", "limit"),
}


Out = TypeVar("Out", saliency.Output, scanpath.Output)
Outcomes = Generator[tuple[Path, PictureError | None], None, None]


class Job(NamedTuple):
    """What `gaze predict` has to do."""

    paths: list[Path]
    files: Callable[[Path], list[Path]]  # that a picture becomes
    lacking: Callable[[Path], list[Path]]  # those of them that are missing, or were made of something else
    run: Callable[[Mapping[Path, list[Path]]], Outcomes]  # writes some files of some pictures
    model: str

    def todo(self, overwrite: bool) -> dict[Path, list[Path]]:
        """The files that are to be written, by the pictures that have any."""
        todo: dict[Path, list[Path]] = {}
        for path in self.paths:
            lacking = self.lacking(path)  # which also remembers how the picture is now
            if lacking or overwrite:
                todo[path] = self.files(path) if overwrite else lacking
        return todo


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
    paths, log = predict_files.find_pictures(sources, folder), Provenance(folder)
    predictor = Predictor(model or "tempsal", provider=provider, threads=None if len(paths) == 1 else 1)
    contract = predictor.contract
    out = saliency.Output(
        folder, predict_files.output_names(paths, log.names()), kinds, opacity, palette, bool(contract.slices)
    )
    making = Making(
        "saliency",
        described(contract.name, contract.version, predictor.path),
        condition,
        {},
        {"opacity": opacity, "palette": palette},
        ".json",
        {"model": contract.name, "version": contract.version, "condition": condition},
        usual=(opacity, palette) == (saliency.Output.opacity, saliency.Output.palette),
    )

    def run(todo: Mapping[Path, list[Path]]) -> Outcomes:
        return saliency.run(predictor, list(todo), _logged(out, todo, log, making), condition)

    return _job(paths, out, log, making, run, f"{contract.name} on {predictor.provider}")


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
    paths, log = predict_files.find_pictures(sources, folder), Provenance(folder)
    settings = {key: value for key, value in options.items() if key not in ONLY["saliency"]}
    tracer = scanpath.tracer(model, provider, detector or objects, target, **settings)
    out = scanpath.Output(folder, predict_files.output_names(paths, log.names()), kinds)
    making = scanpath.making(tracer, detector or objects, target)

    def run(todo: Mapping[Path, list[Path]]) -> Outcomes:
        return scanpath.run(tracer, list(todo), _logged(out, todo, log, making))

    return _job(paths, out, log, making, run, f"{tracer.model.model} on {tracer.model.provider}")


def _job(
    paths: list[Path],
    out: saliency.Output | scanpath.Output,
    log: Provenance,
    making: Making,
    run: Callable[[Mapping[Path, list[Path]]], Outcomes],
    words: str,
) -> Job:
    def lacking(path: Path) -> list[Path]:
        return log.lacking(path, out.names[path], out.files(path), making)

    return Job(paths, out.files, lacking, run, words)


def _logged(out: Out, todo: Mapping[Path, list[Path]], log: Provenance, making: Making) -> Out:
    """What writes only these files, and tells the log of them."""
    return replace(out, todo=todo, wrote=lambda path, files: log.add(path, out.names[path], files, making))


def _formats(words: str, known: tuple[str, ...]) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip().lower() for part in words.split(",")))
    if unknown := [part for part in formats if part not in known]:
        raise GazeError(f"There is no format {unknown[0]!r} for this task; name some of {', '.join(known)}.")
    return formats
