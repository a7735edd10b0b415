"""`gaze data recording` on files of several makers: what they hold becomes a data set without defects."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.picture import save
from data.table.read import read_table
from data.table.validate import check_table

FLAGS = ("--screen", "1000x800", "--screen-cm", "40x32", "--distance-cm", "60")
RATE = 120
LOOKS = [(300.0, 300.0), (700.0, 300.0), (700.0, 600.0), (300.0, 600.0), (500.0, 400.0)]  # half a second each


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        save(folder / f"{name}.png", np.full((800, 1000, 3), 99, np.uint8))
    return folder


def samples() -> list[tuple[float, float, float]]:
    """Milliseconds and pixels; every 30th is lost (nan)."""
    places = np.repeat(np.array(LOOKS), RATE // 2, 0) + np.random.default_rng(0).normal(0, 0.5, (5 * RATE // 2, 2))
    places[29::30] = np.nan
    return [(1000 * i / RATE, float(x), float(y)) for i, (x, y) in enumerate(places)]


def gazepoint(folder: Path) -> Path:
    rows = [
        f"{number},{name}.png,{t / 1000:.5f}," + (f"{x / 1000:.5f},{y / 800:.5f},1," if x == x else "0.3,0.4,0,")
        for number, name in enumerate("ab")
        for t, x, y in samples()
    ]
    (folder / "anna_all_gaze.csv").write_text("\n".join(["MEDIA_ID,MEDIA_NAME,TIME(2024),BPOGX,BPOGY,BPOGV,", *rows]))
    return folder / "anna_all_gaze.csv"


def smi(folder: Path) -> Path:
    rows = []
    for number, name in enumerate("ab"):
        start = 10**9 * (number + 1)
        rows += [f"{start}\tMSG\t{number}\t# Message: {name}.png"]
        rows += [
            f"{start + round(1000 * t)}\tSMP\t{number}\t" + (f"{x:.2f}\t{y:.2f}" if x == x else "0.00\t0.00")
            for t, x, y in samples()
        ]
    head = "## [iView]\n## Subject:\tanna\n## Calibration Area:\t1000\t800\n"
    (folder / "run.txt").write_text("\n".join([f"{head}Time\tType\tTrial\tL POR X [px]\tL POR Y [px]", *rows]))
    return folder / "run.txt"


def imotions(folder: Path) -> Path:
    rows = [
        f"{10_000 * number + t:.3f},{name}.png," + (f"{x:.1f},{y:.1f},-1,-1" if x == x else "-1,-1,-1,-1")
        for number, name in enumerate("ab")
        for t, x, y in samples()
    ]
    head = "#Respondent Name,anna\nTimestamp,SourceStimuliName,ET_GazeLeftx,ET_GazeLefty,ET_GazeRightx,ET_GazeRighty"
    (folder / "001.csv").write_text("\n".join([head, *rows]))
    return folder / "001.csv"


def webgazer(folder: Path) -> Path:
    trials = [
        {
            "stimulus": f"img/{name}.png",
            "webgazer_data": [
                {"t": t, "x": x, "y": y} if x == x else {"t": t, "x": None, "y": None} for t, x, y in samples()
            ],
        }
        for name in "ab"
    ]
    (folder / "anna.json").write_text(json.dumps(trials))
    (folder / "config.json").write_text('{"images": []}')
    return folder / "anna.json"


def tobii_sdk(folder: Path) -> Path:
    rows = [
        f"{10**9 * (number + 1) + round(1000 * t)}\t{name}.png\t"
        + (f"{x / 1000:.5f}\t{y / 800:.5f}\t0" if x == x else "-1.0\t-1.0\t4")
        for number, name in enumerate("ab")
        for t, x, y in samples()
    ]
    (folder / "anna.tsv").write_text("\n".join(["Time\timage\tRGazePos2dx\tRGazePos2dy\tRValidity", *rows]))
    return folder / "anna.tsv"


def sample_report(folder: Path) -> Path:
    rows = [
        f"anna\t{number}\t{9000 * number + round(t)}\t"
        + (f"{x:.1f}\t{y:.1f}\t" if x == x else ".\t.\t")
        + f"{name}.png"
        for number, name in enumerate("ab")
        for t, x, y in samples()
    ]
    head = "RECORDING_SESSION_LABEL\tTRIAL_INDEX\tTIMESTAMP\tRIGHT_GAZE_X\tRIGHT_GAZE_Y\timage"
    (folder / "Output.txt").write_text("\n".join([head, *rows]))
    return folder / "Output.txt"


SAMPLES = (gazepoint, smi, imotions, webgazer, tobii_sdk, sample_report)


@pytest.mark.slow
@pytest.mark.parametrize("make", SAMPLES)
@pytest.mark.parametrize("as_folder", [False, True])
def test_samples_of_a_maker_become_a_data_set(
    tmp_path: Path, pictures: Path, make: Callable[[Path], Path], as_folder: bool
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    path = make(folder)
    done = gaze(
        "data", "recording", folder if as_folder else path, "-o", tmp_path / "set", "--pictures", pictures, *FLAGS
    )
    assert done.exit_code == 0, done.output
    assert "3.3% of them lost" in done.output
    assert "left out." not in done.output
    found = {picture.name: paths for picture, paths in read_table(tmp_path / "set")}
    assert set(found) == {"a.png", "b.png"}
    for paths in found.values():
        assert [it.subject for it in paths] == ["anna"]
        where = [xy for xy in LOOKS[1:] if (np.abs(paths[0].xy - xy).max(1) < 5).any()]
        assert where == LOOKS[1:]  # the first was under way at the onset
    assert check_table(tmp_path / "set") == []


def fixation_report(folder: Path) -> Path:
    rows = [f"anna\t{n}\t{x}\t{y}\t200\t{name}.png" for n, name in enumerate("ab") for x, y in LOOKS]
    head = "RECORDING_SESSION_LABEL\tTRIAL_INDEX\tCURRENT_FIX_X\tCURRENT_FIX_Y\tCURRENT_FIX_DURATION\timage"
    (folder / "Output.txt").write_text("\n".join([head, *rows]))
    return folder / "Output.txt"


def gazepoint_fixations(folder: Path) -> Path:
    rows = [
        f"{n},{name}.png,{x / 1000},{y / 800},{0.3 * i + 0.1:.5f},0.2,{i},1,"
        for n, name in enumerate("ab")
        for i, (x, y) in enumerate(LOOKS)
    ]
    head = "MEDIA_ID,MEDIA_NAME,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,"
    (folder / "anna_fixations.csv").write_text("\n".join([head, *rows]))
    return folder / "anna_fixations.csv"


@pytest.mark.parametrize("make", [fixation_report, gazepoint_fixations])
def test_fixations_of_a_maker_become_a_data_set(tmp_path: Path, pictures: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    done = gaze("data", "recording", path, "-o", tmp_path / "set", "--pictures", pictures, *FLAGS)
    assert done.exit_code == 0, done.output
    found = {picture.name: paths for picture, paths in read_table(tmp_path / "set")}
    assert set(found) == {"a.png", "b.png"}
    for paths in found.values():
        assert [it.subject for it in paths] == ["anna"]
        np.testing.assert_allclose(paths[0].xy, LOOKS, atol=0.01)
        np.testing.assert_allclose(paths[0].duration, 200)
        assert np.isnan(paths[0].onset).all() == (make is fixation_report)
    assert check_table(tmp_path / "set") == []
