"""What `gaze predict` does with videos: finds what each becomes, and writes what is to be written.

Each video becomes, as asked for: `mp4`: NAME.overlay.mp4, every frame under its heat, with the sound; `jsonl`:
NAME.frames.jsonl, a line a frame as in `export/schema_video.json`; `parquet`: NAME.frames.parquet, the same as a table;
`npz`: NAME.densities.npz, small densities with their times (`app.predict.video_files`). Lines and densities are those
of the frames that the model looked at: all, or every Nth and the first of each shot. NAME is as in `saliency`. The
model is one of pictures, whose answers are carried through time, or one of videos; what is written is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.predict import jobs, provenance
from app.predict.files import find_pictures, make_folder, output_names
from app.predict.provenance import Making, Provenance, Stamp, described
from app.predict.video_files import ENDINGS, FORMATS, USUAL, Recorder, Settings, settings, together, writers
from data.draw.legend import legend
from data.errors import GazeError, PictureError, VideoError
from data.picture_file import SUFFIXES, VIDEOS
from data.progress import Steps
from data.video.read import JUMP, VideoFile, pyav
from export.runtime.video import VideoPredictor
from saliency import TASK
from video import TASK as WATCHING

__all__ = ["Output", "job", "job_of_task", "settings", "write_video"]


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where what videos become is written."""

    formats: tuple[str, ...] = ("mp4", "jsonl")

    def files(self, path: Path) -> list[Path]:
        """The files that a video becomes."""
        return [self.folder / (self.names[path] + ENDINGS[kind]) for kind in self.formats]


def write_video(
    predictor: VideoPredictor,
    path: Path,
    targets: Sequence[Path],
    settings: Settings,
    steps: Callable[[str, int, int | None], object] = lambda what, done, total: None,
    whole: bool = True,
) -> tuple[dict[str, Stamp], str]:
    """Predict a video and write its files; their stamps, and what is wrong with it where it is damaged.

    All frames are read where it is to be `whole`, else those that are far apart are sought.

    Raises:
        VideoError: Nothing of it can be predicted, or its regions cannot be used.
        GazeError: A file cannot be written.
    """
    stamps: dict[str, Stamp] = {}
    predictor.reset()
    if any(target.name.endswith((ENDINGS["jsonl"], ENDINGS["parquet"])) for target in targets):
        settings.regions.check(path)
    with VideoFile(path) as clip:
        step = 0.0 if whole or settings.every / clip.rate <= JUMP else settings.every / clip.rate
        each = VideoPredictor(predictor.predictor, condition=settings.condition) if step else predictor
        recorder = Recorder(predictor.predictor, settings, path)
        total = _frames(clip, settings)
        with (
            together(targets, stamps) as files,
            writers(files, clip.rate, settings, recorder, path) as sinks,
        ):
            for frame in clip.frames(*settings.range, step=step):
                seen = replace(each.step(frame.pixels, frame.time_s), index=frame.index)
                for sink in sinks:
                    sink.add(seen)
                steps(path.name, seen.index + 1, total)
        return stamps, clip.damage


def _frames(clip: VideoFile, settings: Settings) -> int | None:
    """About how many frames there are to be read; None where the file does not tell."""
    length = clip.seconds
    if length is None:
        return None
    start, end = settings.range
    return max(1, round((min(length, end or length) - start) * clip.rate))


def job_of_task(
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
    """The job of `gaze predict --task video`; options as there, `every`, `range` and `regions` in `of_videos`.

    Raises:
        GazeError: There is no such video, model, format, condition, palette or range, or it is a picture.
    """
    pyav()
    found, log = find_pictures(sources, folder, VIDEOS, what="videos"), Provenance(folder)
    if pictures := [path for path in found if path.suffix.lower() in SUFFIXES]:
        raise GazeError(f"{pictures[0]} is a picture, and --task video is for videos; leave out one of them.")
    kinds = jobs.formats(formats or USUAL, FORMATS)
    asked = settings(condition, opacity, palette, **of_videos)
    names = output_names(found, log.names())
    model = model or WATCHING.default_models[0]
    return job(found, names, folder, log, model, kinds, asked, provider, accept_damaged)


def job(
    clips: list[Path],
    names: dict[Path, str],
    folder: Path,
    log: Provenance,
    model: str | None,
    kinds: tuple[str, ...],
    settings: Settings,
    provider: str,
    accept_damaged: bool,
) -> jobs.Job:
    """The part of `gaze predict` that is about videos.

    Raises:
        GazeError: The extra `video` is not installed, or there is no such model, condition or palette.
    """
    pyav()
    legend(1, settings.palette)
    name, every = model or TASK.default_models[0], settings.every
    predictor = VideoPredictor(name, every=every, condition=settings.condition, provider=provider)
    opened = predictor.predictor
    contract = opened.contract
    whole = "mp4" in kinds  # whatever of it is there already: what is sought differs a little
    sought = not whole and settings.every > JUMP
    out = Output(folder, {path: names[path] for path in clips}, formats=kinds)
    making = Making(
        contract.task,
        described(contract.name, contract.version, opened.path),
        settings.condition,
        {
            "every": settings.every,
            "range": str(settings.range),
            "regions": settings.regions.source,
            "regions_sha256": settings.regions.digest,
            **({"sought": True} if sought else {}),
        },
        {"opacity": settings.opacity, "palette": settings.palette},
        ".json",
        {},
        usual=False,
        accept_damaged=accept_damaged,
    )
    steps = Steps()

    def run(out: Output) -> jobs.Outcomes:
        make_folder(folder)
        for path in out.todo or ():
            yield path, _one(path, out)

    def _one(path: Path, out: Output) -> PictureError | None:
        targets = out.files(path) if out.todo is None else out.todo[path]
        try:
            stamps, damage = write_video(predictor, path, targets, settings, steps, whole)
        except PictureError as error:
            return error.with_traceback(None)
        if out.wrote:
            out.wrote(path, stamps, damage)
        if not damage or accept_damaged:
            return None
        return VideoError(f"{path}: the video is damaged or cut off ({damage}); what could be decoded was predicted.")

    made = jobs.resumable(clips, out, log, making, run, f"{contract.name} on {opened.provider}")
    return made._replace(steps=steps)
