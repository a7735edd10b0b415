"""Video files by the number of a frame: true times read without decoding, and any frame, sought by keyframe.

    with IndexedVideo(path) as video:
        index = video.index()                       # reads the file once; decodes one frame
        for frame in video.at(index, [3, 9, 500]):  # what is on the screen when these are shown
            video.pixels(frame)

The times are those of `VideoFile.frames`. Packets tell them, so that ten thousand frames take as long as reading the
file. A file that is cut off, whose time goes back, or that tells no times is refused: the number of a frame would mean
nothing in it. A frame that cannot be decoded, or that shows nothing of its own, is the one before it, as on a screen,
for `LOST` seconds at most.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from data.errors import VideoError, short_reason
from data.video.read import BACK, LOST, SAME, VideoFile, pyav

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

UNSOUGHT = ("mpeg",)  # containers that tell no true times after a search
NEAR = 8  # frames: a keyframe that is nearer than this is decoded up to, not sought
TRIES = 4  # keyframes further and further back before a file is read from its beginning


@dataclass(frozen=True)
class Index:
    """When each frame of a video is shown, and where decoding can begin."""

    times: Float[np.ndarray, " f"]  # seconds, each above the last
    size: tuple[int, int]  # height, width of the first frame as a person sees it
    first: int  # the stamp from which times are counted
    keys: Int64[np.ndarray, " k"]  # the numbers of frames at which decoding can begin
    stamps: Int64[np.ndarray, " k"]  # by which the file is sought for them


class IndexedVideo(VideoFile):
    """A video file whose frames are asked for by number."""

    def index(self) -> Index:
        """The times of all frames, from one pass over the packets.

        Raises:
            VideoError: No frame can be decoded, the file is cut off, its time goes back, or it tells no times.
        """
        shown, keys, sought = array("q"), array("q"), array("q")
        size: tuple[int, int] | None = None
        decoded = -np.inf
        for packet in self._packets():
            if size is None:
                size = self._size_of_first(packet)
            if not packet.size or packet.is_discard:
                continue
            shows, decodes = self._stamps(packet)
            if decodes * float(packet.time_base) < decoded - BACK:
                raise VideoError(f"{self.path}: its time goes back after {self._ends:.1f} s; save it again as MP4.")
            decoded = max(decoded, decodes * float(packet.time_base))
            self._last_tick = max(self._last_tick or shows, shows + (packet.duration or 0))
            shown.append(shows)
            if packet.is_keyframe:
                keys.append(shows)
                sought.append(shows if "matroska" in self._container.format.name else decodes)
        if size is None:
            size = self._size_of_first(None)
        if size is None or not shown:
            raise VideoError(f"{self.path}: not one frame can be decoded; copy or save it again.")
        if self._cut_off():
            lacks = f"the frames end after {self._ends:.1f} of {self._length or 0:.1f} s"
            raise VideoError(f"{self.path}: cut off, {lacks}; copy it again.")
        return self._index(size, shown, keys, sought)

    def _index(self, size: tuple[int, int], shown: "array[int]", keys: "array[int]", sought: "array[int]") -> Index:
        stamps = np.unique(np.frombuffer(shown, np.int64))
        first = int(stamps[0]) if self._first is None else self._first
        begins = stamps[0] if self._scrambled else first
        times = (stamps - begins) * float(self._stream.time_base or 0)
        numbers, kept = np.unique(np.searchsorted(stamps, np.frombuffer(keys, np.int64)), return_index=True)
        return Index(times, size, first, numbers, np.frombuffer(sought, np.int64)[kept])

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """Every packet of the file; the last one may be in pieces."""
        av, self._read = pyav(), True
        packets = iter(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError) as error:
                self._note(f"it cannot be read further ({short_reason(error)})")
                break
            yield packet
        self._over = True

    def _stamps(self, packet: "Packet[VideoStream]") -> tuple[int, int]:
        """When a packet's frame is shown and when it is decoded, in the stream's time base.

        Raises:
            VideoError: The file does not tell.
        """
        shows = packet.dts if self._scrambled else packet.pts
        if shows is None or not packet.time_base:
            raise VideoError(f"{self.path}: it does not tell when its frames are shown; save it again as MP4.")
        return shows, shows if packet.dts is None else packet.dts

    def _size_of_first(self, packet: "Packet[VideoStream] | None") -> tuple[int, int] | None:
        """Height and width of the first frame that a packet gives, or what is left in the decoder; None: none yet."""
        av = pyav()
        try:
            frames = self._stream.codec_context.decode(packet)
            if frames and self._scrambled:
                self._first = frames[0].dts
            return self.pixels(frames[0]).shape[:2] if frames else None
        except (av.error.FFmpegError, ValueError, MemoryError) as error:
            if isinstance(error, VideoError):
                raise
            return None

    def at(self, index: Index, numbers: Iterable[int]) -> "Iterator[VideoFrame]":
        """What is on the screen when some frames, in rising order, are shown; one or two are held at a time.

        Raises:
            VideoError: One cannot be decoded, and what comes before is too old to stand for it.
        """
        self._first = index.first
        frames: Iterator[tuple[float, VideoFrame]] = iter(())
        shown: tuple[float, VideoFrame] | None = None
        ahead: tuple[float, VideoFrame] | None = None
        for number in numbers:
            due = float(index.times[number])
            key = int(np.searchsorted(index.keys, number, side="right")) - 1
            place = number if ahead is None else int(np.searchsorted(index.times, ahead[0] - SAME))
            if shown is None or (key >= 0 and index.keys[key] > place + NEAR):
                frames = self._since(index, number)
                shown, ahead = None, next(frames, None)
            while ahead is not None and ahead[0] <= due + SAME:
                shown, ahead = ahead, next(frames, None)
            if shown is None or due - shown[0] > LOST:
                raise VideoError(f"{self.path}: what it shows at {due:.2f} s cannot be decoded; copy it again.")
            yield shown[1]

    def _since(self, index: Index, number: int) -> "Iterator[tuple[float, VideoFrame]]":
        """Frames with rising times, from a keyframe that is not after the one of this number."""
        due, key, back = float(index.times[number]), int(np.searchsorted(index.keys, number, side="right")) - 1, 0
        for _ in range(TRIES if self._container.format.name not in UNSOUGHT else 0):
            if key - back <= 0 or index.keys[key - back] == 0:
                break
            if self._seek_stamp(int(index.stamps[key - back])):
                frames = self._rising()
                first = next(frames, None)
                if first is not None and first[0] <= due + SAME:
                    yield first
                    yield from frames
                    return
            back = max(1, 2 * back)
        if self._read:
            self._reopen()
        yield from self._rising()

    def _seek_stamp(self, stamp: int) -> bool:
        self._read = True
        try:
            self._container.seek(stamp, stream=self._stream)
        except (pyav().error.FFmpegError, OSError):
            return False
        self._sought, self._over = True, False
        return True

    def _rising(self) -> "Iterator[tuple[float, VideoFrame]]":
        last, usual = -np.inf, 1 / self.rate
        for found, frame in self._ordered():
            time = last + usual if found is None or (self._scrambled and found <= last) else found
            if time > last:
                usual = min(time - last, 1.0) if last > -np.inf else usual
                last = time
                yield time, frame

    def pixels(self, frame: "VideoFrame") -> UInt8[np.ndarray, "h w 3"]:
        """A frame as a person sees it, RGB.

        Raises:
            VideoError: It is too large, or of colours that nobody knows.
        """
        try:
            return self._pixels(frame)
        except VideoError:
            raise
        except (pyav().error.FFmpegError, ValueError, MemoryError) as error:
            raise VideoError(f"{self.path}: a frame cannot be shown ({short_reason(error)}); save it again.") from error

    def grey(self, frame: "VideoFrame") -> Float32[np.ndarray, "h w"]:
        """How bright a frame is, 0 to 1, with all that more than eight bits tell.

        Raises:
            VideoError: It is too large, or of colours that nobody knows.
        """
        self._check_size(frame.width, frame.height)
        if max(part.bits for part in frame.format.components) <= 8:
            return cv2.cvtColor(self.pixels(frame), cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
        try:
            wide = frame.to_ndarray(format="rgb48le")
        except (pyav().error.FFmpegError, ValueError, MemoryError) as error:
            raise VideoError(f"{self.path}: a frame cannot be shown ({short_reason(error)}); save it again.") from error
        return cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(65535)
