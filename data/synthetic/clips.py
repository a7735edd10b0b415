"""Clips made from pictures and the people who looked at them, from a seed: real fixations, made motion.

A clip is some shots with hard cuts between them. A shot shows one picture through a camera that stands still, pans,
zooms or is held by hand; in some a piece of another picture moves across it. The viewers of a shot look where people
looked at the picture, at the time at which they did, and their gaze moves with the picture. After a cut they stay where
they were until their first fixation on the new picture begins. Some of them follow what moves, late by the time that
eyes take; of some things that move hardly anybody takes notice. That is how films are looked at in outline only: a clip
tells whether a method for videos does what it should, not how good it is on real ones.

What is assumed beyond the pictures, so that long memories are not punished more than by films. Shots last 2 to 8 s, as
likely 2 to 4 as 4 to 8; films of today have a mean of about 4 s (Cutting, DeLong and Nothelfer 2010). More than half of
the cameras stand still. Who has come to the end of a scanpath goes on with that of another viewer of the picture. And
viewers of films agree more than those of pictures (Dorr et al. 2010; Smith and Mital 2013): a shot has a common target
for `COMMON` seconds, then another, each a place where many look at the picture, and a share of the fixations of its
time, `AGREE`, goes there. How large this share is in films was not measured here; it is a guess.

Cutting, DeLong and Nothelfer 2010, https://doi.org/10.1177/0956797610361679. Dorr, Martinetz, Gegenfurtner and Barth
2010, https://doi.org/10.1167/10.10.28. Smith and Mital 2013, https://doi.org/10.1167/13.8.16. Latency of the eyes:
Carpenter and Williams 1995, https://doi.org/10.1038/377059a0. What moves draws eyes: Mital, Smith, Hill and Henderson
2011, https://doi.org/10.1007/s12559-010-9074-z.

Shapes: `f` frames, `n` viewers, `h w` frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError
from data.gaze import Scanpath
from data.maps import onsets

WIDE = 30.0  # degrees: how wide a clip is taken to be shown
LATENCY = (270.0, 60.0)  # ms, mean and spread: until eyes follow what has begun to move
BEHIND = 60.0  # ms: eyes that follow are so late
JITTER = 40.0  # ms: spread that is added to the onsets of fixations
CAMERAS = {"still": 0.55, "pan": 0.15, "zoom": 0.15, "hand": 0.15}  # how likely each is
SHOT = (2.0, 8.0)  # seconds
COMMON = (1.0, 3.0)  # seconds for which a target is common to the viewers of a shot
AGREE = (0.2, 0.6)  # share of the fixations of a shot that go there, least and most
NEAR = 2.0  # degrees about a fixation whose neighbours tell where the target is
SPREAD = 0.6  # degrees: of gaze about what viewers share

Source = tuple[UInt8[np.ndarray, "_h _w 3"], tuple[Scanpath, ...]]


@dataclass(frozen=True)
class _Shot:
    """One picture through a camera, and perhaps something that moves across the frame."""

    picture: UInt8[np.ndarray, "_h _w 3"]
    start: float  # seconds
    end: float
    windows: Float[np.ndarray, "2 3"]  # at the start and the end: centre x, y and width, in pixels of the picture
    shake: Float[np.ndarray, "2 2"]  # of the hand: amplitude in widths of the frame, and phase, for x and y
    piece: UInt8[np.ndarray, "_p _q 4"] | None  # RGB and opacity
    track: Float[np.ndarray, "3 2"]  # where the piece is: first, in the middle, at last; in sizes of the frame

    def camera(self, time: float, size: tuple[int, int]) -> Float[np.ndarray, "2 3"]:
        """From pixels of the picture to pixels of the frame."""
        height, width = size
        share = (time - self.start) / (self.end - self.start)
        x, y, wide = (1 - share) * self.windows[0] + share * self.windows[1]
        scale = width / wide
        shake = self.shake[0] * width * np.sin(2 * np.pi * (1.3 * time + self.shake[1]))
        return np.array([[scale, 0, width / 2 - scale * x + shake[0]], [0, scale, height / 2 - scale * y + shake[1]]])

    def place(self, time: float, size: tuple[int, int]) -> Float[np.ndarray, "2"]:
        """Where the piece is, in pixels of the frame."""
        share = min(1.0, max(0.0, (time - self.start) / (self.end - self.start)))
        curve = np.array([(1 - share) ** 2, 2 * share * (1 - share), share**2])
        return np.asarray(curve @ self.track * (size[1], size[0]))


@dataclass(frozen=True)
class Clip:
    """Frames, when each is shown, and where the viewers look."""

    size: tuple[int, int]  # height, width
    times: Float[np.ndarray, " f"]  # seconds
    gaze: Float[np.ndarray, "f n 2"]  # pixels of the frame; NaN: not on it
    cuts: tuple[float, ...]  # seconds: when the second and each further shot begins
    shots: tuple[_Shot, ...]
    seed: int

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """The frames, one after the other: every `stride`th from `start` to before `stop`."""
        height, width = self.size
        for index, time in enumerate(self.times.tolist()):
            if index < start or (stop is not None and index >= stop) or (index - start) % stride:
                continue
            chance = np.random.default_rng((self.seed, 1, index))
            shot = next(each for each in reversed(self.shots) if each.start <= time + 1e-9)
            matrix = shot.camera(time, self.size)
            finer = cv2.GaussianBlur(shot.picture, (0, 0), max(0.3, 0.45 / matrix[0, 0]))
            frame = cv2.warpAffine(finer, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
            if shot.piece is not None:
                _paste(frame, shot.piece, shot.place(time, self.size))
            frame += chance.normal(0, 2, (height, width, 1)).astype(np.float32)
            yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def clip(
    sources: Sequence[Source],
    seed: int,
    size: tuple[int, int] = (198, 352),
    rate: float = 12.5,
    shots: int = 3,
    seconds: float = 3.0,
) -> Clip:
    """A clip of some shots from pictures, each with the scanpaths of people who looked at it for `seconds` or longer.

    Raises:
        GazeError: There are fewer than two pictures, or one that nobody looked at.
    """
    if len(sources) < 2 or not all(paths for _, paths in sources):
        raise GazeError("A clip is made of two pictures or more, each with scanpaths; give them.")
    chance = np.random.default_rng((seed, 0))
    chosen = chance.permutation(len(sources))[: shots + 1]
    viewers = min(len(sources[number][1]) for number in chosen)
    parts: list[_Shot] = []
    gaze: list[Float[np.ndarray, "n 2"]] = []
    times: list[float] = []
    last = np.tile(np.array(size[::-1]) / 2, (viewers, 1))  # of the frame, where the eyes are
    start = 0.0
    for place in range(shots):
        picture, paths = sources[chosen[place % len(chosen)]]
        other = sources[chosen[(place + 1) % len(chosen)]]
        length = round(float(np.exp(chance.uniform(*np.log(SHOT)))) * rate) / rate
        shot = _shot(chance, picture, other, start, start + length, size)
        moments = start + np.arange(round(length * rate)) / rate
        looks = _looks(chance, shot, paths[:viewers], moments, size, last, seconds)
        held = np.where(np.isnan(looks[-1]), last, looks[-1])
        parts, last, start = [*parts, shot], held, start + length
        gaze += list(looks)
        times += moments.tolist()
    cuts = tuple(part.start for part in parts[1:])
    return Clip(size, np.array(times), np.array(gaze), cuts, tuple(parts), seed)


def _shot(
    chance: np.random.Generator,
    picture: UInt8[np.ndarray, "_h _w 3"],
    other: Source,
    start: float,
    end: float,
    size: tuple[int, int],
) -> _Shot:
    height, width = picture.shape[:2]
    widest = min(width, height * size[1] / size[0])
    kind = str(chance.choice(list(CAMERAS), p=list(CAMERAS.values())))
    wide = widest * np.full(2, 0.92)
    middle = np.tile([width / 2, height / 2], (2, 1))
    if kind == "zoom":
        wide = widest * np.array([0.95, chance.uniform(0.55, 0.8)])[:: chance.choice([-1, 1])]
    elif kind == "pan":
        wide = widest * np.full(2, chance.uniform(0.55, 0.75))
    room = np.array([width, height]) - wide[:, None] * (1, size[0] / size[1])
    if kind == "pan":
        middle = middle + room / 2 * np.array([[-1, -1], [1, 1]]) * chance.choice([-1, 1], 2) * chance.uniform(
            0.4, 1, 2
        )
    shake = np.zeros((2, 2))
    if kind == "hand":
        shake = np.stack([chance.uniform(0.004, 0.015, 2), chance.uniform(0, 1, 2)])
    piece, track = None, np.zeros((3, 2))
    if chance.random() < 0.6:
        piece = _piece(chance, other, round(chance.uniform(0.12, 0.24) * size[1]))
        side = chance.choice([-1, 1])
        reach = chance.uniform(0.15, 0.55)  # of the frame's width, each way
        across = 0.5 + side * np.array([-reach, chance.uniform(-0.1, 0.1), reach])
        track = np.stack([across, chance.uniform(0.25, 0.75, 3)], 1)
    return _Shot(picture, start, end, np.column_stack([middle, wide]), shake, piece, track)


def _piece(chance: np.random.Generator, source: Source, wide: int) -> UInt8[np.ndarray, "_p _q 4"]:
    """A soft-edged ellipse of a picture about a place that somebody looked at."""
    picture, paths = source
    points = np.concatenate([path.xy for path in paths])
    x, y = points[chance.integers(len(points))]
    reach = 0.13 * picture.shape[1]
    x, y = np.clip(x, reach, picture.shape[1] - reach), np.clip(y, reach, picture.shape[0] - reach)
    scale = wide / (2 * reach)
    matrix = np.array([[scale, 0, wide / 2 - scale * x], [0, scale, wide / 2 - scale * y]])
    cut = cv2.warpAffine(cv2.GaussianBlur(picture, (0, 0), max(0.3, 0.45 / scale)), matrix, (wide, wide))
    rows, columns = (np.mgrid[:wide, :wide] + 0.5) / wide * 2 - 1
    opacity = np.clip((1 - np.hypot(columns, rows / chance.uniform(0.7, 1))) * 8, 0, 1)
    return np.dstack([cut, (255 * opacity).astype(np.uint8)])


def _paste(
    frame: Float[np.ndarray, "h w 3"], piece: UInt8[np.ndarray, "_p _q 4"], place: Float[np.ndarray, "2"]
) -> None:
    """Lay a piece over a frame, its middle at a place that may lie outside."""
    height, width = frame.shape[:2]
    shift = place - np.array(piece.shape[1::-1]) / 2
    laid = cv2.warpAffine(piece, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), (width, height)).astype(np.float32)
    opacity = laid[..., 3:] / 255
    frame += opacity * (laid[..., :3] - frame)


def _looks(
    chance: np.random.Generator,
    shot: _Shot,
    paths: Sequence[Scanpath],
    moments: Float[np.ndarray, " f"],
    size: tuple[int, int],
    last: Float[np.ndarray, "n 2"],
    seconds: float,
) -> Float[np.ndarray, "f n 2"]:
    """Where the viewers of a shot look at some moments, in pixels of the frame."""
    looks = np.full((len(moments), len(paths), 2), np.nan)
    share = float(chance.uniform(0.3, 0.75)) if chance.random() > 0.25 else 0.05  # who follow what moves
    agree, targets = float(chance.uniform(*AGREE)), _targets(chance, shot, paths)
    for number in range(len(paths)):
        onset, places = _fixations(chance, paths, number, seconds, shot.end - shot.start)
        for row in np.flatnonzero(chance.random(len(onset)) < agree).tolist():
            common = next(place for until, place in targets if onset[row] < until)
            places[row] = common + chance.normal(0, SPREAD * shot.windows[0, 2] / WIDE, 2)
        follows = shot.piece is not None and chance.random() < share
        begins = max(0.1, chance.normal(*LATENCY) / 1000)
        ends = begins + chance.uniform(0.8, 2.5)
        offset = chance.normal(0, SPREAD * size[1] / WIDE, 2)
        for row, moment in enumerate(moments):
            since = moment - shot.start
            if follows and begins <= since < ends:
                point = shot.place(moment - BEHIND / 1000, size) + offset
            elif not len(onset) or since < onset[0]:
                point = last[number]
            else:
                at = places[int(np.searchsorted(onset, since, side="right")) - 1]
                point = shot.camera(float(moment), size) @ np.append(at, 1.0)
            if (point >= 0).all() and (point < size[::-1]).all():
                looks[row, number] = point
    return looks


def _targets(
    chance: np.random.Generator, shot: _Shot, paths: Sequence[Scanpath]
) -> list[tuple[float, Float[np.ndarray, "2"]]]:
    """What the viewers of a shot share, one after the other: until when (seconds since the cut), and its place."""
    points = np.concatenate([path.xy for path in paths])
    found, until = list[tuple[float, Float[np.ndarray, "2"]]](), 0.0
    while len(points) and until < shot.end - shot.start:
        near = np.hypot(*(points - points[chance.integers(len(points))]).T) < NEAR * shot.windows[0, 2] / WIDE
        until += float(chance.uniform(*COMMON))
        found.append((until, points[near].mean(0)))
    return [*found, (np.inf, found[-1][1])] if found else []


def _fixations(
    chance: np.random.Generator, paths: Sequence[Scanpath], number: int, seconds: float, length: float
) -> tuple[Float[np.ndarray, " l"], Float[np.ndarray, "l 2"]]:
    """When the fixations of a viewer begin, in seconds, and where: after the own ones those of other viewers."""
    onset = onsets(paths[number], seconds) / 1000 + chance.normal(0, JITTER / 1000)
    times, places, begun = [onset], [paths[number].xy], seconds
    while len(onset) and begun < length:
        other = paths[int(chance.integers(len(paths)))]
        times.append(begun + onsets(other, seconds) / 1000)
        places.append(other.xy)
        begun += seconds
    joined = np.concatenate(times)
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate(places)[order]
