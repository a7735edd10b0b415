"""Paths as the player shows them, and the picture of one path as it is downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from app.predict.simulate import SimulatedPaths
from app.web.order import words
from app.web.order.numbers import Row, first_things, inside
from app.web.order.words import whole
from app.web.path_player import Film, Look, Thing
from app.web.predictions import View
from data.areas import Area
from data.draw.scanpath import ramp, scanpath

SEEN = 0.2  # share of people from which on a found object has an outline; areas always have one
RING = 0.03  # share of first looks from which on a thing has a ring
LABELS = 8  # names beside outlines, at most
COLOURS = (
    "#d55e00",
    "#0072b2",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)  # Okabe & Ito
GREY = "#8a8f98"
LAST = 12  # looks that have a colour of their own, where everyone's are shown
ONE, ALL, FIRST = "One person", "Everyone", "First looks"


@dataclass(frozen=True)
class Story:
    """Everything that is told of the paths over one picture."""

    view: View
    trace: SimulatedPaths
    things: tuple[Area, ...]
    rows: tuple[Row, ...]
    typical: int  # the observer whose path agrees best with all others

    @property
    def timed(self) -> bool:
        """Whether it is known when looks begin and how long they last."""
        return bool(np.isfinite(self.trace.rollouts.duration).any())

    @property
    def people(self) -> int:
        """How many look."""
        return len(self.trace.xy)


def film(story: Story, mode: str, person: int, outlines: bool) -> Film:
    """What the player shows in a mode."""
    make = {ONE: _one, ALL: _all, FIRST: _first}[mode]
    return make(story, person, outlines)


def looks(story: Story, people: Sequence[int]) -> list[Look]:
    """Every look of some observers."""
    trace, on = story.trace, inside(story.trace, story.things)
    onset, some = trace.onset, np.isfinite(trace.xy).all(-1)
    extent = np.array([thing.box[2] * thing.box[3] for thing in story.things])
    made: list[Look] = []
    for person in people:
        for index in np.flatnonzero(some[person]):
            x, y = trace.xy[person, index]
            held = np.flatnonzero(on[person, index])
            thing = int(held[extent[held].argmin()]) if len(held) else -1
            lasts = float(trace.rollouts.duration[person, index])
            made.append((person, int(index), float(x), float(y), float(onset[person, index]), lasts, thing))
    return made


def _one(story: Story, person: int, outlines: bool) -> Film:
    some = looks(story, [person])
    names = [story.things[look[6]].name for look in some if look[6] >= 0]
    return Film(
        "one",
        story.view.webp,
        story.view.size,
        words.path_alt(story.view.name, person + 1, names, story.timed),
        some,
        things(story, outlines),
        [_hex(colour) for colour in ramp(len(some))],
        story.timed,
        outlines,
    )


def _all(story: Story, _person: int, outlines: bool) -> Film:
    some = looks(story, range(story.people))
    count = min(LAST, max((look[1] for look in some), default=0) + 1)
    colours = [_hex(colour) for colour in ramp(count)]
    last = f"look {count}" if count < LAST else f"look {count} or later"
    half = len(colours) // 2
    keyed = [(colours[0], "first look"), (colours[half], f"look {half + 1}"), (colours[-1], last)]
    return Film(
        "all",
        story.view.webp,
        story.view.size,
        words.dots_alt(story.view.name, story.people, story.rows),
        some,
        things(story, outlines),
        colours,
        story.timed,
        outlines,
        keyed if count > 2 else keyed[:1],
    )


def _first(story: Story, _person: int, outlines: bool) -> Film:
    index, thing = first_things(story.trace, story.things)
    some: list[Look] = []
    for person in np.flatnonzero(thing >= 0):
        x, y = story.trace.xy[person, index[person]]
        some.append((int(person), 0, float(x), float(y), 0.0, 0.0, int(thing[person])))
    shown = things(story, outlines)
    begun = sorted((row for row in story.rows if row.first > 0), key=lambda row: -row.first)
    return Film(
        "first",
        story.view.webp,
        story.view.size,
        words.firsts_alt(story.view.name, story.rows),
        some,
        shown,
        (),
        story.timed,
        outlines,
        [(shown[row.number].colour, f"{row.name} {whole(row.first)}") for row in begun[: len(COLOURS)]],
    )


def things(story: Story, outlines: bool) -> list[Thing]:
    """The things as the player draws them; the rows say which come first."""
    by_number = {row.number: row for row in story.rows}
    begun = sorted(story.rows, key=lambda row: -row.first)
    colours = {row.number: COLOURS[n] if n < len(COLOURS) else GREY for n, row in enumerate(begun)}
    named = {row.number for row in story.rows[:LABELS] if row.seen >= SEEN} if outlines else set()
    made = []
    for number, area in enumerate(story.things):
        row, (x, y, width, height) = by_number[number], area.box
        share = whole(row.first) if row.first >= RING else ""
        outlined = not area.kind or row.seen >= SEEN
        label = area.name if number in named else ""
        middle = (x + width / 2, y + height / 2)
        seen = round(row.seen, 3)
        made.append(
            Thing(area.name, area.box, area.points, middle, seen, outlined, row.first, share, colours[number], label)
        )
    return made


def drawn(story: Story, person: int, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The path of one observer over the picture at its full size; numbers stand beside the things."""
    some = np.isfinite(story.trace.xy[person]).all(1)
    boxes = np.array([thing.box for thing in story.things], np.float64).reshape(-1, 4)
    return scanpath(image, story.trace.xy[person][some], story.trace.rollouts.duration[person][some], avoid=boxes)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
