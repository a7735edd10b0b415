"""Which object was fixated when, and for how long each was: the tables that a round becomes.

    boxes.csv       every box: when, where, its track, its class and how sure that is
    fixations.csv   every fixation: when, where, the object that it is on ("" none) and its box
    areas.csv       every class: visits, fixations, dwell, its share, the first fixation
    objects.json    the boxes of interest of all sampled frames, in the form of COCO; pictures are the project's frames/
    set/            a data set in the table format for `gaze train oat`: views, their objects, the paths over them
    results.json    counts, and what was left out

Without gaze boxes.csv and objects.json are written. A visit is a run of fixations on one object; what is on nothing in
between does not end it.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from annotation import views
from annotation.boxes import Boxes, Frames
from annotation.fixated import Fixated, fixated, looks
from annotation.recording import Recording
from annotation.rounds import Prediction
from annotation.sampling import frame_file, kept_size
from data.atomic import atomic_write
from data.errors import GazeError
from data.gaze import Picture
from data.spreadsheet import to_csv
from data.table.objects_json import to_coco

__all__ = ["Area", "Results", "looks", "results"]

SUMMARY = "results.json"
BOX = ("x", "y", "width", "height")


@dataclass(frozen=True)
class Area:
    """What the person did with the objects of one class; times in milliseconds, NaN where it was never looked at."""

    name: str
    fixations: int
    visits: int
    dwell_ms: float  # the sum of its fixations' durations
    share: float  # of the durations of all fixations, also of those on nothing
    first_ms: float  # the onset of the first fixation
    mean_ms: float  # a fixation


@dataclass(frozen=True)
class Results:
    """What a round becomes; `write` keeps it."""

    project: Path
    frames: Frames
    boxes: Boxes
    prediction: Prediction
    subject: str = ""
    fixations: tuple[Fixated, ...] | None = None  # None: there is no gaze
    areas: tuple[Area, ...] = ()
    notes: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> list[Path]:
        """Write the tables, in place of those of an earlier round; what was written.

        Raises:
            GazeError: The folder holds other things, or cannot be written.
        """
        try:
            ours = (folder / SUMMARY).is_file()
            if folder.exists() and not ours and any(folder.iterdir()):
                raise GazeError(f"{folder}: holds other files; give a new folder for the results.")
            folder.mkdir(parents=True, exist_ok=True)
            _text(folder / SUMMARY, json.dumps(self._summary(), indent=1))  # first, so that a kill leaves ours
            written = [self._boxes(folder / "boxes.csv"), self._objects(folder / "objects.json")]
            if self.fixations is not None:
                written += [self._fixations(folder / "fixations.csv"), self._areas(folder / "areas.csv")]
                written += self._set(folder / "set", self.fixations)
        except OSError as error:
            raise GazeError(f"{folder}: cannot be written ({error.strerror}); make room, or mend the path.") from error
        return [*written, folder / SUMMARY]

    def _summary(self) -> dict[str, Any]:
        names = self.prediction.names
        counts = {name: int((names == name).sum()) for name in self.prediction.classes}
        gaze = {} if self.fixations is None else {"fixations": len(self.fixations), "subject": self.subject}
        return {"frames": len(self.frames), "boxes": len(self.boxes), "boxes_of_class": counts, **gaze}

    def _boxes(self, path: Path) -> Path:
        names, sure = self.prediction.names, sureness(self.prediction)
        columns = ["box", "frame", "time_ms", *BOX, "track", "object", "probability"]
        tracks = self.prediction.track.tolist()
        rows = (
            [number, int(frame), _ms(time), *map(_short, box), tracks[number], names[number], _short(sure[number], 4)]
            for number, (frame, time, box) in enumerate(
                zip(self.boxes.frame, self.boxes.time_s, self.boxes.box.tolist(), strict=True)
            )
        )
        return _text(path, to_csv(columns, rows))

    def _fixations(self, path: Path) -> Path:
        columns = ["fixation", "start_ms", "duration_ms", "x", "y", "object", "probability", "frame", "box", "track"]
        rows: list[list[object]] = []
        for number, each in enumerate(self.fixations or ()):
            on = each.box >= 0
            sides = map(_short, self.boxes.box[each.box].tolist()) if on else [""] * 4
            box: list[object] = [each.box, int(self.prediction.track[each.box])] if on else ["", ""]
            place: list[object] = [_ms(each.onset_s), _ms(each.duration_s), *map(_short, each.xy)]
            rows.append([number, *place, each.name, _short(each.probability, 4), each.frame, *box, *sides])
        return _text(path, to_csv([*columns, *(f"box_{side}" for side in BOX)], rows))

    def _areas(self, path: Path) -> Path:
        columns = ["object", "fixations", "visits", "dwell_ms", "share", "first_fixation_ms", "mean_fixation_ms"]
        rows = (
            [
                a.name,
                a.fixations,
                a.visits,
                _short(a.dwell_ms),
                _short(a.share, 4),
                _short(a.first_ms),
                _short(a.mean_ms),
            ]
            for a in self.areas
        )
        return _text(path, to_csv(columns, rows))

    def _objects(self, path: Path) -> Path:
        height, width = kept_size(self.frames.size)
        scale, names = width / self.frames.size[1], self.prediction.names
        pictures = [Picture(frame_file(self.project, at).name, width, height) for at in range(len(self.frames))]
        objects = {picture.name: views.objects_of(self.boxes, names, at, scale) for at, picture in enumerate(pictures)}
        return _text(path, json.dumps(to_coco(pictures, objects)))

    def _set(self, root: Path, fixations: Sequence[Fixated]) -> list[Path]:
        if root.exists():  # of an earlier round
            shutil.rmtree(root)
        names = self.prediction.names
        count = views.write_set(root, self.project, self.frames, self.boxes, names, fixations, self.subject)
        return [root] if count else []


def results(
    project: Path, frames: Frames, boxes: Boxes, prediction: Prediction, recording: Recording | None
) -> Results:
    """What a round says of the gaze; without gaze what it says of the boxes alone."""
    if recording is None:
        return Results(project, frames, boxes, prediction)
    found = fixated(frames, boxes, prediction.names, sureness(prediction), recording)
    subject = recording.subject or "viewer"
    areas = tuple(_area(name, found) for name in sorted(filter(None, prediction.classes)))
    return Results(project, frames, boxes, prediction, subject, tuple(found), areas)


def sureness(prediction: Prediction) -> np.ndarray:
    """The probability of each box's class, (n,); NaN without any label."""
    shares = prediction.probabilities
    return shares.max(1) if shares.shape[1] else np.full(len(shares), np.nan)


def _area(name: str, fixations: Sequence[Fixated]) -> Area:
    own = [each for each in fixations if each.name == name]
    named = [each.name for each in fixations if each.name]
    visits = sum(one == name and other != name for one, other in zip(named, ["", *named], strict=False))
    dwell = sum(each.duration_s for each in own) * 1000
    total = sum(each.duration_s for each in fixations) * 1000
    first = own[0].onset_s * 1000 if own else np.nan
    return Area(
        name, len(own), visits, dwell, dwell / total if total else np.nan, first, dwell / len(own) if own else np.nan
    )


def _text(path: Path, text: str) -> Path:
    with atomic_write(path) as file:
        file.write(text.encode())
    return path


def _ms(seconds: float) -> float:
    return round(float(seconds) * 1000, 2)


def _short(number: float, digits: int = 2) -> float:
    return round(float(number), digits)
