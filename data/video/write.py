"""Videos out: H.264 with yuv420p in MP4, which every player knows, with true times and the sound of another file.

Sound that MP4 holds is copied as it is; other sound becomes AAC; it may go on for longer than the frames. Of several
tracks of sound the first one is kept. Sides that are odd are made even by one more row or
column, a copy of the last. Frames are written as they come, so that memory does not grow with the length; sound is laid
beside them at the end, from a temporary file, and what is wrong with it costs no frame.
"""

import errno
import itertools
import logging
import math
import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

import cv2
import numpy as np
from jaxtyping import UInt8

from data.errors import GazeError, short_reason
from data.video.read import BACK, HIGH, is_cover, opened, pyav

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

TICKS = 90_000  # a second
LONGEST = 2**29  # ticks, an hour and a half: from one frame to the next at most, as MP4 tells them
SILENCE = 0.05  # seconds: shorter gaps in a sound are closed
DISK = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
COPIED = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")  # sound that MP4 holds
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)  # samples a second
QUALITY = {"preset": "veryfast", "crf": "20"}


class VideoWriter:
    """Writes frames, and the sound of a file, to an MP4 file that exists or is made; closed, it can be played.

    `sound` is the file whose sound between `start` and `end` (seconds) goes along; the first frame is at `start`.

    Raises:
        GazeError: The extra `video` is not installed, or the file cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        rate: float = 25.0,
        sound: Path | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        av = pyav()
        self._path, self._rate, self._start = path, Fraction(rate).limit_denominator(1001), start
        self._last = -1  # tick
        self._stream: VideoStream | None = None
        self._sound = None if sound is None else Sound(sound, start, end)
        self._silent: IO[bytes] | None = None
        try:
            if self._sound is not None and self._sound.is_there:
                self._silent = tempfile.TemporaryFile(dir=Path(path).parent)  # noqa: SIM115 - closed with the writer
                self._container = av.open(self._silent, "w", format="mp4")
            else:
                self._container = self._opened()
        except (av.error.FFmpegError, OSError) as error:
            self.drop()
            raise _unwritable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()

    def write(self, pixels: UInt8[np.ndarray, "h w 3"], time_s: float) -> None:
        """Add a frame, RGB, to be shown from `time_s` on; all frames have one size."""
        av = pyav()
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        try:
            stream = self._stream or self._begin(pixels.shape[1], pixels.shape[0])
            space = "ITU709" if pixels.shape[0] >= HIGH else "ITU601"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=space, dst_color_range="MPEG")
            wanted = max(self._last + 1, round((time_s - self._start) * TICKS))
            tick = min(wanted, max(self._last, 0) + LONGEST)
            frame.pts, frame.time_base, self._last = tick, Fraction(1, TICKS), tick
            self._container.mux(stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritable(self._path, error) from error

    def _begin(self, width: int, height: int) -> "VideoStream":
        stream: VideoStream = self._container.add_stream("libx264", rate=self._rate, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.colorspace = 1 if height >= HIGH else 6  # BT.709, BT.601
        stream.codec_context.color_range = 1
        self._stream = stream
        return stream

    def _join(self, sound: "Sound | None") -> None:
        """Copy the silent video to its place, with a sound beside it: what is wrong with that harms no frame."""
        assert self._silent is not None
        self._silent.seek(0)
        with pyav().open(self._silent, format="mp4") as silent, self._opened() as whole:
            stream = whole.add_stream_from_template(silent.streams.video[0])
            if sound is not None:
                sound.begin(whole)
            for packet in silent.demux(silent.streams.video[0]):
                if packet.dts is None:
                    continue
                now = self._start + float(packet.dts * packet.time_base)
                packet.stream = stream
                whole.mux(packet)
                for heard in sound.until(now) if sound is not None else ():
                    whole.mux(heard)
            for heard in itertools.chain(sound.until(math.inf), sound.rest()) if sound is not None else ():
                whole.mux(heard)

    def _joined(self) -> None:
        try:
            self._join(self._sound)
        except (pyav().error.FFmpegError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            if self._sound is None:
                raise
            logger.warning("%s: the sound cannot be kept (%s).", self._sound.path, short_reason(error))
            self._join(None)

    def close(self) -> None:
        """Write what is left, and the table of contents.

        Raises:
            GazeError: The file cannot be written.
        """
        av = pyav()
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if self._silent is not None and self._stream is not None:
                self._joined()
        except (av.error.FFmpegError, OSError) as error:
            raise _unwritable(self._path, error) from error
        finally:
            self.drop()

    def _opened(self) -> "OutputContainer":
        found = pyav().open(os.path.abspath(self._path), "w", format="mp4", options={"movflags": "+faststart"})
        return cast("OutputContainer", found)

    def drop(self) -> None:
        """Let go of all files, whatever is in them; what waits to be encoded is not written."""
        for each in (self._sound, getattr(self, "_container", None), self._silent):
            try:
                if each is not None:
                    each.close()
            except Exception:  # it was already told why
                logger.debug("%s: cannot be closed", self._path, exc_info=True)


class Sound:
    """The sound of a file as packets for an MP4 file: copied where that can hold it, else made AAC.

    A file without sound gives none; sound that is broken ends there.
    """

    def __init__(self, path: Path, start: float, end: float | None) -> None:
        self.path, self._start, self._end = path, start, end
        self._container = opened(path)
        streams = self._container.streams.audio
        self._from: AudioStream | None = next((each for each in streams if each.codec_context is not None), None)
        self._to: AudioStream | None = None
        self._packets: Iterator[Packet[Any]] = iter(())
        self._ahead: Packet[Any] | None = None
        self._samples = 0  # encoded so far
        self._zero = _first_time(self._container)

    @property
    def is_there(self) -> bool:
        """Whether the file has any sound."""
        return self._from is not None

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def begin(self, container: Any) -> None:
        """Add a stream of sound to a container, if there is any sound."""
        if self._from is None:
            return
        copied = self._from.codec_context.name.removesuffix("float") in COPIED
        if copied:
            self._to = container.add_stream_from_template(self._from)
        else:
            context = self._from.codec_context
            rate = context.sample_rate if context.sample_rate in AAC_RATES else 48_000
            self._to = container.add_stream("aac", rate=rate)
            self._to.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        if self._start:
            self._seek()
        self._packets = self._copied() if copied else self._made()

    def until(self, time_s: float) -> "Iterator[Packet[Any]]":
        """The packets up to a time, from where the last call ended."""
        limit = time_s - self._start
        while True:
            packet = self._ahead or next(self._packets, None)
            self._ahead = None
            if packet is None:
                return
            at = packet.dts if packet.dts is not None else packet.pts
            if at is not None and packet.time_base and float(at * packet.time_base) > limit:
                self._ahead = packet
                return
            yield packet

    def rest(self) -> "Iterator[Packet[Any]]":
        """What an encoder still holds."""
        if self._to is not None and self._to.codec_context.is_encoder and self._to.codec_context.is_open:
            yield from self._to.encode(None)

    def _seek(self) -> None:
        av = pyav()
        try:
            self._container.seek(int((self._start + self._zero) * 1e6))
        except (av.error.FFmpegError, OSError):
            logger.debug("%s: cannot seek to %g s", self.path, self._start, exc_info=True)

    def _stored(self) -> "Iterator[Packet[Any]]":
        """The packets in the range; where time jumps back it is counted on."""
        av, last, shift = pyav(), -math.inf, 0.0
        try:
            for packet in self._container.demux(self._from):
                if packet.size == 0 or packet.pts is None or packet.time_base is None:
                    continue
                base = packet.time_base
                time = float(packet.pts * base) - self._zero + shift
                if time < last - BACK:
                    shift, time = shift + last - time, last
                last = max(last, time + float((packet.duration or 0) * base))
                if shift:
                    packet.pts += round(shift / base)
                    packet.dts = None if packet.dts is None else packet.dts + round(shift / base)
                if self._end is not None and time >= self._end:
                    return
                if time >= self._start - 0.01:
                    yield packet
        except (av.error.FFmpegError, OSError) as error:
            logger.warning("%s: the sound cannot be read further (%s).", self.path, short_reason(error))

    def _copied(self) -> "Iterator[Packet[Any]]":
        last: int | None = None
        for packet in self._stored():
            sound = _is_sound(packet)
            shift = round((self._zero + self._start) / float(packet.time_base))
            packet.pts = (packet.pts or 0) - shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            if packet.pts < 0 or (last is not None and packet.dts <= last) or not sound:
                continue
            last, packet.stream = packet.dts, self._to
            yield packet

    def _made(self) -> "Iterator[Packet[Any]]":
        """Decoded and encoded anew."""
        av = pyav()
        assert self._to is not None
        context, resampler, kind = self._to.codec_context, None, None
        for packet in self._stored():
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                continue
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                now = frame.format.name, frame.layout.name, frame.sample_rate
                if now != kind:  # which may change in the middle
                    yield from self._encoded(resampler, None)
                    resampler, kind = av.AudioResampler("fltp", context.layout, context.sample_rate), now
                if frame.pts is not None and frame.time_base:
                    yield from self._silence(float(frame.pts * frame.time_base) - self._zero - self._start)
                yield from self._encoded(resampler, frame)
        yield from self._encoded(resampler, None)

    def _encoded(self, resampler: Any, frame: Any) -> "Iterator[Packet[Any]]":
        """A frame, or what is left in a resampler, as packets."""
        assert self._to is not None
        for each in resampler.resample(frame) if resampler is not None else ():
            each.pts = None  # counted on
            self._samples += each.samples
            yield from self._to.encode(each)

    def _silence(self, time: float) -> "Iterator[Packet[Any]]":
        """What lies between the sound so far and a time from the start of the range on."""
        assert self._to is not None
        context = self._to.codec_context
        gap = time - self._samples / context.sample_rate
        for _ in range(int(gap / SILENCE) if SILENCE < gap < LONGEST / TICKS else 0):
            shape = context.layout.nb_channels, round(SILENCE * context.sample_rate)
            frame = pyav().AudioFrame.from_ndarray(np.zeros(shape, np.float32), "fltp", context.layout.name)
            frame.sample_rate, self._samples = context.sample_rate, self._samples + shape[1]
            yield from self._to.encode(frame)


def _is_sound(packet: "Packet[Any]") -> bool:
    """Whether a packet can be decoded: what cannot is not copied."""
    try:
        packet.decode()
    except (pyav().error.FFmpegError, ValueError):
        return False
    return True


def _first_time(container: Any) -> float:
    """Seconds at which the first frame of the video stands."""
    for stream in container.streams.video:
        if not is_cover(stream) and stream.start_time is not None and stream.time_base:
            return float(stream.start_time * stream.time_base)
    return container.start_time / 1e6 if container.start_time else 0.0


def _unwritable(path: Path | str, error: Exception) -> GazeError:
    reason = getattr(error, "strerror", None) or short_reason(error)
    return GazeError(f"{path} cannot be written ({reason}); check folder and disk.")
