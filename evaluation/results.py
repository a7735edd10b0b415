"""What an evaluation found: every row's scores on every picture, and what follows from them.

A result is the mean over pictures with its 95 % bootstrap interval (resampled pictures; seeded). Scores that only all
pictures together have, such as `explained`, are `aggregates`, resampled over the same pictures.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError
from evaluation import model_card
from evaluation.bootstrap import bootstrap
from evaluation.permutation_test import FACTS, permutation_test

WHOLE = "whole"
SEED, DRAWS = 0, 1000  # of the bootstrap
LOWER = {
    "rank",
    "kl",
    "sed",
    "bits",
    "bits_all",
    "delta",
    "delta_trial",
    "mismatch",
    "avg_dist",
    "min_dist",
}  # is better
NEITHER = {  # is better
    *("spread", "length", "search", "refixation", "revisit", "ends_on_target", "scanpath_ratio", "to_target"),
    "finds_target",
}

Values = dict[str, dict[str, dict[str, Float[np.ndarray, " n"]]]]  # period -> row -> score -> values on all pictures
Aggregate = tuple[float, float, float]  # of all pictures; low and high end of its interval
Summary = dict[str, float]  # mean, low, high, pictures
Compared = dict[str, dict[str, dict[str, float]]]  # row -> score -> what `evaluation.permutation_test` gives
Panel = tuple[str, UInt8[np.ndarray, "h w 3"]]  # what is shown, and its title
DrawPanels = Callable[[str, str], list[Panel]]  # row, picture -> what the report shows of it


@dataclass(frozen=True)
class Evaluation:
    """Every row's scores on every picture, for the whole viewing ("whole") and perhaps each second ("0-1 s", ...)."""

    protocol: dict[str, Any]
    values: Values
    aggregates: dict[str, dict[str, Aggregate]] = field(default_factory=dict)  # of the whole viewing: row -> score
    pictures: tuple[str, ...] = ()  # their names
    against: str = ""  # the row with which the others are compared, picture by picture
    draw_panels: DrawPanels | None = field(default=None, repr=False, compare=False)  # for the report

    kinds: ClassVar[Mapping[str, str]] = {}  # of rows that are no model: chance, baseline or people
    question: ClassVar[str] = "Where people look:"  # what it is about: the title of the report
    meanings: ClassVar[Mapping[str, str]] = {}  # of scores, for people
    charted: ClassVar[Sequence[str]] = ()  # the scores that the report draws
    curves: ClassVar[Mapping[str, Sequence[str]]] = {}  # drawn over time: title -> "score time", ...
    ranked_by: ClassVar[tuple[str, str]] = ("", "")  # pictures are by this score, less that of this row of people

    def __post_init__(self) -> None:
        rows = self.values[WHOLE]
        if self.against and self.against not in rows:
            raise GazeError(f"There is no row {self.against!r} to compare with; choose one of: {', '.join(rows)}.")

    def head(self) -> list[str]:
        """What was evaluated, in a line or two."""
        return [f"{self.protocol['data']}, {self.protocol['split']}: {model_card.pictures(self.protocol)}"]

    def groups(self, period: str = WHOLE) -> dict[str, list[str]]:
        """The scores that any row has, in tables by title."""
        names = dict.fromkeys(name for row in self.values[period] for name in self.scores(row, period))
        return {period: list(names)}

    def gist(self) -> list[str]:
        """What came out, in a sentence or two."""
        return [f"{', '.join(self.models) or 'Chance and people alone'}; {model_card.pictures(self.protocol)}."]

    def prose(self) -> list[str]:
        """The protocol in sentences for people."""
        return self.head()

    def kind(self, row: str) -> str:
        """What a row is: chance, baseline, model or people."""
        return self.kinds.get(row, "model")

    @property
    def unit(self) -> str:
        """What each value belongs to: a picture, or a clip."""
        return str(self.protocol.get("unit", "picture"))

    @property
    def models(self) -> list[str]:
        """The rows of models."""
        return [row for row in self.values[WHOLE] if self.kind(row) == "model"]

    def scores(self, row: str, period: str = WHOLE) -> dict[str, Summary]:
        """For each score: mean, low and high end of its 95 % interval, and how many pictures have it."""
        return self.summaries[period][row]

    @cached_property
    def summaries(self) -> dict[str, dict[str, dict[str, Summary]]]:
        """All results: period -> row -> score."""
        summaries = {p: {row: _summary(scores) for row, scores in rows.items()} for p, rows in self.values.items()}
        for row, together in self.aggregates.items():
            for name, (mean, low, high) in together.items():
                pictures = self.protocol["pictures"] if math.isfinite(mean) else 0
                summaries[WHOLE][row][name] = {"mean": mean, "low": low, "high": high, "pictures": pictures}
        return summaries

    @cached_property
    def compared(self) -> Compared:
        """The paired test of each other row with the row `against`: row -> score -> `evaluation.permutation_test`."""
        rows = self.values[WHOLE]
        tests: Compared = {}
        for row in rows if self.against else ():
            common = [name for name in rows[row] if name in rows[self.against]]
            if row != self.against and common:
                tests[row] = {n: permutation_test(rows[row][n], rows[self.against][n], _better(n)) for n in common}
        return tests

    def ceiling(self, score: str) -> Float[np.ndarray, " n"] | None:
        """A score of the row of people that `ranked_by` names, on each picture; None where no picture has it."""
        people = self.values[WHOLE].get(self.ranked_by[1], {}).get(score)
        return people if people is not None and np.isfinite(people).any() else None

    def extremes(self, row: str, count: int) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """The pictures where a row is worst, the worst first, and best, the best first: their names and scores.

        The score is that of `ranked_by`, less that of its row of people where that is known.
        """
        score = self.ranked_by[0]
        values, people = self.values[WHOLE][row].get(score, np.zeros(0)), self.ceiling(score)
        gap = values if people is None else values - people
        order = [k for k in np.argsort(gap, kind="stable").tolist() if math.isfinite(gap[k])]
        named = [(self.pictures[k], float(gap[k])) for k in order]
        worst = named[:count]
        return worst, named[len(worst) :][-count:][::-1] if count else []

    def record(self, count: int = 3) -> dict[str, Any]:
        """Everything, ready for JSON: protocol, scores, comparisons, worst and best pictures, and each picture."""
        record: dict[str, Any] = {"protocol": self.protocol, "scores": self.summaries}
        if self.against:
            tests = {row: {n: written_test(t) for n, t in scores.items()} for row, scores in self.compared.items()}
            record["paired"] = {"against": self.against, "protocol": FACTS, "rows": tests}
        if self.pictures:
            score, people = self.ranked_by
            less = people if self.ceiling(score) is not None else ""
            rows = {row: _named(*self.extremes(row, count)) for row in self.models}
            record["extremes"] = {"score": score, "less": less, "rows": rows}
            record["per_picture"] = list(self.each())
        return record

    def each(self) -> Iterator[dict[str, Any]]:
        """Each picture's scores in each row: a line of the table of pictures."""
        for period, rows in self.values.items():
            for k, picture in enumerate(self.pictures):
                for row, scores in rows.items():
                    yield {"picture": picture, "period": period, "row": row} | {
                        n: float(v[k]) for n, v in scores.items()
                    }

    def to_json(self, count: int = 3) -> str:
        """`record` as text, a line a picture and row; null where there was nothing to score."""
        record = self.record(count)
        lines = [_json(line) for line in record.pop("per_picture", [])]
        text = _json(record, 2).removesuffix("\n}")
        return text + ',\n  "per_picture": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n" if lines else text + "\n}\n"


def _json(record: Any, indent: int | None = None) -> str:
    return json.dumps(json.loads(json.dumps(record), parse_constant=lambda nan: None), indent=indent)


def _summary(scores: dict[str, Float[np.ndarray, " n"]]) -> dict[str, Summary]:
    summary = {}
    for name, values in scores.items():
        mean, low, high = bootstrap(values, SEED, DRAWS)
        summary[name] = {"mean": mean, "low": low, "high": high, "pictures": int(np.isfinite(values).sum())}
    return summary


def written_test(test: Mapping[str, float]) -> dict[str, float]:
    """A test as JSON and CSV hold it: there its win rate has the older name "won"."""
    return {"won" if name == "win_rate" else name: value for name, value in test.items()}


def row_names(row: str, source: str, kind: str) -> Iterator[str]:
    """What a row can be called where others have its name: by where it comes from, what it is, or a number.

    >>> names = row_names("x", "a/x", "model")
    >>> [next(names) for _ in range(4)]
    ['x', 'a/x', 'x (model)', 'x (2)']
    """
    yield from (row, source, f"{row} ({kind})")
    yield from (f"{row} ({number})" for number in count(2))


def ratio(
    values: Float[np.ndarray, " n"], ceiling: Float[np.ndarray, " n"], seed: int = SEED, draws: int = DRAWS
) -> Aggregate:
    """The mean of a score as a share of that of a ceiling, over pictures that have both, and its 95 % interval."""
    both = np.isfinite(values) & np.isfinite(ceiling)
    pairs = np.stack([values[both], ceiling[both]])
    if not both.any() or not pairs[1].sum() > 0:
        return math.nan, math.nan, math.nan
    generator = np.random.default_rng(seed)
    chosen = generator.integers(0, pairs.shape[1], (draws, pairs.shape[1]))
    above, below = pairs[0][chosen].sum(1), pairs[1][chosen].sum(1)
    low, high = np.percentile(above[below > 0] / below[below > 0], (2.5, 97.5))
    return float(pairs[0].sum() / pairs[1].sum()), float(low), float(high)


def _better(score: str) -> int:
    return 0 if score in NEITHER else -1 if score in LOWER else 1


def _named(worst: Sequence[tuple[str, float]], best: Sequence[tuple[str, float]]) -> dict[str, Any]:
    return {
        end: [{"picture": name, "value": value} for name, value in pictures]
        for end, pictures in (("worst", worst), ("best", best))
    }
