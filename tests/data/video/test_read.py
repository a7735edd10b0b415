"""Frames of video files of all kinds: their times, how they are turned, and what is said of broken ones."""

import os
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from data.errors import GazeError, VideoError
from data.video import read
from data.video.read import Frame, VideoFile, is_video
from data.video.write import VideoWriter
from tests import videos


def frames(path: Path, start: float = 0.0, end: float | None = None, step: float = 0.0) -> tuple[list[Frame], str]:
    with VideoFile(path) as clip:
        return list(clip.frames(start, end, step)), clip.damage


def times(found: list[Frame]) -> list[float]:
    return [round(frame.time_s, 3) for frame in found]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.mov", "libx264"), ("a.ts", "mpeg2video")],
)
def test_frames_come_with_pixels_and_times(name: str, codec: str, tmp_path: Path) -> None:
    found, damage = frames(videos.write(tmp_path / name, 10, codec=codec, rate=25))
    assert (len(found), damage) == (10, "")
    assert times(found) == [round(number / 25, 3) for number in range(10)]
    assert [frame.index for frame in found] == list(range(10))
    for number in (0, 9):
        assert found[number].pixels.dtype == np.uint8
        assert np.abs(found[number].pixels[10:].astype(int) - videos.square(number)[10:]).mean() < 6


def test_a_rate_that_varies_keeps_its_times(tmp_path: Path) -> None:
    moments = [0, 0.04, 0.2, 0.21, 1.5, 1.6]
    for name in ("a.mp4", "a.mkv"):
        found, damage = frames(videos.write(tmp_path / name, 6, times=moments, rate=25))
        assert (times(found), damage) == (moments, "")


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    assert times(frames(videos.write(tmp_path / "a.mkv", 3, times=[7, 7.5, 8]))[0]) == [0, 0.5, 1]


def test_a_telephone_held_upright_is_shown_upright(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", 2)
    flat = frames(path)[0][0].pixels
    turned = frames(videos.turn(path))[0][0].pixels
    assert np.array_equal(turned, np.rot90(flat, -1))
    assert turned[3, -3, 0] > 150  # the red corner is at the top right


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    found, _ = frames(videos.write(tmp_path / "a.mp4", 2, aspect=Fraction(2, 1)))
    assert found[0].pixels.shape == (48, 128, 3)


@pytest.mark.parametrize("size", [(2, 2), (16, 300), (50, 34)])
def test_sizes_of_all_kinds_are_read(size: tuple[int, int], tmp_path: Path) -> None:
    found, _ = frames(videos.write(tmp_path / "a.mkv", [np.full((*size, 3), 90, np.uint8)] * 2, codec="ffv1"))
    assert found[1].pixels.shape == (*size, 3)


def test_a_size_that_changes_in_the_middle_is_fitted_into_the_first(tmp_path: Path) -> None:
    parts = [
        videos.write(tmp_path / f"{n}.ts", 5, codec="mpeg2video", size=size)
        for n, size in enumerate([(48, 64), (64, 48)])
    ]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    found, damage = frames(tmp_path / "a.ts")
    assert {frame.pixels.shape for frame in found} == {(48, 64, 3)}
    assert len(found) >= 9
    assert "frames of 48 x 64 are fitted into 64 x 48" in damage
    assert (np.diff([frame.time_s for frame in found]) > 0).all()


def test_a_range_is_from_its_start_to_before_its_end(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", 20)
    found, damage = frames(path, 0.5, 1.0)
    assert (times(found), damage) == ([0.5, 0.6, 0.7, 0.8, 0.9], "")
    assert found[0].index == 0


def test_ten_hours_are_sought_and_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write(tmp_path / "a.mkv", 600, times=[60.0 * number for number in range(600)], size=(16, 16))
    decoded: list[float] = []
    whole = VideoFile._time

    def counted(self: VideoFile, frame: object) -> float | None:
        decoded.append(1.0)
        return whole(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoFile, "_time", counted)
    found, _ = frames(path, 9.5 * 3600, 9.5 * 3600 + 150)
    assert times(found) == [34200, 34260, 34320]
    assert len(decoded) < 40
    decoded.clear()
    found, _ = frames(path, step=7200)
    assert times(found) == [0, 7200, 14400, 21600, 28800]
    assert len(decoded) < 150


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(5, None, "the range begins at 5 s, but the video has 1.0 s"), (1.0, 1.5, "the range begins at 1 s")],
)
def test_a_range_without_frames_is_refused(start: float, end: float | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=words):
        frames(videos.write(tmp_path / "a.mp4"), start, end)


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.mp4", "mpeg4", "aac"), ("a.mkv", "mpeg4", "flac"), ("a.avi", "mpeg4", "pcm_s16le"), ("a.flv", "flv", "aac")],
)
def test_a_sound_that_goes_on_after_the_frames_is_no_damage(name: str, codec: str, sound: str, tmp_path: Path) -> None:
    rate = 44100 if name == "a.flv" else 8000
    path = videos.write(tmp_path / name, 10, codec=codec, sound=sound, sound_s=4, sound_rate=rate)
    found, damage = frames(path)
    assert (len(found), damage) == (10, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_frames_that_stay_for_long_are_no_damage(name: str, tmp_path: Path) -> None:
    path = videos.write(tmp_path / name, 3, times=[0, 4, 12], sound="aac", sound_s=20)
    found, damage = frames(path)
    assert (times(found), damage) == ([0, 4, 12], "")


@pytest.mark.parametrize("start", [6.5, 11.5])
def test_what_is_on_the_screen_when_a_range_begins_is_its_first_frame(start: float, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 4, times=[0, 5, 11, 20])
    found, damage = frames(path, start, start + 1)
    assert (times(found), damage) == ([start], "")
    on_screen = 1 if start < 11 else 2
    assert np.abs(found[0].pixels[10:].astype(int) - videos.square(on_screen)[10:]).mean() < 6
    assert times(frames(path, start, 20.5)[0]) == ([6.5, 11, 20] if start < 11 else [11.5, 20])


@pytest.mark.parametrize(
    ("name", "codec", "gop"), [("a.ts", "mpeg2video", 90), ("a.m2ts", "libx264", 60), ("a.mkv", "libx264", 250)]
)
def test_a_range_that_is_sought_begins_where_it_should(name: str, codec: str, gop: int, tmp_path: Path) -> None:
    path = videos.write(tmp_path / name, 200, codec=codec, rate=10, gop=gop, size=(32, 48))
    whole = {frame.time_s: frame.pixels for frame in frames(path)[0]}
    for start in (10.6, 13.3, 17.9, 19.8):
        found, damage = frames(path, start, start + 0.4)
        assert damage == ""
        assert times(found) == pytest.approx([start, start + 0.1, start + 0.2, start + 0.3][: len(found)], abs=2e-3)
        assert len(found) == 4 - 2 * (start > 19.5)
        for frame in found:
            there = min(whole, key=lambda moment: abs(moment - frame.time_s))
            assert np.array_equal(frame.pixels, whole[there])


def test_a_file_that_does_not_say_when_it_begins_is_sought_too(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 40, times=[7 + number for number in range(40)], gop=4)
    with VideoFile(path) as clip:
        clip._first = None
        assert times(list(clip.frames(20, 22))) == [20, 21]
        assert times(list(clip.frames(end=2))) == [0, 1]


def test_a_time_that_jumps_back_is_counted_on_and_no_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    part = videos.write(tmp_path / "1.ts", 20, codec="mpeg2video").read_bytes()
    (tmp_path / "a.ts").write_bytes(part * 3)
    found, damage = frames(tmp_path / "a.ts")
    assert (len(found), damage) == (60, "")
    assert np.diff([frame.time_s for frame in found]) == pytest.approx(0.1, abs=1e-3)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.ts'}: its time goes back after 1.9 s; it is counted on from there."
    ]


@pytest.mark.parametrize(
    ("stamps", "given"),
    [
        ([0, 0.1, 0.1, 0.2, 0.3], [0, 0.1, 0.101, 0.2, 0.3]),
        ([0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0, 0.1, 0.101, 0.102, 0.103, 0.203, 0.303]),
        ([None] * 3, [0, 0.1, 0.2]),
        ([5, 6, 0, 1, 2], [5, 6, 6.1, 7.1, 8.1]),
    ],
)
def test_stamps_that_stand_still_or_are_missing_make_no_time_that_does(
    stamps: list[float | None], given: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter(stamps)
    monkeypatch.setattr(VideoFile, "_time", lambda *_: next(told))
    assert times(frames(videos.write(tmp_path / "a.mkv", len(stamps)))[0]) == pytest.approx(given)


def test_stamps_of_avi_are_in_the_order_in_which_frames_are_shown(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.avi", 30, codec="libx264", rate=25)
    found, damage = frames(path)
    assert damage == ""
    assert times(found) == [round(number / 25, 3) for number in range(30)]
    for number, frame in enumerate(found):
        assert np.abs(frame.pixels[10:].astype(int) - videos.square(number)[10:]).mean() < 6


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 4), (200, 0, 0, 255), np.uint8)
    pixels[:4, :, 3], pixels[4:6, :, 3] = 0, 128
    with VideoFile(videos.write(tmp_path / "a.mkv", 1)) as clip:
        seen = clip._pixels(av.VideoFrame.from_ndarray(pixels, "rgba"))
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[4, 0].tolist() == [227, 127, 127]
    assert seen[7, 0].tolist() == [200, 0, 0]


def test_a_tail_that_is_missing_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 60, gop=5)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found, damage = frames(path)
    assert 20 <= len(found) < 45
    assert re.search(r"the frames end after \d\.\d of 6\.0 s", damage)


def test_damage_in_the_middle_is_named_and_survived(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", 60, codec="libx264")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)
    path.write_bytes(content)
    found, damage = frames(path)
    assert 20 <= len(found) < 60
    assert found[-1].time_s > 5
    assert "could not be decoded" in damage


def content(kind: str, folder: Path) -> bytes:
    """The bytes of a file that is no video."""
    if kind == "cut off":
        whole = videos.write(folder / "whole.mp4", 10).read_bytes()
        return whole[: len(whole) * 2 // 3]
    if kind == "only sound":
        return videos.write_sound(folder / "sound.mp4").read_bytes()
    texts = {
        "empty": b"",
        "text": b"no video at all, but some words " * 50,
        "playlist": b"#EXTM3U\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n",
        "concat": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        "zeros": bytes(5000),
    }
    return texts[kind]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "the file is empty"),
        ("text", "this is not a video that can be read"),
        ("playlist", "this is not a video that can be read"),
        ("concat", "this is not a video that can be read"),
        ("zeros", "this is not a video that can be read|not one frame can be decoded|there is no frames"),
        ("cut off", "or it is cut off"),
        ("only sound", "there is only sound in it"),
    ],
)
def test_what_is_no_video_is_refused_in_one_sentence(kind: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content(kind, tmp_path))
    with pytest.raises(VideoError, match=words) as refusal:
        frames(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_what_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name, words in (("pipe.mp4", "pipe or device"), ("folder.mp4", "a folder"), ("gone.mp4", "check the path")):
        with pytest.raises(VideoError, match=words):
            VideoFile(tmp_path / name)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*anything: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(read.os, "open", closed)
    with pytest.raises(VideoError, match=r"cannot be read \(Permission denied\); check its permissions"):
        VideoFile(tmp_path / "a.mp4")


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = videos.write(tmp_path / "a.mp4", 2)
    monkeypatch.setattr(read, "LIMIT", 3000)
    monkeypatch.setattr(VideoFile, "_decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(VideoError, match=r"64 x 48 pixels, but the limit is 3,000"):
        VideoFile(path)


def test_a_header_that_tells_no_rate_is_no_hindrance(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.avi", 10)
    content = bytearray(path.read_bytes())
    place = content.index(b"strh") + 8 + 20
    content[place : place + 8] = bytes(8)  # scale and rate
    path.write_bytes(content)
    with VideoFile(path) as clip:
        assert 0.1 <= clip.rate <= 1000
        found = list(clip.frames())
    assert len(found) == 10
    assert (np.diff([frame.time_s for frame in found]) > 0).all()


def test_without_the_extra_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(GazeError, match=re.escape("pip install -e '.[video]'")):
        VideoFile(tmp_path / "a.mp4")


def test_decoding_threads_never_wait_for_python() -> None:
    """With any level, threads of FFmpeg tell Python of errors, while Python may wait for these threads: for ever."""
    assert read.pyav().logging.get_level() is None


def test_videos_are_known_by_their_suffix() -> None:
    known = ["a.mp4", "a.MOV", "a.mkv", "a.webm", "a.avi", "a.m4v"]
    assert [name for name in (*known, "a.gif", "a.jpg", "mp4") if is_video(Path(name))] == known


def spoilt(content: bytes, chance: np.random.Generator) -> bytes:
    """A file's bytes with some of them changed, and sometimes without its end."""
    found = bytearray(content)
    for _ in range(int(chance.integers(1, 30))):
        found[int(chance.integers(len(found)))] = int(chance.integers(256))
    return bytes(found[: int(chance.integers(len(found)))] if chance.random() < 0.3 else found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [
        ("a.mp4", "libx264", "aac"),
        ("a.mkv", "mpeg4", "flac"),
        ("a.avi", "mpeg4", "pcm_s16le"),
        ("a.ts", "mpeg2video", None),
    ],
)
def test_a_spoilt_file_ends_in_frames_or_in_one_sentence(
    name: str, codec: str, sound: str | None, tmp_path: Path
) -> None:
    content = videos.write(tmp_path / name, 12, codec=codec, sound=sound, rate=25).read_bytes()
    chance, read_some, said = np.random.default_rng(1), 0, list[str]()
    for _ in range(150):
        (tmp_path / name).write_bytes(spoilt(content, chance))
        try:
            with (
                VideoFile(tmp_path / name) as clip,
                VideoWriter(tmp_path / "out.mp4", clip.rate, tmp_path / name) as out,
            ):
                for frame in clip.frames():
                    out.write(frame.pixels, frame.time_s)
                    read_some += 1
        except VideoError as error:
            said.append(str(error))
    assert read_some > 100
    assert all(words.startswith(f"{tmp_path / name}: ") and "\n" not in words for words in said)
