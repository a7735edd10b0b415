"""Tables and files beside recordings that hold no gaze: each is refused in one sentence that names what is missing."""

from pathlib import Path

import pytest

from data.errors import RecordingError
from data.gaze import Screen
from data.recorders import detect_format
from tests.data.recorders.real import recording

SCREEN = Screen(1920, 1080, 50.9, 28.6, 65.0)
REFUSED = {
    "eyelink_reports/eyelink_validation_187_mid_chinrest.csv": "no column is known as its x, y;",
    "gazepoint/gp3_validation_187_mid_chinrest.csv": "no column is known as its x, y;",
    "tobii/esports_tobii4c.csv": "no column is known as its x, y;",
    "pupil_invisible/world_timestamps.csv": "no column is known as its x, y;",
    "pupil_invisible/events.csv": "no column is known as its x, y;",
    "pupil_invisible/blinks.csv": "no column is known as its time, x, y;",
    "pupil_invisible/fixations.csv": "not an export of gaze by Pupil Labs; give gaze_positions.csv or gaze.csv",
    "tobii_glasses2/segment.json": "of no known format; give the samples of gaze",
    "aria/gen1_summary.json": "of no known format; give the samples of gaze",
    "pupil_neon_native/info.json": "of no known format; give the samples of gaze",
    "pupil_neon_native/event.txt": "only one column",
    "pupil_neon_native/blinks ps1.raw": "not a text file",
}


def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as refused:
        list(detect_format.modules()[detect_format.detect(path)].read(path, SCREEN, tell=lambda _: None))
    return str(refused.value)


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_without_gaze_is_refused_in_one_sentence(name: str) -> None:
    said = refusal(recording(name))
    assert REFUSED[name] in said
    assert said.endswith(".")
    assert "\n" not in said
    assert "? " not in said


@pytest.mark.parametrize("content", ['{"a": 1}', "[]", '[{"a": 1}]', '\n{\n  "a": 1\n}\n', "{}", '["a", "b"]'])
def test_json_of_no_recorder_is_no_table(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    assert "of no known format; give the samples of gaze" in refusal(tmp_path / "a.txt")
