"""Cards and contracts: what ships says the same numbers everywhere."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from app import export_model, tasks
from app.checksums import update, write
from app.cli.main import main
from data import checksums
from data.errors import GazeError, ModelError
from data.gaze import Picture, Scene
from data.objects import grid
from evaluation import model_card
from export.runtime import registry
from export.runtime.registry import WEIGHTS
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor
from export.runtime.video import VideoPredictor
from export.runtime.visual_search import VisualSearcher
from saliency.models.tempsal import TempSAL
from training import weights


def evaluation(path: Path, data: str, cc: float | None) -> Path:
    score = {"mean": cc, "low": 0.1, "high": 0.9, "pictures": 5}
    row = {"cc": score, "nss": {**score, "mean": 1.23456}}
    facts = {"data": data, "split": "test", "pictures": 5}
    path.write_text(json.dumps({"protocol": facts, "scores": {"whole": {"centre bias": row, "mine": row}}}))
    return path


def test_a_card_holds_the_evaluations_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    found = model_card.read(
        [evaluation(tmp_path / "a.json", "osie", 0.71234), evaluation(tmp_path / "b.json", "crowd", None)]
    )
    path = tmp_path / "mine.md"
    path.write_text(f"# mine\nbefore\n{model_card.BEGIN}\nold\n{model_card.END}\nafter\n")
    model_card.write(path, "unused", found)
    text = path.read_text()
    assert text.startswith("# mine\nbefore\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| mine | 0.712 [0.10, 0.90] | 1.235 [0.10, 0.90] |" in text
    assert "**crowd, test: whole viewing** (5 pictures)" in text
    assert model_card.scores(found, "mine") == {"osie": {"cc": 0.712, "nss": 1.235}, "crowd": {"nss": 1.235}}


def test_names_mean_themselves_in_a_card_and_zero_has_no_sign(tmp_path: Path) -> None:
    (found,) = model_card.read([evaluation(tmp_path / "a.json", "o|s_<b>", -0.0001)])
    found["scores"]["whole"]["*mine* & [more]"] = found["scores"]["whole"].pop("mine")
    found["scores"]["whole"]["centre bias"]["cc"]["low"] = -0.001
    text = model_card.tables([found])
    assert r"| \*mine\* &amp; \[more\] | 0.000 [0.10, 0.90] |" in text
    assert r"**o\|s_&lt;b>, test: whole viewing**" in text
    assert "-0.0" not in text


def test_what_is_not_an_evaluation_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(GazeError, match="not an evaluation; write one with `gaze evaluate"):
        model_card.read([tmp_path / "x.json"])
    with pytest.raises(GazeError, match="does not hold the model 'other'"):
        model_card.scores(model_card.read([evaluation(tmp_path / "a.json", "osie", 0.5)]), "other")
    (tmp_path / "bare.md").write_text("# nothing\n")
    with pytest.raises(GazeError, match="are not both there"):
        model_card.write(tmp_path / "bare.md", "", [])


NAMES = {
    "holds one of": ["../../x", "a/b", "/tmp/x", "..\\x", "C:x", "a*", "what?", "a|b", "<x>", 'a"b'],
    "is empty": ["", " "],
    "cannot be seen": ["a\nb", "a\0b", "\x1b[31mred", "a\u202eb", "a\u2028b", "\x7f", "a\tb"],
    "begins or ends": [".", "..", "...", ".hidden", "-x", "--model", "x.", "x ", " x"],
    "bytes": ["x" * 101, "寬" * 60],
    "is reserved": ["con", "NUL", "aux.v2", "Com1", "lpt9.x"],
    "an ending of": ["x.onnx", "x.step", "X.SafeTensors"],
}


@pytest.mark.slow
@pytest.mark.parametrize("reason", NAMES)
def test_a_name_that_is_none_for_a_file_is_refused_before_anything_is_written(tmp_path: Path, reason: str) -> None:
    weights.save(TempSAL(["osie"], width=16, fine=8, blocks=1, heads=2), tmp_path / "source.safetensors")
    before = sorted(tmp_path.parent.rglob("*"))
    for name in NAMES[reason]:
        result = CliRunner().invoke(
            main, ["export", str(tmp_path / "source.safetensors"), f"--name={name}", "-o", str(tmp_path / "out" / "in")]
        )
        assert result.exit_code == 2, name
        said = result.stderr
        assert reason in said
        assert said.endswith(".\n")
        assert said.isascii() or "寬" in said
        assert said.count("\n") == 1
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_plain_names_are_names() -> None:
    for name in ("mine", "best-epoch=3", "tempsal 2", "oat.v2", "ü", "console", "com10"):
        export_model.check_name(name)


def test_the_list_of_checksums_and_the_cards_are_true() -> None:
    files = {
        path.name: checksums.of_file(path) for path in WEIGHTS.iterdir() if path.suffix in (".onnx", ".safetensors")
    }
    lines = [f"{digest}  {name}\n" for name, digest in sorted(files.items())]
    assert (WEIGHTS / checksums.FILE).read_text() == "".join(lines)
    for name, digest in files.items():
        assert f"| `{name}` | `{digest}` |" in (WEIGHTS / f"{name.split('.')[0]}.md").read_text()


def test_the_list_and_the_cards_follow_what_changes(tmp_path: Path) -> None:
    for name in ("a.v2.onnx", "a.v2.step.onnx", "a.v2.safetensors", "b.onnx"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a.v2.md").write_text("# a\n\nsaid by people\n")
    (tmp_path / "elsewhere.md").write_text("# elsewhere\n\nits weights do not ship\n")
    update(tmp_path)
    assert not (tmp_path / checksums.FILE).exists()  # a folder without a list keeps none
    for content in ("one", "two"):
        (tmp_path / "a.v2.onnx").write_text(content)
        write(tmp_path)
        assert subprocess.run(["sha256sum", "--strict", "-c", checksums.FILE], cwd=tmp_path, check=True)
    card = (tmp_path / "a.v2.md").read_text()
    assert card.startswith("# a\n\nsaid by people\n\n## Checksums\n")
    assert card.count("| `a.v2") == 3
    assert (tmp_path / "elsewhere.md").read_text() == "# elsewhere\n\nits weights do not ship\n"
    assert checksums.of_file(tmp_path / "a.v2.onnx") in card
    assert "b.onnx" not in card


def test_no_weights_no_export(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        export_model.export(str(tmp_path / "none.ckpt"))


@pytest.mark.slow
def test_weights_become_a_file_that_predicts_and_a_card(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = tmp_path / "source.safetensors"
    weights.save(TempSAL(["osie"], width=16, fine=8, blocks=1, heads=2), source)
    said = export_model.export(
        str(source), "mine", tmp_path, "Apache-2.0", ["osie (MIT)"], [evaluation(tmp_path / "a.json", "osie", 0.5)]
    )
    assert "mine.onnx" in said
    assert "agrees with PyTorch" in said
    contract = Predictor(tmp_path / "mine.onnx", provider="cpu").contract
    assert contract.licence == "Apache-2.0"
    assert contract.training == ("osie (MIT)",)
    assert contract.scores == {"osie": {"cc": 0.5, "nss": 1.235}}
    assert "0.500 [0.10, 0.90]" in (tmp_path / "mine.md").read_text()
    export_model.export(str(tmp_path / "mine.safetensors"), None, tmp_path)  # again: the facts stay
    assert Predictor(tmp_path / "mine.onnx", provider="cpu").contract.scores == contract.scores


@pytest.mark.slow
def test_a_broken_file_of_the_same_name_does_not_keep_a_model_from_being_exported_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    weights.save(TempSAL(["osie"], width=16, fine=8, blocks=1, heads=2), tmp_path / "mine.safetensors")
    (tmp_path / "mine.onnx").write_bytes(b"cut off")
    export_model.export(str(tmp_path / "mine.safetensors"), None, tmp_path, "Apache-2.0", mirror=False)
    assert registry.read_contract(tmp_path / "mine.onnx").licence == "Apache-2.0"
    (said,) = [message for message in caplog.messages if "mine.onnx" in message]
    assert said.endswith("is lost.")


SHIPPED = [path for path in sorted(WEIGHTS.glob("*.onnx")) if not path.name.endswith(registry.STEP)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_has_weights_and_a_card_with_the_numbers_of_its_contract(path: Path) -> None:
    contract = registry.read_contract(path)
    assert contract.licence != "not stated"
    assert contract.training
    assert contract.scores
    assert re.fullmatch("[0-9a-f]{40}", contract.commit) or contract.commit == "unknown"
    untrained = tasks.models().get(path.stem)
    if untrained is None or untrained.trainable:
        network = weights.load(path.with_suffix(".safetensors"), tasks.models())
    else:
        network = untrained.load()()  # its weights are those of the package that the card names
    assert tuple(network.conditions) == contract.conditions  # type: ignore[arg-type]
    text = path.with_suffix(".md").read_text()
    for data, scores in contract.scores.items():
        tables = text.split(f"**{data}, test: whole viewing**")[1].split("\n**")[0].split(model_card.END)[0]
        told: dict[str, str] = {}
        for part in tables.split("| |")[1:]:
            lines = part.splitlines()
            header = [name.strip() for name in lines[0].strip().strip("|").split("|")]
            row = next(line for line in lines if line.startswith(f"| {contract.name} |"))
            cells = [(cell.split() or [""])[0] for cell in row.strip().strip("|").split("|")[1:]]
            told |= {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        assert told == {name: f"{value:.3f}" for name, value in scores.items()}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_runs(path: Path) -> None:
    grey, task = np.full((48, 64, 3), 90, np.uint8), registry.read_contract(path).task
    if task == "video":
        watcher = VideoPredictor(path, provider="cpu")
        assert all(np.isfinite(watcher.step(grey, number / 25).density).all() for number in range(3))
    elif registry.read_contract(path).searches_places:
        found = VisualSearcher(path, provider="cpu").search(grey, grey[:20, :20], (0, 0, 20, 20), limit=3)
        assert found.saccades <= 3
    elif task == "scanpath":
        finder = ScanpathPredictor(path, provider="cpu")
        scene = Scene(Picture("grey", 64, 48), grid(64, 48, 2, 3))
        rollouts = finder.sample(scene, 5, pixels=grey)
        assert (rollouts.order >= 0).any(1).all()
        assert (rollouts.duration[rollouts.order >= 0] > 0).all()
    else:
        assert np.isfinite(Predictor(path, provider="cpu")(grey).density).all()


def test_models_of_where_and_of_in_which_order_ship() -> None:
    assert {"oat-free", "oat-search", "tempsal"} <= {path.stem for path in registry.models()}
