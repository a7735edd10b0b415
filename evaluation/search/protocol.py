"""`gaze evaluate search`: how hard a model finds six classical searches and their reversals, beside people.

The displays are those of `data.synthetic.asymmetry`, made from seeds; a model sees the display and the target's own
picture, in the target's pose. It starts in the middle and goes from place to place (`scanpath.visual_search`) until a
fixation is within 5 pixels (1/6 of a degree) of the target. What was fixated, an area of the target's size, is not
fixated again; `eccnet-vgg16`, as in the paper, sees the fixated cells of the display painted with its ground. A search
ends without success after as many saccades as the grid has cells, and one. Saccades become milliseconds by the line
through people's times. Nothing is set for each paradigm.

    slope          of the mean reaction time over the set sizes, ms an item
    index          (hard - easy) / (hard + easy) of the slopes; above 0 as in people
    polarity       in how many paradigms the index is above 0, with the trials of all seeds and with each seed's
    correlation    Pearson's, of the twelve slopes of model and people

Trials are shared out to processes of one thread each; every number is the same for any count of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import Field

from data.errors import GazeError
from data.progress import Track, untracked
from data.synthetic.asymmetry import PARADIGMS, PIXELS_PER_DEGREE, SIDES, Paradigm, Side, Trial, trial
from evaluation.processes import share_out
from evaluation.search.searchers import Searcher, default, open_searcher
from evaluation.search.slopes import LEAST, asymmetry_index, slope
from export.runtime.options import Options
from scanpath.visual_search import WITHIN_DEGREES, Attention, Map, Search, reaction_time_ms, search

ALL = "all"


class Settings(Options):
    """What is searched."""

    paradigm: str = ALL  # one of `data.synthetic.asymmetry.PARADIGMS`, or all
    seeds: int = Field(default=5, ge=1, le=1000)  # 0 up to, and without, this number
    trials: int | None = Field(default=None, ge=1, le=10_000)  # a side, set size and seed; None: as in the experiments

    def paradigms(self) -> list[str]:
        """The names of those that are searched.

        Raises:
            GazeError: There is none of that name.
        """
        if self.paradigm != ALL and self.paradigm not in PARADIGMS:
            raise GazeError(f"There is no paradigm {self.paradigm!r}; choose one of {', '.join(PARADIGMS)} or {ALL}.")
        return list(PARADIGMS) if self.paradigm == ALL else [self.paradigm]


@dataclass(frozen=True)
class Piece:
    """A trial by what it is made from."""

    paradigm: str
    side: Side
    set_size: int
    seed: int
    number: int

    def trial(self) -> Trial:
        """The display."""
        return trial(PARADIGMS[self.paradigm], self.side, self.set_size, self.seed, self.number)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    saccades: int
    found: bool


@dataclass(frozen=True)
class Work:
    """The trials of a model; it travels to every process."""

    model: str
    pieces: Sequence[Piece]

    def open(self) -> Callable[[int], Outcome]:
        """Opens the model, and gives the function that searches a trial by its number."""
        searcher = open_searcher(self.model)

        def outcome(number: int) -> Outcome:
            looks = look_for(searcher, self.pieces[number].trial())
            return Outcome(looks.saccades, bool(looks.found))

        return outcome


def look_for(searcher: Searcher, display: Trial) -> Search:
    """The search of a trial; a searcher that `paints` sees ground where it was, cell by cell, as in the paper."""
    shape = display.picture.shape[:2]
    if searcher.paints:
        attention, window, areas = _painting(searcher, display), (0.0, 0.0), display.cells
    else:
        attention, areas = searcher(display.picture, display.target), None
        window = (float(display.target.shape[1]), float(display.target.shape[0]))
    return search(
        attention,
        (shape[0], shape[1]),
        searcher.stride,
        target=display.box,
        limit=len(display.cells) + 1,
        window=window,
        within=WITHIN_DEGREES * PIXELS_PER_DEGREE,
        areas=areas,
    )


def _painting(searcher: Searcher, display: Trial) -> Attention:
    """The map from a display in which every cell that was fixated is painted with its ground."""
    picture = display.picture.copy()
    ground = np.median(picture.reshape(-1, 3), 0).astype(np.uint8)

    def attention(gaze: Float[np.ndarray, " 2"]) -> Map:
        for x, y, width, height in display.cells.astype(int).tolist():
            if x <= gaze[0] <= x + width and y <= gaze[1] <= y + height:
                picture[y : y + height, x : x + width] = ground
        return searcher(picture, display.target)(gaze)

    return attention


@dataclass(frozen=True)
class Curve:
    """One side of a paradigm: means for each set size."""

    set_sizes: tuple[int, ...]
    saccades: tuple[float, ...]
    missed: tuple[float, ...]  # share of the trials in which the target was not found

    @property
    def times(self) -> tuple[float, ...]:
        """Milliseconds."""
        return tuple(reaction_time_ms(count) for count in self.saccades)

    @property
    def slope(self) -> float:
        """Milliseconds an item."""
        return slope(self.set_sizes, self.times)


@dataclass(frozen=True)
class Asymmetry:
    """A paradigm as a model searches it."""

    paradigm: Paradigm
    curves: dict[Side, Curve]  # of the trials of all seeds
    by_seed: tuple[float, ...]  # the index with each seed's trials

    @property
    def index(self) -> float:
        """Of all seeds' trials together."""
        return asymmetry_index(self.curves["easy"].slope, self.curves["hard"].slope)

    @property
    def people(self) -> dict[Side, float]:
        """People's slopes, milliseconds an item."""
        return people_slopes(self.paradigm)

    @property
    def people_index(self) -> float:
        """Theirs."""
        return asymmetry_index(self.people["easy"], self.people["hard"])


def people_slopes(paradigm: Paradigm) -> dict[Side, float]:
    """Milliseconds an item."""
    return {side: slope(paradigm.set_sizes, paradigm.people[side]) for side in SIDES}


@dataclass(frozen=True)
class SearchEvaluation:
    """What a model's searches came to."""

    model: str
    seeds: int
    found: dict[str, Asymmetry]  # by paradigm

    @property
    def name(self) -> str:
        """The model's, without folder and ending."""
        return Path(self.model).stem

    @property
    def polarity(self) -> int:
        """In how many paradigms the asymmetry is that of people."""
        return sum(each.index > 0 for each in self.found.values())

    @property
    def polarity_by_seed(self) -> tuple[int, ...]:
        """The same with each seed's trials."""
        return tuple(sum(each.by_seed[seed] > 0 for each in self.found.values()) for seed in range(self.seeds))

    @property
    def index(self) -> float:
        """The mean over the paradigms."""
        return float(np.mean([each.index for each in self.found.values()]))

    @property
    def people_index(self) -> float:
        """That of people, over the same paradigms."""
        return float(np.mean([each.people_index for each in self.found.values()]))

    @cached_property
    def correlation(self) -> float:
        """Pearson's, of both slopes of every paradigm, with people's; NaN where the model's are all alike."""
        pairs = [(each.curves[side].slope, each.people[side]) for each in self.found.values() for side in SIDES]
        own, theirs = np.array(pairs).T - np.array(pairs).mean(0)[:, None]
        if np.ptp(own) < LEAST:
            return float("nan")
        return float(own @ theirs / np.sqrt((own @ own) * (theirs @ theirs)))


def evaluate(
    models: Sequence[str] | None, settings: Settings, *, workers: int = 1, track: Track = untracked
) -> list[SearchEvaluation]:
    """The searches of each model; None is the exported eccNET, or the network where no file is there.

    Raises:
        GazeError: There is no such paradigm, or a model cannot be used.
    """
    names = settings.paradigms()
    pieces = [
        Piece(name, side, size, seed, number)
        for name in names
        for side in SIDES
        for size in PARADIGMS[name].set_sizes
        for seed in range(settings.seeds)
        for number in range(settings.trials or PARADIGMS[name].trials)
    ]
    found = []
    for model in models or [default()]:
        open_searcher(model)  # what is wrong with it is told before the processes begin
        outcomes = track(share_out(Work(model, pieces), len(pieces), workers), model, len(pieces))
        found.append(_summed(model, settings.seeds, names, dict(zip(pieces, outcomes, strict=True))))
    return found


def _summed(model: str, seeds: int, names: Sequence[str], outcomes: dict[Piece, Outcome]) -> SearchEvaluation:
    return SearchEvaluation(model, seeds, {name: _asymmetry(name, seeds, outcomes) for name in names})


def _asymmetry(name: str, seeds: int, outcomes: dict[Piece, Outcome]) -> Asymmetry:
    own = {piece: outcome for piece, outcome in outcomes.items() if piece.paradigm == name}
    indices = []
    for seed in range(seeds):
        slopes = [_curve(name, side, {p: o for p, o in own.items() if p.seed == seed}).slope for side in SIDES]
        indices.append(asymmetry_index(*slopes))
    return Asymmetry(PARADIGMS[name], {side: _curve(name, side, own) for side in SIDES}, tuple(indices))


def _curve(name: str, side: Side, outcomes: dict[Piece, Outcome]) -> Curve:
    sizes = PARADIGMS[name].set_sizes
    own = [[o for p, o in outcomes.items() if p.side == side and p.set_size == size] for size in sizes]
    means = tuple(float(np.mean([o.saccades for o in some])) for some in own)
    missed = tuple(float(np.mean([not o.found for o in some])) for some in own)
    return Curve(sizes, means, missed)
