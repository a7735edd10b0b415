"""Does a run into a folder redo what was made of something else, and nothing but that?"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.predict import provenance
from app.predict.provenance import FILE, Making, Provenance
from data.picture import save
from tests import contracts
from tests import toy_model as toy

MAKING = Making("saliency", {"name": "toy"}, "any", {}, {}, ".json", {}, True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        picture = np.zeros((60, 80, 3), np.uint8)
        picture[20:30, 10 * number : 10 * number + 20] = 200
        save(folder / f"{number}.png", picture)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return toy.write(tmp_path / "toy.onnx")


def gaze(folder: Path, out: Path, model: object, *words: object) -> str:
    """What `gaze predict` says it did."""
    command = ["predict", folder, "-o", out, "--model", model, *words]
    result = CliRunner().invoke(main, [str(word) for word in command], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.split(";")[0]


SKIPPED = "0 done, 3 skipped that were there (--overwrite writes them anew)"


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / FILE).read_text().splitlines()]


def states(out: Path) -> dict[str, tuple[int, int]]:
    """Which file stands under each name, and since when."""
    return {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in out.glob("[!.]*")}


def age(out: Path) -> None:
    """Let what is there, and what the log says of it, be an hour old."""
    hour = 3600 * 10**9
    records = lines(out)
    for record in records:
        record["files"] = {name: (size, changed - hour) for name, (size, changed) in dict(record["files"]).items()}  # type: ignore[call-overload]
    for file in out.glob("[!.]*"):
        os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns - hour))
    (out / FILE).write_text("".join(json.dumps(record) + "\n" for record in records))


def test_another_model_or_condition_is_predicted_anew(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    other = toy.write(tmp_path / "other.onnx", contracts.changed(toy.CONTRACT, name="other"))
    for file, words, name, condition in (
        (model, (), "toy", "any"),
        (model, ("--condition", "osie"), "toy", "osie"),
        (other, (), "other", "any"),
        (model, (), "toy", "any"),
    ):
        assert gaze(photos, out, file, *words) == "3 done"
        record = json.loads((out / "1.json").read_text())
        assert (record["model"], record["condition"]) == (name, condition)
        assert gaze(photos, out, file, *words) == SKIPPED


def test_a_model_that_was_exported_again_under_its_name_and_version_is_another(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    gaze(photos, tmp_path / "out", model)
    moved = model.rename(tmp_path / "moved.onnx")
    assert gaze(photos, tmp_path / "out", moved) == SKIPPED
    toy.write(model, contracts.changed(toy.CONTRACT, commit="1" * 40))
    assert gaze(photos, tmp_path / "out", model) == "3 done"


def test_other_colours_draw_the_pictures_anew_and_leave_the_rest(photos: Path, tmp_path: Path, model: Path) -> None:
    out, words = tmp_path / "out", ("--format", "png,npy,json")
    gaze(photos, out, model, *words)
    before = states(out)
    assert gaze(photos, out, model, *words, "--palette", "viridis") == "3 done"
    changed = {name for name, state in states(out).items() if state != before[name]}
    assert changed == {f"{number}.{kind}.png" for number in range(3) for kind in ("heat", "slices")}
    assert gaze(photos, out, model, *words, "--palette", "viridis") == SKIPPED
    assert gaze(photos, out, model, *words, "--palette", "viridis", "--opacity", 0.5) == "3 done"


def test_another_format_adds_its_files(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    gaze(photos, out, model, "--format", "json")
    before = states(out)
    assert gaze(photos, out, model, "--format", "json,npy") == "3 done"
    assert {name: state for name, state in states(out).items() if name in before} == before
    assert gaze(photos, out, model, "--format", "npy") == SKIPPED


def test_a_picture_that_has_changed_is_predicted_anew(photos: Path, tmp_path: Path, model: Path) -> None:
    gaze(photos, tmp_path / "out", model)
    save(photos / "1.png", np.full((50, 90, 3), 9, np.uint8))
    assert gaze(photos, tmp_path / "out", model).startswith("1 done, 2 skipped")
    assert json.loads((tmp_path / "out" / "1.json").read_text())["width"] == 90


def test_a_file_that_somebody_has_changed_is_written_anew(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    gaze(photos, out, model)
    whole = (out / "1.heat.png").read_bytes()
    before = states(out)
    (out / "1.heat.png").write_bytes(whole[:100])
    assert gaze(photos, out, model).startswith("1 done, 2 skipped")
    assert (out / "1.heat.png").read_bytes() == whole
    assert {name for name, state in states(out).items() if state != before[name]} == {"1.heat.png"}


def test_half_of_another_run_is_not_taken_for_done(photos: Path, tmp_path: Path, model: Path) -> None:
    """A run with another condition is killed when it has written some files of a picture, and no line of them."""
    out = tmp_path / "out"
    gaze(photos, out, model, "--format", "npy")
    age(out)
    assert gaze(photos, out, model, "--format", "npy") == SKIPPED
    killed = (out / "1.density.npy").read_bytes()
    (out / "1.density.npy").write_bytes(killed)
    assert gaze(photos, out, model, "--format", "npy").startswith("1 done, 2 skipped")


def test_a_line_that_was_cut_off_costs_one_picture(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    gaze(photos, out, model, "--format", "npy")
    log = (out / FILE).read_bytes()
    (out / FILE).write_bytes(log[:-20])
    assert gaze(photos, out, model, "--format", "npy").startswith("1 done, 2 skipped")
    assert gaze(photos, out, model, "--format", "npy") == SKIPPED
    (out / FILE).write_bytes((out / FILE).read_bytes() + b'\n[1]\n{"files": 3}\n\xff\xfe\n{"name": ' + b"\n" + log)
    assert gaze(photos, out, model, "--format", "npy") == SKIPPED


def test_files_of_an_older_gaze_are_kept_where_their_json_says_the_same(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    out, turbo = tmp_path / "out", ("--palette", "turbo")  # as gaze 0.2 drew
    gaze(photos, out, model, *turbo)
    (out / FILE).unlink()
    before = states(out)
    assert gaze(photos, out, model, *turbo) == SKIPPED
    assert gaze(photos, out, model, "--format", "png", *turbo) == SKIPPED
    assert states(out) == before
    (out / "1.json").write_text("{}")
    assert gaze(photos, out, model, *turbo).startswith("1 done, 2 skipped")
    (out / FILE).unlink()
    assert gaze(photos, out, model, "--palette", "plasma") == "3 done"
    (out / FILE).unlink()
    assert gaze(photos, out, model, "--format", "json") == SKIPPED
    assert gaze(photos, out, model, "--condition", "osie") == "3 done"


def test_files_of_which_nothing_says_what_made_them_are_redone(photos: Path, tmp_path: Path, model: Path) -> None:
    gaze(photos, tmp_path / "out", model, "--format", "png")
    (tmp_path / "out" / FILE).unlink()
    assert gaze(photos, tmp_path / "out", model, "--format", "png") == "3 done"
    assert gaze(photos, tmp_path / "out", model, "--format", "png") == SKIPPED


def test_a_picture_of_a_later_run_takes_no_name_of_an_earlier_one(photos: Path, tmp_path: Path, model: Path) -> None:
    out, more = tmp_path / "out", tmp_path / "more"
    more.mkdir()
    save(more / "1.png", np.full((50, 90, 3), 9, np.uint8))
    gaze(photos, out, model, "--format", "json")
    assert gaze(more, out, model, "--format", "json") == "1 done"
    assert [json.loads((out / name).read_text())["width"] for name in ("1.json", "1.png.json")] == [80, 90]
    for folder, told in ((photos, SKIPPED), (more, "0 done, 1 skipped")):
        assert gaze(folder, out, model, "--format", "json").startswith(told)
    for file in (*out.glob("*.json"), *photos.glob("1.png")):
        file.unlink()
    gaze(more, out, model, "--format", "json")
    assert [file.name for file in out.glob("*.json")] == ["1.json"]


def test_the_log_stays_small(photos: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "SPARE", 1)
    out = tmp_path / "out"
    for _ in range(6):
        gaze(photos, out, model, "--overwrite")
        assert len(lines(out)) <= 2 * 3 + 1 + 3
    assert gaze(photos, out, model) == SKIPPED
    for number in range(6):  # a folder that is emptied for each picture
        for file in out.glob("[!.]*"):
            file.unlink()
        picture = tmp_path / "new" / str(number) / "x.png"
        picture.parent.mkdir(parents=True)
        save(picture, np.zeros((20, 30, 3), np.uint8))
        gaze(picture, out, model)
    assert len(lines(out)) <= 5


def test_runs_at_once_lose_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "SPARE", 1)
    picture = tmp_path / "x.png"
    picture.touch()
    files = {who: [tmp_path / f"{who}-{number}.json" for number in range(4)] for who in range(4)}
    stamps: dict[Path, tuple[int, int]] = {}
    for file in (file for some in files.values() for file in some):
        file.touch()
        stamps[file] = file.stat().st_size, file.stat().st_mtime_ns
    errors: list[BaseException] = []

    def run(mine: list[Path]) -> None:
        try:
            for _ in range(20):
                log = Provenance(tmp_path)
                for file in mine:
                    log.add(picture, file.stem, {file.name: stamps[file]}, MAKING)
                assert not any(Provenance(tmp_path).lacking(picture, file.stem, [file], MAKING) for file in mine)
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=run, args=(mine,)) for mine in files.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    Provenance(tmp_path)
    assert 16 <= len(lines(tmp_path)) <= 2 * 16 + 1


def test_what_another_run_has_replaced_is_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.json"
    replace_file = os.replace

    def twice(source: Path, place: Path) -> None:
        replace_file(source, place)
        (tmp_path / "other").write_bytes(b"of another run")
        replace_file(tmp_path / "other", place)

    assert set(provenance.write([target], lambda name, file: file.write(b"ours"))) == {"x.json"}
    monkeypatch.setattr(os, "replace", twice)
    assert provenance.write([target], lambda name, file: file.write(b"ours")) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [{"--seed": 1}, {"--observers": 3}, {"--limit": 4}, {"--temperature": 2}, {"--objects": "grid:2x2"}],
)
def test_paths_of_other_options_are_sampled_anew(
    words: Mapping[str, object], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.write(tmp_path / "weights" / "tempsal.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    out, task = tmp_path / "out", ("--task", "scanpath", "--format", "csv,json")
    other = [part for pair in words.items() for part in pair]
    assert gaze(photos, out, "walk", *task) == "3 done"
    assert gaze(photos, out, "walk", *task) == SKIPPED
    (out / FILE).unlink()
    assert gaze(photos, out, "walk", *task) == SKIPPED
    assert gaze(photos, out, "walk", *task, *other) == "3 done"
    assert gaze(photos, out, "walk", *task, *other) == SKIPPED
    toy.write(tmp_path / "weights" / "tempsal.onnx", contracts.changed(toy.CONTRACT, commit="1" * 40))
    assert gaze(photos, out, "walk", *task, *other) == ("3 done")


def test_both_tasks_share_a_folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy.write(tmp_path / "weights" / "tempsal.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    for told in ("3 done", SKIPPED):
        assert gaze(photos, tmp_path / "out", model) == told
        assert gaze(photos, tmp_path / "out", "walk", "--task", "scanpath") == told


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_drawings_of_any_kind_are_drawn_anew_in_other_colours_and_are_no_input(
    photos: Path, tmp_path: Path, model: Path, kind: str
) -> None:
    words = ("--format", f"{kind},npy")
    gaze(photos, photos, model, *words)
    before = states(photos)
    assert gaze(photos, photos, model, *words) == SKIPPED
    assert gaze(photos, photos, model, *words, "--opacity", 0.3) == "3 done"
    changed = {name for name, state in states(photos).items() if state != before[name]}
    assert changed == {f"{number}.{what}.{kind}" for number in range(3) for what in ("heat", "slices")}
