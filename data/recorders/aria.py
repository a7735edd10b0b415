"""Project Aria's machine perception services (MPS): the eye gaze of Aria's glasses, Gen1 and Gen2, as CSV.

    tracking_timestamp_us,yaw_rads_cpf,pitch_rads_cpf,depth_m,yaw_low_rads_cpf,...          eyegaze.csv, one direction
    tracking_timestamp_us,left_yaw_rads_cpf,right_yaw_rads_cpf,pitch_rads_cpf,depth_m,...   with vergence, two
    tracking_timestamp_us,yaw_rads_cpf,pitch_rads_cpf,left_yaw_rads_cpf,...                 Gen2, both

A gaze is a direction in radians from the central pupil frame (CPF), which lies between the eyes and looks ahead with
the glasses: yaw to the wearer's left, pitch up. Where each eye has its own yaw, the point at which the two meet is
taken, tan yaw = (tan left + tan right) / 2, whatever the distance of the eyes. Empty cells are lost.

The files do not say the pixels of the scene camera: its fisheye picture needs the device's calibration, which is in the
recording (VRS) itself. Here the screen that is given is a rectified view along the glasses' forward axis, as the frames
of a pinhole camera: tan yaw and tan pitch become pixels by its width, height and distance.
https://facebookresearch.github.io/projectaria_tools/docs/data_formats/mps/mps_eye_gaze.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import scene_camera, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("aria", Evidence.COLUMNS, (".csv",))

YAW, PITCH = ("yaw_rads_cpf", "left_yaw_rads_cpf"), ("pitch_rads_cpf", "left_pitch_rads_cpf")


def sniff(path: Path, start: str) -> bool:
    """Whether the header has Aria's clock and a direction in the central pupil frame."""
    names = text_table.first_names(start)
    return "trackingtimestampus" in names and any(name.endswith("yawradscpf") for name in names)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """A recording as one trial, or one for each stretch of a column of pictures that was added to the file.

    Raises:
        RecordingError: The file has no direction of gaze, or no rectified view was given.
    """
    path = Path(path)
    table = text_table.read(path, tell=tell)
    clock = table.find("tracking_timestamp_us")
    if not clock or not table.find(*YAW) or not table.find(*PITCH):
        raise RecordingError(f"{path}: no gaze of Aria in it; give eyegaze.csv or general_eye_gaze.csv of the MPS.")
    if None in (getattr(screen, name, None) for name in ("width", "height", "width_cm", "height_cm", "distance_cm")):
        problem = "its gaze is a direction, and only the device's calibration makes pixels of the scene camera of it"
        mend = "rectify its frames and give that view, as in --screen 1408x1408 --screen-cm 200x200 --distance-cm 100"
        raise RecordingError(f"{path}: {problem}; {mend}.")
    display = units.geometry(path, screen, units.Setup())
    scene_camera.tell_that_it_moves(path, tell)
    time = units.milliseconds(path, table.numbers(clock), "", "us", tell)
    ahead = _tangents(table)
    focal = np.array([display.width / display.width_cm, display.height / display.height_cm]) * display.distance_cm
    middle = np.array([display.width, display.height]) / 2
    xy = units.seen(path, ahead, middle - ahead * focal, display, tell)
    shown = table.words_or(table.chosen(stimulus_column), stimulus)
    who = np.full(len(table), subject or stem(path), object)
    yield from trials.trials(path, time, xy, display, (who, shown), tell=tell)


def _tangents(table: TextTable) -> Float[np.ndarray, "n 2"]:
    """How far to the left and up the gaze goes at distance 1, NaN where it is lost or not ahead."""
    return np.stack([_tangent(table, "yaw_rads_cpf"), _tangent(table, "pitch_rads_cpf")], 1)


def _tangent(table: TextTable, name: str) -> Float[np.ndarray, " n"]:
    """The tangent of an angle; of those of both eyes the mean, or that of one where the other is lost."""
    names = [name] if table.find(name) else [f"left_{name}", f"right_{name}"]
    angles = [table.numbers(column) for it in names if (column := table.find(it))]
    tangents = np.stack([np.tan(np.where(np.abs(angle) < np.pi / 2, angle, np.nan)) for angle in angles])
    count = np.isfinite(tangents).sum(0)
    total = np.where(np.isfinite(tangents), tangents, 0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
