"""What `gaze predict` does: finds the pictures, names the files that each becomes, writes them, skips what is there.

Each picture becomes, as asked for: `png`: NAME.heat.png and NAME.slices.png; `npy`: NAME.density.npy (h, w) and
NAME.slices.npy (t, h, w), float32 natural-log densities; `json`: NAME.json as in `export/schema.json`. NAME is the
picture's name without its suffix; where that would name two pictures, with its suffix, and then with its folders.
"""

import glob
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from data import GazeError, PictureError, draw
from data.picture import SUFFIXES, save, whole
from export.batch import WORKERS, predict
from export.runtime import Prediction, Predictor

FORMATS = ("png", "npy", "json")
OURS = (".heat.png", ".slices.png", ".path.png")  # ends of the names of pictures that gaze has written
ENDINGS = {"png": (".heat.png", ".slices.png"), "npy": (".density.npy", ".slices.npy"), "json": (".json",)}


@dataclass(frozen=True)
class Output:
    """Where and how the predictions for some pictures are written."""

    folder: Path
    names: dict[Path, str]  # of each picture's files, without their endings
    formats: tuple[str, ...] = FORMATS
    opacity: float = 0.6
    palette: str = "turbo"
    slices: bool = True  # whether the model gives any

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        endings = [ending for kind in self.formats for ending in ENDINGS[kind]]
        return [
            self.folder / (self.names[path] + ending)
            for ending in endings
            if self.slices or not ending.startswith(".slices")
        ]

    def write(self, path: Path, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction) -> None:
        """Write the files of one picture."""
        for target in self.files(path):
            try:
                self._write(target, path, picture, prediction)
            except OSError as error:
                raise GazeError(f"{target} cannot be written ({error.strerror}); check folder and disk.") from error

    def _write(self, target: Path, path: Path, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction) -> None:
        if target.name.endswith(".heat.png"):
            save(target, draw.heat(picture, prediction.density, self.opacity, self.palette))
        elif target.name.endswith(".slices.png"):
            save(target, draw.strip(picture, prediction.slices, prediction.times, self.opacity, self.palette))
        elif target.name.endswith(".npy"):
            with whole(target) as file:
                np.save(file, prediction.density if target.name.endswith(".density.npy") else prediction.slices)
        else:
            with whole(target) as file:
                file.write(prediction.to_json(str(path)).encode())


def run(
    predictor: Predictor, paths: Sequence[Path], output: Output, condition: str = "any", workers: int = WORKERS
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Predict and write each picture; yields each path when it is done, with its error where it is broken."""
    predictor.index(condition)
    draw.legend(1, output.palette)
    try:
        output.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GazeError(f"{output.folder} cannot be made ({error.strerror}); give another folder.") from error
    return predict(predictor, paths, output.write, condition, workers)


def watch(outcomes: Generator[tuple[Path, PictureError | None], None, None], total: int) -> int:
    """Show how far the work is, name the broken pictures as they come, and count them."""
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    broken = 0
    with Progress(*columns, console=console, disable=not console.is_terminal or total < 2) as progress:
        task = progress.add_task("pictures", total=total)
        try:
            for _, error in outcomes:
                progress.advance(task)
                if error is not None:
                    broken += 1
                    progress.console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            outcomes.close()
            raise
    return broken


def find(sources: Sequence[str], folder: Path) -> list[Path]:
    """The pictures that files, folders and patterns name, each once; files of earlier runs in `folder` are left out.

    Of a folder, everything below it that has a picture's suffix is taken; what is named itself is taken as it is.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found |= dict.fromkeys(p for p in sorted(path.rglob("*")) if _is_picture(p.relative_to(path), p, folder))
        elif path.exists() or not glob.has_magic(source):
            found[path] = None
        else:
            matches = (Path(match) for match in sorted(glob.glob(source, recursive=True)))
            found |= dict.fromkeys(p for p in matches if p.is_file() and not _is_ours(p, folder))
    unique = list({path.resolve(): path for path in reversed(found)}.values())[::-1]
    if not any(path.exists() for path in unique):
        places = ", ".join(sources[:3]) + (" and more" if len(sources) > 3 else "")
        raise GazeError(f"No pictures found in {places}; give pictures, folders or a pattern such as 'photos/*.jpg'.")
    return unique


def name(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each picture's files that no other picture has, also where capitals do not count.

    >>> list(name([Path("a/x.jpg"), Path("b/x.png"), Path("b/y.png")]).values())
    ['x.jpg', 'x.png', 'y']
    >>> list(name([Path("a/x.jpg"), Path("b/x.jpg")]).values())
    ['a-x.jpg', 'b-x.jpg']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    left = list(paths)
    depth = 0
    while left:
        candidates = {path: _candidate(path, depth) for path in left}
        counts = Counter(candidate.casefold() for candidate in candidates.values())
        for path, candidate in candidates.items():
            if counts[candidate.casefold()] == 1 and candidate.casefold() not in taken:
                names[path] = candidate
        taken |= {names[path].casefold() for path in left if path in names}
        left = [path for path in left if path not in names]
        depth += 1
    return {path: names[path] for path in paths}


def _candidate(path: Path, depth: int) -> str:
    if depth == 0:
        return path.stem
    parts = path.resolve().parts[1:]
    extra = max(0, depth - len(parts))  # of two paths that differ only in a dash for a slash
    return "-".join(parts[-depth:]) + "~" * extra


def _is_picture(inside: Path, path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file() and not _is_ours(path, folder)


def _is_ours(path: Path, folder: Path) -> bool:
    return path.name.endswith(OURS) and path.resolve().is_relative_to(folder.resolve())
