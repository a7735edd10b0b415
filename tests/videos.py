"""Tiny video files for tests, made with PyAV in the kinds that people have."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

TICKS = 1000  # a second
RIGHT = (
    0,
    1,
    0,
    -1,
    0,
    0,
)  # a display matrix that turns by a quarter, in the order of the file without its last column


def square(number: int, size: tuple[int, int] = (48, 64)) -> UInt8[np.ndarray, "h w 3"]:
    """A dark frame with a bright square that goes to the right; the top left corner is red."""
    pixels = np.full((*size, 3), 30, np.uint8)
    left = (2 * number) % (size[1] - 12)
    pixels[size[0] // 2 : size[0] // 2 + 10, left : left + 10] = 230
    pixels[:8, :8] = (220, 20, 20)
    return pixels


def write(  # noqa: PLR0913 - the kinds that people have
    path: Path,
    frames: Sequence[UInt8[np.ndarray, "h w 3"]] | int = 10,
    times: Sequence[float] | None = None,
    rate: float = 10,
    codec: str = "mpeg4",
    sound: str | None = None,
    sound_s: float | None = None,
    sound_rate: int = 8000,
    layout: str = "mono",
    aspect: Fraction | None = None,
    size: tuple[int, int] = (48, 64),
    gop: int = 12,
) -> Path:
    """Write a video: so many frames with a moving square, or those given, at these times in seconds.

    The sound lasts as long as the frames, or `sound_s` seconds.
    """
    pictures = [square(number, size) for number in range(frames)] if isinstance(frames, int) else frames
    moments = [number / rate for number in range(len(pictures))] if times is None else times
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", gop
        exact = codec == "mpeg2video"  # which knows no others
        stream.codec_context.time_base = 1 / Fraction(rate).limit_denominator(1000) if exact else Fraction(1, TICKS)
        stream.codec_context.qmin = stream.codec_context.qmax = 2
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        audio = container.add_stream(sound, rate=sound_rate, layout=layout) if sound else None
        for pixels, moment in zip(pictures, moments, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))
            frame.pts, frame.time_base = round(moment * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _write_sound(container, audio, sound_s or moments[-1] + 1 / rate, sound_rate, layout)
    return path


def write_changing(path: Path, sizes: Sequence[tuple[int, int]] = ((48, 64), (64, 48)), rate: int = 10) -> Path:
    """A video with five frames of each of these sizes, all of them keyframes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.height, stream.width = sizes[0]
        stream.pix_fmt, stream.codec_context.time_base = "yuvj420p", Fraction(1, rate)
        for place, size in enumerate(sizes):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.height, encoder.width = size
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, rate)
            for number in range(5):
                frame = av.VideoFrame.from_ndarray(square(number, size)).reformat(format="yuvj420p")
                frame.pts, frame.time_base = 5 * place + number, Fraction(1, rate)
                for packet in encoder.encode(frame):
                    packet.stream, packet.time_base = stream, Fraction(1, rate)
                    container.mux(packet)
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """A file with nothing but sound."""
    with av.open(str(path), "w") as container:
        _write_sound(container, container.add_stream("aac", rate=8000, layout="mono"), seconds)
    return path


def _write_sound(
    container: "av.container.OutputContainer",
    stream: "av.AudioStream",
    seconds: float,
    rate: int = 8000,
    layout: str = "mono",
) -> None:
    wave = (8000 * np.sin(np.arange(int(seconds * rate)) * 0.3)).astype(np.int16)
    resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for each in resampler.resample(frame):
            container.mux(stream.encode(each))
    container.mux(stream.encode(None))


def turn(path: Path) -> Path:
    """Mark an MP4 file as to be shown turned by a quarter to the right, as telephones do."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    a, b, c, d, x, y = RIGHT
    one = 1 << 16
    struct.pack_into(">9i", content, place, a * one, b * one, 0, c * one, d * one, 0, x * one, y * one, 1 << 30)
    path.write_bytes(content)
    return path


def sounds(path: Path) -> list[bytes]:
    """The packets of sound in a file."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size] if container.streams.audio else []
