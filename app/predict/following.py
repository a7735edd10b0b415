"""What `gaze predict --task following` does: what each person in a picture looks at.

Each picture becomes, as asked for: `png`: NAME.following.png, heads, cones of view and where they most likely look;
`json`: NAME.following.json as in `export/schema_following.json`; `npy`: NAME.following.npy (k, h, w), a natural-log
density of each person; `npz`: NAME.following.npz, the same at the maps' own size (`log_density`), with `head`, `place`
and `in_frame`. NAME is as in `app.predict.saliency`.
"""

import json
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float, UInt8

from app.predict import jobs, provenance
from app.predict.files import find_pictures, make_folder, output_names
from app.predict.provenance import Making, Provenance, described, digest
from app.predict.saliency import save_maps
from data import picture as pictures
from data.draw.following import Person, following
from data.errors import GazeError, ModelError, PictureError
from data.plain_text import json_safe
from export.runtime.contract import condition_index
from export.runtime.detector import Detector
from export.runtime.heads.faces import HeadDetector, check_head, inside
from export.runtime.heads.following import Followed, FollowingPredictor
from export.runtime.heads.head_pose import HeadPose
from export.runtime.records import FOLLOWING, FollowingRecord
from following import TASK
from following.baselines.cone import axis

FORMATS = ("png", "json", "npy", "npz")
Boxes = Float[np.ndarray, "k 4"]


@dataclass(frozen=True)
class Seen:
    """What the people in one picture look at."""

    people: tuple[Followed, ...]
    condition: str
    damaged: str = ""  # what is wrong with the picture's file


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where what people look at is written."""

    formats: tuple[str, ...] = FORMATS
    opacity: float = 0.6

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        return [self.folder / f"{self.names[path]}.following.{kind}" for kind in self.formats]

    def write(self, path: Path, picture: UInt8[np.ndarray, "h w 3"], seen: Seen, predictor: FollowingPredictor) -> None:
        """Write the files of one picture."""

        def content(name: str, file: IO[bytes]) -> None:
            if name.endswith(".png"):
                drawn = following(picture, [_drawn(person) for person in seen.people], self.opacity)
                file.write(pictures.encode(drawn))
            elif name.endswith(".npy"):
                planes = (person.full() for person in seen.people)
                save_maps(file, planes, (len(seen.people), *picture.shape[:2]))
            elif name.endswith(".npz"):
                np.savez_compressed(file, **arrays(seen))  # type: ignore[arg-type]
            else:
                file.write(to_json(seen, predictor, picture.shape, str(path)).encode())

        self.fill(path, content, seen.damaged)


def arrays(seen: Seen) -> dict[str, np.ndarray]:
    """What people look at as arrays by name, of k people."""
    people = seen.people
    return {
        "log_density": np.array([person.density for person in people], np.float32),
        "head": np.array([person.head for person in people], np.float64),
        "place": np.array([person.place for person in people], np.float64),
        "in_frame": np.array([person.in_frame for person in people], np.float64),
    }


def to_json(seen: Seen, predictor: FollowingPredictor, shape: tuple[int, ...], picture: str = "") -> str:
    """A `FollowingRecord` as text; `shape` is the picture's."""
    values = {
        "schema": FOLLOWING,
        "model": predictor.contract.name,
        "version": predictor.contract.version,
        "condition": seen.condition,
        "provider": predictor.provider,
        "width": shape[1],
        "height": shape[0],
        "people": [_told(person) for person in seen.people],
        **({"picture": picture} if picture else {}),
        **({"damaged": seen.damaged} if seen.damaged else {}),
    }
    record = FollowingRecord.model_validate(values).written()
    return json_safe(json.dumps(record, indent=2, ensure_ascii=False)) + "\n"


def _told(person: Followed) -> dict[str, Any]:
    pose = person.pose
    return {
        "head": dict(zip(("x", "y", "width", "height"), np.round(person.head, 3).tolist(), strict=True)),
        "score": None if person.score is None else round(min(1.0, person.score), 4),
        "pose": None
        if pose is None
        else {**{name: round(value, 2) for name, value in pose._asdict().items()}, "known": pose.known},
        "place": {"x": round(person.place[0], 2), "y": round(person.place[1], 2)},
        "in_frame": round(min(1.0, person.in_frame), 4),
        "confidence": round(person.confidence, 4),
    }


def _drawn(person: Followed) -> Person:
    pose = person.pose
    if pose is None or not pose.known:
        return Person(person.head, None, person.density, person.place, person.in_frame)
    nose = axis(pose.yaw, pose.pitch)[:2]
    return Person(person.head, nose, person.density, person.place, person.in_frame, pose.apart)


def head_boxes(words: Sequence[str]) -> Boxes | None:
    """The heads that a person gives, each as "x,y,width,height" in pixels; None: none is given.

    Raises:
        GazeError: One is no four numbers.
    """
    boxes = []
    for each in words:
        numbers = re.fullmatch(r"\s*" + r"\s*,\s*".join([r"(-?\d{1,9}(?:\.\d{1,9})?)"] * 4) + r"\s*", each)
        if not numbers:
            raise GazeError(f"The head {each[:60]!r} is no box; give --head x,y,width,height in pixels.")
        boxes.append([float(value) for value in numbers.groups()])
    return np.array(boxes, np.float64) if boxes else None


def run(
    predictor: FollowingPredictor,
    paths: Sequence[Path],
    output: Output,
    boxes: Boxes | None = None,
    condition: str = "any",
    accept_damaged: bool = False,
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Follow the gazes in each picture and write them; yields each path when it is done, with its error if broken.

    Raises:
        GazeError: The folder cannot be made, or a model does not suit what is asked of it.
    """
    make_folder(output.folder)
    for path in paths:
        yield path, _one(predictor, path, output, boxes, condition, accept_damaged)


def _one(
    predictor: FollowingPredictor,
    path: Path,
    output: Output,
    boxes: Boxes | None,
    condition: str,
    accept_damaged: bool,
) -> PictureError | None:
    """Follow the gazes in one picture, of which nothing is held afterwards; its error where it is broken."""
    try:
        pixels, damage = pictures.read_damaged(path) if accept_damaged else (pictures.read(path), "")
        for box in boxes if boxes is not None else ():
            check_head(box, pixels.shape[:2], str(path))
        given = None if boxes is None else inside(boxes, pixels.shape[:2])
        seen = Seen(tuple(predictor.follow(pixels, given, condition)), condition, damage)
        if not seen.people:
            problem = "no head is found in the picture"
            raise PictureError(f"{path}: {problem}; give one with --head, or a detector of faces with --detector.")
        output.write(path, pixels, seen, predictor)
    except ModelError:
        raise
    except PictureError as error:
        return error.with_traceback(None)  # which would hold the picture
    except GazeError as error:
        return PictureError(str(error))
    return None


def job(
    sources: tuple[str, ...],
    folder: Path,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    accept_damaged: bool = False,
    **own: Any,
) -> jobs.Job:
    """The job of `gaze predict --task following`; options as there, `opacity` and those of heads in `own`.

    Raises:
        GazeError: There is no such picture, model, format or condition, a head is no box or is given for several
            pictures, or a file is no head-pose model or no detector of faces.
    """
    opacity, head, head_pose, detector = (own[name] for name in ("opacity", "head", "head_pose", "detector"))
    kinds, boxes = jobs.formats(formats or "png,json", FORMATS), head_boxes(head)
    paths, log = find_pictures(sources, folder), Provenance(folder)
    if boxes is not None and len(paths) > 1:
        raise GazeError(f"--head is a place in one picture, but {len(paths)} are given; give one, or leave out --head.")
    if boxes is not None and detector:
        raise GazeError("--head and --detector both say where heads are; give one of them.")
    predictor = FollowingPredictor(
        model or TASK.default_models[0],
        provider=provider,
        head_pose=HeadPose(*head_pose, provider=provider) if head_pose else None,
        detector=HeadDetector(Detector(detector, provider=provider)) if detector else None,
    )
    contract = predictor.contract
    condition_index(condition, contract.conditions, contract.name)
    out = Output(folder, output_names(paths, log.names()), kinds, opacity)
    options = {
        "head": None if boxes is None else boxes.tolist(),
        "head_pose": [digest(Path(file)) for file in head_pose],
        "detector": digest(Path(detector)) if detector else None,
    }
    making = Making(
        TASK.name,
        described(contract.name, contract.version, *predictor.files),
        condition,
        options,
        {"opacity": opacity},
        ".following.json",
        {},
        usual=False,
        accept_damaged=accept_damaged,
    )

    def write(out: Output) -> jobs.Outcomes:
        return run(predictor, list(out.todo or ()), out, boxes, condition, accept_damaged)

    return jobs.resumable(paths, out, log, making, write, f"{contract.name} on {predictor.provider}")
