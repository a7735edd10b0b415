"""What `gaze predict` does: finds the pictures, names the files that each becomes, writes them, skips what is there.

Each picture becomes, as asked for: `png`: NAME.heat.png and NAME.slices.png; `npy`: NAME.density.npy (h, w) and
NAME.slices.npy (t, h, w), float32 natural-log densities; `json`: NAME.json as in `export/schema.json`. NAME is the
picture's name without its suffix; where that would name two pictures, with its suffix, and then with its folders.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from data.atomic import atomic_write
from data.draw.heatmap import heatmap
from data.draw.legend import legend
from data.draw.timeline import timeline
from data.errors import GazeError, PictureError
from data.picture import save
from export.runtime.batch import WORKERS, predict
from export.runtime.saliency import Prediction, Predictor

FORMATS = ("png", "npy", "json")
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
            save(target, heatmap(picture, prediction.density, self.opacity, self.palette))
        elif target.name.endswith(".slices.png"):
            save(target, timeline(picture, prediction.slices, prediction.times, self.opacity, self.palette))
        elif target.name.endswith(".npy"):
            with atomic_write(target) as file:
                np.save(file, prediction.density if target.name.endswith(".density.npy") else prediction.slices)
        else:
            with atomic_write(target) as file:
                file.write(prediction.to_json(str(path)).encode())


def run(
    predictor: Predictor, paths: Sequence[Path], output: Output, condition: str = "any", workers: int = WORKERS
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Predict and write each picture; yields each path when it is done, with its error where it is broken."""
    predictor.index(condition)
    legend(1, output.palette)
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
