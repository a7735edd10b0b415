"""Frames by number: their times are those of decoding, and each is what decoding from the beginning gives."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8

from data.errors import GazeError, VideoError
from data.video import indexed
from data.video.indexed import IndexedVideo
from data.video.read import VideoFile
from data.video.sources import VideoSource
from data.video.write import VideoWriter
from tests import videos

MOMENTS = np.cumsum([0, *np.random.default_rng(0).choice([0.02, 0.033, 0.04, 0.1, 0.4], 39)]).round(3).tolist()


def decoded(path: Path) -> tuple[list[float], list[UInt8[np.ndarray, "h w 3"]]]:
    with VideoFile(path) as video:
        frames = list(video.frames())
    return [frame.time_s for frame in frames], [frame.pixels for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "times"),
    [
        ("a.mp4", "libx264", MOMENTS),
        ("a.mkv", "libx264", MOMENTS),
        ("a.mp4", "mpeg4", None),
        ("a.avi", "libx264", None),
        ("a.avi", "mpeg4", None),
        ("a.ts", "mpeg2video", None),
        ("a.ts", "libx264", None),
        ("a.mpg", "mpeg2video", None),
        ("a.flv", "flv", None),
    ],
)
def test_times_and_frames_are_those_of_decoding(
    name: str, codec: str, times: list[float] | None, tmp_path: Path
) -> None:
    path = videos.write(tmp_path / name, 40, codec=codec, times=times, rate=25, gop=7, size=(32, 48))
    moments, frames = decoded(path)
    source = VideoSource(path)
    np.testing.assert_allclose(source.times, moments, atol=1e-9)
    assert source.size == (32, 48)
    for start in (0, 1, 6, 7, 13, 20, 33, 38):
        for number, frame in enumerate(source.frames(start, min(start + 3, 40)), start):
            assert np.array_equal(frame, frames[number]), (start, number)
    found = list(source.frames(2, None, 9))
    assert all(np.array_equal(frame, frames[2 + 9 * number]) for number, frame in enumerate(found))
    assert len(found) == 5


def test_a_rate_that_varies_is_kept_as_our_writer_wrote_it(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for number, moment in enumerate(MOMENTS):
            writer.write(videos.square(number), moment)
    np.testing.assert_allclose(VideoSource(tmp_path / "a.mp4").times, MOMENTS, atol=1 / 90_000)


def test_times_are_read_without_decoding_and_a_frame_by_its_keyframe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = videos.write(tmp_path / "a.mp4", 600, codec="libx264", gop=10, rate=25, size=(16, 16))
    count = 0
    whole = IndexedVideo.pixels

    def counted(self: IndexedVideo, frame: object) -> UInt8[np.ndarray, "h w 3"]:
        nonlocal count
        count += 1
        return whole(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(IndexedVideo, "pixels", counted)
    source = VideoSource(path)
    assert len(source.times) == 600
    assert count == 1  # the first, for its size
    given = 0
    ordered = IndexedVideo._ordered

    def told(self: IndexedVideo) -> object:
        nonlocal given
        for each in ordered(self):
            given += 1
            yield each

    monkeypatch.setattr(IndexedVideo, "_ordered", told)
    assert len(list(source.frames(595, 598))) == 3
    assert given < 30
    given = 0
    assert len(list(source.frames(0, 600, 200))) == 3
    assert given < 60


def test_a_frame_that_cannot_be_decoded_is_the_one_before_it_for_half_a_second(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 60, codec="libx264", gop=60, rate=25)
    source = VideoSource(path)
    assert len(source.times) == 60
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    said = outcome(source)
    assert said == 60 or str(said).endswith("cannot be decoded; copy it again.")


def outcome(source: VideoSource) -> int | str:
    """How many frames there are, or the sentence that is said instead."""
    try:
        return len(list(source.frames()))
    except VideoError as error:
        return str(error)


def test_frames_that_are_not_there_are_refused(tmp_path: Path) -> None:
    source = VideoSource(videos.write(tmp_path / "a.mp4", 5))
    for start, stop, stride in ((0, 6, 1), (-1, 2, 1), (3, 2, 1), (0, 2, 0)):
        with pytest.raises(VideoError, match="but there are 5"):
            list(source.frames(start, stop, stride))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 60, gop=5)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(VideoError, match=r"cut off, the frames end after \d\.\d of 6\.0 s; copy it again"):
        _ = VideoSource(path).times


def test_a_time_that_goes_back_is_refused(tmp_path: Path) -> None:
    part = videos.write(tmp_path / "1.ts", 20, codec="mpeg2video").read_bytes()
    (tmp_path / "a.ts").write_bytes(part * 2)
    with pytest.raises(VideoError, match=r"its time goes back after \d\.\d s; save it again as MP4"):
        _ = VideoSource(tmp_path / "a.ts").times


def test_a_file_without_times_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write(tmp_path / "a.mp4", 5)
    packets = indexed.IndexedVideo._packets

    def timeless(self: IndexedVideo) -> object:
        for packet in packets(self):
            packet.pts = None
            yield packet

    monkeypatch.setattr(IndexedVideo, "_packets", timeless)
    with pytest.raises(VideoError, match="does not tell when its frames are shown"):
        _ = VideoSource(path).times


def test_a_header_of_0_frames_a_second_ends_in_times_that_rise_or_in_a_sentence(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.avi", 10)
    content = bytearray(path.read_bytes())
    place = content.index(b"strh") + 8 + 20
    content[place : place + 8] = bytes(8)  # scale and rate
    path.write_bytes(content)
    times = VideoSource(path).times
    assert len(times) == 10
    assert (np.diff(times) > 0).all()


def test_a_size_that_changes_is_refused_at_the_frame_and_by_check(tmp_path: Path) -> None:
    source = VideoSource(videos.write_changing(tmp_path / "a.mkv"))
    with pytest.raises(VideoError, match="a frame of 48 x 64 pixels among others of 64 x 48; make all of one size"):
        list(source.frames())
    with pytest.raises(VideoError, match="among others of 64 x 48"):
        source.check()


@pytest.mark.parametrize("content", [b"", b"no video " * 99, bytes(5000)])
def test_what_is_no_video_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(GazeError, match=r"a\.mp4: .*[;(].*\.$"):
        _ = VideoSource(tmp_path / "a.mp4").times


def test_a_clip_is_walked_with_a_frame_or_two_in_memory(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", 60, codec="mpeg4", size=(240, 320))
    frame = 240 * 320 * 3
    source = VideoSource(path)
    assert len(source.times) == 60
    tracemalloc.start()
    try:
        for _ in source.frames():
            pass
        assert tracemalloc.get_traced_memory()[1] < 4 * frame
    finally:
        tracemalloc.stop()
