"""What `gaze predict` does: finds the pictures, names the files that each becomes, writes those that are to be written.

Each picture becomes, as asked for: `png`, `jpg`, `webp`: NAME.heat.png and NAME.slices.png, or of that suffix; `npy`:
NAME.density.npy (h, w) and NAME.slices.npy (t, h, w), float32 natural-log densities; `json`: NAME.json as in
`export/schema.json`; `parquet`: the same, and for the folder one table of all its JSON files, as in
`app.predict.summaries`. NAME is the picture's name without its suffix; where that would name two pictures, with its
suffix, and then with its folders.
Of paths that only capitals tell apart, the names end in a hash of the path: `IMG_1~5f0c2a81`.
"""

import importlib.util
import io
import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float32, UInt8

from app.predict import jobs, provenance, summaries
from app.predict.files import find_pictures, make_folder, output_names
from app.predict.provenance import Making, Provenance, described
from data.draw.heatmap import heatmap
from data.draw.legend import legend
from data.draw.palettes import DEFAULT
from data.draw.timeline import panel_size, timeline
from data.errors import GazeError, PictureError
from data.picture import encode
from data.picture_file import SUFFIXES, VIDEOS
from export.runtime.batch import WORKERS, keep_freed_memory, predict
from export.runtime.registry import read_contract
from export.runtime.saliency import Prediction, Predictor
from saliency import TASK
from video import TASK as WATCHING

logger = logging.getLogger(__name__)

DRAWN = ("png", "jpg", "webp")
FORMATS = (*DRAWN, "npy", "json", "parquet")
CLIPS = ("mp4", "jsonl", "parquet", "npz")  # what videos become, in `app.predict.video`
OF_VIDEOS = {"every": 1, "range": None, "regions": "grid:3x3"}  # options that mean nothing to pictures
VIDEO = importlib.util.find_spec("av") is not None
ENDINGS: dict[str, tuple[str, ...]] = {kind: (f".heat.{kind}", f".slices.{kind}") for kind in DRAWN}
EARLIER = (0.6, "turbo")  # opacity and palette of what gaze 0.2 drew, which kept no log of it
ENDINGS |= {"npy": (".density.npy", ".slices.npy"), "json": (".json",), "parquet": (".json",)}


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where and how the predictions for some pictures are written."""

    formats: tuple[str, ...] = ("png", "npy", "json")
    opacity: float = 0.6
    palette: str = DEFAULT
    slices: bool = True  # whether the model gives any

    def files(self, path: Path) -> list[Path]:
        """The files that a picture becomes."""
        endings = dict.fromkeys(ending for kind in self.formats for ending in ENDINGS[kind])
        return [
            self.folder / (self.names[path] + ending)
            for ending in endings
            if self.slices or not ending.startswith(".slices")
        ]

    def write(self, path: Path, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction) -> None:
        """Write the files of one picture.

        Raises:
            PictureError: It is too long for files of the kind that is asked for.
        """
        try:
            self.fill(path, lambda name, file: self.content(name, file, path, picture, prediction), prediction.damaged)
        except PictureError as error:
            raise PictureError(f"{path}: {error}") from None

    def content(
        self, name: str, file: IO[bytes], path: Path, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction
    ) -> None:
        """Write one of the files of a picture, which its name tells, to `file`.

        Raises:
            PictureError: The picture is too long for files of this kind.
        """
        suffix = Path(name).suffix
        if name.endswith(f".heat{suffix}"):
            file.write(encode(heatmap(picture, prediction.density, self.opacity, self.palette), suffix))
        elif name.endswith(".density.npy"):
            np.save(file, prediction.density)
        elif name.endswith(".slices.npy"):
            shape = (len(prediction.times), *prediction.density.shape)
            save_maps(file, prediction.each_slice(), shape)
        elif name.endswith(f".slices{suffix}"):
            slices = prediction.sampled_slices(panel_size(picture.shape))
            file.write(encode(timeline(picture, slices, prediction.times, self.opacity, self.palette), suffix))
        else:
            file.write(prediction.to_json(str(path)).encode())


def save_maps(file: IO[bytes], maps: Iterable[Float32[np.ndarray, "h w"]], shape: tuple[int, int, int]) -> None:
    """As `numpy.save` of the maps in one array of this shape, without ever having that."""
    for part in npy_parts(maps, shape):
        file.write(part)


def npy_parts(maps: Iterable[Float32[np.ndarray, "h w"]], shape: tuple[int, ...]) -> Iterator[memoryview]:
    """The bytes of a .npy file with the maps in one array of this shape: its head, then each map when asked for."""
    head = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, head)
    yield file.getbuffer()
    for plane in maps:
        yield np.ascontiguousarray(plane, np.float32).data.cast("B")


def run(
    predictor: Predictor,
    paths: Sequence[Path],
    output: Output,
    condition: str = "any",
    workers: int = WORKERS,
    accept_damaged: bool = False,
) -> Generator[tuple[Path, PictureError | None], None, None]:
    """Predict and write each picture; yields each path when it is done, with its error where it is broken."""
    predictor.index(condition)
    legend(1, output.palette)
    make_folder(output.folder)
    return predict(predictor, paths, output.write, condition, workers, accept_damaged)


def job(
    sources: tuple[str, ...],
    folder: Path,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    opacity: float,
    palette: str,
    accept_damaged: bool = False,
    **of_videos: Any,
) -> jobs.Job:
    """The job of `gaze predict --task saliency`; options as there, `every`, `range` and `regions` in `of_videos`.

    Raises:
        GazeError: There is no such picture, video, model, format, condition, palette or range.
    """
    found, log = find_pictures(sources, folder, (*SUFFIXES, *VIDEOS) if VIDEO else SUFFIXES), Provenance(folder)
    names = output_names(found, log.names())
    paths, clips, kinds, of_clips = _divided(found, formats)
    if paths and model is not None and read_contract(model).task == WATCHING.name:
        paths = _left_out(paths, clips, model)
    if clips:
        from app.predict import video

        settings = video.settings(condition, opacity, palette, **of_videos)
        watched = video.job(clips, names, folder, log, model, of_clips, settings, provider, accept_damaged)
        if not paths:
            return watched
    for name, value in of_videos.items():
        if not clips and value != OF_VIDEOS.get(name, value):
            raise GazeError(f"--{name} is for videos, and none is predicted here; leave it out.")
    predictor = Predictor(model or TASK.default_models[0], provider=provider, threads=None if len(paths) == 1 else 1)
    contract = predictor.contract
    out = Output(folder, {path: names[path] for path in paths}, kinds, opacity, palette, bool(contract.slices))
    making = Making(
        TASK.name,
        described(contract.name, contract.version, predictor.path),
        condition,
        {},
        {"opacity": opacity, "palette": palette},
        ".json",
        {"model": contract.name, "version": contract.version, "condition": condition},
        usual=(opacity, palette) == EARLIER or not set(kinds) & set(DRAWN),
        accept_damaged=accept_damaged,
    )

    def write(out: Output) -> jobs.Outcomes:
        keep_freed_memory()
        outcomes = run(predictor, list(out.todo or ()), out, condition, accept_damaged=accept_damaged)
        return summaries.with_table(outcomes, folder) if "parquet" in kinds else outcomes

    made = jobs.resumable(paths, out, log, making, write, f"{contract.name} on {predictor.provider}")
    return jobs.both(made, watched) if clips else made


def _left_out(paths: list[Path], clips: list[Path], model: str) -> list[Path]:
    """Of pictures that a model of videos was asked for none: they are left out beside videos.

    Raises:
        GazeError: There is no video.
    """
    usual = TASK.default_models[0]
    if not clips:
        raise GazeError(f"{paths[0]} is a picture, but {model} is a model of videos; take {usual} for pictures.")
    count = f"{len(paths)} picture{'s' * (len(paths) > 1)}"
    logger.warning("%s left out: %s is a model of videos; take %s for pictures.", count, model, usual)
    return []


def _divided(found: list[Path], words: str | None) -> tuple[list[Path], list[Path], tuple[str, ...], tuple[str, ...]]:
    """Pictures and videos, and the formats of each that a person names; without any, they are left out.

    Raises:
        GazeError: There is no such format for what was found.
    """
    clips = [path for path in found if path.suffix.lower() in VIDEOS]
    pictures = [path for path in found if path.suffix.lower() not in VIDEOS]
    if words is None:
        return pictures, clips, ("png", "json"), CLIPS[:2]
    named = jobs.formats(words, (*FORMATS * bool(pictures), *CLIPS * bool(clips)))
    of_pictures, of_clips = (tuple(kind for kind in named if kind in known) for known in (FORMATS, CLIPS))
    for left, kinds, known, what in ((pictures, of_pictures, FORMATS, "pictures"), (clips, of_clips, CLIPS, "videos")):
        if left and not kinds:
            count = f"{len(left)} {what if len(left) > 1 else what[:-1]}"
            logger.warning("%s left out: --format %s names none of %s.", count, words, ", ".join(known))
    return pictures if of_pictures else [], clips if of_clips else [], of_pictures, of_clips
