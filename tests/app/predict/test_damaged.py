"""Damaged pictures on the command line: named with status 3, predicted and marked where a person asks for it."""

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.cli.main import main
from app.predict import jobs
from app.tasks import TASKS
from data.errors import GazeError
from data.picture import read_damaged, save

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "samples" / "street.jpg"


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound picture, and one that was cut in half and ended."""
    (tmp_path / "in").mkdir()
    save(tmp_path / "in" / "sound.png", np.full((40, 50, 3), 90, np.uint8))
    content = SAMPLE.read_bytes()
    (tmp_path / "in" / "half.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    return tmp_path / "in"


@pytest.mark.slow
@pytest.mark.parametrize("task", ["saliency", "scanpath"])
def test_a_damaged_picture_is_named_and_predicted_only_where_that_is_asked_for(
    task: str, folder: Path, tmp_path: Path, toy_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, ending = tmp_path / "out", {"saliency": ".json", "scanpath": ".path.json"}[task]
    model = {"saliency": ("--model", toy_model), "scanpath": ("--model", "walk", "--objects", "grid:2x2")}[task]
    command = ("predict", folder, "-o", out, "--task", task, *model, "--format", "json,png")
    refused = gaze(*command)
    assert (refused.exit_code, refused.stdout.split(";")[0]) == (3, "1 done, 1 broken")
    reason = "Corrupt JPEG data: premature end of data segment"
    sentence = f"{folder / 'half.jpg'}: the picture is damaged or cut off ({reason}); copy or save it again, or predict"
    assert refused.stderr == f"{sentence} it with --accept-damaged.\n"
    assert not (out / f"half{ending}").exists()
    accepted = gaze(*command, "--accept-damaged")
    assert (accepted.exit_code, accepted.stderr) == (0, "")
    assert accepted.stdout.startswith("1 done, 1 skipped")
    schema = {"saliency": "schema.json", "scanpath": "schema_scanpath.json"}[task]
    for name, damage in (("half", reason), ("sound", None)):
        record = json.loads((out / f"{name}{ending}").read_text())
        jsonschema.validate(record, json.loads((ROOT / "export" / schema).read_text()))
        assert record.get("damaged") == damage
    assert gaze(*command, "--accept-damaged").stdout.startswith("0 done, 2 skipped")
    again = gaze(*command)
    assert (again.exit_code, again.stderr) == (3, refused.stderr)
    assert again.stdout.startswith("0 done, 1 skipped")
    assert capfd.readouterr() == ("", "")


def test_every_kind_that_decodes_partly_is_predicted_and_marked(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    image = Image.open(SAMPLE).convert("RGB").resize((240, 160))
    for suffix, mode in ((".png", "RGB"), (".bmp", "RGB"), (".tif", "RGB"), (".gif", "P"), (".jpg", "CMYK")):
        whole = tmp_path / f"{mode}{suffix}"
        image.convert(mode).save(whole)
        content = whole.read_bytes()
        (tmp_path / "in" / f"{suffix[1:]}{suffix}").write_bytes(content[: len(content) * 2 // 3])
    command = ("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    refused = gaze(*command)
    assert (refused.exit_code, refused.stdout.split(";")[0]) == (3, "0 done, 5 broken")
    assert refused.stderr.count("or predict it with --accept-damaged.\n") == 5
    assert gaze(*command, "--accept-damaged").exit_code == 0
    for name in ("png", "bmp", "tif", "gif", "jpg"):
        assert json.loads((tmp_path / "out" / f"{name}.json").read_text())["damaged"]


def test_what_the_log_does_not_know_is_kept_only_if_it_is_whole(folder: Path, tmp_path: Path, toy_model: Path) -> None:
    command = ("predict", folder, "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert gaze(*command, "--accept-damaged").exit_code == 0
    (tmp_path / "out" / ".gaze.jsonl").unlink()
    assert gaze(*command, "--accept-damaged").stdout.startswith("0 done, 2 skipped")
    (tmp_path / "out" / ".gaze.jsonl").unlink(missing_ok=True)
    assert gaze(*command).exit_code == 3


def test_data_check_names_a_damaged_picture(folder: Path) -> None:
    root = folder.parent / "set"
    shutil.copytree(folder, root / "images")
    header = "image,subject,index,x,y,duration_ms,start_ms\n"
    (root / "fixations.csv").write_text(header + "half.jpg,s1,0,10,20,200,0\nsound.png,s1,0,10,20,200,0\n")
    result = gaze("data", "check", root)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{root / 'images' / 'half.jpg'}: the picture is damaged or cut off (")
    assert result.stdout.endswith(f"{root}: 1 defect; 1 in images\n")


def test_the_published_case_is_damaged(shared: Path, tmp_path: Path, toy_model: Path) -> None:
    hole = shared.parent / "cases" / "IM2" / "hole.jpg"
    if not hole.exists():
        pytest.skip(f"no {hole}")
    assert read_damaged(hole)[1]
    result = gaze("predict", hole, "-o", tmp_path, "--model", toy_model)
    assert (result.exit_code, str(hole) in result.stderr) == (3, True)


def test_a_task_of_another_package_that_knows_no_damage_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def job(sources: tuple[str, ...], folder: Path, model: str | None, condition: str) -> jobs.Job:
        return jobs.Job([], lambda path: [], lambda path: [], lambda todo: iter(()), "none")

    monkeypatch.setattr(type(TASKS["saliency"]), "load", lambda task, part: job)
    options = {"model": None, "condition": "any", "accept_damaged": False}
    assert jobs.job("saliency", (), (str(folder),), tmp_path, **options).model == "none"
    with pytest.raises(GazeError, match="--task saliency knows no --accept-damaged; leave it out"):
        jobs.job("saliency", (), (str(folder),), tmp_path, **options | {"accept_damaged": True})
