"""What the page Batch keeps of one picture: a thumbnail with its heat, a small map and numbers; about 40 kB.

What is larger is written once, to the job's private folder, and is read again only for the archive that is downloaded.
Shapes: `h w` picture, `g v` cells of a small map, `n` areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float16, Float32, UInt8

from app.predict.attention_measures import AttentionMeasures, attention_measures
from app.predict.picture_maps import coverage, on_cells
from app.web.predictions import small
from data import picture as pictures
from data.areas import Area
from data.draw.heatmap import heatmap
from data.draw.timeline import panel_size, timeline
from export.runtime.saliency import Prediction, Predictor

CELLS = 128  # of the small map, along its longer side
THUMBNAIL, ICON = 360, 120  # pixels: the longest sides of the two small pictures
QUALITY, ROUGH = 85, 72  # of JPEG files, and of the small pictures


@dataclass(frozen=True)
class Recipe:
    """How all pictures of a job are looked at and drawn."""

    model: Predictor
    condition: str
    opacity: float
    palette: str

    @property
    def settings(self) -> tuple[Path, str, float, str]:
        """What makes two recipes the same."""
        return self.model.path, self.condition, self.opacity, self.palette

    @property
    def words(self) -> str:
        """Model and viewing condition, for people."""
        return f"{self.model.contract.name} {self.model.contract.version}, viewing condition {self.condition}"


@dataclass(frozen=True)
class Result:
    """One picture that was looked at; `name` is that of no other of the job."""

    name: str
    stem: str  # with which the names of its files begin
    size: tuple[int, int]  # width, height in pixels
    medium: str  # what it is like, such as "photograph"; "" where the model does not tell
    familiar: bool  # whether the model was trained on such pictures
    attention: AttentionMeasures
    thumbnail: bytes  # JPEG with heat
    icon: bytes  # the same, smaller, for tables
    cells: Float16[np.ndarray, "g v"]  # share of looks of each cell, over the highest of them
    files: tuple[Path, ...] = ()  # in the job's folder

    @property
    def maps(self) -> Float32[np.ndarray, "1 g v"]:
        """The log density of the whole viewing over its cells, as `app.predict.observers.AttentionMaps` has it."""
        cells = self.cells.astype(np.float32)[None]
        return np.asarray(np.log(np.maximum(cells, np.float32(1e-30)) / cells.sum(dtype=np.float64)), np.float32)

    @property
    def times(self) -> tuple[tuple[float, float], ...]:
        """It has no seconds."""
        return ()

    def coverage(self, areas: Sequence[Area]) -> Float32[np.ndarray, "n g v"]:
        """Which part of each cell each area covers."""
        return coverage(self, areas)

    def shares(self, areas: Sequence[Area]) -> dict[str, float]:
        """The share of looks of each area by its name, from 0 to 1."""
        found = (self.coverage(areas) * np.exp(self.maps)).sum((1, 2))
        return {area.name: float(share) for area, share in zip(areas, found, strict=True)}


def look_at(recipe: Recipe, name: str, stem: str, content: bytes, folder: Path | None) -> Result:
    """Look at a picture and draw it; its files are written where there is a `folder`.

    Raises:
        GazeError: The picture cannot be read.
        OSError: The disk is full.
    """
    image = pictures.read(content, name)
    prediction = recipe.model(image, recipe.condition)
    size = image.shape[1], image.shape[0]
    maps = on_cells(prediction)
    shown = small(image)
    del image
    wide = cv2.resize(maps[0], (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_LINEAR)
    heat = heatmap(shown, wide, recipe.opacity, recipe.palette)
    files = () if folder is None else tuple(_write(folder, recipe, prediction, name, stem, shown, heat))
    return Result(
        name,
        stem,
        size,
        prediction.medium,
        prediction.familiar,
        attention_measures(maps[0], size, recipe.model.contract.name),
        jpeg(small(heat, THUMBNAIL), ROUGH),
        jpeg(small(heat, ICON), ROUGH),
        _cells(maps[0]),
        files,
    )


def _write(
    folder: Path,
    recipe: Recipe,
    prediction: Prediction,
    name: str,
    stem: str,
    shown: UInt8[np.ndarray, "h w 3"],
    heat: UInt8[np.ndarray, "h w 3"],
) -> list[Path]:
    contents = {".heat.jpg": jpeg(heat, QUALITY), ".json": prediction.to_json(name).encode()}
    if len(prediction.times):
        slices = prediction.sampled_slices(panel_size(shown.shape))
        strip = timeline(shown, slices, prediction.times, recipe.opacity, recipe.palette)
        contents[".seconds.jpg"] = jpeg(strip, QUALITY)
    written = []
    for ending, content in contents.items():
        path = folder / f"{stem}{ending}"
        path.write_bytes(content)
        written.append(path)
    return written


def _cells(log_density: Float32[np.ndarray, "_g _v"]) -> Float16[np.ndarray, "g v"]:
    """The map as sums over fewer cells."""
    scale = min(1.0, CELLS / max(log_density.shape))
    rows, columns = (max(1, round(side * scale)) for side in log_density.shape)
    density = np.exp(log_density - log_density.max())
    cells = cv2.resize(density, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cells / cells.max(), np.float16)


def jpeg(image: UInt8[np.ndarray, "h w 3"], quality: int) -> bytes:
    """A JPEG file of a picture."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
