"""A third task needs a record and what it names, and no other file of the house."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.synthetic import scenes

ROOT = Path(__file__).parents[1]
SCRIPT = """
import sys, warnings
warnings.filterwarnings("ignore")
from click.testing import CliRunner
from app.cli.main import main
for line in sys.stdin.read().splitlines():
    done = CliRunner().invoke(main, line.split())
    wrong = "" if done.exit_code in (0, 2, 3) else repr(done.exception)
    sys.stdout.write(f"{done.output}{wrong}exit {done.exit_code}\\n---\\n")
"""


def gaze(tmp_path: Path, *lines: str, entry: str) -> list[str]:
    """What `gaze` prints for each line, where a package brings the entry point."""
    about = tmp_path / "constant_task-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: constant-task\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[gaze.tasks]\nconstant = {entry}\n")
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "GAZE_MODELS": str(tmp_path / "models"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, input="\n".join(lines), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("---\n")[:-1]


@pytest.mark.slow
def test_a_third_task_is_trained_exported_predicted_evaluated_and_listed(tmp_path: Path) -> None:
    scenes.write(tmp_path / "set", 6, seed=1, viewers=3)
    picture = next((tmp_path / "set" / "images").iterdir())
    quiet = "--trainer.enable_progress_bar false --trainer.enable_model_summary false"
    train, export, predict, again, evaluate, models, wrong = gaze(
        tmp_path,
        f"train constant --data.root {tmp_path / 'set'} {quiet}",
        f"export runs/constant/000/checkpoints/last.ckpt --name still -o {tmp_path / 'models'}",
        f"predict {picture} -o {tmp_path / 'out'} --task constant",
        f"predict {picture} -o {tmp_path / 'out'} --task constant",
        f"evaluate constant --data {tmp_path / 'set'}",
        "models",
        f"predict {picture} -o {tmp_path / 'out'} --task constant --palette plasma",
        entry="tests.toy_task:TASK",
    )
    assert train.endswith("exit 0\n"), train
    assert re.search(r"agrees with PyTorch to \d\.\de-\d+", export), export
    assert "1 done" in predict, predict
    assert "1 skipped" in again, again
    x, y = json.loads((tmp_path / "out" / f"{picture.stem}.constant.json").read_text())
    assert x > 0
    assert y > 0
    assert re.search(r"-\d+\.\d+ nats under \d+ fixations", evaluate), evaluate
    assert "One map for every picture." in models, models
    assert "--palette is for --task saliency" in wrong, wrong


def test_a_task_that_cannot_be_loaded_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (helped,) = gaze(tmp_path, "predict --help", entry="no_such_package:TASK")
    assert "saliency|scanpath|video|following]" in helped
    assert "constant" not in helped
