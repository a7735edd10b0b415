"""Videos that are written: frames, times, sound, odd sizes and disks that fail."""

from pathlib import Path

import av
import numpy as np
import pytest

from data.errors import GazeError
from data.video import write
from data.video.read import VideoFile
from data.video.write import VideoWriter
from tests import videos


def written(
    path: Path, sound: Path | None = None, start: float = 0.0, end: float | None = None, count: int = 10
) -> Path:
    with VideoWriter(path, 10, sound, start, end) as writer:
        for number in range(count):
            writer.write(videos.square(number), start + number / 10)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    with VideoFile(written(tmp_path / "a.mp4")) as clip:
        found = list(clip.frames())
        assert clip.damage == ""
    assert [round(frame.time_s, 3) for frame in found] == [number / 10 for number in range(10)]
    assert np.abs(found[7].pixels.astype(int) - videos.square(7)).mean() < 6
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_times_that_vary_are_kept(tmp_path: Path) -> None:
    moments = [0, 0.01, 0.5, 0.533, 2.0]
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for number, moment in enumerate(moments):
            writer.write(videos.square(number), moment)
    with VideoFile(tmp_path / "a.mp4") as clip:
        assert [round(frame.time_s, 3) for frame in clip.frames()] == moments


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (33, 35), (1, 1)])
def test_odd_sides_become_even(size: tuple[int, int], tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(np.full((*size, 3), 120, np.uint8), 0)
        writer.write(np.full((*size, 3), 120, np.uint8), 0.1)
    with VideoFile(tmp_path / "a.mp4") as clip:
        shape = next(clip.frames()).pixels.shape
    assert shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)


def test_sound_that_mp4_holds_is_copied(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "in.mp4", 10, sound="aac")
    made = videos.sounds(written(tmp_path / "a.mp4", source))
    whole = videos.sounds(source)
    assert made
    assert set(made) <= set(whole)
    assert len(made) >= len(whole) - 2


@pytest.mark.parametrize(("name", "sound"), [("in.avi", "pcm_s16le"), ("in.mkv", "pcm_s16le"), ("in.mkv", "flac")])
def test_other_sound_is_kept_as_it_can_be(name: str, sound: str, tmp_path: Path) -> None:
    source = videos.write(tmp_path / name, 10, sound=sound)
    with av.open(str(written(tmp_path / "a.mp4", source))) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == {"pcm_s16le": "aac"}.get(sound, sound)
        seconds = sum(frame.samples for frame in container.decode(stream)) / stream.rate
    assert 1.0 <= seconds <= 1.0 + 2 * 1024 / 8000  # whole frames of AAC, and one before the first


def test_a_sound_goes_on_after_the_last_frame(tmp_path: Path) -> None:
    for sound in ("aac", "pcm_s16le"):
        source = videos.write(tmp_path / "in.mov", 10, sound=sound, sound_s=3)
        with av.open(str(written(tmp_path / "a.mp4", source))) as container:
            stream = container.streams.audio[0]
            assert sum(frame.samples for frame in container.decode(stream)) / stream.rate == pytest.approx(3, abs=0.3)


def test_a_sound_that_changes_is_kept_as_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = [
        videos.write(
            tmp_path / f"{rate}.ts",
            10,
            codec="mpeg2video",
            rate=25,
            sound="mp2",
            sound_s=0.6,
            sound_rate=rate,
            layout=it,
        ).read_bytes()
        for rate, it in ((32000, "mono"), (48000, "stereo"))
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(parts))
    with av.open(str(written(tmp_path / "a.mp4", tmp_path / "in.ts"))) as container:
        stream = container.streams.audio[0]
        assert sum(frame.samples for frame in container.decode(stream)) / stream.rate == pytest.approx(1.2, abs=0.15)
    assert caplog.records == []


def test_a_sound_that_cannot_be_laid_beside_costs_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*anything: object) -> None:
        raise ValueError("Frame does not match AudioResampler setup.")

    source = videos.write(tmp_path / "in.mkv", 10, sound="pcm_s16le")
    monkeypatch.setattr(write.Sound, "_encoded", fails)
    with VideoFile(written(tmp_path / "a.mp4", source)) as clip:
        assert len(list(clip.frames())) == 10
    assert "the sound cannot be kept" in caplog.text


def test_a_name_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("10:30.mp4", "http:a.mp4", "pipe:1"):
        written(Path(name))
        assert (tmp_path / name).stat().st_size > 500


def test_what_is_dropped_is_neither_encoded_to_its_end_nor_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoWriter, "_join", lambda *_: pytest.fail("joined"))
    source = videos.write(tmp_path / "in.mp4", 10, sound="aac")
    writer = VideoWriter(tmp_path / "a.mp4", 10, source)
    writer.write(videos.square(1), 0)
    writer.drop()
    assert not (tmp_path / "a.mp4").exists()


def test_a_range_has_its_own_sound(tmp_path: Path) -> None:
    source = videos.write(tmp_path / "in.mp4", 30, sound="aac")
    whole, made = videos.sounds(source), videos.sounds(written(tmp_path / "a.mp4", source, 1.0, 2.0))
    assert 0.2 * len(whole) < len(made) < 0.5 * len(whole)
    assert made[2] in whole[5:-5]


def test_a_silent_source_gives_a_silent_video(tmp_path: Path) -> None:
    assert videos.sounds(written(tmp_path / "a.mp4", videos.write(tmp_path / "in.mp4"))) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"gone/a\.mp4 cannot be written \(No such file or directory\)"):
        written(tmp_path / "gone" / "a.mp4")


def test_a_full_disk_is_named() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(GazeError, match=r"/dev/full cannot be written \(No space left on device\)"):
        written(Path("/dev/full"), count=40)
