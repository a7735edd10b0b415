"""Pupil Labs Neon, the folder that the glasses' own app writes (Pupil Cloud's "Native Recording Data").

    gaze_200hz.raw, gaze_200hz.time     float32 x, y; int64 nanoseconds since 1970 (UTC); computed after the recording
    gaze ps1.raw, gaze ps1.time         the same as it was computed during the recording, in parts ps1, ps2, ...
    gaze.dtype                          what a .raw holds, as numpy writes it: [("x", "float32"), ("y", "float32")]
    blinks ps1.raw, worn_200hz.raw      from when to when the eyes were closed; whether the glasses were worn (0: not)
    event.txt, event.time               a name a line, int64 nanoseconds
    info.json, wearer.json              the wearer's number and name
    calibration.bin                     the focal length of the scene camera

The recording is given as its folder or one of the gaze files; gaze_200hz is preferred. Places are pixels of the scene
camera from the top-left corner: 1600 x 1200, and 1088 x 1080 of Pupil Invisible, whose folders are alike but for the
serial number in info.json. Samples in blinks and while the glasses were not worn are lost. Each event begins a trial
named by it, which lasts to the next; recording.begin and .end only end. The maker's own fixations are not read.

Where the folder has no calibration, a focal length of 890 pixels is taken, since the maker's fixations and saccades in
a real recording have 15.5 pixels a degree (the 103 by 77 degrees of the documentation are of the distorted picture),
and 758 for Invisible, from the calibration of one.
https://docs.pupil-labs.com/neon/data-collection/data-format, https://github.com/pupil-labs/pl-neon-recording.
"""

import ast
import json
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import scene_camera, trials, units
from data.recorders.stages.recording_names import NEON, recording_names
from data.recorders.stages.scene_clock import Clocked
from data.recorders.stages.text_table import Warn

RECORDER = Recorder("neon", Evidence.FILE_NAME, ("gaze_200hz.raw", "gaze ps1.raw"), binary=True)

Camera = tuple[tuple[int, int], float]  # the size of its picture and its focal length, pixels
CAMERAS: dict[str, Camera] = {
    "module_serial_number": ((1600, 1200), 890.0),
    "glasses_serial_number": ((1088, 1080), 758.0),
}
GAZE = np.dtype([("x", "<f4"), ("y", "<f4")])
BLINKS = np.dtype([("event_type", "<i4"), ("start_timestamp_ns", "<i8"), ("end_timestamp_ns", "<i8")])
EDGES = ("recording.begin", "recording.end")
MATRIX = slice(7, 7 + 8)  # bytes of calibration.bin: a version, a serial number, then the camera's matrix of doubles


def sniff(path: Path, start: str) -> bool:
    """Whether a file has the name of Neon's gaze."""
    return bool(NEON.fullmatch(path.name))


def left_out(paths: Sequence[Path], given: Collection[Path]) -> dict[Path, str]:
    """All files but one of each recording's folder, each with the reason; other files that were `given` are read."""
    chosen: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda path: (path.name != "gaze_200hz.raw", path)):
        if NEON.fullmatch(path.name):
            chosen.setdefault(path.parent, path)
    spare = (path for path in paths if path.parent in chosen and path != chosen[path.parent])
    return {
        path: f"a recording of Neon, read as a whole from {chosen[path.parent].name}"
        for path in spare
        if NEON.fullmatch(path.name) or path not in given
    }


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of a recording; where it names no wearer, `subject` does, else the folder.

    Raises:
        RecordingError: A file is missing or damaged, or the screen that was given is not whole.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    scene_camera.refuse_column(path, stimulus_column)
    time, xy, display = _samples(path, folder, screen, tell)
    who = _wearer(folder) or subject or recording_names([path])[path]
    yield from trials.whole(path, time, xy, display, (who, stimulus), _marks(folder, path, tell), tell)


def on_clock(path: Path | str, screen: Screen | units.Setup | None = None, *, tell: Warn = warnings.warn) -> Clocked:
    """The whole recording; the times of the scene camera's first part tell when its video began.

    Raises:
        RecordingError: As in `read`.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    time, xy, display = _samples(path, folder, screen, tell)
    stamps = [_array(part, np.dtype("<i8")) for part in sorted(folder.glob("*Scene Camera*ps1.time"))]
    stamps += [_array(part, np.dtype("<i8")) for part in sorted(folder.glob("PI world*ps1.time"))]
    zero = next((float(each[0]) * 1e-6 for each in stamps if len(each)), None)
    return Clocked(time, xy, display, _wearer(folder) or recording_names([path])[path], zero)


def _samples(
    path: Path, folder: Path, screen: Screen | units.Setup | None, tell: Warn
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], Screen]:
    """The times in milliseconds and the places in pixels."""
    about = _document(folder / "info.json")
    size, focal = next((CAMERAS[key] for key in CAMERAS if key in about), CAMERAS["module_serial_number"])
    display = scene_camera.geometry(path, screen, size, _focal_length(folder) or focal)
    clock, gaze = _gaze(folder)
    if not len(clock):
        raise RecordingError(f"{folder}: no gaze in it; give a folder with gaze_200hz.raw or gaze ps1.raw and .time.")
    scene_camera.tell_that_it_moves(path, tell)
    with np.errstate(invalid="ignore"):  # damaged numbers
        written = np.stack([gaze["x"], gaze["y"]], 1).astype(float)
    written[_closed(folder, clock) | ~_worn(folder, clock)] = np.nan
    xy = units.seen(path, written, written * (display.width, display.height) / size, display, tell)
    time = units.milliseconds(path, clock.astype(float), "", "ns", tell)
    return time, xy, display


def _parts(folder: Path, name: str) -> list[Path]:
    """The parts of a stream: that of 200 Hz where there is one, else ps1, ps2, ..."""
    whole = folder / f"{name}_200hz.raw"
    if whole.is_file():
        return [whole]
    numbered = ((re.fullmatch(rf"{name} ps(\d+)\.raw", path.name), path) for path in sorted(folder.glob(f"{name} ps*")))
    return [path for _, path in sorted((int(match[1]), path) for match, path in numbered if match)]


def _stream(
    folder: Path, name: str, usual: np.dtype, clocked: bool = True
) -> tuple[Int64[np.ndarray, " n"], np.ndarray]:
    """Nanoseconds and values of a stream, all parts in one; what was cut off at the end of either is left out."""
    kind = _dtype(folder / f"{name}.dtype", usual)
    times, values = [np.zeros(0, np.int64)], [np.zeros(0, kind)]
    for part in _parts(folder, name):
        value = _array(part, kind)
        clock = part.with_suffix(".time")
        clock = clock if clock.is_file() else part.with_name(part.name.replace(name, "gaze", 1)).with_suffix(".time")
        time = _array(clock, np.dtype("<i8")) if clocked else np.zeros(len(value), np.int64)
        count = min(len(value), len(time))
        values.append(value[:count])
        times.append(time[:count])
    return np.concatenate(times), np.concatenate(values)


def _array(path: Path, kind: np.dtype) -> np.ndarray:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(
            f"{path}: it is missing or cannot be read; copy the whole folder of the recording."
        ) from error
    return np.frombuffer(content[: len(content) // kind.itemsize * kind.itemsize], kind)


def _dtype(path: Path, usual: np.dtype) -> np.dtype:
    """What the values of a stream are, from the file beside it; `usual` where that is not there or has other fields."""
    try:
        found = np.dtype([(str(name), str(kind)) for name, kind in ast.literal_eval(_beginning(path))])
    except (OSError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return usual
    plain = all(found[name].kind in "iuf" for name in found.names or ())
    return found.newbyteorder("<") if plain and set(usual.names or ()) <= set(found.names or ()) else usual


def _beginning(path: Path) -> str:
    """The text that a small file holds."""
    with path.open("rb") as file:
        return file.read(1 << 16).decode("utf-8").strip()


def _gaze(folder: Path) -> tuple[Int64[np.ndarray, " n"], np.ndarray]:
    return _stream(folder, "gaze", GAZE)


def _closed(folder: Path, clock: Int64[np.ndarray, " n"]) -> np.ndarray:
    """Which samples are in a blink."""
    parts = _parts(folder, "blinks")
    old = not (folder / "blinks.dtype").is_file() and all(part.stat().st_size % BLINKS.itemsize for part in parts)
    kind = np.dtype(BLINKS.descr[1:]) if old else BLINKS  # older apps wrote begin and end alone
    _, blinks = _stream(folder, "blinks", kind, clocked=False)
    closed = np.zeros(len(clock), bool)
    for blink in blinks:
        closed |= (clock >= blink["start_timestamp_ns"]) & (clock <= blink["end_timestamp_ns"])
    return closed


def _worn(folder: Path, clock: Int64[np.ndarray, " n"]) -> np.ndarray:
    """Whether the glasses were worn at each sample: as at the last moment that is recorded; else they were."""
    time, worn = _stream(folder, "worn", np.dtype([("worn", "u1")]))
    if not len(time):
        return np.ones(len(clock), bool)
    order = np.argsort(time, kind="stable")
    last = np.searchsorted(time[order], clock, "right") - 1
    return np.asarray(worn["worn"][order][np.maximum(last, 0)] > 0)


def _marks(folder: Path, path: Path, tell: Warn) -> trials.Marks | None:
    """When each trial began; None where nothing but the recording itself does."""
    names, clock = folder / "event.txt", folder / "event.time"
    if not (names.is_file() and clock.is_file()):
        return None
    time = _array(clock, np.dtype("<i8")) * 1e-6
    words = names.read_bytes().decode("utf-8", errors="replace").splitlines()[: len(time)]
    labels = np.array([None if word in EDGES else word for word in words], object)
    count = sum(label is not None for label in labels)
    if not count:
        return None
    tell(f"{path}: {count} trials from event.txt.")
    return trials.Marks(time[: len(labels)], np.zeros(len(labels)), labels)


def _wearer(folder: Path) -> str:
    """The wearer's name, else their number; "" where neither is there."""
    for name, key in (("wearer.json", "name"), ("info.json", "wearer_name"), ("info.json", "wearer_id")):
        found = _document(folder / name).get(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
    return ""


def _document(path: Path) -> dict[str, Any]:
    """What a JSON file says; nothing where it is missing or damaged, for it is not needed."""
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _focal_length(folder: Path) -> float:
    """The focal length of the scene camera in pixels, from its calibration; 0 where that is not there."""
    try:
        found = float(np.frombuffer((folder / "calibration.bin").read_bytes()[MATRIX], "<f8")[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return found if 200 < found < 5000 else 0.0
