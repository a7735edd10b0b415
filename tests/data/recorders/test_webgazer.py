"""WebGazer: jsPsych's data as JSON and CSV, a listener's own list; other JSON files are none."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import UnlikeError, detect_format
from data.recorders.webgazer import read
from tests.damage import assert_survives

SCREEN = Screen(1280, 720, 34.0, 19.0, 60.0)


def samples(count: int = 20, x: float = 400) -> list[dict[str, float]]:
    return [{"x": x + i, "y": 230, "t": 34 + 34 * i} for i in range(count)]


TRIALS: list[dict[str, Any]] = [
    {"trial_type": "webgazer-validate", "webgazer_data": samples(5), "stimulus": None},
    {
        "trial_type": "image-keyboard-response",
        "stimulus": "img/a.jpg",
        "webgazer_data": samples(),
        "webgazer_targets": {},
    },
    {"trial_type": "html-keyboard-response", "stimulus": "<p>+</p>"},
    {
        "trial_type": "html-keyboard-response",
        "stimulus": '<p><img src="img/b.jpg"></p>',
        "webgazer_data": samples(10, 50),
    },
    {"trial_type": "image-keyboard-response", "stimulus": ["c.jpg"], "name": "d.jpg", "webgazer_data": []},
]


def jspsych(path: Path, trials: list[dict[str, Any]] = TRIALS) -> Path:
    path.write_text(json.dumps(trials))
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def assert_two_trials(found: list[Samples]) -> None:
    assert [(it.subject, it.stimulus, len(it), it.time[0]) for it in found] == [
        ("anna", "img/a.jpg", 20, 34),
        ("anna", "img/b.jpg", 10, 34),
    ]
    np.testing.assert_allclose(found[0].xy[[0, -1]], [[400, 230], [419, 230]])
    assert found[0].rate == pytest.approx(1000 / 34)


@pytest.mark.parametrize("whole", [TRIALS, {"trials": TRIALS}])
def test_each_trial_of_jspsych_counts_from_its_onset(tmp_path: Path, whole: Any) -> None:
    path = jspsych(tmp_path / "anna.json", whole)
    assert detect_format.detect(path) == "webgazer"
    found, told = all_of(path)
    assert_two_trials(found)
    assert told == []


def test_jspsych_writes_csv_too(tmp_path: Path) -> None:
    rows = [it | {"webgazer_data": json.dumps(it.get("webgazer_data", "")).strip('"')} for it in TRIALS]
    text = io.StringIO()
    table = csv.DictWriter(text, ["trial_type", "stimulus", "webgazer_data"], extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    path = tmp_path / "anna.csv"
    path.write_text(text.getvalue())
    assert detect_format.detect(path) == "webgazer"
    assert_two_trials(all_of(path)[0])


@pytest.mark.parametrize("clock", ["elapsedTime", "t", "elapsed"])
def test_a_listeners_list_is_one_trial_and_null_is_lost(tmp_path: Path, clock: str) -> None:
    points: list[Any] = [None, *({"x": 400.5, "y": 230.5, clock: 34.2 * i + 900} for i in range(20))]
    points[5] |= {"x": None}
    path = tmp_path / "anna.json"
    path.write_text(json.dumps(points))
    assert detect_format.detect(path) == "webgazer"
    (found,), _ = all_of(path, stimulus="a.jpg")
    assert (found.subject, found.stimulus, len(found), found.time[0]) == ("anna", "a.jpg", 20, 0)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [4]


def test_a_trials_own_entry_may_name_the_picture_and_the_person(tmp_path: Path) -> None:
    trials = [{"pic": "d.jpg", "subject": 7, "webgazer_data": samples()}]
    found, _ = all_of(jspsych(tmp_path / "a.json", trials), stimulus_column="pic")
    assert (found[0].stimulus, found[0].subject) == ("d.jpg", "7")
    with pytest.raises(RecordingError, match="no 'image'; choose among pic, subject"):
        all_of(tmp_path / "a.json", stimulus_column="image")


OTHERS = {
    "coco.json": {"images": [{"id": 1, "width": 3}], "annotations": [{"bbox": [1, 2, 3, 4]}]},
    "sub-01_task-look_physio.json": {"SamplingFrequency": 500, "Columns": ["x", "y"]},
    "info.json": {"recording_id": "a", "gaze_offset": [1, 2]},
    "splits.json": {"train": ["a.png"]},
    "detections.json": [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}],
    "points.json": [{"x": 1, "y": 2}],
}


def test_other_json_files_in_a_folder_are_left_out_without_a_word(tmp_path: Path) -> None:
    path = jspsych(tmp_path / "anna.json")
    for name, content in OTHERS.items():
        (tmp_path / name).write_text(json.dumps(content))
        with pytest.raises(UnlikeError, match="of no known format; give the samples of gaze"):
            detect_format.detect(tmp_path / name)
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "binary.json").write_bytes(b"\0\1\2")
    told: list[str] = []
    assert detect_format.files([tmp_path], told.append) == [path]
    assert told == []


@pytest.mark.parametrize(
    "content", ["[", '[{"webgazer_data": 3}]', '{"webgazer_data": [{"x": 1, "y": 2}]}', "[" * 9999]
)
def test_what_holds_no_gaze_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(RecordingError, match=r"no JSON|no trial of it has webgazer_data|samples have no t"):
        all_of(tmp_path / "a.json")


def test_the_window_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="it does not say of the screen its width"):
        all_of(jspsych(tmp_path / "a.json"), None)


@given(data=st.data())
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.json", jspsych(tmp_path / "whole.json").read_bytes(), data, all_of)
