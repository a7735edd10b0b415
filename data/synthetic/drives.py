"""Drives made from a seed: a road with traffic, drawn as a driver sees it, and where several made drivers look.

Nobody drove, and nobody looked: what drivers do here (`data.synthetic.drivers`) is what papers say of them in outline.
Such drives tell whether a network for drivers' attention learns, and whether it makes use of what it saw before; never
how good it is on a real road. They stand in where no recording is at hand, for tests and for trying a recipe.

A street in a town with parked cars, houses, trees and people on the pavements, straight or slightly bent. The own car
keeps its distance (the intelligent driver model: Treiber, Hennecke and Helbing 2000,
https://doi.org/10.1103/PhysRevE.62.1805). Of dangers there are three: somebody crosses, in half of the cases first
hidden by a parked van; the car ahead brakes; a traffic light ahead turns red. Time tells much of where drivers look: a
danger that is new is looked at late, then by nearly all, then by few; a person who walks into the road looks in one
frame like one who stands there; and behind most vans there is nobody.

Shapes: `f` frames, `n` drivers. Metres, seconds; pixels of a frame.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from data.synthetic.drivers import Target, look
from data.synthetic.road_view import FAR, KERBS, LANE, Colour, Thing, View, degree, draw, hidden

SIZE = (180, 320)
RATE = 10.0  # frames a second
BAYS = (-6.5, 2.95)  # the middle of a parked car, on either side
WALK = 1.4  # metres a second
SKIES: tuple[tuple[Colour, float], ...] = (((172, 198, 228), 1.0), ((196, 200, 204), 0.85), ((214, 176, 150), 0.65))
PAINTS: tuple[Colour, ...] = (
    (200, 202, 204), (40, 42, 48), (60, 84, 132), (150, 44, 40), (92, 96, 98), (212, 196, 150), (46, 92, 70),
)  # fmt: skip
CLOTHES: tuple[Colour, ...] = (
    (168, 60, 56),
    (58, 92, 150),
    (210, 190, 90),
    (70, 72, 80),
    (98, 140, 92),
    (225, 222, 215),
)
WALLS: tuple[Colour, ...] = ((176, 152, 132), (150, 120, 104), (188, 182, 170), (132, 136, 142), (202, 186, 150))


@dataclass
class _Actor:
    """Something on or beside the road, as it is now; `along` is its near end, in metres from where the drive began."""

    thing: Thing
    along: float
    speed: float = 0.0  # along the road
    walk: float = 0.0  # across it, once it has started
    trigger: float = -1.0  # metres ahead of the own car at which it starts to cross; below 0: it never does
    started: bool = False
    brakes: tuple[float, float] = (np.inf, np.inf)  # when it begins to brake, and when it ends
    turns: float = np.inf  # when a light leaves green

    @property
    def danger(self) -> bool:
        """Whether a driver should look at it."""
        kind, x = self.thing.kind, self.thing.x
        if kind == "person":
            return self.started and KERBS[0] - 2.5 < x < KERBS[1] + 4.5 and (x - 0.5) * self.walk < 2.0
        return bool(self.thing.lit) if kind == "car" else kind == "signal" and self.thing.lit < 2


@dataclass(frozen=True)
class Moment:
    """What there is while a frame is shown."""

    view: View
    things: tuple[Thing, ...]
    targets: tuple[Target, ...]  # what drivers may look at
    speed: float  # of the own car


@dataclass(frozen=True)
class Drive:
    """Frames, when each is shown, and where the drivers look."""

    moments: tuple[Moment, ...]
    times: Float[np.ndarray, " f"]
    gaze: Float[np.ndarray, "f n 2"]  # NaN: not on the frame, or the eyes are shut
    seed: int

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """The frames, one after the other: every `stride`th from `start` to before `stop`."""
        for index in range(*slice(start, stop, stride).indices(len(self.moments))):
            moment = self.moments[index]
            chance = np.random.default_rng((self.seed, 1, index))
            noise = 2 * chance.standard_normal((*moment.view.size, 1), np.float32)
            noisy = draw(moment.view, moment.things) + noise
            yield np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy).astype(np.uint8)


def drive(
    seed: int, size: tuple[int, int] = SIZE, rate: float = RATE, seconds: float = 8.0, drivers: int = 12
) -> Drive:
    """A drive of some seconds and its drivers; all of them look at the same road.

    Args:
        seed: The same number gives the same drive.
        size: Height and width of a frame.
        rate: Frames a second.
        seconds: How long it is.
        drivers: How many look.
    """
    chance = np.random.default_rng((seed, 0))
    wanted = float(chance.uniform(7, 12))
    actors = _street(chance, wanted, seconds)
    bend = (
        (0.0, 0.0) if chance.random() < 0.4 else (float(chance.uniform(-0.0035, 0.0035)), float(chance.uniform(20, 60)))
    )
    sky, light = SKIES[int(chance.integers(len(SKIES)))]
    shake, along, speed = float(chance.uniform(0, 2 * np.pi)), 0.0, wanted * float(chance.uniform(0.8, 1))
    moments: list[Moment] = []
    for index in range(round(seconds * rate)):
        now = index / rate
        push = _acceleration(actors, along, speed, wanted)
        speed = max(0.0, speed + push / rate)
        along += speed / rate
        for actor in actors:
            _move(actor, now, 1 / rate, along, speed)
        pitch = 0.004 * np.sin(7.1 * now + shake) * speed / 10 - 0.0015 * push
        turn = bend[0] * float(np.sin((along + bend[1]) / 40)) if bend[1] else 0.0
        view = View(size, turn, float(pitch), along, sky, light)
        things = tuple(dataclasses.replace(actor.thing, z=actor.along - along) for actor in actors)
        moments.append(Moment(view, things, _targets(view, actors, things), speed))
    gaze = look(chance, [moment.targets for moment in moments], size, degree(size), 1 / rate, drivers)
    return Drive(tuple(moments), np.arange(len(moments)) / rate, gaze, seed)


def _acceleration(actors: list[_Actor], along: float, speed: float, wanted: float) -> float:
    """The intelligent driver model: towards the wanted speed, behind whatever is in the way."""
    strongest = 0.0
    for actor in actors:
        ahead = actor.along - along - 2.0
        thing = actor.thing
        person = thing.kind == "person" and actor.started and -LANE < thing.x + actor.walk < KERBS[1] + 1.5
        car = thing.kind == "car" and abs(thing.x) < 1
        light = thing.kind == "signal" and thing.lit < 2 and ahead > speed
        if ahead > 0.2 and (person or car or light):
            gap = 2.5 + max(0.0, 1.2 * speed + speed * (speed - actor.speed) / (2 * np.sqrt(1.5 * 3.0)))
            strongest = max(strongest, (gap / ahead) ** 2)
    return float(np.clip(1.5 * (1 - (speed / wanted) ** 4 - strongest), -7.0, 1.5))


def _move(actor: _Actor, now: float, step: float, along: float, speed: float) -> None:
    """What it does until the next frame."""
    thing = actor.thing
    if not actor.started and 0 < actor.along - along < actor.trigger:
        actor.started = True
    if thing.kind == "car" and abs(thing.x) < 1:
        braking = actor.brakes[0] <= now < actor.brakes[1]
        actor.speed = (
            max(0.0, actor.speed - 3.8 * step) if braking else actor.speed + max(0.0, 10 - actor.speed) * 0.2 * step
        )
        actor.thing = dataclasses.replace(thing, lit=int(braking))
    elif thing.kind == "signal":
        actor.thing = dataclasses.replace(thing, lit=2 if now < actor.turns else 1 if now < actor.turns + 1.5 else 0)
    elif thing.kind == "person":
        pace = abs(actor.speed) + (abs(actor.walk) if actor.started else 0.0)
        across = actor.walk * step if actor.started and abs(thing.x) < 9.5 else 0.0
        actor.thing = dataclasses.replace(thing, x=thing.x + across, phase=thing.phase + 5.5 * pace * step)
    actor.along += actor.speed * step


def _targets(view: View, actors: list[_Actor], things: tuple[Thing, ...]) -> tuple[Target, ...]:
    """Where the road goes, and of all else what may be looked at."""
    found = [Target(-1, "road", view.at(0, 0.5, 40.0), False, True)]
    for number, (actor, thing) in enumerate(zip(actors, things, strict=True)):
        ahead = thing.kind == "car" and abs(thing.x) < 1
        kind = "ahead" if ahead else thing.kind
        if kind in ("ahead", "oncoming", "person", "signal", "car", "van") and 2 < thing.z < 60:
            height = thing.high * {"person": 0.75, "signal": 0.85}.get(kind, 0.5)
            seen = thing.kind != "person" or not hidden(thing, things)
            found.append(Target(number, kind, view.at(thing.x, height, thing.z), actor.danger, seen))
    return tuple(found)


def _street(chance: np.random.Generator, speed: float, seconds: float) -> list[_Actor]:
    """Everything that the drive passes, at its start."""
    length = speed * seconds + 90
    actors: list[_Actor] = []
    crossers = _crossers(chance, speed, seconds)
    taken = [(actor.along, float(np.sign(actor.thing.x))) for actor in crossers]
    for side in (-1, 1):
        actors += _bay(chance, side, length, [along for along, other in taken if other == side])
        actors += _scenery(chance, side, length)
    for actor in crossers:
        if chance.random() < 0.5:
            bay = BAYS[0] if actor.thing.x < 0 else BAYS[1]
            actors.append(_parked(chance, bay, actor.along - 0.9 - 5.2, True))
    for _ in range(int(chance.integers(4, 9))):
        side, walks = chance.choice([-1, 1]), chance.random() < 0.5
        x = float(side * chance.uniform(4.2, 6.2) if side > 0 else side * chance.uniform(7.7, 9.6))
        actors.append(
            _person(chance, x, float(chance.uniform(8, length)), WALK * chance.choice([-1, 1]) if walks else 0.0)
        )
    for begin in chance.uniform(25, 2 * length, int(chance.integers(1, 5))):
        paint = PAINTS[int(chance.integers(len(PAINTS)))]
        actors.append(
            _Actor(Thing("oncoming", -LANE, 0, 1.8, 1.5, 4.3, paint), float(begin), -float(chance.uniform(8, 11)))
        )
    return [*actors, *crossers, *_ahead(chance, speed, seconds)]


def _bay(chance: np.random.Generator, side: int, length: float, crossed: list[float]) -> list[_Actor]:
    """Cars and vans that are parked on one side, but for where people cross."""
    found: list[_Actor] = []
    along = float(chance.uniform(2, 12))
    while along < length:
        van = chance.random() < 0.35
        if not any(-1.5 < along + 5.5 - at < 8 for at in crossed) and chance.random() < 0.6:
            found.append(_parked(chance, BAYS[0] if side < 0 else BAYS[1], along, van))
        along += float(chance.uniform(6, 9))
    return found


def _scenery(chance: np.random.Generator, side: int, length: float) -> list[_Actor]:
    """Houses and trees on one side."""
    found: list[_Actor] = []
    for begin in np.arange(0, length, 14.0).tolist():
        if chance.random() < 0.75:
            high, deep = (float(chance.uniform(*ends)) for ends in ((5, 13), (9, 13.5)))
            colour = WALLS[int(chance.integers(len(WALLS)))]
            x = -15.0 if side < 0 else 16.0
            found.append(_Actor(Thing("building", x, 0, 8, high, deep, colour), begin))
        if chance.random() < 0.5:
            crown = (60.0 + chance.uniform(0, 30), 100.0 + chance.uniform(0, 30), 56.0)
            x, high = -9.6 if side < 0 else 6.2, float(chance.uniform(4, 6))
            found.append(_Actor(Thing("tree", x, 0, 2.6, high, 0, crown), begin + float(chance.uniform(0, 9))))
    return found


def _ahead(chance: np.random.Generator, speed: float, seconds: float) -> list[_Actor]:
    """A car ahead that brakes, or a light that turns, or neither."""
    kind = chance.random()
    if kind < 0.45:
        begin = float(chance.uniform(0.8, max(0.8, seconds - 1.5)))
        paint = PAINTS[int(chance.integers(len(PAINTS)))]
        car = Thing("car", 0.0, 0, 1.8, 1.5, 4.3, paint)
        brakes = (begin, begin + float(chance.uniform(1.2, 2.2)))
        return [_Actor(car, float(chance.uniform(12, 22)), speed, brakes=brakes)]
    if kind < 0.75:
        signal = Thing("signal", KERBS[1] + 0.5, 0, 0.5, 3.6, 0, (0, 0, 0), lit=2)
        turns = float(chance.uniform(0.5, max(0.5, seconds - 1))) if chance.random() < 0.75 else np.inf
        return [_Actor(signal, float(speed * chance.uniform(0.4, 0.9) * seconds + 20), turns=turns)]
    return []


def _parked(chance: np.random.Generator, x: float, along: float, van: bool) -> _Actor:
    wide, high, long = (1.95, 2.3, 5.2) if van else (1.75, 1.45, 4.2)
    paint = PAINTS[int(chance.integers(len(PAINTS)))]
    return _Actor(Thing("van" if van else "car", x, 0, wide, high, long, paint), along)


def _person(chance: np.random.Generator, x: float, along: float, speed: float = 0.0) -> _Actor:
    colour = CLOTHES[int(chance.integers(len(CLOTHES)))]
    return _Actor(Thing("person", x, 0, 0.5, 1.75, 0, colour, phase=float(chance.uniform(0, 6))), along, speed)


def _crossers(chance: np.random.Generator, speed: float, seconds: float) -> list[_Actor]:
    """One or two people who will walk across the road in front of the own car."""
    found = []
    begins = [chance.uniform(0.5, 2.5)]
    if chance.random() < 0.5 and seconds > 5.5:
        begins.append(chance.uniform(4.0, seconds - 1.5))
    for begin in begins:
        reach = float(speed * chance.uniform(1.4, 2.4) + 8)
        x = float(chance.uniform(5.4, 6.4) if chance.random() < 0.6 else -chance.uniform(8.2, 9.2))
        actor = _person(chance, x, float(speed * begin + reach))
        actor.trigger, actor.walk = min(reach, FAR / 3), -np.sign(x) * WALK * float(chance.uniform(0.9, 1.3))
        found.append(actor)
    return found
