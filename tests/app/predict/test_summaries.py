"""Does the table of a folder tell of every picture that has its predictions there, and of each once?"""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.predict import jobs, summaries
from data.errors import GazeError
from data.picture import save

OPTIONS = {"condition": "any", "provider": "cpu", "opacity": 0.6, "palette": "plasma"}


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        picture = np.zeros((40 + number, 60, 3), np.uint8)
        picture[10:20, 10 * number : 10 * number + 9] = 200
        save(folder / name, picture)
    return folder


def gaze(*words: object) -> str:
    """What `gaze predict` says it did."""
    result = CliRunner().invoke(main, [str(word) for word in ("predict", *words)], catch_exceptions=False)
    assert result.exit_code in (0, 3), result.output
    return result.stdout.split(";")[0]


def rows(out: Path) -> dict[str, dict[str, object]]:
    told = pyarrow.parquet.read_table(out / summaries.FILE).to_pylist()
    assert len({row["name"] for row in told}) == len(told)
    return {str(row["name"]): row for row in told}


def test_a_row_says_what_the_json_says(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    assert gaze(source, "-o", out, "--model", toy_model, "--format", "parquet") == "2 done"
    assert sorted(file.name for file in out.glob("[!.]*")) == ["a.json", "b.json", "predictions.parquet"]
    for name, row in rows(out).items():
        record = json.loads((out / f"{name}.json").read_text())
        for key in ("picture", "model", "version", "condition", "provider", "width", "height", "entropy_bits"):
            assert row[key] == record[key]
        assert (row["peak_x"], row["peak_y"]) == (record["peak"]["x"], record["peak"]["y"])
        assert row["slice_start_s"] == [each["start_s"] for each in record["slices"]]
        assert row["slice_end_s"] == [each["end_s"] for each in record["slices"]]
        assert row["slice_peak_x"] == [each["peak"]["x"] for each in record["slices"]]
        assert row["slice_peak_y"] == [each["peak"]["y"] for each in record["slices"]]
        assert row["slice_entropy_bits"] == [each["entropy_bits"] for each in record["slices"]]
        assert row["medium"] is row["familiar"] is row["damaged"] is None


def test_rows_of_earlier_runs_stay_and_none_comes_twice(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    (source / "broken.png").write_bytes(b"")
    words = ("-o", out, "--model", toy_model, "--format", "parquet,json")
    assert gaze(source, *words) == "2 done, 1 broken"
    assert set(rows(out)) == {"a", "b"}
    before = (out / "a.json").stat().st_mtime_ns
    photos(source, "c.png")
    assert gaze(source, *words).startswith("1 done, 2 skipped")
    assert gaze(photos(tmp_path / "more", "d.png"), *words) == "1 done"
    assert set(rows(out)) == {"a", "b", "c", "d"}
    assert (out / "a.json").stat().st_mtime_ns == before
    (out / summaries.FILE).unlink()
    assert gaze(source, *words).startswith("0 done, 3 skipped")
    assert set(rows(out)) == {"a", "b", "c", "d"}
    save(source / "a.png", np.zeros((9, 5, 3), np.uint8))
    assert gaze(source, *words).startswith("1 done, 2 skipped")
    assert (rows(out)["a"]["width"], len(rows(out))) == (5, 4)


def test_a_run_that_is_stopped_leaves_a_table_of_what_is_done(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", *(f"{number:02}.png" for number in range(20))), tmp_path / "out"
    job = jobs.job("saliency", (), (str(source),), out, model=str(toy_model), formats="parquet", **OPTIONS)
    outcomes = job.run(job.todo(False))
    next(outcomes)
    outcomes.close()
    done = {file.stem for file in out.glob("*.json")}
    assert 0 < len(done) < 20
    assert set(rows(out)) == done
    assert gaze(source, "-o", out, "--model", toy_model, "--format", "parquet").startswith(f"{20 - len(done)} done")
    assert len(rows(out)) == 20


def test_ctrl_c_while_a_picture_is_waited_for_leaves_a_table_too(tmp_path: Path) -> None:
    def interrupted() -> Generator[tuple[Path, None], None, None]:
        yield Path("a.png"), None
        signal.raise_signal(signal.SIGINT)
        yield Path("b.png"), None

    with pytest.raises(KeyboardInterrupt):
        list(summaries.with_table(interrupted(), tmp_path))
    assert rows(tmp_path) == {}


def test_the_table_is_made_also_where_only_a_clip_is_left_to_be_done(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", "a.png"), tmp_path / "out"
    spoilt = source / "clip.mp4"
    spoilt.write_bytes(b"no video")
    words = (source, "-o", out, "--model", toy_model, "--format")
    assert gaze(*words, "json,jsonl") == "1 done, 1 broken"
    assert gaze(*words, "parquet") == "0 done, 1 skipped that were there (--overwrite writes them anew), 1 broken"
    assert set(rows(out)) == {"a"}


def test_other_json_files_and_broken_ones_are_left_out(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", "a.png"), tmp_path / "out"
    out.mkdir()
    deep = "[" * 100_000
    for number, content in enumerate(("{", "[]", "null", '{"schema": "gaze/saliency/3"}', deep, "\xff")):
        (out / f"foreign{number}.json").write_text(content, encoding="latin-1")
    (out / "folder.json").mkdir()
    gaze(source, "-o", out, "--model", toy_model, "--format", "parquet")
    assert set(rows(out)) == {"a"}


def test_what_an_older_gaze_wrote_is_a_row(tmp_path: Path, toy_model: Path) -> None:
    source, out = photos(tmp_path / "in", "a.png"), tmp_path / "out"
    gaze(source, "-o", out, "--model", toy_model, "--format", "json")
    record = json.loads((out / "a.json").read_text())
    (out / "old.json").write_text(json.dumps(record | {"schema": "gaze/saliency/2", "version": "0.1.0"}))
    (out / "path.json").write_text(json.dumps(record | {"schema": "gaze/scanpath/2"}))
    summaries.write(out)
    assert {name: row["version"] for name, row in rows(out).items()} == {"a": record["version"], "old": "0.1.0"}


def test_a_folder_without_records_has_an_empty_table(tmp_path: Path) -> None:
    summaries.write(tmp_path)
    assert rows(tmp_path) == {}
    assert pyarrow.parquet.read_schema(tmp_path / summaries.FILE).names[:2] == ["name", "picture"]


def test_a_table_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / summaries.FILE).mkdir()
    with pytest.raises(GazeError, match=r"predictions\.parquet cannot be written \(.+\); check folder and disk"):
        summaries.write(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [summaries.FILE]


@pytest.mark.slow
def test_pyarrow_is_not_loaded_without_the_table(tmp_path: Path, toy_model: Path) -> None:
    words = ["predict", str(photos(tmp_path / "in", "a.png")), "-o", str(tmp_path / "out"), "--model", str(toy_model)]
    code = "import sys; from app.cli.main import main; main(sys.argv[1:], standalone_mode=False)"
    code += "; print('pyarrow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=True, text=True)
    assert result.stdout.split()[-1] == "False"
