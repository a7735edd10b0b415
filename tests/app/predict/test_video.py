"""Videos on the command line: what they become, resuming, mixed folders, and whatever can be wrong with one."""

import json
import shutil
from pathlib import Path
from typing import Any

import av
import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from app.cli.main import main
from app.predict import saliency
from app.predict.video_files import FORMATS, Range, coverage, parse_range
from data import objects
from data.picture import save
from data.video.read import VideoFile
from export.runtime.video import VideoPredictor
from tests import videos

ROOT = Path(__file__).parents[3]


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def predict(source: Path, toy: Path, *words: object) -> Result:
    return gaze("predict", source, "-o", source.parent / "out", "--model", toy, *words)


def lines(folder: Path, name: str = "clip") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.frames.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 12 frames with sound."""
    return videos.write(tmp_path_factory.mktemp("in") / "clip.mp4", 12, sound="aac")


@pytest.fixture
def clip(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "clip.mp4"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_video_becomes_an_overlay_with_its_sound_and_a_line_a_frame(clip: Path, out: Path, toy_model: Path) -> None:
    result = predict(clip, toy_model)
    assert (result.exit_code, result.stdout.split(";")[0], result.stderr) == (0, "1 done", "")
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".jsonl") == ["clip.overlay.mp4"]
    assert videos.sounds(out / "clip.overlay.mp4")
    with VideoFile(out / "clip.overlay.mp4") as overlay:
        frames = list(overlay.frames())
    assert [round(frame.time_s, 2) for frame in frames] == [number / 10 for number in range(12)]
    change = np.abs(frames[5].pixels.astype(int) - videos.square(5)).mean(2)
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert abs(x - 15) <= 8  # the heat is on the square
    assert abs(y - 29) <= 8
    schema = json.loads((ROOT / "export" / "schema_video.json").read_text())
    found = lines(out)
    assert [line["index"] for line in found] == list(range(12))
    for number, line in enumerate(found):
        jsonschema.validate(line, schema)
        assert line["time_s"] == pytest.approx(number / 10)
        assert sum(line["regions"].values()) == pytest.approx(1, abs=1e-3)
        assert abs(line["peak"]["x"] - (2 * number + 5)) < 10
        assert line["video"] == str(clip)
    assert [line["cut"] for line in found] == [True] + [False] * 11


def test_all_formats_tell_the_same(clip: Path, out: Path, toy_model: Path) -> None:
    assert (
        predict(clip, toy_model, "--format", "jsonl,parquet,npz", "--every", 3, "--regions", "grid:1x2").exit_code == 0
    )
    told, table = lines(out), parquet.read_table(out / "clip.frames.parquet").to_pylist()
    assert [line["index"] for line in told] == [row["index"] for row in table] == [0, 3, 6, 9]
    assert [row["share_r1c2"] for row in table] == [line["regions"]["r1c2"] for line in told]
    assert [row["peak_x"] for row in table] == [line["peak"]["x"] for line in told]
    with np.load(out / "clip.densities.npz") as arrays:
        times, densities = arrays["times"], arrays["densities"]
    assert times.tolist() == [line["time_s"] for line in told]
    assert (densities.dtype, len(densities)) == (np.float16, 4)
    assert np.exp(densities.astype(np.float64)).sum((1, 2)) == pytest.approx(1, abs=0.01)
    right = np.exp(densities.astype(np.float64))[:, :, densities.shape[2] // 2 :].sum((1, 2))
    assert right == pytest.approx([line["regions"]["r1c2"] for line in told], abs=0.03)


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_and_redoes_what_differs(clip: Path, out: Path, toy_model: Path) -> None:
    short = ("--range", "0-0.4s")
    assert predict(clip, toy_model, *short).stdout.startswith("1 done")
    assert predict(clip, toy_model, *short).stdout.startswith("0 done, 1 skipped")
    (out / "clip.frames.jsonl").unlink()
    overlay = (out / "clip.overlay.mp4").stat().st_mtime_ns
    assert predict(clip, toy_model, *short).stdout.startswith("1 done")
    assert (out / "clip.overlay.mp4").stat().st_mtime_ns == overlay
    lined = (out / "clip.frames.jsonl").stat().st_mtime_ns
    assert predict(clip, toy_model, "--palette", "magma", *short).stdout.startswith("1 done")
    assert (out / "clip.overlay.mp4").stat().st_mtime_ns != overlay
    assert (out / "clip.frames.jsonl").stat().st_mtime_ns == lined
    for option in (("--every", 2), ("--range", "0-0.5s"), ("--regions", "grid:2x2")):
        assert predict(clip, toy_model, "--format", "jsonl", *option).stdout.startswith("1 done")


def test_a_folder_may_hold_pictures_and_videos(tmp_path: Path, clip: Path, toy_model: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.MP4", "photo.mp4"):
        shutil.copy(clip, folder / name)
    save(folder / "photo.png", videos.square(3))
    (folder / "broken.mov").write_bytes(b"no video")
    result = gaze("predict", folder, "-o", tmp_path / "made", "--model", toy_model, "--format", "json,jsonl")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "4 done, 1 broken")
    assert result.stderr.startswith(f"{folder / 'broken.mov'}: this is not a video that can be read")
    assert result.stderr.count("\n") == 1
    names = sorted(path.name for path in (tmp_path / "made").iterdir() if not path.name.startswith("."))
    assert names == ["a.frames.jsonl", "b.frames.jsonl", "photo.mp4.frames.jsonl", "photo.png.json"]
    again = gaze("predict", folder, "-o", tmp_path / "made", "--model", toy_model, "--format", "json,jsonl")
    assert again.stdout.startswith("0 done, 4 skipped")


def test_overlays_in_the_folder_are_not_predicted_again(clip: Path, toy_model: Path) -> None:
    folder = clip.parent
    for _ in range(2):
        gaze("predict", folder, "-o", folder, "--model", toy_model, "--format", "mp4")
    assert sorted(path.name for path in folder.glob("*.mp4")) == ["clip.mp4", "clip.overlay.mp4"]


def test_a_damaged_tail_is_named_and_what_there_is_predicted(tmp_path: Path, out: Path, toy_model: Path) -> None:
    path = videos.write(tmp_path / "clip.mkv", 24, gop=4)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    result = predict(path, toy_model)
    assert result.exit_code == 3
    assert f"{path}: the video is damaged or cut off (the frames end after " in result.stderr
    assert result.stderr.endswith("of 2.4 s); what could be decoded was predicted.\n")
    assert 6 < len(lines(out)) < 22
    assert predict(path, toy_model).exit_code == 3
    accepted = predict(path, toy_model, "--accept-damaged")
    assert (accepted.exit_code, accepted.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--range", "2s-1s"), "ends before it begins"),
        (("--range", "now"), "is no range of time"),
        (("--range", "-"), "is no range of time"),
        (("--regions", "grid:0x3"), "There are no regions 'grid:0x3'"),
        (("--regions", "gone.json"), "There are no regions 'gone.json'"),
        (("--format", "png"), "There is no format 'png' for this task; name some of mp4, jsonl, parquet, npz"),
        (("--palette", "rainbow"), "There is no palette 'rainbow'"),
        (("--condition", "asleep"), "asleep"),
        (("--task", "scanpath", "--range", "1-2"), "--range is for --task saliency"),
        (("--camera", "0"), "--camera stands alone"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    words: tuple[str, ...], said: str, clip: Path, toy_model: Path
) -> None:
    result = predict(clip, toy_model, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (clip.parent / "out").exists()


def test_a_range_outside_of_the_video_is_that_videos_mistake(clip: Path, toy_model: Path) -> None:
    result = predict(clip, toy_model, "--range", "5s-6s")
    assert result.exit_code == 3
    assert result.stderr == f"{clip}: the range begins at 5 s, but the video has 1.2 s.\n"
    assert [path.name for path in (clip.parent / "out").iterdir()] == []


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [("10s-20s", 10, 20), ("1:30-2:00.5", 90, 120.5), ("1:00:00-", 3600, None), ("-5", 0, 5), (" 1 s - 2 s ", 1, 2)],
)
def test_ranges_are_written_in_several_ways(words: str, start: float, end: float | None) -> None:
    assert parse_range(words) == Range(start, end)


def test_a_part_of_a_video_is_predicted_with_its_own_times_and_sound(clip: Path, out: Path, toy_model: Path) -> None:
    assert predict(clip, toy_model, "--range", "0.3s-0.8s", "--format", "mp4,jsonl").exit_code == 0
    assert [line["time_s"] for line in lines(out)] == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7])
    with av.open(str(out / "clip.overlay.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(0.5, abs=0.15)


def test_an_odd_size_and_a_quarter_turn_are_shown_as_a_person_sees_them(
    tmp_path: Path, out: Path, toy_model: Path
) -> None:
    path = videos.turn(videos.write(tmp_path / "clip.mp4", 3, size=(46, 62)))
    assert predict(path, toy_model).exit_code == 0
    assert {(line["width"], line["height"]) for line in lines(out)} == {(46, 62)}
    with VideoFile(out / "clip.overlay.mp4") as overlay:
        assert next(overlay.frames()).pixels.shape == (62, 46, 3)


def test_regions_may_come_from_a_coco_file(clip: Path, out: Path, toy_model: Path, tmp_path: Path) -> None:
    boxes = [[0, 0, 64, 24], [0, 24, 64, 24]]
    document = {
        "images": [{"id": 1, "file_name": "clip.mp4", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "band"}],
        "annotations": [{"id": n, "image_id": 1, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    assert predict(clip, toy_model, "--regions", tmp_path / "boxes.json", "--format", "jsonl").exit_code == 0
    assert all(line["regions"].keys() == {"band 1", "band 2"} for line in lines(out))
    assert all(line["regions"]["band 2"] > 0.6 for line in lines(out))  # where the square goes
    document["images"][0]["width"] = 70
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    wrong = predict(clip, toy_model, "--regions", tmp_path / "boxes.json", "--format", "jsonl")
    assert wrong.exit_code == 3
    assert wrong.stderr.startswith(f"{clip}: regions of {tmp_path / 'boxes.json'}: 'clip.mp4' has 70 x 48 pixels there")


def test_a_video_that_the_regions_do_not_know_is_left_out_and_the_rest_goes_on(
    clip: Path, tmp_path: Path, toy_model: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(clip, folder / name)
    images = [{"id": n, "file_name": f"{name}.mp4", "width": 64, "height": 48} for n, name in enumerate("ac")]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 64, 24]} for n in range(2)]
    document = {"images": images, "categories": [{"id": 1, "name": "band"}], "annotations": boxes}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    words = ("-o", tmp_path / "out", "--model", toy_model, "--format", "jsonl", "--regions", tmp_path / "boxes.json")
    result = gaze("predict", folder, *words)
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "2 done, 1 broken")
    assert result.stderr.startswith(f"{folder / 'b.mp4'}: regions of ")
    (tmp_path / "boxes.json").write_text("[")
    assert gaze("predict", folder, *words).exit_code == 2


@pytest.mark.slow
def test_what_is_there_already_does_not_change_what_is_written(tmp_path: Path, out: Path, toy_model: Path) -> None:
    path = videos.write(tmp_path / "clip.mkv", 40, rate=1)
    words = ("--every", 11, "--format")
    assert predict(path, toy_model, *words, "mp4,jsonl").exit_code == 0
    whole = (out / "clip.frames.jsonl").read_text()
    (out / "clip.frames.jsonl").unlink()
    assert predict(path, toy_model, *words, "mp4,jsonl").exit_code == 0
    assert (out / "clip.frames.jsonl").read_text() == whole
    assert predict(path, toy_model, *words, "jsonl").stdout.startswith("1 done")  # sought
    assert [line["index"] for line in lines(out)] == [0, 11, 22, 33]
    assert [line["time_s"] for line in lines(out)] == [0, 11, 22, 33]


def test_ranges_that_differ_have_different_names() -> None:
    assert str(Range(10, 20)) == "10s-20s"
    assert str(Range(1.5)) == "1.5s-"
    assert str(Range(36000.25, 36000.26)) == "36000.25s-36000.26s"


def test_options_of_videos_mean_nothing_to_pictures(tmp_path: Path, toy_model: Path) -> None:
    save(tmp_path / "photo.png", videos.square(3))
    for option in (("--every", 2), ("--range", "1-2"), ("--regions", "grid:2x2")):
        result = predict(tmp_path / "photo.png", toy_model, *option)
        assert result.exit_code == 2
        assert f"{option[0]} is for videos, and none is predicted here; leave it out." in result.stderr


def test_regions_cover_a_small_map_in_proportion() -> None:
    inside = coverage(objects.grid(100, 60, 3, 3).boxes, (60, 100), (7, 11))
    assert inside.sum(0) == pytest.approx(np.ones(77), abs=1e-5)
    assert inside.sum(1) == pytest.approx(np.full(9, 77 / 9), abs=1e-4)


def test_ctrl_c_leaves_no_half_of_a_file(
    clip: Path, out: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, count = VideoPredictor.step, [0]

    def stopped(self: VideoPredictor, *rest: Any) -> Any:
        count[0] += 1
        if count[0] == 5:
            raise KeyboardInterrupt
        return whole(self, *rest)

    monkeypatch.setattr(VideoPredictor, "step", stopped)
    result = predict(clip, toy_model, "--format", ",".join(FORMATS))
    assert result.exit_code == 130
    assert "the same command goes on from here" in result.stderr
    assert list(out.iterdir()) == []
    monkeypatch.setattr(VideoPredictor, "step", whole)
    assert predict(clip, toy_model).exit_code == 0


def test_a_folder_that_cannot_be_written_is_named(clip: Path, toy_model: Path) -> None:
    (clip.parent / "out").write_text("in the way")
    result = predict(clip, toy_model)
    assert result.exit_code == 2
    assert "out cannot be made" in result.stderr


def test_without_the_extra_a_video_is_refused_and_pictures_beside_it_are_predicted(
    clip: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    monkeypatch.setattr(saliency, "VIDEO", False)
    refused = predict(clip, toy_model)
    assert (refused.exit_code, refused.stderr.count("pip install -e '.[video]'")) == (2, 1)
    folder = clip.parent / "in"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    save(folder / "photo.png", videos.square(3))
    mixed = gaze("predict", folder, "-o", clip.parent / "made", "--model", toy_model, "--format", "json")
    assert (mixed.exit_code, mixed.stdout.split(";")[0]) == (0, "1 done")


def test_what_no_format_is_named_for_is_left_out(
    clip: Path, tmp_path: Path, toy_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "photo.png", videos.square(3))
    for words, ending, said in (
        ("json", "photo.json", "1 video left out: --format json names none of mp4, jsonl, parquet, npz."),
        (
            "npz",
            "clip.densities.npz",
            "1 picture left out: --format npz names none of png, jpg, webp, npy, json, parquet.",
        ),
    ):
        caplog.clear()
        result = gaze("predict", tmp_path, "-o", tmp_path / "made", "--model", toy_model, "--format", words)
        assert (result.exit_code, result.stdout.split(";")[0]) == (0, "1 done")
        assert (tmp_path / "made" / ending).exists()
        assert said in (*result.stderr.splitlines(), *(record.getMessage() for record in caplog.records))
    mixed = gaze("predict", tmp_path, "-o", tmp_path / "both", "--model", toy_model, "--format", "npz,npy")
    assert mixed.stdout.startswith("2 done")
