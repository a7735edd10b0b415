"""Gaze made of known events, for the tests of `data.events`."""

import numpy as np

from data.gaze import Samples, Screen

SCREEN = Screen(1024, 768, 38.0, 30.0, 67.0)
PLACES = [(-8.0, -3.0), (2.0, 4.0), (9.0, 1.0), (-1.0, -5.0)]  # degrees
HOLD, WAY = 300.0, 50.0  # milliseconds of a fixation and of a saccade


def record(degrees: np.ndarray, rate: float, time: np.ndarray | None = None) -> Samples:
    """Samples of a gaze in degrees."""
    cm = np.tan(np.radians(degrees)) * SCREEN.distance_cm
    xy = cm * [SCREEN.width / SCREEN.width_cm, SCREEN.height / SCREEN.height_cm] + [SCREEN.width / 2, SCREEN.height / 2]
    at = np.arange(len(degrees)) * 1000 / rate if time is None else time
    return Samples("anna", "001.jpg", at, xy, SCREEN)


def gaze(time: np.ndarray) -> np.ndarray:
    """Four fixations of `HOLD` with smooth saccades of `WAY` between them, degrees."""
    place, within = np.divmod(time, HOLD + WAY)
    share = np.clip((within - HOLD) / WAY, 0, 1)
    share = share - np.sin(2 * np.pi * share) / (2 * np.pi)
    stops = np.array([*PLACES, PLACES[-1]])
    index = np.minimum(place.astype(int), len(PLACES) - 1)
    return np.asarray(stops[index] + share[:, None] * (stops[index + 1] - stops[index]))


def four(rate: float, noise: float = 0.02) -> Samples:
    """Those fixations at a rate, with noise in degrees."""
    time = np.arange(0, 4 * (HOLD + WAY) - WAY, 1000 / rate)
    return record(gaze(time) + np.random.default_rng(0).normal(0, noise, (len(time), 2)), rate)


def pixels(degrees: list[tuple[float, float]]) -> np.ndarray:
    return record(np.array(degrees), 1.0).xy


def steady(*parts: tuple[float, int]) -> np.ndarray:
    """Degrees of a gaze that moves right at so many degrees per second for so many samples of 2 ms, part after part."""
    pace = np.concatenate([np.full(count, each) for each, count in parts])
    return np.stack([np.cumsum(pace) * 0.002 - 30, np.zeros(len(pace))], 1)
