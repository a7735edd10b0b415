"""Checkpoints that no run can go on from, that cannot be written, and that were written with other data."""

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from app import tasks
from app.cli.main import main
from data.errors import ModelError
from data.synthetic import scenes as synthetic_scenes
from saliency.datamodule import GazeData
from training import checkpoint, data_state, weights

pytestmark = pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies

QUIET = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")


class Evil:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        return os.system, ("touch ran",)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, and a run over it that was stopped after an epoch of two: its last.ckpt."""
    folder = tmp_path_factory.mktemp("made")
    synthetic_scenes.write(folder / "tiny", 30, seed=3, viewers=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert train("--trainer.max_epochs", "2", "--trainer.callbacks+=tests.training.stopping.AfterAnEpoch").exit_code
    saved = next(folder.glob("runs/tempsal-tiny/000/checkpoints/last.ckpt"))
    assert torch.load(saved, weights_only=True)["global_step"] == 2
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder beside which the data set and last.ckpt lie, the current one."""
    shutil.copytree(made / "tiny", tmp_path / "tiny")
    shutil.copy(made / "runs/tempsal-tiny/000/checkpoints/last.ckpt", tmp_path / "last.ckpt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*flags: str, recipe: str = "tempsal-tiny") -> Result:
    words = ["train", recipe, "--data.root", "tiny", "--data.workers", "0", *QUIET, *flags]
    if recipe != "tempsal-tiny":
        words = [word for word in words if word not in ("--data.workers", "0")]
    return CliRunner().invoke(main, words)


def refused(result: Result, *words: str) -> str:
    assert result.exit_code == 2, result.output
    sentence = result.output.strip().splitlines()[-1]
    assert sentence.startswith("Error: ")
    assert sentence.endswith(".")
    assert "Traceback" not in result.output
    for word in (*words, ""):
        assert word in sentence
    assert not any(name in sentence for name in ("KeyError", "RuntimeError", "UnpicklingError", "zip archive"))
    assert not Path("runs").exists()
    return sentence


def spoilt(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Checkpoints of which a part is missing or another thing."""
    for name in checkpoint.PARTS:
        yield f"{name}-missing", {key: value for key, value in content.items() if key != name}
        yield f"{name}-text", content | {name: "x"}
    yield "schedule", content | {"lr_schedulers": []}
    yield "hyper", content | {"hyper_parameters": {"_class_path": "os.system", "command": "touch ran"}}
    yield "list", [1, 2]


@pytest.mark.slow
def test_what_no_run_can_go_on_from_is_refused_in_a_sentence_and_leaves_no_folder(here: Path) -> None:
    content = Path("last.ckpt").read_bytes()
    whole = torch.load("last.ckpt", weights_only=True)
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 64
    contents = {
        "flipped": bytes(flipped),
        "cut": content[: len(content) // 2],
        "short": content[:100],
        "empty": b"",
        "random": os.urandom(5000),
    }
    contents |= {"pickle": pickle.dumps({"network": Evil()}, protocol=2), "text": b"hello", "json": b'{"epoch": 1}'}
    files = {"missing.ckpt": "there is no such file", "last": "there is no such file"}
    for name, held in contents.items():
        Path(f"{name}.ckpt").write_bytes(held)
        files[f"{name}.ckpt"] = "gaze"
    torch.save(whole | {"network": Evil()}, "evil.ckpt")
    for name, part in spoilt(whole):
        torch.save(part, f"{name}.ckpt")
        files[f"{name}.ckpt"] = "give"
    weights.save(weights.load(Path("last.ckpt"), tasks.models()), Path("only.safetensors"))
    Path("folder/checkpoints").mkdir(parents=True)
    shutil.copy("last.ckpt", "folder/checkpoints/last.ckpt")
    files |= {"evil.ckpt": "refused", "only.safetensors": "begin from it with --model.start only.safetensors"}
    files |= {"folder": "is a folder; give folder/checkpoints/last.ckpt", "http://localhost/a.ckpt": "no such file"}
    for name, words in files.items():
        with pytest.raises(ModelError) as refusal:
            checkpoint.resumable(Path(name))
        assert words in str(refusal.value), name
        assert str(refusal.value).startswith(f"{Path(name)}: ")
        assert "Error" not in str(refusal.value)
    for name in ("missing.ckpt", "cut.ckpt", "evil.ckpt", "only.safetensors", "folder", "hyper.ckpt"):
        refused(train("--trainer.max_epochs", "2", "--ckpt_path", name), files[name])
    assert not Path("ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        "loops",
        *(pytest.param(it, marks=pytest.mark.slow) for it in ("optimizer_states", "callbacks")),
        *("GazeData", "current_model_state"),
    ],
)
def test_a_checkpoint_whose_inner_parts_are_wrong_is_refused(here: Path, part: str) -> None:
    whole = torch.load("last.ckpt", weights_only=True)
    wrong = [{}] if isinstance(whole[part], list) else {"nothing": 1}
    torch.save(whole | {part: wrong}, "wrong.ckpt")
    result = train("--trainer.max_epochs", "2", "--ckpt_path", "wrong.ckpt")
    if result.exit_code:  # Lightning may do without a part
        refused(result, "wrong.ckpt")


@pytest.mark.slow
def test_a_checkpoint_of_another_network_is_refused(here: Path) -> None:
    given = ("--trainer.max_epochs", "2", "--ckpt_path", "last.ckpt")
    refused(train(*given, recipe="oat-tiny"), "holds the network 'tempsal', but this run trains 'oat'", "or leave")
    wider = ("--model.network.init_args.width", "24")
    refused(train(*given, *wider), "its network has width 16, but that of this run 24")
    shutil.copytree("tiny", "other")
    both = train(*given, "--data.root", "[tiny,other]")
    refused(both, "its network has conditions ['tiny'], but that of this run ['tiny', 'other']")
    assert not train(*given, "--data.root", "other").exit_code  # a folder may be moved


@pytest.mark.slow
def test_a_run_of_another_length_and_a_finished_one_are_refused(here: Path) -> None:
    refused(train("--trainer.max_epochs", "4", "--ckpt_path", "last.ckpt"), "was to take 4 steps, but", "takes 8")
    finished = torch.load("last.ckpt", weights_only=True) | {"global_step": 4, "epoch": 1}
    torch.save(finished, "finished.ckpt")
    for epochs in ("2", "4"):
        given = ("--trainer.max_epochs", epochs, "--ckpt_path", "finished.ckpt")
        refused(train(*given), "is finished: its 4 steps are done", "--model.start")
    assert not train("--trainer.max_epochs", "1", "--model.start", "finished.ckpt").exit_code


def rows(change: Callable[[list[str]], list[str]]) -> None:
    header, *rest = Path("tiny/fixations.csv").read_text().splitlines()
    Path("tiny/fixations.csv").write_text("\n".join([header, *change(rest)]) + "\n")


def without_observer(lines: list[str]) -> list[str]:
    return [line for line in lines if line.split(",")[1] != lines[0].split(",")[1]]


def moved(lines: list[str]) -> list[str]:
    cells = lines[0].split(",")
    return [",".join([*cells[:3], "1.5", *cells[4:]]), *lines[1:]]


def renamed(lines: list[str]) -> list[str]:
    old, new = lines[0].split(",")[0], "zzz.png"
    Path("tiny/images", old).rename(Path("tiny/images", new))
    splits = Path("tiny/splits.json")
    splits.write_text(splits.read_text().replace(f'"{old}"', f'"{new}"'))
    return [line.replace(old, new) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda lines: lines[:-1], "fixations (was ", id="a fixation less"),
        pytest.param(without_observer, "3 people (was 4)", id="a person less", marks=pytest.mark.slow),
        pytest.param(moved, "train has other fixations (as many)", id="a place", marks=pytest.mark.slow),
        pytest.param(renamed, "train has other pictures (as many)", id="a name", marks=pytest.mark.slow),
    ],
)
def test_a_run_goes_on_with_other_data_only_when_it_is_told_to(
    here: Path, change: Callable[[list[str]], list[str]], words: str
) -> None:
    given = ("--trainer.max_epochs", "2", "--ckpt_path", "last.ckpt")
    rows(change)
    refused(train(*given), "The data is not what this run began with: ", words, "--data.changed ok")
    result = train(*given, "--data.changed", "ok")
    assert result.exit_code == 0, result.output
    kept = [torch.load(file, weights_only=True) for file in here.glob("runs/*/000/checkpoints/*.ckpt")]
    assert max(saved["global_step"] for saved in kept) == 4
    state = kept[0]["GazeData"]["data"]
    assert data_state.changes(state, GazeData("tiny").data_state) == []  # what is saved is the data of today


@pytest.mark.slow
def test_more_pictures_lengthen_what_is_left_of_the_run(here: Path) -> None:
    splits = json.loads(Path("tiny/splits.json").read_text())
    splits |= {"train": splits["train"] + splits["test"], "test": []}
    Path("tiny/splits.json").write_text(json.dumps(splits))
    given = ("--trainer.max_epochs", "2", "--ckpt_path", "last.ckpt")
    refused(train(*given), "train has", "pictures (was", "test has 0 pictures (was")
    result = train(*given, "--data.changed", "ok", "--data.batch_size", "4")
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_written_stops_the_run_and_says_what_is_lost_and_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, room = checkpoint.atomic_write, [0]  # files for which there is room

    def full(path: Path) -> Any:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        room[0] -= 1
        return whole(path)

    monkeypatch.setattr(checkpoint, "atomic_write", full)
    sentences = []
    for room[0] in (0, 2):
        result = train("--trainer.max_epochs", "2", "--trainer.callbacks+=tests.training.stopping.Saves")
        assert result.exit_code == 2, result.output
        sentences.append(result.output.strip().splitlines()[-1])
    assert "000/checkpoints/best-epoch=0.ckpt: cannot be written (No space left on device), so training" in sentences[0]
    assert "stopped in epoch 0 after step 2; nothing of this run is kept" in sentences[0]
    kept = "runs/tempsal-tiny/001/checkpoints/last.ckpt"
    assert "stopped in epoch 1 after step 3; what was learned after last.ckpt is lost: make room" in sentences[1]
    assert sentences[1].endswith(f"go on with --ckpt_path {kept}.")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert not train("--trainer.max_epochs", "2", "--ckpt_path", kept).exit_code


def test_a_place_that_takes_no_file_is_told_before_training(here: Path) -> None:
    Path("runs").write_text("no folder")
    result = train("--trainer.max_epochs", "1")
    assert result.exit_code == 2
    assert "cannot be written" in result.output.strip().splitlines()[-1]
    assert Path("runs").read_text() == "no folder"


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [1, 100, 2000])
def test_a_limit_of_the_system_on_files_is_a_sentence(here: Path, kilobytes: int) -> None:
    words = " ".join(["train", "tempsal-tiny", "--data.root", "tiny", "--data.workers", "0", *QUIET])
    command = f"ulimit -f {kilobytes}; exec {sys.executable} -m app.cli.main {words} --trainer.max_epochs 2"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode == 0:  # all files were small enough
        assert kilobytes > 100
        return
    assert done.returncode == 2, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert "cannot be written (File too large)" in done.stderr.strip().splitlines()[-1]


def test_a_run_that_is_refused_keeps_folders_that_were_there(here: Path) -> None:
    Path("runs/tempsal-tiny/000").mkdir(parents=True)
    Path("tiny/splits.json").write_text('{"train": []}')
    assert train("--trainer.max_epochs", "1").exit_code == 2
    assert [path.name for path in Path("runs/tempsal-tiny").iterdir()] == ["000"]
