"""One search of a picture for a target: where the target is, the fixations, and what is drawn and written of them.

What is looked for is a box in the picture, or a picture of it whose place is found first (`target_location`). The model
is never told the place: it tells when the search is over. `gaze predict`, `gaze search` and the app share this.
"""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from app.predict.simulate import Target
from app.predict.target_location import locate
from data.areas import rectangle
from data.draw.areas import outlined
from data.draw.attention_sheet import attention_sheet, relative
from data.draw.scanpath import scanpath as draw_scanpath
from data.errors import GazeError
from data.plain_text import json_safe
from data.spreadsheet import to_csv
from export.runtime.contract import condition_index
from export.runtime.options import Options
from export.runtime.records import SEARCH, SearchRecord
from export.runtime.visual_search import DEGREES, LIMIT, NARROWEST, WIDEST, Sight, VisualSearcher, checked, cut
from scanpath.object_statistics import BOX
from scanpath.visual_search import Search, reaction_time_ms

COLUMNS = ("index", "x", "y", "attention")
Pixels = UInt8[np.ndarray, "h w 3"]
Box = tuple[float, float, float, float]


class Settings(Options):
    """How a picture is searched."""

    degrees: float = Field(default=DEGREES, ge=NARROWEST, le=WIDEST)  # of visual angle: how wide it is seen
    limit: int = Field(default=LIMIT, ge=1)  # fixations after the first
    condition: str = "any"


@dataclass(frozen=True)
class Placed:
    """What is looked for in a picture, and where it is."""

    pixels: Pixels
    box: Box | None  # None: nowhere


def place(image: Pixels, target: Target) -> Placed:
    """What is looked for as it is in the picture, where it is there.

    Raises:
        GazeError: Its box is none, or lies outside of the picture.
    """
    box = target.box
    if box is None:
        if target.crop is None:
            raise GazeError("Nothing is looked for; give a box or a picture of it with --target.")
        box = locate(image, target.crop)
    if box is None:
        assert target.crop is not None
        return Placed(target.crop, None)
    x, y, width, height = checked(box, (image.shape[0], image.shape[1])).tolist()
    return Placed(cut(image, (x, y, width, height)), (x, y, width, height))


def search(searcher: VisualSearcher, image: Pixels, target: Target, settings: Settings) -> "PictureSearch":
    """One search of a picture, from its middle.

    Raises:
        GazeError: The target is larger than the picture or outside of it, or the model does not know the condition.
    """
    condition_index(settings.condition, searcher.contract.conditions, searcher.contract.name)
    placed = place(image, target)
    sight = searcher.look(image, placed.pixels, settings.degrees)
    found = sight.search(placed.box, limit=settings.limit)
    contract = searcher.contract
    about = {"model": contract.name, "version": contract.version, "provider": searcher.provider}
    return PictureSearch(found, sight, placed.box, "picture" if target.box is None else "box", settings, about)


@dataclass(frozen=True)
class PictureSearch:
    """The search of one picture."""

    search: Search
    sight: Sight
    box: Box | None  # of the target; None: it is nowhere
    given: str  # "box" or "picture": what was given of the target
    settings: Settings
    about: dict[str, str]  # which model, in which version, ran on which provider
    damaged: str = ""  # what is wrong with the picture's file, where it was searched all the same

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell of the attention maps, in pixels of the picture."""
        across, down = (self.sight.stride / self.sight.scale).tolist()
        return across, down

    @property
    def maps(self) -> Float[np.ndarray, "s g v"]:
        """The attention map that each fixation but the last led to."""
        return np.stack(self.search.maps) if self.search.maps else np.zeros((0, *self.sight.grid), np.float32)

    def sheet(self, picture: Pixels) -> Pixels:
        """The attention maps on the picture, side by side."""
        return attention_sheet(picture, self.maps, self.search.xy, self.cell)

    def drawn(self, picture: Pixels, size: float = 1.0) -> Pixels:
        """The path over the picture, and the target's outline where it is known."""
        path = draw_scanpath(picture, self.search.xy, size=size)
        return path if self.box is None else outlined(path, [rectangle("target", self.box)], ["target"], size)

    def fixations_csv(self) -> str:
        """A line a fixation; `attention` is what its cell had from the fixation before, of 0 to 1 over the map."""
        return to_csv(COLUMNS, ([number, *row] for number, row in enumerate(self._rows())))

    def _rows(self) -> list[list[float]]:
        values = [float("nan")]
        for at, attention in zip(self.search.xy[1:], self.search.maps, strict=True):
            row, column = np.floor(at[::-1] * self.sight.scale[::-1] / self.sight.stride).astype(int)
            values.append(float(relative(attention)[min(row, len(attention) - 1), min(column, attention.shape[1] - 1)]))
        return [[*np.round(at, 2).tolist(), round(value, 4)] for at, value in zip(self.search.xy, values, strict=True)]

    def arrays(self) -> bytes:
        """The npz: `attention` (s, g, v), `xy` (l, 2) in pixels, `cell` (2) in pixels, width and height."""
        file = io.BytesIO()
        np.savez_compressed(file, attention=self.maps, xy=self.search.xy, cell=np.array(self.cell))
        return file.getvalue()

    def record(self, name: str | None = None) -> dict[str, Any]:
        """A `SearchRecord` for JSON."""
        height, width = self.sight.original
        saccades = self.search.saccades if self.search.found else None
        box = None if self.box is None else dict(zip(BOX, np.round(self.box, 2).tolist(), strict=True))
        values = {
            "schema": SEARCH,
            **self.about,
            "width": width,
            "height": height,
            **self.settings.model_dump(),
            "target": box,
            "given": self.given,
            "found": self.search.found,
            "fixations_to_target": saccades,
            "reaction_time_ms": None if saccades is None else round(reaction_time_ms(saccades), 1),
            "fixations": [{"x": x, "y": y} for x, y in np.round(self.search.xy, 2).tolist()],
            **({} if name is None else {"picture": name}),
            **({"damaged": self.damaged} if self.damaged else {}),
        }
        return SearchRecord.model_validate(values).written()

    def to_json(self, name: str | None = None) -> str:
        """`record` as text."""
        return json_safe(json.dumps(self.record(name), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"

    def sentence(self, name: str) -> str:
        """What came of it, for people."""
        count = fixations(self.search.saccades)
        if self.search.found is None:
            return f"{name}: the target is nowhere in the picture; {count} looked for it."
        if not self.search.found:
            return f"{name}: the target is not found in {count}; give a larger --limit."
        if not self.search.saccades:
            return f"{name}: the target is found with the first fixation."
        return f"{name}: the target is found {count} after the first."


def fixations(count: int) -> str:
    """So many fixations, in words.

    >>> fixations(1), fixations(3)
    ('1 fixation', '3 fixations')
    """
    return f"{count} fixation{'s' * (count != 1)}"
