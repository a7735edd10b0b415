"""Tobii Pro Glasses 2: `livedata.json.gz` of a segment, as it lies on the card.

    recordings/t3ic6aq/participant.json                         {"pa_info": {"Name": "Anna"}}
    recordings/t3ic6aq/segments/1/livedata.json.gz              one packet a line, not in the order of their times:

    {"ts":84415010,"s":0,"gidx":1427,"pd":3.43,"eye":"left"}
    {"ts":84415010,"s":0,"gidx":1427,"l":606718,"gp":[0.4404,0.4077]}
    {"ts":85374512,"s":0,"vts":0}

`gidx` joins the packets of one sample, `gp` is its place as shares of the scene camera's picture (1920 x 1080) from the
top-left corner, `ts` microseconds. A packet whose status `s` is not 0 is lost, and so is a sample without `gp`. A `vts`
packet says which moment of the video a time is: there times count from the video's first picture, and samples from
before it are negative. A segment is one trial; all segments of a recording are one person's. Without a screen given,
the camera's angle of view, 82 by 52 degrees, makes the degrees (Tobii Pro Glasses 2 Product Description; the gaze in
space, `gp3`, of two recordings makes 80 by 51).
Tobii Pro Glasses 2 API Developer's Guide, "Data streams"; Niehorster, Hessels and Benjamins 2020,
https://doi.org/10.3758/s13428-019-01314-1.
"""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import scene_camera, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.scene_clock import Clocked
from data.recorders.stages.text_table import Warn

RECORDER = Recorder("tobii-glasses", Evidence.LINES, ("livedata.json.gz", "livedata.json"))

SIZE = (1920, 1080)  # pixels of the scene camera
FOCAL = scene_camera.focal_length(SIZE[0], 82.0)
PACKET = re.compile(r'^\{"ts": ?\d+, ?"s": ?\d+, ?"', re.MULTILINE)


def sniff(path: Path, start: str) -> bool:
    """Whether the lines are packets with a time and a status."""
    return bool(PACKET.search(start))


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """A segment as one trial; its person is that of the recording, else `subject`.

    Raises:
        RecordingError: The file is damaged or holds no gaze, or the screen that was given is not whole.
    """
    path = Path(path)
    scene_camera.refuse_column(path, stimulus_column)
    milliseconds, xy, display, _ = _samples(path, screen, tell)
    who = _person(path) or subject or stem(path)
    yield from trials.whole(path, milliseconds, xy, display, (who, stimulus), None, tell)


def on_clock(path: Path | str, screen: Screen | units.Setup | None = None, *, tell: Warn = warnings.warn) -> Clocked:
    """The whole segment, its times counted from the video's first picture where the file tells that.

    Raises:
        RecordingError: As in `read`.
    """
    path = Path(path)
    time, xy, display, known = _samples(path, screen, tell)
    return Clocked(time, xy, display, _person(path) or stem(path), 0.0 if known else None)


def _samples(
    path: Path, screen: Screen | units.Setup | None, tell: Warn
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], Screen, bool]:
    """The times in milliseconds, the places in pixels, and whether the times count from the video's first picture."""
    display = scene_camera.geometry(path, screen, SIZE, FOCAL)
    packets = _packets(path, tell)
    time, written = _gaze(packets)
    if not len(time):
        raise RecordingError(
            f"{path}: no packet of it is a gaze point (gp); give the livedata of a calibrated segment."
        )
    scene_camera.tell_that_it_moves(path, tell)
    xy = units.seen(path, written, written * (display.width, display.height), display, tell)
    video = sorted((it["ts"], it["ts"] - it["vts"]) for it in packets if _is_number(it.get("vts")))
    zero = video[0][1] if video else 0
    milliseconds = units.milliseconds(path, time - zero, "", "us", tell)
    return milliseconds, xy, display, bool(video)


def _packets(path: Path, tell: Warn) -> list[dict[str, Any]]:
    """The packets of gaze and of the video; lines that are none are told of."""
    lines = [line for line in text_table.text(path, tell).split("\n") if '"gidx"' in line or '"vts"' in line]
    packets = []
    for line in lines:
        try:
            packet = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(packet, dict) and _is_number(packet.get("ts")):
            packets.append(packet)
    if len(packets) < len(lines):
        tell(f"{path}: {len(lines) - len(packets)} of {len(lines)} packets are damaged and are left out.")
    return packets


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18


def _gaze(packets: list[dict[str, Any]]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"]]:
    """Time in microseconds and place of each sample in order, NaN where it was lost.

    The first and the last sample of a file may be cut: none before the first and after the last `gp` is counted.
    """
    times: dict[float, float] = {}
    places: dict[float, tuple[float, float]] = {}
    whole: list[float] = []
    for packet in packets:
        index = packet.get("gidx")
        if not _is_number(index):
            continue
        place, good = packet.get("gp"), packet.get("s") == 0
        if "gp" in packet:
            whole.append(index)
        if "gp" in packet or index not in times:
            times[index] = packet["ts"]
        if good and isinstance(place, list) and len(place) == 2 and all(map(_is_number, place)):
            places[index] = (place[0], place[1])
    if not places:
        return np.zeros(0), np.zeros((0, 2))
    first, last = min(whole), max(whole)
    order = sorted((it for it in times if first <= it <= last), key=lambda index: (times[index], index))
    lost = (float("nan"), float("nan"))
    return np.array([times[it] for it in order], float), np.array([places.get(it, lost) for it in order], float)


def _person(path: Path) -> str:
    """The participant of the recording that a segment is of: the name, else the recording's; "" elsewhere."""
    folder = path.absolute().parent
    if folder.parent.name != "segments":
        return ""
    recording = folder.parent.parent
    try:
        about = json.loads((recording / "participant.json").read_bytes().decode("utf-8-sig"))
        name = about["pa_info"]["Name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = ""
    return name if isinstance(name, str) and name else recording.name
