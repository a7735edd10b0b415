"""Every recorder of the folder is asked whether a file is its own, the most telling format first."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import data.recorders
from data.errors import RecordingError
from data.recorders import RECORDERS, detect_format, stem
from data.recorders.stages import recording_names

MAKER = """
from data.recorders.detect_format import Evidence, Recorder

RECORDER = Recorder("viewpoint", Evidence.COLUMNS, (".gp",))


def sniff(path, start):
    return start.startswith("ViewPoint")


def read(path, screen=None, *, binocular=False, subject="", stimulus="", tell=print):
    return iter(())
"""


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A recorder whose file alone has been added."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "viewpoint.py").write_text(MAKER)
    (folder / "_private.py").write_text("raise ValueError('private files are not looked at')")
    monkeypatch.setattr(data.recorders, "__path__", [*data.recorders.__path__, str(folder)])
    cached = (detect_format.modules, recording_names._suffixes)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()
    sys.modules.pop("data.recorders.viewpoint", None)


def test_a_file_in_the_folder_is_a_format_in_every_table(newcomer: None, tmp_path: Path) -> None:
    path = tmp_path / "anna.gp"
    path.write_text("ViewPoint,X\n0.5,0.5\n")
    assert data.recorders.RECORDERS["viewpoint"] == "data.recorders.viewpoint:read"
    assert list(data.recorders.RECORDERS)[-1] == "csv"
    assert detect_format.detect(path) == "viewpoint"
    assert detect_format.files([tmp_path], print) == [path]
    assert detect_format.reader_options("viewpoint") == ("binocular",)
    assert stem(path) == "anna"


def test_the_most_telling_formats_are_tried_first_and_any_table_last() -> None:
    evidence = [detect_format.recorder(name).evidence for name in RECORDERS]
    assert evidence == sorted(evidence)
    assert [*RECORDERS][:: len(RECORDERS) - 1] == ["bids", "csv"]


@pytest.mark.parametrize("name", RECORDERS)
def test_a_recorder_has_the_common_interface(name: str) -> None:
    module = detect_format.modules()[name]
    assert list(inspect.signature(module.sniff).parameters) == ["path", "start"]
    assert list(inspect.signature(module.read).parameters)[:2] == ["path", "screen"]
    assert set(detect_format.GIVEN_BY_CALLER) <= set(inspect.signature(module.read).parameters)


@pytest.mark.parametrize(
    ("name", "start", "format_name"),
    [
        ("sub-01_physio.tsv", "1\t2\t3\n", "bids"),
        ("sub-01_physio.tsv", "MSG\t1 TRIALID\n", "bids"),
        ("a.asc", "time,x,y\n", "eyelink"),
        ("a.txt", "** CONVERTED\nMSG\t1 TRIALID\n", "eyelink"),
        ("a.tsv", "Recording timestamp [μs]\tGaze point X [DACS px]\n", "tobii"),
        ("a.tsv", "Recording timestamp\tPupil diameter left\n", "csv"),
        ("gaze.csv", "timestamp [ns],gaze x [px],gaze y [px]\n", "pupil"),
        ("gaze.csv", "gaze_timestamp,norm_pos_x,norm_pos_y\n", "pupil"),
        ("gaze.csv", "gaze_timestamp,x,y\n", "csv"),
    ],
)
def test_a_format_is_told_by_the_name_and_the_first_lines(
    tmp_path: Path, name: str, start: str, format_name: str
) -> None:
    (tmp_path / name).write_text(start)
    assert detect_format.detect(tmp_path / name) == format_name


def test_a_file_that_is_no_text_is_of_no_format(tmp_path: Path) -> None:
    (tmp_path / "a.edf").write_bytes(b"SR_RESEARCH\0\1\2")
    with pytest.raises(RecordingError, match="not a text file"):
        detect_format.detect(tmp_path / "a.edf")


def test_the_second_eye_of_a_recording_is_left_out_by_name(tmp_path: Path) -> None:
    eyes = [tmp_path / f"sub-01_recording-eye{eye}_physio.tsv.gz" for eye in (1, 2)]
    for number, path in enumerate(eyes):
        path.write_bytes(bytes([number]))
    sentences: list[str] = []
    assert detect_format.files(eyes, sentences.append) == eyes[:1]
    assert sentences == [
        f"{tmp_path}: the other eye of {eyes[0].name}, which stands in where that is lost; left out are {eyes[1].name}."
    ]
    assert detect_format.files(eyes[1:], sentences.append) == eyes[1:]
