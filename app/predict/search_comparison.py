"""How hard a target is to find in two versions of a picture: searches from the same places in both, and the difference.

A model's search is the same every time; what varies is where the gaze is when the picture appears. The first search
starts in the middle, the others at places drawn from a normal distribution about it with a deviation of `SPREAD` of
width and height, cut off at the edges; the same places, as shares of width and height, in both versions. A search that
does not find its target counts as many fixations as its limit, so that a mean with such searches is a lower bound.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from app.predict.picture_search import PictureSearch, Settings, place
from app.predict.simulate import Target
from app.predict.target_location import locate
from app.predict.version_searches import VersionSearches, sentence
from data import picture as pictures
from data.draw.side_by_side import side_by_side
from data.errors import GazeError
from data.plain_text import json_safe
from data.spreadsheet import to_csv
from export.runtime.contract import condition_index
from export.runtime.records import SEARCH_COMPARISON, SearchComparisonRecord
from export.runtime.visual_search import VisualSearcher, cut

SPREAD = 1 / 6  # of width and height
STARTS, MOST_STARTS = 9, 1000
LIMIT = 50  # fixations after the first: of a comparison, in which few should be cut off
COLUMNS = ("version", "start", "start_x", "start_y", "found", "fixations")
NOTE = "A prediction by a model, not an eye-tracking measurement."
Pixels = UInt8[np.ndarray, "h w 3"]


class Question(Settings):
    """How two versions are searched."""

    limit: int = Field(default=LIMIT, ge=1)
    starts: int = Field(default=STARTS, ge=1, le=MOST_STARTS)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Version:
    """A picture, with its name in sentences, and what is looked for in it."""

    name: str
    pixels: Pixels
    target: Target


@dataclass(frozen=True)
class Comparison:
    """The searches of two versions."""

    a: VersionSearches
    b: VersionSearches
    question: Question
    about: dict[str, str]  # model, version, provider

    @property
    def differences(self) -> Float[np.ndarray, " s"]:
        """How many more fixations B takes than A, from each start; none where the target is missing in one of them."""
        return np.zeros(0) if self.a.box is None or self.b.box is None else self.b.counts - self.a.counts

    def sentence(self) -> str:
        """The answer, in one sentence; A and B are the names of the files."""
        return sentence(self.a, self.b, self.question.limit)

    def rows(self) -> list[tuple[Any, ...]]:
        """A line a search, by `COLUMNS`."""
        return [
            (letter, start, *np.round(each.search.xy[0], 2).tolist(), each.search.found, each.search.saccades)
            for letter, version in (("A", self.a), ("B", self.b))
            for start, each in enumerate(version.searches)
        ]

    def to_csv(self) -> str:
        """The searches as a table; what is unknown stays empty."""
        words = {True: "true", False: "false", None: ""}
        return to_csv(COLUMNS, ((*row[:4], words[row[4]], row[5]) for row in self.rows()))

    def record(self) -> dict[str, Any]:
        """A `SearchComparisonRecord` for JSON."""
        change = self.differences
        values = {
            "schema": SEARCH_COMPARISON,
            **self.about,
            **self.question.model_dump(),
            "a": self.a.record(),
            "b": self.b.record(),
            "difference": None if not len(change) else round(float(change.mean()), 3),
            "differences": [int(each) for each in change],
            "sentence": self.sentence(),
        }
        return SearchComparisonRecord.model_validate(values).written()

    def to_json(self) -> str:
        """`record` as text."""
        return json_safe(json.dumps(self.record(), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"

    def drawn(self, a: Pixels, b: Pixels) -> Pixels:
        """Both searches from the middle, side by side."""
        drawn = [version.searches[0].drawn(picture) for version, picture in ((self.a, a), (self.b, b))]
        captions = [f"{letter}  {version.searches[0].sentence(version.name)}" for letter, version in self.versions]
        return side_by_side(drawn, captions, note=f"{self.sentence()} {NOTE}")

    @property
    def versions(self) -> tuple[tuple[str, VersionSearches], tuple[str, VersionSearches]]:
        """Both, with their letters."""
        return ("A", self.a), ("B", self.b)


def starts(count: int, seed: int) -> Float[np.ndarray, "count 2"]:
    """Where searches start, as shares of width and height: the middle, then places about it."""
    drawn = np.random.default_rng(seed).normal(0.5, SPREAD, (count, 2)).clip(0.01, 0.99)
    drawn[0] = 0.5
    return np.asarray(drawn)


def compare(searcher: VisualSearcher, a: Version, b: Version, question: Question | None = None) -> Comparison:
    """Search both versions from the same places.

    Raises:
        GazeError: A target is larger than its picture or outside of it, or the model does not know the condition.
    """
    question = question or Question()
    contract = searcher.contract
    condition_index(question.condition, contract.conditions, contract.name)
    about = {"model": contract.name, "version": contract.version, "provider": searcher.provider}
    return Comparison(_searched(searcher, a, question, about), _searched(searcher, b, question, about), question, about)


def _searched(searcher: VisualSearcher, version: Version, question: Question, about: dict[str, str]) -> VersionSearches:
    size = version.pixels.shape[0], version.pixels.shape[1]
    try:
        placed = place(version.pixels, version.target)
        sight = searcher.look(version.pixels, placed.pixels, question.degrees)
        places = starts(question.starts, question.seed) * size[::-1]
        found = [sight.search(placed.box, limit=question.limit, start=(x, y)) for x, y in places.tolist()]
    except GazeError as error:
        raise type(error)(f"{version.name}: {error}") from error
    given, own = "picture" if version.target.box is None else "box", Settings(**_own(question))
    first, *rest = (PictureSearch(each, sight, placed.box, given, own, about) for each in found)
    bare = (replace(each, search=replace(each.search, maps=())) for each in rest)  # maps of one search are enough
    return VersionSearches(version.name, size, (first, *bare))


def _own(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in Settings.model_fields}


def versions(a: Path, b: Path, target: Target, target_b: Target | None) -> tuple[Version, Version]:
    """Two picture files with their targets; without `target_b`, what is looked for in A is sought in B.

    Raises:
        GazeError: A file is no picture, a box lies outside, or what is in A's box is nowhere in B.
    """
    first, second = pictures.read(a), pictures.read(b)
    one, other = (a.name, b.name) if a.name != b.name else (str(a), str(b))
    if target_b is None and target.box is not None:
        try:
            crop = cut(first, target.box)
        except GazeError as error:
            raise GazeError(f"{one}: {error}") from error
        box = locate(second, crop)
        if box is None:
            raise GazeError(f"The target of {one} is nowhere in {other}; say where with --target-b x,y,width,height.")
        target_b = Target(box)
    return Version(one, first, target), Version(other, second, target_b or target)
