"""Scores in plain words: which question each answers, how its number reads, and what chance and people reach.

Numbers come from a model's contract and from the tables of its card (`evaluation.model_card`); nothing else is said.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.model_card import SetScores


@dataclass(frozen=True)
class Score:
    """A score as people read it."""

    question: str
    unit: str
    field_name: str  # what the field calls it
    times: float = 1.0  # what the number is multiplied with
    digits: int = 2
    suffix: str = ""
    chance: float = math.nan  # where it follows from the score's definition

    def number(self, value: float | None) -> str:
        """A value of it.

        >>> SCORES["auc"].number(0.924), SCORES["cc"].number(None)
        ('92', '–')
        """
        if value is None or not math.isfinite(value):
            return "–"
        return f"{self.times * value:z.{self.digits}f}{self.suffix}"


SCORES = {
    "auc": Score(
        "How often a place that was looked at is rated above any other place",
        "of 100 times",
        "AUC (Judd)",
        times=100,
        digits=0,
        chance=0.5,
    ),
    "nss": Score("How far the map stands out where people looked", "times its usual variation", "NSS", chance=0.0),
    "cc": Score("How alike the map and people's map are", "0: not at all, 1: the same", "CC", chance=0.0),
    "sim": Score(
        "How much of their looks both maps have in common", "percent", "SIM", times=100, digits=0, suffix=" %"
    ),
    "ss": Score("How much of the order of objects is a person's", "percent", "sequence score", 100, 0, " %"),
    "mm_position": Score("How near the places of the path are to a person's", "of 100", "MultiMatch position", 100, 0),
    "scanmatch": Score("How well order, place and time go together", "0: not at all, 1: the same", "ScanMatch"),
}
CHANCE = ("uniform",)  # rows of a card that look at no picture
HABIT = ("centre bias", "markov")  # and know people's habits alone
PEOPLE = ("leave one observer out", "half of the observers", "another observer")


@dataclass(frozen=True)
class Told:
    """One score of a model on one data set, beside chance and people; NaN is not known."""

    score: Score
    model: float
    chance: float
    habit: float
    people: float

    def cells(self) -> dict[str, str]:
        """The line of a table."""
        return {
            "Question": f"{self.score.question} ({self.score.unit})",
            "This model": self.score.number(self.model),
            "Chance": self.score.number(self.chance),
            "Habits alone": self.score.number(self.habit),
            "People": self.score.number(self.people),
        }


def told(scores: Mapping[str, float], card: SetScores | None) -> list[Told]:
    """The scores of a model on one data set that can be said in words, in the order of `SCORES`."""
    rows = card.rows if card else {}

    def of(names: tuple[str, ...], score: str) -> float:
        return next((rows[name][score] for name in names if score in rows.get(name, {})), math.nan)

    return [
        Told(
            words,
            scores[name],
            of(CHANCE, name) if math.isnan(words.chance) else words.chance,
            of(HABIT, name),
            of(PEOPLE, name),
        )
        for name, words in SCORES.items()
        if name in scores
    ]


def sentence(name: str, told_of: Told, card: SetScores | None) -> str:
    """The first thing to know of a model: its number beside chance and people, on which pictures."""
    score = told_of.score
    beside = [
        f"{words} {score.number(value)}"
        for words, value in (("chance", told_of.chance), ("people themselves", told_of.people))
        if math.isfinite(value)
    ]
    of = f", on {card.pictures} of {name} that it had not seen" if card else f", on {name}"
    unit = f" {score.unit}" if score.unit.startswith("of ") else ""
    return f"{score.question}: **{score.number(told_of.model)}{unit}** ({', '.join(beside)}){of}."
