"""Video files in: frames as a person sees them, with their true times; by PyAV, the optional extra `video`.

    with VideoFile(Path("clip.mp4")) as clip:
        for frame in clip.frames(start=10, end=20):
            frame.index, frame.time_s, frame.pixels          # RGB uint8 (h, w, 3)

Times are seconds from the first frame of the file, as they are stored: rates may vary. Frames are turned as the file
says, and pixels that are not square are made so. Where the size changes in the middle, frames are fitted into the first
one's size. One frame is held at a time, and `start` is sought by keyframes, so that ten hours need no more than ten
seconds. What cannot be decoded is skipped and counted in `VideoFile.damage`; what a decoder patches up itself is not
known.

FFmpeg opens whatever it takes for a medium, playlists and network addresses among it: only the containers in `DEMUXERS`
are read, and only from the file itself.
"""

import logging
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from jaxtyping import UInt8

from data.errors import GazeError, VideoError, short_reason
from data.picture import LIMIT, Letterbox
from data.picture_file import VIDEOS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
RATE = 25.0  # frames a second where the file does not tell
RATES = (0.1, 1000.0)  # that are believed
LOST = 0.5  # seconds at the end of a file that may be missing before it counts as cut off
JUMP = 10.0  # seconds: longer steps than this are sought, not decoded
MANY = 500_000  # pixels of a frame from which on threads are worth their start
HIGH = 720  # rows from which on colours without a mark are those of BT.709
INSTALL = "Videos are read with PyAV, which is not installed; install the extra video: pip install -e '.[video]'."


@dataclass(frozen=True)
class Frame:
    """One frame of a video."""

    index: int  # from 0, the first that was asked for
    time_s: float  # from the first frame of the file
    pixels: UInt8[np.ndarray, "h w 3"]  # RGB


def is_video(path: Path) -> bool:
    """Whether a file is taken for a video, by the suffix of its name; an animated GIF is a picture.

    >>> is_video(Path("a.MP4")), is_video(Path("a.gif"))
    (True, False)
    """
    return path.suffix.lower() in VIDEOS


def pyav() -> ModuleType:
    """PyAV.

    Raises:
        GazeError: The extra `video` is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise GazeError(INSTALL) from error
    av.logging.set_level(av.logging.PANIC)  # what is wrong is told by us, once
    return av


class VideoFile:
    """An open video file: what its header says, such as `rate`, frames a second on average, and its frames.

    Raises:
        GazeError: The extra `video` is not installed.
        VideoError: The file cannot be read, is no video, or its frames have more than `data.picture.LIMIT` pixels.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = ""  # what is wrong, known when the frames have been read
        self._errors = 0
        self._container = opened(path)
        try:
            self._stream = self._video()
            self._first: int | None = self._stream.start_time
            self.rate = _believed(self._stream.average_rate) or _believed(self._stream.guessed_rate) or RATE
            self.seconds = self._length()  # that the file says the video has; None where it does not tell
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def frames(self, start: float = 0.0, end: float | None = None, step: float = 0.0) -> Iterator[Frame]:
        """The frames from `start` to before `end`, in seconds; those that cannot be decoded are left out.

        With `step` at least so many seconds lie between two frames, and what lies between is sought over where that is
        quicker than decoding it.

        Raises:
            VideoError: No frame can be decoded, none lies in the range, or they are too large.
        """
        length = self.seconds
        if start and length is not None and start >= length:
            raise VideoError(f"{self.path}: the range begins at {start:g} s, but the video has {length:.1f} s.")
        index, due, size, last = 0, start, None, -math.inf
        for time, frame in self._timed(start, step):
            if end is not None and time >= end:
                break
            if time < due:
                continue
            try:
                pixels = self._pixels(frame)
            except VideoError:
                raise
            except (pyav().error.FFmpegError, ValueError, MemoryError):  # colours that nobody knows, for one
                logger.debug("%s: a frame cannot be shown", self.path, exc_info=True)
                self._errors += 1
                continue
            size = size or pixels.shape[:2]
            if pixels.shape[:2] != size:
                self._note(f"frames of {pixels.shape[1]} x {pixels.shape[0]} are fitted into {size[1]} x {size[0]}")
                pixels = Letterbox.fit(pixels.shape[:2], size).apply(pixels, fill=0)
            yield Frame(index, time, pixels)
            index, last = index + 1, time
            due = time + step * 0.999
        self._judge(index, last, start, end)

    def _judge(self, count: int, last: float, start: float, end: float | None) -> None:
        """Notes what is missing at the end.

        Raises:
            VideoError: Nothing could be decoded.
        """
        if not count:
            if start or end is not None:
                raise VideoError(f"{self.path}: no frame lies in the range; give one within the video.")
            raise VideoError(f"{self.path}: not one frame can be decoded; copy or save it again.")
        if self._errors:
            self._note(f"{self._errors} part{'s' * (self._errors > 1)} could not be decoded")
        length = self.seconds
        asked = math.inf if end is None else end
        if length is not None and min(asked, length) - last > max(LOST, 2 / self.rate) and asked > last + LOST:
            self._note(f"the frames end after {last:.1f} of {length:.1f} s")

    def _length(self) -> float | None:
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return self._container.duration / 1e6 if self._container.duration else None

    def _note(self, problem: str) -> None:
        if problem not in self.damage:
            self.damage = f"{self.damage}, {problem}" if self.damage else problem

    def _video(self) -> "VideoStream":
        """The stream of frames, checked before anything is decoded."""
        found = [each for each in self._container.streams.video if not _is_cover(each)]
        if not found:
            what = "only sound" if self._container.streams.audio else "no frames"
            raise VideoError(f"{self.path}: there is {what} in it; give a video.")
        stream: VideoStream = found[0]
        if stream.codec_context is None:
            raise VideoError(
                f"{self.path}: its frames are of a kind that is not known here, or it is cut off; copy it again, or "
                "save it as H.264."
            )
        self._check_size(stream.width, stream.height)
        stream.codec_context.options = {"max_pixels": str(LIMIT)}
        stream.thread_type = "AUTO"
        return stream

    def _check_size(self, width: int, height: int) -> None:
        if width * height > LIMIT:
            raise VideoError(
                f"{self.path}: its frames have {width} x {height} pixels, but the limit is {LIMIT:,}; make it smaller."
            )

    def _timed(self, start: float, step: float) -> "Iterator[tuple[float, VideoFrame]]":
        """Frames as they are stored, each with its time in seconds, which never goes back."""
        rate, last, place = self.rate, -math.inf, start
        if start > JUMP:
            self._seek(start)
        for number, frame in enumerate(self._decoded(start > JUMP)):
            time = self._time(frame)
            if time is None:
                time = max(last, 0.0) + (1 / rate if number else 0.0)
            elif time <= last:
                if step > JUMP:  # sought back into what has been seen
                    continue
                time = last + min(0.5 / rate, 0.001)
            last = time
            yield time, frame
            if step > JUMP and time >= place:
                place = time + step
                self._seek(place)

    def _seek(self, seconds: float) -> None:
        """Go to the last keyframe before a time; where a file cannot do that, all is decoded instead."""
        base = self._stream.time_base or Fraction(1, 1000)
        try:
            self._container.seek(int(seconds / base) + (self._first or 0), stream=self._stream)
        except Exception:  # PyAV's errors share no parent but this
            logger.debug("%s: cannot seek to %g s", self.path, seconds, exc_info=True)

    def _time(self, frame: "VideoFrame") -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        if self._first is None:
            self._first = frame.pts
        return float((frame.pts - self._first) * frame.time_base)

    def _decoded(self, sought: bool) -> "Iterator[VideoFrame]":
        """Every frame that can be decoded; packets that cannot are counted."""
        av, found = pyav(), False
        packets = iter(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:  # the file ends in the middle of something
                logger.debug("%s: cannot be read further", self.path, exc_info=True)
                self._note(f"it cannot be read further ({short_reason(error)})")
                return
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError, MemoryError):
                logger.debug("%s: a packet cannot be decoded", self.path, exc_info=True)
                self._errors += found or not sought
                continue
            found = found or bool(frames)
            self._errors += sum(frame.is_corrupt for frame in frames)
            yield from frames

    def _pixels(self, frame: "VideoFrame") -> UInt8[np.ndarray, "h w 3"]:
        """A frame as a person sees it: RGB, square pixels, upright."""
        self._check_size(frame.width, frame.height)
        width = frame.width
        aspect = self._stream.sample_aspect_ratio
        if aspect and 0.1 < aspect < 10:
            width = max(1, round(width * float(aspect)))
            self._check_size(width, frame.height)
        options: dict[str, Any] = {"format": "rgb24", "threads": 1 if width * frame.height < MANY else 0}
        if width != frame.width:
            options |= {"width": width, "height": frame.height}
        if frame.colorspace == 2 and frame.height >= HIGH:  # not told
            options["src_colorspace"] = "ITU709"
        pixels = frame.to_ndarray(**options)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def opened(path: Path) -> "InputContainer":
    """A container that FFmpeg has opened, from a regular file and of a kind in `DEMUXERS`.

    Raises:
        GazeError: The extra `video` is not installed.
        VideoError: It cannot be read, or is no video.
    """
    av = pyav()
    _check_file(path)
    try:
        found = av.open(  # an absolute path is no address of a protocol
            os.path.abspath(path),
            options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
        return cast("InputContainer", found)
    except Exception as error:  # whatever PyAV makes of it
        logger.debug("%s: cannot be opened", path, exc_info=True)
        raise VideoError(
            f"{path}: this is not a video that can be read, or it is cut off ({_reason(error)}); copy it again, or "
            "save it as MP4."
        ) from error


def _check_file(path: Path) -> None:
    """Refuses what would never end, is not there or may not be read."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        remedy = "check its permissions" if isinstance(error, PermissionError) else "check the path"
        raise VideoError(f"{path}: cannot be read ({reason}); {remedy}.") from error
    try:
        state = os.fstat(number)
    finally:
        os.close(number)
    if not stat.S_ISREG(state.st_mode):
        what = "a folder" if stat.S_ISDIR(state.st_mode) else "no file but a pipe or device"
        raise VideoError(f"{path}: cannot be read (it is {what}); give a video's file.")
    if not state.st_size:
        raise VideoError(f"{path}: the file is empty (0 bytes); copy it again.")


def _reason(error: Exception) -> str:
    return short_reason(OSError(getattr(error, "strerror", None) or error))


def _is_cover(stream: "VideoStream") -> bool:
    """Whether it is the picture of a cover that goes with sound."""
    av = pyav()
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _believed(rate: Fraction | None) -> float | None:
    return float(rate) if rate and RATES[0] <= rate <= RATES[1] else None
