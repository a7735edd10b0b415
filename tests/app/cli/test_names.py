"""Names that no program likes: long ones, bytes that are no UTF-8, control characters, links that lead nowhere."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import urllib.error
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app import logs
from app.cli import console, interrupt
from app.cli.main import main
from app.predict.files import find_pictures, output_names
from data.datasets import download
from data.errors import Defect, GazeError, PictureError
from data.gaze import Picture, Scanpath
from data.picture import encode, save
from data.table.write import write_table
from tests import toy_model as toy

ROOT = Path(__file__).parents[3]
WIDE = "\u3042" * 73  # 219 bytes
ODD = [
    "esc\x1b[31m.png",
    "bell\x07.png",
    "line\nfeed.png",
    "back\b\r.png",
    "c1\x9b2J.png",
    "turn\u202egnp.png",
    "caf\udce9.png",
]
UNSAFE = [chr(code) for code in (*range(32), *range(127, 160))] + ["\u202e"]


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(np.full((20, 30, 3), 90, np.uint8)))
    return path


def is_safe(text: str) -> bool:
    return not any(letter in text.replace("\n", "") for letter in UNSAFE)


@pytest.mark.slow
@pytest.mark.parametrize("stem", [WIDE, "x" * 200, "\u3042" * 83])
@pytest.mark.parametrize("task", ["saliency", "scanpath"])
def test_a_long_name_is_predicted(task: str, stem: str, tmp_path: Path, toy_model: Path) -> None:
    path = photo(tmp_path / "in" / f"{stem}.png")
    words = ("--model", toy_model) if task == "saliency" else ("--model", "walk", "--objects", "grid:2x2")
    command = ("predict", path, "-o", tmp_path / "out", "--task", task, *words)
    result = gaze(*command)
    assert (result.exit_code, result.stderr, result.stdout[:6]) == (0, "", "1 done")
    assert gaze(*command).stdout.startswith("0 done, 1 skipped")
    names = {file.name for file in (tmp_path / "out").iterdir()} - {".gaze.jsonl"}
    assert len(names) == (3 if task == "saliency" else 4)
    assert all(name.startswith(stem[:60]) for name in names)


def test_names_that_are_cut_are_told_apart() -> None:
    paths = [Path(f"/a/{'x' * 240}{end}.png") for end in "abc"]
    names = list(output_names(paths).values())
    assert len(set(names)) == 3
    assert max(map(len, names)) <= 240


def test_odd_names_are_escaped_wherever_they_are_shown_and_the_batch_goes_on(tmp_path: Path, toy_model: Path) -> None:
    folder = tmp_path / "in"
    for name in ODD:
        photo(folder / name)
        (folder / f"broken {name}").write_bytes(b"no picture")
    command = ("predict", folder, "-o", tmp_path / "out\x1b[2J", "--model", toy_model, "--format", "json")
    result = gaze("-v", *command)
    assert (result.exit_code, f"{len(ODD)} done, {len(ODD)} broken" in result.stdout) == (3, True)
    assert is_safe(result.stdout)
    assert is_safe(result.stderr)
    assert "out\\x1b[2J" in result.stdout
    sentences = [line for line in result.stderr.splitlines() if line.startswith(f"{folder}/broken")]
    assert len(sentences) == len(ODD)  # a name with the end of a line makes no line of its own
    for shown in ("esc\\x1b[31m.png", "line\\nfeed.png", "c1\\x9b2J.png", "turn\\u202egnp.png", "caf\\xe9.png"):
        assert f"broken {shown}: this is not a picture" in result.stderr
    records = [file.read_text("utf-8") for file in (tmp_path / "out\x1b[2J").glob("*.json")]
    assert all(is_safe(text) for text in records)
    given = {json.loads(text)["picture"] for text in records}
    assert given == {str(folder / name).replace("\udce9", "\\xe9") for name in ODD}
    again = gaze(*command)
    assert f"0 done, {len(ODD)} skipped" in again.stdout


def test_odd_names_reach_a_real_terminal_escaped(tmp_path: Path, toy_model: Path) -> None:
    """Python's own streams are stricter than those of the tests."""
    photo(tmp_path / "in" / "caf\udce9.png")
    (tmp_path / "in" / "b\udcff\x1b.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "app.cli.main", "predict", str(tmp_path / "in"), "-o", str(tmp_path / "o\udcff")]
    done = subprocess.run(
        [*command, "--model", str(toy_model), "--format", "json"], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (3, False)
    assert b"1 done, 1 broken; " in done.stdout
    assert b"o\\xff (" in done.stdout
    assert b"b\\xff\\x1b.png: this is not a picture" in done.stderr


@pytest.mark.parametrize("error", [GazeError, PictureError])
def test_no_error_moves_a_cursor(error: type[GazeError]) -> None:
    assert str(error("a\x1b]0;title\x07b\nc\u2028.")) == "a\\x1b]0;title\\x07b\\nc\\u2028."
    assert str(Defect("a\x1b.png", 3, "x\x9b", "mend\rit")) == "a\\x1b.png, line 3: x\\x9b; mend\\rit."


def test_the_words_of_a_server_are_escaped() -> None:
    error = urllib.error.HTTPError("http://a/b", 503, "busy\x1b[31m\x9b2J", Message(), None)
    with pytest.raises(GazeError) as told, download._network_errors("http://a/b", 0):
        raise error
    assert "503 busy\\x1b[31m\\x9b2J" in str(told.value)
    with pytest.raises(GazeError) as told, download._network_errors("http://a/b", 0):
        raise urllib.error.URLError("no\x1b[2J")
    assert "no\\x1b[2J" in str(told.value)


def test_what_is_logged_or_said_beside_a_bar_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logs.Terminal()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(logging.LogRecord("data.x", logging.WARNING, "", 1, "%s: odd", ("a\x1b[31m\nb\udcff",), None))
    with console.bar(shown=True) as bar:
        bar("x\x1b[2J", 1, 2)
        bar.say("c\x1b[31m\td")
    assert capsys.readouterr().err == "a\\x1b[31m\\nb\\xff: odd\nc\\x1b[31m\\td\n"


@pytest.mark.parametrize("words", [["predict", "--no\x1b[31m"], ["pre\x1bdict"], ["predict", "a", "--task", "\x1bx"]])
def test_a_wrong_word_is_escaped_in_what_click_says(words: list[str]) -> None:
    result = gaze(*words)
    assert result.exit_code == 2
    assert is_safe(result.stderr)
    assert "\\x1b" in result.stderr


@pytest.mark.slow
def test_links_that_lead_nowhere_are_broken_and_the_rest_is_done(tmp_path: Path, toy_model: Path) -> None:
    folder = tmp_path / "in"
    photo(folder / "a.png")
    (folder / "loop.png").symlink_to("pool.png")
    (folder / "pool.png").symlink_to("loop.png")
    (folder / "none.png").symlink_to("nowhere.png")
    (folder / "around").symlink_to(folder)
    for sources in ([folder], [folder / "a.png", *(folder / f"{name}.png" for name in ("loop", "pool", "none"))]):
        out = tmp_path / f"out{len(sources)}"
        result = gaze("predict", *sources, "-o", out, "--model", toy_model, "--format", "json")
        assert (result.exit_code, result.stdout.split(";")[0]) == (3, "1 done, 3 broken")
        assert result.stderr.count("Too many levels of symbolic links") == 2
        assert f"{folder / 'none.png'}: cannot be read (No such file or directory)" in result.stderr
    alone = gaze("predict", folder / "loop.png", "-o", tmp_path / "out", "--model", toy_model)
    assert (alone.exit_code, alone.stdout.split(";")[0]) == (3, "0 done, 1 broken")


def test_a_picture_that_may_not_be_read_is_broken_and_the_rest_is_done(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "secret.png"):
        photo(tmp_path / "in" / name)
    opened = os.open

    def guarded(path: object, *flags: int, **more: int) -> int:
        if "secret" in str(path) and "in" in Path(str(path)).parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *flags, **more)

    monkeypatch.setattr(os, "open", guarded)
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "1 done, 1 broken")
    path = tmp_path / "in" / "secret.png"
    assert result.stderr == f"{path}: cannot be read (Permission denied); check its permissions.\n"


def test_a_folder_that_may_not_be_read_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "secret" / "b.png")
    listed = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert find_pictures([str(tmp_path / "in")], tmp_path / "out") == [kept]
    assert f"{tmp_path / 'in' / 'secret'}: cannot be read (Permission denied), and is left out." in caplog.text


def test_data_check_goes_on_past_a_picture_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "secret.png"):
        photo(tmp_path / "images" / name)
    rows = "a.png,s1,0,1,1,200,0\nsecret.png,s1,0,1,1,200,0\n"
    (tmp_path / "fixations.csv").write_text("image,subject,index,x,y,duration_ms,start_ms\n" + rows)
    (tmp_path / "splits.json").write_text('{"train": ["a.png"], "test": ["secret.png"]}')
    opened = os.open

    def guarded(path: object, *flags: int, **more: int) -> int:
        if "secret" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *flags, **more)

    monkeypatch.setattr(os, "open", guarded)
    result = gaze("data", "check", tmp_path)
    assert result.exit_code == 1
    path = tmp_path / "images" / "secret.png"
    assert f"{path}: cannot be read (Permission denied); check its permissions." in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "", "-o", "out"],
        ["predict", "a.png", "-o", ""],
        ["predict", "a.png", "--output="],
        ["predict", "a.png", "", "-o", "out"],
        ["data", "check", ""],
        ["data", "show", ""],
        [""],
        ["predict", "a.png", "-o", "out", "--target", ""],
    ],
)
def test_an_empty_argument_is_an_error(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", np.full((20, 30, 3), 90, np.uint8))
    result = gaze(*words)
    assert result.exit_code == 2
    assert "is empty; give a value, or leave it out." in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_empty_name_is_no_folder_from_python_either(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match="A name of a picture is empty"):
        find_pictures([""], tmp_path)


COMMANDS = [["--help"], ["predict", str(ROOT / "data" / "samples" / "street.jpg"), "-o"], ["data", "list"]]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=["help", "predict", "list"])
@pytest.mark.parametrize("module", ["click", "app.logs", "app.cli.evaluate", "app.cli.train"])
def test_ctrl_c_while_modules_are_loaded_is_130_without_a_traceback(
    command: list[str], module: str, tmp_path: Path
) -> None:
    """A module sends the signal while it is imported, as a person may at any moment."""
    code = f"""
import importlib.abc, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["gaze", *{command!r}, {str(tmp_path / "out")!r}]
from app.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.slow
@pytest.mark.parametrize("module", ["data.picture", "export.runtime.saliency", "rich.progress", "onnxruntime"])
def test_ctrl_c_while_a_command_loads_what_it_needs_is_130_in_one_line(module: str, tmp_path: Path) -> None:
    code = f"""
import importlib.abc, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["gaze", "predict", {str(ROOT / "data" / "samples" / "street.jpg")!r}, "-o", {str(tmp_path / "out")!r}]
from app.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Error: Stopped.\n")


def test_loading_the_commands_leaves_ctrl_c_as_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupt.at_once()
    interrupt.as_usual()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_a_model_folder_or_set_with_an_odd_name_is_escaped_in_every_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, root = np.random.default_rng(0), tmp_path / "set\x1b[31m"
    items = []
    for number in range(4):
        photo(tmp_path / f"{number}.png")
        xy = rng.uniform((2, 2), (28, 18), (6, 2))
        paths = [
            Scanpath(who, xy, np.arange(6) * 250.0, np.full(6, 200.0), "look\x1b[2J", "cup\x9b2J") for who in ("a", "b")
        ]
        items.append((Picture(f"{number}.png", 30, 20, tmp_path / f"{number}.png"), paths))
    write_table(root, items)
    maps = tmp_path / "maps\x1b[32m\udcff"
    maps.mkdir()
    for number in range(4):
        np.save(maps / f"{number}.npy", rng.random((20, 30)))
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    told = toy.CONTRACT.model_copy(update={"description": "Looks \x1b[2J at", "licence": "CC0\x9b"})
    toy.write(tmp_path / "toy.onnx", told)
    evaluated = (
        "evaluate",
        "saliency",
        "--data",
        root,
        "--model",
        maps,
        "--no-baselines",
        "--split",
        "all",
        "--format",
    )
    commands = [(*evaluated, form) for form in ("table", "json")]
    for command in [*commands, ("data", "show", root), ("data", "check", root), ("models",)]:
        result = gaze(*command)
        assert result.exit_code == 0, result.output
        assert is_safe(result.stdout), command
        assert is_safe(result.stderr), command
