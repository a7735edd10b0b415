"""What `gaze predict` has to do, whatever the task: which pictures, which files, with which model, and what is left.

A task's own job is a function `(sources, folder, **options) -> Job` that its record names (`training.Task.job`).
"""

import inspect
import os
import re
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from app.predict.provenance import Making, Output, Provenance
from app.tasks import TASKS
from data.errors import GazeError, PictureError
from data.progress import Steps

Out = TypeVar("Out", bound=Output)
Outcomes = Generator[tuple[Path, PictureError | None], None, None]


class Job(NamedTuple):
    """What `gaze predict` has to do."""

    paths: list[Path]
    files: Callable[[Path], list[Path]]  # that a picture becomes
    lacking: Callable[[Path], list[Path]]  # those of them that are missing, or were made of something else
    run: Callable[[Mapping[Path, list[Path]]], Outcomes]  # writes some files of some pictures
    model: str
    steps: Steps | None = None  # of long pieces of work, such as a video

    def todo(self, overwrite: bool) -> dict[Path, list[Path]]:
        """The files that are to be written, by the pictures that have any."""
        todo: dict[Path, list[Path]] = {}
        for path in self.paths:
            lacking = self.lacking(path)  # which also remembers how the picture is now
            if lacking or overwrite:
                todo[path] = self.files(path) if overwrite else lacking
        return todo


def job(
    task: str,
    given: Collection[str],
    sources: tuple[str, ...],
    folder: str | Path,
    engine: str = "local",
    **options: Any,
) -> Job:
    """The job that a person asks for.

    Raises:
        GazeError: An option that was `given` means nothing to the task, or what it says cannot be.
    """
    wanted = TASKS[task]
    for other in TASKS.values():
        for name in other.options:
            if name not in wanted.options and name in given:
                raise GazeError(f"--{name} is for --task {other.name}; leave it out, or add --task {other.name}.")
    foreign = {name for other in TASKS.values() for name in other.options} - set(wanted.options)
    own = {name: value for name, value in options.items() if name not in foreign}
    if engine == "ray":
        return _distributed(task, given, sources, str(folder), own)
    if address := own.pop("address", None):
        raise GazeError(f"--address {address} is for --engine ray; leave it out, or add --engine ray.")
    refuse_addresses(str(folder), *sources)
    load = wanted.load("job")
    if not own.get("accept_damaged"):
        own.pop("accept_damaged", None)  # tasks of other packages may not know it
    elif "accept_damaged" not in inspect.signature(load).parameters:
        raise GazeError(f"--task {task} knows no --accept-damaged; leave it out.")
    made: Job = load(sources, Path(folder), **own)
    return made


def refuse_addresses(*names: str) -> None:
    """Refuse what stands for an object store where only paths can be.

    Raises:
        GazeError: One of the names is an address.
    """
    for name in names:
        if "://" in name and not os.path.lexists(name):
            shown = re.sub("//[^/]*@", "//", name).partition("?")[0]  # no passwords
            raise GazeError(f"{shown} is no path; add --engine ray for an object store, or give a path.")


def _distributed(
    task: str, given: Collection[str], sources: tuple[str, ...], folder: str, options: Mapping[str, Any]
) -> Job:
    """The same job by many processes."""
    if not TASKS[task].distributed:
        able = ", ".join(name for name, other in TASKS.items() if other.distributed)
        raise GazeError(f"--engine ray predicts --task {able} only; leave out --engine ray for --task {task}.")
    distributed = TASKS[task].load("distributed")
    known = inspect.signature(distributed).parameters
    for name in options:
        if name in given and name not in known:
            raise GazeError(f"--{name} is not for --engine ray; leave one of them out.")
    made: Job = distributed(sources, folder, **{name: value for name, value in options.items() if name in known})
    return made


def resumable(
    paths: list[Path],
    out: Out,
    log: Provenance,
    making: Making,
    run: Callable[[Out], Outcomes],
    model: str,
) -> Job:
    """A job that goes on where it was stopped: the log of the folder tells what is left of it.

    `run` predicts the pictures of `out.todo` and writes their files with it; `model` is told when all is done.
    """

    def lacking(path: Path) -> list[Path]:
        return log.lacking(path, out.names[path], out.files(path), making)

    def go(todo: Mapping[Path, list[Path]]) -> Outcomes:
        wrote = lambda path, files, damaged: log.add(path, out.names[path], files, making, damaged)  # noqa: E731
        return run(replace(out, todo=todo, wrote=wrote))

    return Job(paths, out.files, lacking, go, model)


def both(one: Job, other: Job) -> Job:
    """Two jobs as one, the first before the second; no path is in both. Each runs, also with nothing left to write."""
    firsts = set(one.paths)

    def of(path: Path) -> Job:
        return one if path in firsts else other

    def run(todo: Mapping[Path, list[Path]]) -> Outcomes:
        for job in (one, other):
            yield from job.run({path: files for path, files in todo.items() if of(path) is job})

    return Job(
        [*one.paths, *other.paths],
        lambda path: of(path).files(path),
        lambda path: of(path).lacking(path),
        run,
        one.model,
        one.steps or other.steps,
    )


def formats(words: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that a person names, each once.

    Raises:
        GazeError: One of them is not among those that the task knows.
    """
    named = tuple(dict.fromkeys(part.strip().lower() for part in words.split(",")))
    if unknown := [part for part in named if part not in known]:
        raise GazeError(f"There is no format {unknown[0]!r} for this task; name some of {', '.join(known)}.")
    return named
