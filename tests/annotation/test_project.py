import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotation import boxes as files
from annotation import finders, sampling
from annotation.project import Project
from data.errors import GazeError, PictureError, VideoError
from tests import videos
from tests.annotation import made


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "Finder", made.Squares)
    monkeypatch.setattr(sampling, "BLOCK", 5)
    monkeypatch.setattr(files, "BLOCK", 5)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.film(tmp_path_factory.mktemp("film") / "walk.mp4")


@pytest.fixture(scope="module")
def ready(film: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finders, "Finder", made.Squares)
        Project.create(film.parent / "P", film, made.gaze(film.parent / "gaze.csv")).close()
    return film.parent / "P"


@pytest.fixture
def project(tmp_path: Path, ready: Path) -> Iterator[Project]:
    with Project.open(Path(shutil.copytree(ready, tmp_path / "P"))) as found:
        yield found


def middle(project: Project, at: int = 15) -> tuple[int, int]:
    """The numbers of the red and of the blue box of a sampled frame."""
    own = project.boxes.of_frame(at)
    return own.start, own.start + 1


def test_a_video_becomes_frames_boxes_and_a_track_a_square(project: Project) -> None:
    assert project.size == (120, 160)
    np.testing.assert_allclose(project.frames.times, np.arange(30) / 5, atol=1e-6)
    assert len(project.boxes) == 60
    assert project.picture(3).shape == (120, 160, 3)
    red, blue = middle(project)
    assert project.crop(red)[..., 0].mean() > 150 > 100 > project.crop(red)[..., 2].mean()
    assert project.crop(blue)[..., 2].mean() > 150
    assert not (project.folder / "blocks").exists()


def test_two_labels_make_all_boxes_right_and_say_what_was_fixated(project: Project) -> None:
    red, blue = middle(project)
    project.label(red, "red")
    project.label(blue, "blue")
    found = project.train()
    assert (found.names[::2] == "red").all()
    assert (found.names[1::2] == "blue").all()
    areas = {area.name: area for area in project.results(found).areas}
    assert areas["red"].dwell_ms == pytest.approx(3000, abs=150)
    assert areas["blue"].first_ms == pytest.approx(3000, abs=150)


def test_the_same_command_goes_on_where_it_was_killed_and_ends_the_same(tmp_path: Path, film: Path) -> None:
    class Killed(BaseException):
        pass

    def progress(what: str, done: int, total: int | None) -> None:
        if done == 13:
            raise Killed

    with pytest.raises(Killed):
        Project.create(tmp_path / "P", film, progress=progress)
    assert len(files.read_blocks(tmp_path / "P")) == 2
    (tmp_path / "P" / "frames" / "00012.jpg").write_bytes(b"half")
    told: list[int] = []
    again = Project.create(tmp_path / "P", film, progress=lambda what, done, total: told.append(done))
    whole = Project.create(tmp_path / "whole", film)
    assert told[0] == 11
    for name in ("frame", "box", "track", "link", "features"):
        np.testing.assert_array_equal(getattr(again.boxes, name), getattr(whole.boxes, name))
    np.testing.assert_array_equal(again.frames.motion, whole.frames.motion)
    for frame in range(len(whole.frames)):
        np.testing.assert_array_equal(again.picture(frame), whole.picture(frame))


@pytest.mark.parametrize("left", ["last-block", "first-block", "frame", "all-blocks"])
def test_whatever_a_kill_left_is_mended(tmp_path: Path, film: Path, left: str) -> None:
    whole = Project.create(tmp_path / "P", film)
    whole.close()
    folder = tmp_path / "P"
    kept = np.load(folder / "boxes.npz")["box"]
    (folder / "boxes.npz").unlink()
    with pytest.raises(GazeError, match="not looked through to its end; run gaze annotate"):
        Project.open(folder)
    if left == "all-blocks":
        with Project.create(folder, film) as again:
            np.testing.assert_array_equal(again.boxes.box, kept)
        return
    with pytest.raises(KeyboardInterrupt):
        Project.create(folder, film, progress=stop_at(23))
    torn = {
        "last-block": folder / "blocks" / "00003.npz",
        "first-block": folder / "blocks" / "00000.npz",
        "frame": folder / "frames" / "00007.jpg",
    }[left]
    torn.unlink() if left == "frame" else torn.write_bytes(torn.read_bytes()[:100])
    with Project.create(folder, film) as again:
        np.testing.assert_array_equal(again.boxes.box, kept)


def stop_at(frame: int) -> sampling.Progress:
    def progress(what: str, done: int, total: int | None) -> None:
        if done == frame:
            raise KeyboardInterrupt

    return progress


def test_clicks_of_a_killed_process_are_there(tmp_path: Path, project: Project) -> None:
    folder = project.folder
    project.close()
    code = f"""
import os, signal
from pathlib import Path
from annotation.project import Project
project = Project.open(Path({str(folder)!r}))
project.label(4, "cup")
project.label(5, "")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    with Project.open(folder) as again:
        assert again.labels == {4: "cup", 5: ""}
        assert again.classes == ("cup",)


def test_a_second_writer_is_told_so_and_a_reader_is_not(project: Project) -> None:
    project.label(0, "red")
    with pytest.raises(GazeError, match="another program writes into this project; close it there"):
        Project.open(project.folder)
    with pytest.raises(GazeError, match="another program writes"):
        Project.create(project.folder, Path(project.about.video.path))
    reader = Project.open(project.folder, writes=False)
    assert reader.labels == {0: "red"}
    with pytest.raises(GazeError, match="opened to be read only"):
        reader.label(1, "blue")
    project.close()
    Project.open(project.folder).close()


def test_a_video_that_is_gone_leaves_a_project_that_works(tmp_path: Path, film: Path) -> None:
    moved = shutil.copy(film, tmp_path / "moved.mp4")
    Project.create(tmp_path / "P", Path(moved), made.gaze(tmp_path / "gaze.csv")).close()
    Path(moved).unlink()
    with Project.open(tmp_path / "P") as project:
        project.label(0, "red")
        project.label(1, "blue")
        assert project.crop(0).size
        assert project.results(project.train()).write(tmp_path / "out")


def test_a_moved_video_goes_on_and_another_one_is_refused(tmp_path: Path, film: Path, project: Project) -> None:
    project.close()
    elsewhere = Path(shutil.copy(film, tmp_path / "elsewhere.mp4"))
    with Project.create(project.folder, elsewhere) as again:
        assert again.about.video.path == str(elsewhere)
        assert again.about.gaze is not None  # that of the first run
    other = made.film(tmp_path / "other.mp4", 20)
    with pytest.raises(GazeError, match="made of another video; give what it was made of, or a new folder"):
        Project.create(project.folder, other)


@pytest.mark.parametrize(
    ("change", "words"), [({"fps": 2}, "made of 5 frames a second"), ({"model": "tempsal-fast"}, "the model tempsal;")]
)
def test_a_project_does_not_change_what_it_was_made_of(film: Path, project: Project, change: dict, words: str) -> None:
    project.close()
    with pytest.raises(GazeError, match=words):
        Project.create(project.folder, film, **change)


def test_a_video_of_one_frame_is_a_project_too(tmp_path: Path) -> None:
    one = made.film(tmp_path / "one.mp4", 1)
    with Project.create(tmp_path / "P", one, made.gaze(tmp_path / "gaze.csv", 0.5)) as project:
        assert (len(project.frames), len(project.boxes)) == (1, 2)
        project.label(0, "red")
        project.label(1, "blue")
        found = project.results(project.train())
        assert {area.name: area.fixations for area in found.areas} == {"red": 1, "blue": 1}
        found.write(tmp_path / "out")


def test_a_video_in_which_nothing_is_found_is_a_project_without_boxes(tmp_path: Path) -> None:
    plain = videos.write(tmp_path / "plain.mp4", [np.full((48, 64, 3), 120, np.uint8)] * 12)
    with Project.create(tmp_path / "P", plain, made.gaze(tmp_path / "gaze.csv", 1)) as project:
        assert len(project.boxes) == 0
        found = project.train()
        assert project.ask(found, 3) == []
        project.results(found).write(tmp_path / "out")
        with pytest.raises(GazeError, match="There is no box 0 among 0"):
            project.crop(0)


@pytest.mark.parametrize("content", [b"", b"no video at all"], ids=["empty", "text"])
def test_what_is_no_video_ends_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "walk.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"walk.mp4"):
        Project.create(tmp_path / "P", path)
    with pytest.raises(VideoError, match=r"nowhere.mp4: cannot be read"):
        Project.create(tmp_path / "Q", tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(tmp_path: Path, film: Path, fps: float) -> None:
    with pytest.raises(GazeError, match="frames a second cannot be looked at"):
        Project.create(tmp_path / "P", film, fps=fps)


def test_too_many_frames_are_refused_before_the_first_is_looked_at(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MOST", 20)
    with pytest.raises(GazeError, match=r"30 frames are more than 20; give a smaller --fps"):
        Project.create(tmp_path / "P", film)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is no JSON"),
        ("[1]", "damaged"),
        ("{}", "video is missing"),
        ('{"video": {"path": "a", "bytes": -1, "mtime_ns": 1, "sum": ""}, "fps": 5}', "bytes"),
        ("9" * 5000, "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
    ],
    ids=["empty", "list", "none", "negative", "long-number", "deep"],
)
def test_a_damaged_record_ends_in_one_sentence(project: Project, text: str, words: str) -> None:
    project.close()
    (project.folder / "project.json").write_text(text)
    with pytest.raises(GazeError, match=words):
        Project.open(project.folder)


def test_what_a_newer_release_adds_to_the_record_is_passed_over(project: Project) -> None:
    project.close()
    path = project.folder / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"more": 1}))
    with Project.open(project.folder) as again:
        assert len(again.boxes) == len(project.boxes)


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match="no project of gaze annotate"):
        Project.open(tmp_path)


def test_a_frame_whose_file_is_gone_or_another_s_is_named(project: Project) -> None:
    path = project.folder / "frames" / "00003.jpg"
    path.write_bytes((project.folder / "frames" / "00004.jpg").read_bytes()[:300])
    with pytest.raises(PictureError, match=r"00003.jpg"):
        project.picture(3)
    with pytest.raises(GazeError, match="no frame 30 among 30"):
        project.picture(30)


def test_gaze_that_cannot_be_used_leaves_labels_and_boxes(tmp_path: Path, film: Path) -> None:
    with Project.create(tmp_path / "P", film, tmp_path / "missing.csv") as project:
        project.label(0, "red")
        project.label(1, "blue")
        written = [path.name for path in project.results(project.train()).write(tmp_path / "out")]
        assert written == ["boxes.csv", "objects.json", "results.json"]
        assert any("missing.csv" in note and "Labels and boxes" in note for note in project.notes)
        assert not project.looks.any()


def test_looks_count_the_samples_on_each_box(project: Project) -> None:
    assert project.looks[0::2].sum() == pytest.approx(150, abs=5)
    assert project.looks[1::2].sum() == pytest.approx(150, abs=5)
