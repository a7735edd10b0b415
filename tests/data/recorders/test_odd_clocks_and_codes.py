"""Kinds of faults that come together: strays among marks, short overlaps, whole eyes of codes, names in messages."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from data.events.detect import detect, detect_fixations
from data.gaze import Samples
from data.picture import save
from data.recorders import PicturesByName, bids, delimited, eyelink, pupil_labs, smi, webgazer
from data.recorders.stages.units import Setup
from tests.data.recorders.test_bids import SIDECAR, events, study
from tests.data.recorders.test_eyelink import HEADER, MONOCULAR

SCREEN = Setup(1024, 768, 38.0, 30.0, 67.0)
EYES = Setup(None, None, 38.0, 30.0, 67.0)


def block(start: int, picture: str, x: float, count: int = 200, shift: tuple[int, int, int] = (0, 0, 0)) -> str:
    """A trial of an ASC file at 500 samples a second; rows of `shift` (first, last) have times that are so much off."""
    first, last, by = shift
    rows = [
        f"{start + 2 * i + (by if first <= i < last else 0)}\t  {x + i % 3}\t  300.5\t 1200.0\t..."
        for i in range(count)
    ]
    head = f"MSG\t{start - 20} TRIALID 1\nMSG\t{start - 19} !V IMGLOAD CENTER {picture} 512 384\n"
    head += f"START\t{start} \tRIGHT\tSAMPLES\tEVENTS\n{MONOCULAR}MSG\t{start} SYNCTIME\n"
    return head + "\n".join(rows) + f"\nEND\t{start + 2 * count} \tSAMPLES\tEVENTS\n"


def asc(folder: Path, *blocks: str) -> tuple[dict[str, Samples], list[str]]:
    told: list[str] = []
    (folder / "anna.asc").write_text(HEADER + "".join(blocks))
    return {it.stimulus: it for it in eyelink.read(folder / "anna.asc", EYES, tell=told.append)}, told


@pytest.mark.parametrize("by", [74_000_000, -9_000_000])
@pytest.mark.parametrize(("first", "last"), [(0, 3), (100, 103), (50, 150), (60, 200), (195, 200)])
def test_far_times_of_an_eyelink_file_are_left_out_and_cut_nothing(
    tmp_path: Path, first: int, last: int, by: int
) -> None:
    start = 10_000_000
    one = block(start, "a.png", 300, shift=(first, last, by))
    found, told = asc(tmp_path, one, block(start + 2000, "b.png", 700))
    assert {name: len(it) for name, it in found.items()} == {"a.png": 200 - (last - first), "b.png": 200}
    assert all(it.time[0] >= 0 and it.time[-1] <= 398 for it in found.values())
    assert f"{last - first} times are far from the START of their stretch; they are left out" in told[0]


@pytest.mark.parametrize("overlap", [2, 40, 60, 200, 398])
def test_an_overlap_of_two_eyelink_sessions_however_short_parts_them(tmp_path: Path, overlap: int) -> None:
    found, told = asc(tmp_path, block(10_000, "a.png", 300), block(10_400 - overlap, "b.png", 700))
    assert {name: (len(it), int(it.xy[:, 0].min())) for name, it in found.items()} == {
        "a.png": (200, 300),
        "b.png": (200, 700),
    }
    assert any("its clock begins anew; it is read as 2 parts" in sentence for sentence in told)


def test_a_short_overlap_of_two_sessions_parts_them_in_any_table(tmp_path: Path) -> None:
    first = np.arange(0, 1000, 4.0)
    rows = [f"{t},{100 * (k + 1)},300" for k, clock in enumerate((first, first + 940)) for t in clock]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    told: list[str] = []
    found = list(delimited.read(tmp_path / "a.csv", SCREEN, stimulus="a.png", tell=told.append))
    assert [np.unique(it.xy[:, 0]).tolist() for it in found] == [[100], [200]]
    assert "it is read as 2 parts" in told[-1]


def test_a_clock_that_begins_anew_within_a_trial_of_webgazer_parts_it(tmp_path: Path) -> None:
    points = [{"x": 100 * (k + 1), "y": 300, "t": 30 + 4 * i} for k in range(2) for i in range(100)]
    (tmp_path / "a.json").write_text(json.dumps([{"stimulus": "a.png", "webgazer_data": points}]))
    found = list(webgazer.read(tmp_path / "a.json", SCREEN, tell=lambda _: None))
    assert [np.unique(it.xy[:, 0]).tolist() for it in found] == [[100], [200]]
    assert [it.time[0] for it in found] == [30, 30]  # they count from the trial's start


def strays(path: Path, where: slice, by: int) -> None:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines]
    for row in rows[where]:
        row[0] = str(int(row[0]) + by)
    path.write_bytes(gzip.compress("\n".join("\t".join(row) for row in rows).encode()))


@pytest.mark.parametrize("by", [74_000_000, -74_000_000])
@pytest.mark.parametrize("where", [slice(0, 1), slice(40, 50), slice(40, 41), slice(90, 100)])
def test_far_times_beside_the_events_of_bids_are_left_out_and_told(tmp_path: Path, where: slice, by: int) -> None:
    path = study(tmp_path, SIDECAR | {"StartTime": 0})
    strays(path, where, by)
    events(path, "0.02 0.1 look a.jpg", "0.15 0.04 look b.jpg")
    told: list[str] = []
    found = {it.stimulus: it for it in bids.read(path, tell=told.append)}
    assert set(found) == {"a.jpg", "b.jpg"}
    assert all(it.time[0] >= -151 and it.time[-1] <= 100 for it in found.values())
    assert sum("are far from all others; they are left out" in sentence for sentence in told) == 1


def test_far_times_beside_the_events_of_pupil_are_left_out_and_told(tmp_path: Path) -> None:
    times = [1000.0 + 0.005 * i - (74_000 if 100 <= i < 150 else 0) for i in range(300)]
    rows = [f"{time:.4f},1.0,{0.3 + 0.001 * (i % 3)},0.4" for i, time in enumerate(times)]
    (tmp_path / "gaze_positions.csv").write_text("\n".join(["gaze_timestamp,confidence,norm_pos_x,norm_pos_y", *rows]))
    (tmp_path / "annotations.csv").write_text("timestamp,label,duration\n1000.1,a.png,1.3\n")
    told: list[str] = []
    (found,) = pupil_labs.read(tmp_path / "gaze_positions.csv", SCREEN, tell=told.append)
    assert (found.stimulus, len(found)) == ("a.png", 230)
    assert any("50 times of" in sentence for sentence in told)


@pytest.mark.parametrize("code", ["-1,-1", "0,0", "9999,9999"])
@pytest.mark.parametrize("share", [0.55, 0.93])
@pytest.mark.parametrize("runs", [True, False])
def test_a_table_may_be_lost_for_the_most_part(tmp_path: Path, code: str, share: float, runs: bool) -> None:
    random = np.random.default_rng(0)
    lost = np.arange(1000) < 1000 * share if runs else random.random(1000) < share
    rows = [f"{4 * i},{code}" if gone else f"{4 * i},{300 + random.normal():.2f},200.5" for i, gone in enumerate(lost)]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    told: list[str] = []
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=told.append)
    assert np.isnan(found.xy).all(1).tolist() == lost.tolist()
    assert ("screen away" in str(told)) == (code == "9999,9999")


@pytest.mark.parametrize("code", ["-1,-1", "0,0", ",", "9999,9999"])
@pytest.mark.parametrize("scale", [1.0, 1 / 1024])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_whole_eye_may_be_lost(tmp_path: Path, code: str, scale: float, side: str) -> None:
    eyes = [f"{(300.5 + i % 5) * scale:.6f},{(200.5 + i % 3) * scale:.6f}" for i in range(200)]
    pairs = [f"{code},{eye}" if side == "left" else f"{eye},{code}" for eye in eyes]
    rows = [f"{4 * i},{pair}" for i, pair in enumerate(pairs)]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,left_x,left_y,right_x,right_y", *rows]))
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    assert np.isfinite(found.xy).all()
    assert found.xy[0, 0] == pytest.approx(300.5, abs=0.01)


@pytest.mark.parametrize("code", ["-1,{y}", "0,{y}", "{x},-1", "{x},0", "9999,{y}", "{x},-32768"])
def test_half_a_code_is_a_lost_eye(tmp_path: Path, code: str) -> None:
    random = np.random.default_rng(0)
    cells = [(f"{300 + random.normal():.2f}", f"{200 + random.normal():.2f}") for _ in range(300)]
    rows = [f"{4 * i},{code.format(x=x, y=y) if 100 <= i < 160 else f'{x},{y}'}" for i, (x, y) in enumerate(cells)]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == list(range(100, 160))


@pytest.mark.parametrize(
    ("unit", "origin"), [("deg", "topleft"), ("px", "centre"), ("norm", "centre"), ("height", "topleft")]
)
@pytest.mark.parametrize("code", ["0,0", "-1,-1"])
def test_codes_are_codes_from_the_middle_of_the_screen_too(tmp_path: Path, unit: str, origin: str, code: str) -> None:
    random = np.random.default_rng(0)
    scale = {"px": 100.0, "deg": 3.0, "norm": 0.3, "height": 0.3}[unit]
    rows = [f"{4 * i},{scale + scale / 300 * random.normal():.5f},{-scale:.5f}" for i in range(300)]
    rows[100:160] = [f"{4 * i},{code}" for i in range(100, 160)]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    options = {"unit": unit, "origin": origin}
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None, **options)  # type: ignore[arg-type]
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == list(range(100, 160))
    assert len(detect_fixations(found, detect(found))) == 2


@pytest.mark.parametrize("miss", ["-1.0", "0.0"])
def test_missing_samples_of_a_screen_that_counts_from_its_middle_are_lost(tmp_path: Path, miss: str) -> None:
    content = HEADER.replace("0 0 1023 767", "-512 -384 511 383") + block(10_000, "a.png", 100)
    lines = content.split("\n")
    rows = [i for i, line in enumerate(lines) if line[:1].isdigit()]
    for i, row in enumerate(rows):
        x = miss if 50 <= i < 110 else f"{100 + np.sin(i):.1f}"
        lines[row] = f"{10_000 + 2 * i}\t  {x}\t  {miss if 50 <= i < 110 else f'{np.cos(i):.3f}'}\t 1200.0\t..."
    (tmp_path / "anna.asc").write_text("\n".join(lines))
    (found,) = eyelink.read(tmp_path / "anna.asc", EYES, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == list(range(50, 110))


@pytest.mark.parametrize("word", ["1.#QNAN", "-1.#IND", "-nan", "nan(ind)", "inf", "-", "NA", "n/a", "--", "?", "#N/A"])
def test_words_for_no_number_are_lost_samples(tmp_path: Path, word: str) -> None:
    rows = [f"{4 * i},{word},{word}" if 40 <= i < 60 else f"{4 * i},{300 + i % 3},200" for i in range(200)]
    (tmp_path / "a.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    (found,) = delimited.read(tmp_path / "a.csv", SCREEN, tell=lambda _: None)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == list(range(40, 60))
    if word in ("--", "?", "#N/A"):
        return  # no program writes these into an ASC file
    content = HEADER + block(10_000, "a.png", 300)
    content = content.replace("\t  302\t  300.5", f"\t  {word}\t  {word}")
    (tmp_path / "a.asc").write_text(content)
    (trial,) = eyelink.read(tmp_path / "a.asc", EYES, tell=lambda _: None)
    assert (len(trial), int(np.isnan(trial.xy).all(1).sum())) == (200, 66)


@pytest.mark.parametrize("name", ["https://x.org/show?id=7", r"C:\stim\img 1.bmp", "Szene é", "scenes/a b.png"])
def test_recorded_names_are_mapped_as_they_are_listed(tmp_path: Path, name: str) -> None:
    (tmp_path / "pictures").mkdir()
    save(tmp_path / "pictures" / "a.png", np.zeros((9, 9, 3), np.uint8))
    found, _ = asc(
        tmp_path, block(10_000, "a.png", 300).replace("!V IMGLOAD CENTER a.png 512 384", f"!V TRIAL_VAR image {name}")
    )
    (shown,) = found
    for written in (name, shown, name.upper(), name.replace("\\", "/")):
        picture = PicturesByName(tmp_path / "pictures", {written: "a.png"}).find(shown)
        assert picture is not None
        assert picture.name == "a.png"


def test_an_address_in_a_message_of_smi_stays_what_it_is(tmp_path: Path) -> None:
    rows = [f"{10**9 + 4000 * i}\tSMP\t1\t{300 + i % 3}.5\t200.5" for i in range(100)]
    head = "## [iView]\n## Calibration Area:\t1024\t768\nTime\tType\tTrial\tL POR X [px]\tL POR Y [px]"
    message = f"{10**9}\tMSG\t1\t# Message: https://x.org/in/a.png"
    (tmp_path / "a.txt").write_text("\n".join([head, message, *rows]))
    (found,) = smi.read(tmp_path / "a.txt", SCREEN, tell=lambda _: None)
    assert found.stimulus == "https://x.org/in/a.png"


def test_an_eye_that_was_recorded_for_a_part_of_a_trial_is_lost_for_the_rest(tmp_path: Path) -> None:
    second = (
        block(10_400, "x.png", 300).split("START", 1)[1].replace("RIGHT", "LEFT").replace("MSG\t10400 SYNCTIME\n", "")
    )
    found, told = asc(tmp_path, block(10_000, "a.png", 300) + "START" + second)
    (trial,) = found.values()
    assert len(trial) == 400
    told.clear()
    (trial,) = eyelink.read(tmp_path / "anna.asc", EYES, eye="left", tell=told.append)
    assert np.isnan(trial.xy).all(1).tolist() == [True] * 200 + [False] * 200
    assert any("in 1 trials the left eye was recorded for a part of the time only" in it for it in told)


def test_sessions_are_told_apart_without_a_single_start(tmp_path: Path) -> None:
    lines = [*(f"{10_000 + 2 * i}\t  300.5\t  200.5\t 900.0\t..." for i in range(100))]
    (tmp_path / "a.asc").write_text("\n".join([HEADER, *lines, *lines]) + "\n")
    found = list(eyelink.read(tmp_path / "a.asc", EYES, tell=lambda _: None))
    assert [len(it) for it in found] == [100, 100]
