"""Video files in: frames as a person sees them, with their true times; by PyAV, the optional extra `video`.

    with VideoFile(Path("clip.mp4")) as clip:
        for frame in clip.frames(start=10, end=20):
            frame.index, frame.time_s, frame.pixels          # RGB uint8 (h, w, 3)

Times are seconds from the first frame of the file, as they are stored: rates may vary. Where they jump back, as in
files that were put together, they go on from the last frame. Frames are turned as the file says, pixels that are not
square are made so, and what is transparent shows white. Where the size changes in the middle, frames are fitted into
the first one's size. One or two frames are held at a time, and `start` is sought by keyframes, so that ten hours need
no more than ten seconds. What cannot be decoded is skipped and counted in `VideoFile.damage`; what a decoder patches up
itself is not known. That frames are missing at the end is known where the file says how long its frames last, which FLV
and some Matroska files do not.

Not done: of several streams of frames the first one is read, and colours of high dynamic range (HDR10, HLG) are not
mapped to those of a screen, so that they look pale. A range of a file whose time jumps back may be sought wrongly.

FFmpeg opens whatever it takes for a medium, playlists and network addresses among it: only the containers in `DEMUXERS`
are read, and only from the file itself.
"""

import logging
import math
import os
import re
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
BACK = 0.5  # seconds: stamps that go back by more begin anew
STUCK = 3  # frames: so many stamps may stand still
SAME = 1e-6  # seconds: times that differ by less are the same
ESTIMATED = ("mpegts", "mpeg")  # containers that do not tell how long they are
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
    av.logging.set_level(None)  # with any level its threads wait for Python, and Python sometimes for them
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
        self._last_tick: int | None = None  # where the last packet ends, in the stream's time base
        self._over = self._read = self._sought = self._jumped = False
        self._container = opened(path)
        try:
            self._stream = self._video()
            context = self._stream.codec_context
            self._scrambled = self._container.format.name == "avi" and context.has_b_frames
            self._first: int | None = None if self._scrambled else self._stream.start_time
            self.rate = _believed(self._stream.average_rate) or _believed(self._stream.guessed_rate) or RATE
            self._length = self._stream_length()
            whole = self._container.duration / 1e6 if self._container.duration else None
            self.seconds = whole if self._length is None else self._length  # of the video; None: the file does not tell
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

        The first one is what is on the screen at `start`: its time is `start` where it has been there for longer. With
        `step` at least so many seconds lie between two frames; what lies between is sought over where that is quicker
        than decoding it, and the index is told by time and rate then.

        Raises:
            VideoError: No frame can be decoded, none lies in the range, or they are too large.
        """
        length = self.seconds
        if start and length is not None and start >= length and self._exact:
            raise VideoError(f"{self.path}: the range begins at {start:.10g} s, but the video has {length:.1f} s.")
        count, size, began = 0, None, start
        for time, frame in self._shown(start, end, step):
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
            began = began if count else time
            yield Frame(round((time - began) * self.rate) if step > JUMP else count, time, pixels)
            count += 1
        self._judge(count, start, end)

    def _shown(self, start: float, end: float | None, step: float) -> "Iterator[tuple[float, VideoFrame]]":
        """The frames of a range with the times from which on they are to be shown."""
        before, due = None, start
        for time, frame in self._timed(start, step):
            if time < due - SAME:
                before = frame if time < start else None
                continue
            if before is not None and time > start + SAME:
                yield start, before
                due = start + step * 0.999
            before = None
            if end is not None and time >= end - SAME:
                return
            if time >= due - SAME:
                yield time, frame
                due = time + step * 0.999
        if before is not None and not self._cut_off():
            yield start, before

    def _judge(self, count: int, start: float, end: float | None) -> None:
        """Notes what is missing at the end.

        Raises:
            VideoError: Nothing could be decoded.
        """
        cut_off, length = self._cut_off(), self._length
        if not count:
            if cut_off and start:
                raise VideoError(
                    f"{self.path}: the range begins at {start:.10g} s, but the frames end after {self._ends:.1f} s."
                )
            if start or end is not None:
                raise VideoError(f"{self.path}: no frame lies in the range; give one within the video.")
            raise VideoError(f"{self.path}: not one frame can be decoded; copy or save it again.")
        if self._errors:
            self._note(f"{self._errors} part{'s' * (self._errors > 1)} could not be decoded")
        if cut_off and length is not None and (end is None or end > self._ends + LOST):
            self._note(f"the frames end after {self._ends:.1f} of {length:.1f} s")

    def _cut_off(self) -> bool:
        """Whether all was read, and it ended before the frames do, as the file says."""
        if not self._over or self._length is None or self._last_tick is None:
            return False
        return self._length - self._ends > max(LOST, 2 / self.rate)

    @property
    def _ends(self) -> float:
        """Seconds at which the last frame in the file ends."""
        base = self._stream.time_base or Fraction(0)
        return float(((self._last_tick or 0) - (self._first or 0)) * base)

    def _stream_length(self) -> float | None:
        """Seconds that the frames last, as the file says; None: it does not."""
        stream = self._stream
        if not stream.time_base:
            return None
        if stream.duration:
            return float(stream.duration * stream.time_base)
        told = next((words for name, words in stream.metadata.items() if name.startswith("DURATION")), "")
        found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", told)  # Matroska
        if not found:
            return None
        hours, minutes, seconds = (float(part) for part in found.groups())
        return max(0.0, 3600 * hours + 60 * minutes + seconds - float((stream.start_time or 0) * stream.time_base))

    def _note(self, problem: str) -> None:
        if problem not in self.damage:
            self.damage = f"{self.damage}, {problem}" if self.damage else problem

    def _video(self) -> "VideoStream":
        """The stream of frames, checked before anything is decoded."""
        found = [each for each in self._container.streams.video if not is_cover(each)]
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
        """Frames as they are stored, each with its time in seconds, which always grows; what was sought over is not."""
        rate, last, place, shift = self.rate, -math.inf, start, 0.0
        usual, stuck, seen = 1 / rate, 0, False  # seen: sought back into what was given before
        for found, frame in self._from(start):
            time = (last + usual if last >= 0 else 0.0) if found is None else found + shift
            if time <= last and seen:
                continue
            if self._scrambled and time <= last:  # the last frames of AVI have no stamps
                time = last + usual
            if time > last:
                stuck, seen = 0, False
                usual = min(time - last, 1.0) if last >= 0 else usual
            elif last - time > BACK or stuck >= STUCK:
                self._tell_jump(last)
                shift += last + 1 / rate - time
                time = last + 1 / rate
            else:
                stuck += 1
                time = last + min(0.5 / rate, 0.001)
            last = time
            yield time, frame
            if step > JUMP and time >= place:
                place, seen = time + step, True
                if self._length is not None and place >= self._length and self._exact:
                    return
                self._seek(place - shift)

    @property
    def _exact(self) -> bool:
        return self._container.format.name not in ESTIMATED

    def _tell_jump(self, last: float) -> None:
        if not self._jumped:
            logger.warning("%s: its time goes back after %.1f s; it is counted on from there.", self.path, last)
        self._jumped = True

    def _from(self, start: float) -> "Iterator[tuple[float | None, VideoFrame]]":
        """Frames from the one that is on the screen at a time, or from an earlier one, with their stored times."""
        if start > JUMP and self._first is None:
            next(self._ordered(), None)  # which tells when the file begins
        back, errors = 0.0, self._errors
        while start > JUMP and self._first is not None and start - back > 0 and self._seek(start - back):
            frames = self._ordered()
            first = next(frames, None)
            if first is not None and first[0] is not None and first[0] <= start + SAME:
                yield first
                yield from frames
                return
            if first is None and back > 3 * JUMP:  # there are no keyframes
                break
            back, self._errors = max(1.0, 2 * back), errors  # MPEG-TS is sought to behind the keyframe
        if self._read:
            self._reopen()
        yield from self._ordered()

    def _reopen(self) -> None:
        """Go to the very beginning."""
        self._container.close()
        self._container = opened(self.path)
        self._stream = self._video()
        self._over = self._sought = False

    def _seek(self, seconds: float) -> bool:
        """Go to the last keyframe before a time; False where a file cannot do that."""
        base = self._stream.time_base or Fraction(1, 1000)
        self._read = True
        try:
            self._container.seek(int(seconds / base) + (self._first or 0), stream=self._stream)
        except Exception:  # PyAV's errors share no parent but this
            logger.debug("%s: cannot seek to %g s", self.path, seconds, exc_info=True)
            return False
        self._sought, self._over = True, False
        return True

    def _ordered(self) -> "Iterator[tuple[float | None, VideoFrame]]":
        """Every frame in the order in which it is shown, with its stored time."""
        for frame in self._decoded():
            yield self._time(frame), frame

    def _time(self, frame: "VideoFrame") -> float | None:
        """Seconds; AVI stores the order in which frames are decoded, and its decoder when it gives them out."""
        stamp = frame.dts if self._scrambled else frame.pts
        if stamp is None or frame.time_base is None:
            return None
        if self._first is None:
            self._first = stamp
        return float((stamp - self._first) * frame.time_base)

    def _decoded(self) -> "Iterator[VideoFrame]":
        """Every frame that can be decoded, after a seek from a keyframe on; packets that cannot are counted."""
        av, self._read = pyav(), True
        packets = iter(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                self._over = True
                return
            except (av.error.FFmpegError, OSError) as error:  # the file ends in the middle of something
                logger.debug("%s: cannot be read further", self.path, exc_info=True)
                self._note(f"it cannot be read further ({short_reason(error)})")
                self._over = True
                return
            tick = packet.dts if packet.pts is None else packet.pts
            if packet.size and tick is not None:
                self._last_tick = max(self._last_tick or tick, tick + (packet.duration or 0))
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError, MemoryError):
                logger.debug("%s: a packet cannot be decoded", self.path, exc_info=True)
                self._errors += not self._sought
                continue
            for frame in frames:
                self._sought = self._sought and not frame.key_frame
                if not self._sought:
                    self._errors += frame.is_corrupt
                    yield frame

    def _pixels(self, frame: "VideoFrame") -> UInt8[np.ndarray, "h w 3"]:
        """A frame as a person sees it: RGB, square pixels, upright."""
        self._check_size(frame.width, frame.height)
        width = frame.width
        aspect = self._stream.sample_aspect_ratio
        if aspect and 0.1 < aspect < 10:
            width = max(1, round(width * float(aspect)))
            self._check_size(width, frame.height)
        clear = any(part.is_alpha for part in frame.format.components)
        options: dict[str, Any] = {
            "format": "rgba" if clear else "rgb24",
            "threads": 1 if width * frame.height < MANY else 0,
        }
        if width != frame.width:
            options |= {"width": width, "height": frame.height}
        if frame.colorspace == 2 and frame.height >= HIGH:  # not told
            options["src_colorspace"] = "ITU709"
        pixels = frame.to_ndarray(**options)
        if clear:
            seen = pixels[..., 3:].astype(np.uint16)
            pixels = ((pixels[..., :3] * seen + 255 * (255 - seen) + 127) // 255).astype(np.uint8)
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


def is_cover(stream: "VideoStream") -> bool:
    """Whether it is the picture of a cover that goes with sound."""
    av = pyav()
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _believed(rate: Fraction | None) -> float | None:
    return float(rate) if rate and RATES[0] <= rate <= RATES[1] else None
