"""The table of people's own recordings of videos: what falls on a frame, and what is said of what is wrong."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError, TableError
from data.video import gaze_table
from data.video.clips import usable
from data.video.recorded import RecordedClip
from data.video.sets import open_set
from tests import videos
from tests.data.datasets import tiny_videos

HEADER = "video,viewer,time_ms,x,y\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three videos of six frames at 25 a second, one of them of pictures."""
    tiny_videos.table(tmp_path)
    return tmp_path


def clips(root: Path) -> dict[str, RecordedClip]:
    return {clip.name: clip for part in gaze_table.clips(root).values() for clip in part}


def told(root: Path, name: str = "a") -> list[list[list[float]]]:
    clip = clips(root)[name]
    clip.check()
    return [clip.points(index).tolist() for index in range(len(clip))]


def test_a_sample_is_on_one_frame_and_a_fixation_on_all_that_it_touches(root: Path) -> None:
    found = told(root)
    assert found[0] == [[10, 20], [30, 40]]  # the fixation of 39 to 89 ms begins on the first frame
    assert found[1] == [[30, 40], [11.5, 21]]
    assert found[2] == [[30, 40]]
    assert found[3:] == [[], [], []]
    assert told(root, "b") == [[[5, 6], [7, 8]], [], [], [], [], []]


def test_frames_that_are_pictures_have_the_times_of_their_table(root: Path) -> None:
    clip = clips(root)["c"]
    assert clip.times.tolist() == [0, 0.04, 0.1, 0.14]
    assert told(root, "c") == [[], [[32, 24]], [], []]  # what lies beside the frame is left out
    assert len(list(clip.frames(1, 3))) == 2


def test_rows_may_come_in_any_order_and_columns_too(root: Path) -> None:
    (root / "gaze.csv").write_text(
        "y,x,viewer,time_ms,video,pupil\n2,1,anna,100,a,3\n4,3,ben,0,a,3\n6,5,anna,101,a,3\n"
    )
    assert told(root) == [[[3, 4]], [], [[1, 2], [5, 6]], [], [], []]


def test_splits_are_those_of_the_file_or_made(root: Path) -> None:
    assert {part: [clip.name for clip in found] for part, found in gaze_table.clips(root).items()} == {
        "train": ["a"],
        "val": ["b"],
        "test": ["c"],
    }
    (root / "splits.json").write_text('{"train": ["b.mp4"], "pilot": ["a"]}')
    assert {part: [clip.name for clip in found] for part, found in gaze_table.clips(root).items()} == {
        "train": ["b"],
        "val": [],
        "test": [],
        "pilot": ["a"],
    }
    (root / "splits.json").unlink()
    made = gaze_table.clips(root)
    assert sorted(clip.name for found in made.values() for clip in found) == ["a", "b", "c"]
    assert [len(made[part]) for part in ("train", "val", "test")] == [1, 1, 1]
    (root / "videos" / "b.mp4").unlink()
    assert [clip.name for clip in gaze_table.clips(root)["test"]] == ["a", "c"]


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"train": ["zzz"]}, "'train' names the unknown video 'zzz'; mend or remove it"),
        ({"train": ["a"], "test": ["a.mp4"]}, "video 'a' is in 'train' and again in 'test'; keep it once"),
        ({"train": "a"}, "split 'train' is not a list of names"),
    ],
)
def test_splits_that_cannot_be_meant_are_refused(splits: dict[str, object], words: str, root: Path) -> None:
    (root / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(TableError, match=words):
        open_set(root)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"gaze\.csv: the file is empty"),
        ("video,viewer,time,x,y\n", r"gaze\.csv, line 1: no column time_ms; name the columns video,viewer,time_ms,x,y"),
        ("video;viewer;time_ms;x;y\n", "the columns are separated by semicolons"),
        ("video,viewer,time_ms,x,x,y\n", "two columns are named x"),
        ("\n", "the line is empty"),
        ("vid\xe9o,viewer".encode("latin-1"), "the text is not UTF-8"),
    ],
)
def test_a_table_without_its_columns_is_refused_when_the_set_is_opened(
    text: str | bytes, words: str, root: Path
) -> None:
    (root / "gaze.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GazeError, match=words):
        open_set(root)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,anna,soon,1,2", "line 2: time_ms is 'soon'; write a number"),
        ("a,anna,,1,2", "line 2: time_ms is empty"),
        ("a,anna,1e30,1,2", "line 2: time_ms is '1e30'"),
        ("a,anna,inf,1,2", "line 2: time_ms is 'inf'"),
        ("a,anna,nan,1,2", "line 2: time_ms is 'nan'"),
        ("a,anna,0,one,2", "line 2: x is 'one'"),
        ("a,anna,0,1e9,2", "line 2: x is '1e9'"),
        ("a,anna,0,1,-inf", "line 2: y is '-inf'"),
        ("a,anna,0,1,", "line 2: y is empty; .*, or leave x and y empty"),
        ("a,,0,1,2", "line 2: viewer is empty; write a name for the viewer"),
        ("a,anna,9000,10,20", "gaze of 'a' at 9.00 s, but the video ends after 0.24 s"),
        ("a,anna,-500,10,20", "no row of 'a' falls on a frame; count time_ms from the first frame"),
        ("a,anna,0,.1,.2\na,anna,1,.3,.4", "all coordinates lie in 0 to 1; multiply them by 64 x 48 pixels"),
        ("a,anna,0,,", "no row is of the video 'a'; add its gaze, or remove it"),
        ("c,anna,0,1,2", "no row is of the video 'a'"),
    ],
)
def test_a_row_that_is_wrong_breaks_its_own_clip_and_no_other(
    row: str, words: str, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "gaze.csv").write_text(f"{HEADER}{row}\nb,anna,0,5,6\n")
    found = clips(root)
    assert [clip.name for clip in usable([found["a"], found["b"]], "own")] == ["b"]
    with pytest.raises(TableError, match=words):
        found["a"].check()
    assert len(caplog.records) == 1


def test_a_duration_that_is_wrong_breaks_its_clip(root: Path) -> None:
    for cell in ("-5", "long", "1e12"):
        (root / "gaze.csv").write_text(f"video,viewer,time_ms,x,y,duration_ms\na,anna,0,1,2,{cell}\n")
        with pytest.raises(TableError, match=f"duration_ms is '{cell}'; .*, or nothing for a sample"):
            clips(root)["a"].check()


@pytest.mark.parametrize(
    ("rows", "words"),
    [("a,anna,0,1\n", "4 cells for 5 columns"), (",anna,0,1,2\n", "video is empty"), ('a,"anna,0,1,2\n', "not CSV")],
)
def test_a_line_that_is_no_row_breaks_the_table_which_is_read_once(
    rows: str, words: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "gaze.csv").write_text(f"{HEADER}b,anna,0,1,2\n{rows}")
    read = 0
    blocks = gaze_table._blocks

    def counted(*arguments: object) -> object:
        nonlocal read
        read += 1
        return blocks(*arguments)  # type: ignore[arg-type]

    found = clips(root)
    monkeypatch.setattr(gaze_table, "_blocks", counted)
    for _ in range(3):
        with pytest.raises(TableError, match=words):
            found["b"].check()
    assert read == 1


def test_seconds_for_milliseconds_are_told(tmp_path: Path) -> None:
    videos.write(_made(tmp_path / "videos") / "a.mp4", 40, rate=10)
    rows = "".join(f"a,anna,{0.1 * number:.2f},{number},5\n" for number in range(40))
    (tmp_path / "gaze.csv").write_text(HEADER + rows)
    with pytest.raises(TableError, match="time_ms of 'a' seems to be in seconds; multiply it by 1000"):
        clips(tmp_path)["a"].check()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_gaze_may_go_on_for_half_a_second(root: Path) -> None:
    (root / "gaze.csv").write_text(f"{HEADER}a,anna,0,5,6\na,anna,735,7,8\n")
    assert told(root)[-1] == []
    (root / "gaze.csv").write_text(f"{HEADER}a,anna,0,5,6\na,anna,745,7,8\n")
    with pytest.raises(TableError, match=r"at 0\.7\d s, but the video ends after 0\.24 s"):
        told(root)


def test_a_video_that_is_not_there_is_told_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "gaze.csv").write_text(f"{HEADER}a,anna,0,5,6\nx.mp4,anna,0,5,6\ny,anna,0,5,6\n")
    told(root)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "its video 'x' is not there, nor are 1 others" in caplog.text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("video,frame,time_ms\n", r"frames\.csv: no row is of the frames 'c'; tell when each was shown"),
        ("video,frame,time_ms\nc,f0.jpg,40\nc,f1.jpg,80\n", "the first frame of 'c' is at 40 ms; count times from it"),
        ("video,frame,time_ms\nc,f0.jpg,0\nc,f1.jpg,0\n", "its frames do not follow each other in time"),
        ("video,frame,time_ms\nc,f0.jpg,0\nc,f1.jpg,x\n", "time_ms is 'x'; write the milliseconds of the frame"),
        ("video,frame,time_ms\nc,f0.jpg,0\nc,../a.jpg,40\n", r"frame is '\.\./a\.jpg'; write a name in the folder"),
        ("video,frame,time_ms\nc,f0.jpg,0\nc,none.jpg,40\n", r"none\.jpg: not a readable picture"),
        ("video,frame,time_ms\nc,f0.jpg,0\nc,,40\n", "frame is 'empty'"),
        ("frame,time_ms\n", "no column video"),
        (None, r"frames\.csv: the file is missing"),
    ],
)
def test_frames_without_times_are_a_sentence(table: str | None, words: str, root: Path) -> None:
    (root / "frames.csv").unlink()
    if table is not None:
        (root / "frames.csv").write_text(table)
    found = clips(root)
    with pytest.raises(GazeError, match=words):
        found["c"].check()
    found["a"].check()


def test_two_videos_of_a_name_and_none_are_refused(root: Path) -> None:
    tiny_videos.video(root / "videos" / "a.avi")
    with pytest.raises(TableError, match=r"there are two videos 'a'; rename one of them"):
        open_set(root)
    (root / "videos" / "a.avi").unlink()
    (root / "frames" / "b").mkdir()
    with pytest.raises(TableError, match="there is a video of that name"):
        open_set(root)
    (root / "videos").rename(root / "other")
    (root / "frames").rename(root / "others")
    with pytest.raises(TableError, match="there is no video in videos/ and no folder in frames/"):
        open_set(root)


def test_a_large_table_takes_little_more_than_its_numbers(root: Path) -> None:
    import tracemalloc

    count = 40_000
    rng = np.random.default_rng(0)
    times, places = rng.integers(0, 230, count).tolist(), rng.integers(0, 40, count).tolist()
    rows = "".join(f"a,anna,{t},{p},{p}\n" for t, p in zip(times, places, strict=True))
    (root / "gaze.csv").write_text(HEADER + rows)
    clip = clips(root)["a"]
    tracemalloc.start()
    try:
        clip.points(0)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 24 * count * 1.2
    assert most < 6 * 24 * count
    assert sum(len(clip.points(index)) for index in range(len(clip))) == count
