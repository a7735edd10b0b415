"""What `gaze predict --task scanpath` does with a model that searches places: how many fixations find a target.

Each picture becomes, as asked for: `png`: NAME.path.png, the fixations, and NAME.attention.png, the attention map at
each of them; `csv`: NAME.fixations.csv; `json`: NAME.search.json as in `export/schema_search.json`; `npz`:
NAME.attention.npz, the maps as numbers. NAME is as in `app.predict.saliency`.
"""

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from app.predict import jobs, provenance
from app.predict.files import find_pictures, make_folder, output_names
from app.predict.picture_search import PictureSearch, Settings, search
from app.predict.provenance import Making, Provenance, described, digest
from app.predict.simulate import Target
from data import picture as pictures
from data.errors import GazeError, ModelError, PictureError
from export.runtime.contract import condition_index
from export.runtime.visual_search import VisualSearcher
from scanpath import TASK

logger = logging.getLogger(__name__)

FORMATS = ("png", "csv", "json", "npz")
ENDINGS = {
    "png": (".path.png", ".attention.png"),
    "csv": (".fixations.csv",),
    "json": (".search.json",),
    "npz": (".attention.npz",),
}
Pixels = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where the searches of some pictures are written."""

    formats: tuple[str, ...] = FORMATS

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        return [self.folder / (self.names[path] + ending) for kind in self.formats for ending in ENDINGS[kind]]

    def write(self, path: Path, picture: Pixels, found: PictureSearch) -> None:
        """Write the files of one picture."""
        self.fill(path, lambda name, file: file.write(_content(name, path, picture, found)), found.damaged)


def _content(name: str, path: Path, picture: Pixels, found: PictureSearch) -> bytes:
    if name.endswith(".path.png"):
        return pictures.encode(found.drawn(picture))
    if name.endswith(".attention.png"):
        return pictures.encode(found.sheet(picture))
    if name.endswith(".npz"):
        return found.arrays()
    return (found.fixations_csv() if name.endswith(".csv") else found.to_json(str(path))).encode()


def job(
    sources: tuple[str, ...],
    folder: Path,
    searcher: VisualSearcher,
    formats: str | None,
    target: Target | None,
    words: str | None,
    accept_damaged: bool = False,
    **settings: Any,
) -> jobs.Job:
    """The job of `gaze predict --task scanpath` with a model that searches; `words` are those that say the target.

    Raises:
        GazeError: There is no such picture, format or condition, or nothing is said of the target.
    """
    contract = searcher.contract
    if target is None:
        raise GazeError(f"{contract.name} looks for a target; give a box x,y,width,height or a picture with --target.")
    asked = Settings(**settings)
    condition_index(asked.condition, contract.conditions, contract.name)
    kinds = jobs.formats(formats or ",".join(FORMATS), FORMATS)
    paths, log = find_pictures(sources, folder), Provenance(folder)
    out = Output(folder, output_names(paths, log.names()), kinds)

    def write(out: Output) -> jobs.Outcomes:
        return run(searcher, target, asked, list(out.todo or ()), out, accept_damaged)

    making = Making(
        TASK.name,
        described(contract.name, contract.version, *searcher.files),
        asked.condition,
        {
            "degrees": asked.degrees,
            "limit": asked.limit,
            "target": digest(Path(words)) if target.box is None and words else words,
        },
        {},
        ".search.json",
        {},
        usual=False,
        accept_damaged=accept_damaged,
    )
    return jobs.resumable(paths, out, log, making, write, f"{contract.name} on {searcher.provider}")


def run(
    searcher: VisualSearcher,
    target: Target,
    settings: Settings,
    paths: Sequence[Path],
    output: Output,
    accept_damaged: bool = False,
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Search and write each picture; yields each path when it is done, with its error where it is broken.

    Raises:
        GazeError: The folder cannot be made, or the model gives what is no attention map.
    """
    make_folder(output.folder)
    for path in paths:
        yield path, _search(searcher, target, settings, path, output, accept_damaged)


def _search(
    searcher: VisualSearcher, target: Target, settings: Settings, path: Path, output: Output, accept_damaged: bool
) -> PictureError | None:
    """Search and write one picture, of which nothing is held afterwards; its error where it is broken."""
    try:
        pixels, damage = pictures.read_damaged(path) if accept_damaged else (pictures.read(path), "")
    except PictureError as error:
        return error.with_traceback(None)  # which would hold the picture
    try:
        found = replace(search(searcher, pixels, target, settings), damaged=damage)
    except ModelError:
        raise
    except GazeError as error:
        return PictureError(f"{path}: {error}")
    output.write(path, pixels, found)
    if found.search.found:
        logger.info("%s", found.sentence(str(path)))
    else:
        logger.warning("%s", found.sentence(str(path)))
    return None
