"""What `gaze predict` does: finds the pictures, names the files that each becomes, writes those that are to be written.

Each picture becomes, as asked for: `png`: NAME.heat.png and NAME.slices.png; `npy`: NAME.density.npy (h, w) and
NAME.slices.npy (t, h, w), float32 natural-log densities; `json`: NAME.json as in `export/schema.json`. NAME is the
picture's name without its suffix; where that would name two pictures, with its suffix, and then with its folders.
Of paths that only capitals tell apart, the names end in a hash of the path: `IMG_1~5f0c2a81`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import UInt8

from app.predict import provenance
from app.predict.provenance import Stamp
from data.draw.heatmap import heatmap
from data.draw.legend import legend
from data.draw.timeline import timeline
from data.errors import GazeError, PictureError
from data.picture import encode
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
    todo: Mapping[Path, Sequence[Path]] | None = None  # the files of each picture that are to be written; None: all
    wrote: Callable[[Path, dict[str, Stamp]], None] | None = None  # is told of the files that a picture has become

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
        targets = self.files(path) if self.todo is None else self.todo[path]
        stamps = provenance.write(targets, lambda name, file: self._fill(name, file, path, picture, prediction))
        if self.wrote:
            self.wrote(path, stamps)

    def _fill(
        self, name: str, file: IO[bytes], path: Path, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction
    ) -> None:
        if name.endswith(".heat.png"):
            file.write(encode(heatmap(picture, prediction.density, self.opacity, self.palette)))
        elif name.endswith(".slices.png"):
            file.write(encode(timeline(picture, prediction.slices, prediction.times, self.opacity, self.palette)))
        elif name.endswith(".npy"):
            np.save(file, prediction.density if name.endswith(".density.npy") else prediction.slices)
        else:
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
