"""Whose recording a file is: no two people get one name, whatever their files are called."""

from pathlib import Path

import pytest

from data.recorders.stages.recording_names import recording_names, stem

CORE = "gaze_positions_on_surface_Screen.csv"


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("01.05.2024_anna.asc", "01.05.2024_anna"),
        ("a.CSV.GZ", "a"),
        ("a.b.txt", "a.b"),
        ("anna.physio", "anna.physio"),
        (".csv", ".csv"),
    ],
)
def test_only_the_endings_of_recordings_are_cut_off(name: str, want: str) -> None:
    assert stem(Path("folder.d") / name) == want


def test_twins_are_told_apart_by_the_shortest_path_that_differs() -> None:
    paths = [Path(f"/s/{name}") for name in ("ann/1/rec.csv", "ben/1/rec.csv", "ben/2/rec.csv", "cem.csv")]
    assert list(recording_names(paths).values()) == ["ann_1_rec", "ben_1_rec", "2_rec", "cem"]


def test_files_of_pupil_labs_are_named_by_the_folder_of_the_recording() -> None:
    core = [Path(f"/s/{who}/000/exports/000/surfaces/{CORE}") for who in ("anna", "ben")]
    assert list(recording_names(core).values()) == ["anna_000", "ben_000"]
    assert recording_names([Path("/s/anna/000/exports/000/gaze_positions.csv")]).popitem()[1] == "anna_000"
    assert recording_names([Path("/s/2024-05-01_anna/gaze.csv")]).popitem()[1] == "2024-05-01_anna"
    two = [core[0], core[0].with_name("gaze_positions_on_surface_Desk.csv")]
    assert list(recording_names(two).values()) == ["gaze_positions_on_surface_Screen", "gaze_positions_on_surface_Desk"]


def test_files_that_differ_in_their_endings_alone_share_a_name() -> None:
    assert len(set(recording_names([Path("/s/anna.asc"), Path("/s/anna.csv")]).values())) == 1
