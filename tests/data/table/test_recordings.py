"""`recordings.csv`: written with a set that was made of recordings, told by `gaze data show`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from data.errors import TableError
from data.events.quality import Quality
from data.picture import save
from data.table import recordings
from data.table.validate import check_table


def gaze(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_noise_and_loss_of_every_recording_are_shown(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    save(tmp_path / "pictures" / "a.png", np.zeros((700, 900, 3), np.uint8))
    random = np.random.default_rng(0)
    for name, rate, degrees in (("quick", 500, 0.05), ("slow", 50, 0.6)):
        time = np.arange(0, 4000, 1000 / rate)
        place = np.where((time // 400)[:, None] % 2 == 0, [300.0, 200.0], [700.0, 500.0])
        xy = place + random.normal(0, degrees / 2 * 31.5, place.shape)
        rows = [
            f"{t},-1,-1" if i % 10 == 9 else f"{t},{x},{y}" for i, (t, (x, y)) in enumerate(zip(time, xy, strict=True))
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["time_ms,x,y", *rows]))
    screen = ("--screen", "1024x768", "--screen-cm", "38x30", "--distance-cm", "67")
    files = (tmp_path / "quick.csv", tmp_path / "slow.csv")
    out, flags = tmp_path / "set", ("--pictures", tmp_path / "pictures", "--stimulus", "a.png", *screen)
    told = gaze("data", "recording", *files, "-o", out, *flags)
    assert re.search(r"note: slow.csv: 50 samples a second and a noise of 0\.[56]\d degrees", told)
    assert "--method ivt is recommended" in told
    assert "note: quick.csv: " not in told
    first, second = json.loads(gaze("data", "show", out, "--format", "json"))["recordings"]
    assert (first["recording"], first["subject"], first["trials"], first["samples"]) == ("quick.csv", "quick", 1, 2000)
    assert (first["lost_share"], first["rate_hz"], first["method"]) == (0.1, 500, "adaptive")
    assert first["precision_deg"] == pytest.approx(0.05, rel=0.1)
    assert second["precision_deg"] == pytest.approx(0.6, rel=0.15)
    assert first["fixations"] > 5
    shown = gaze("data", "show", out)
    assert "precision deg" in shown
    assert "quick.csv" in shown
    assert check_table(out) == []
    again = gaze("data", "recording", *files, "-o", tmp_path / "again", *flags, "--method", "ivt")
    assert "samples a second and a noise" not in again


def test_the_table_reads_back_and_others_are_refused(tmp_path: Path) -> None:
    assert recordings.read(tmp_path) == []
    recordings.write(tmp_path, {"a, b.asc": Quality("anna"), "c": Quality("ben", 2, 10, 1, 9, [5.0], [0.5])}, "ivt")
    first, second = recordings.read(tmp_path)
    assert first["recording"] == "a, b.asc"
    assert first["rate_hz"] is None
    assert (second["lost_share"], second["precision_deg"], second["method"]) == (0.1, 0.5, "ivt")
    for content in ("recording,rate\nx,1\n", "", "\n\n", ",".join(recordings.COLUMNS) + "\na,b,c,1,1,1,1,1,x\n"):
        (tmp_path / recordings.NAME).write_text(content)
        with pytest.raises(TableError, match=r"recordings\.csv: "):
            recordings.read(tmp_path)
