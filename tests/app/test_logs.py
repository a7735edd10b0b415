"""What is said on standard error: nothing in normal use, warnings as sentences, every step when asked."""

import ast
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from streamlit.testing.v1 import AppTest

from app import logs
from app.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Puts the loggers back as they were."""
    loggers = [logging.getLogger(folder) for folder in logs.FOLDERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    return path


def predict(*flags: str, model: Path) -> Result:
    picture = ROOT / "data" / "samples" / "street.jpg"
    return CliRunner().invoke(
        main, [*flags, "predict", str(picture), "-o", str(model.parent / "out"), "--model", str(model)]
    )


def terminals() -> list[int]:
    loggers = [logging.getLogger(), *(logging.getLogger(folder) for folder in logs.FOLDERS)]
    return [sum(isinstance(handler, logs.Terminal) for handler in logger.handlers) for logger in loggers]


def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path, toy_model: Path) -> None:
    result = predict(model=toy_model)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_every_step_is_said_with_its_module_when_asked(toy_model: Path, flag: str) -> None:
    result = predict(flag, model=toy_model)
    assert result.exit_code == 0
    assert re.search(
        r"^ *\d+ ms  DEBUG    export\.runtime\.session: .*toy\.onnx: opened on cpu$", result.stderr, re.MULTILINE
    )
    assert predict(model=toy_model).stderr == ""


def test_what_is_behind_a_sentence_is_said_when_asked(broken: Path) -> None:
    plain, verbose = predict(model=broken), predict("--verbose", model=broken)
    assert plain.exit_code == verbose.exit_code == 2
    assert plain.stderr.startswith("Error: ")
    assert "Traceback" not in plain.stderr
    assert "Traceback (most recent call last):" in verbose.stderr
    assert verbose.stderr.endswith(plain.stderr)


def test_a_warning_is_a_plain_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("data.table.cache").warning("%s: is a link; remove it.", "here")
    logging.getLogger("data.table.cache").debug("a step")
    assert capsys.readouterr() == ("", "here: is a link; remove it.\n")


def test_there_is_one_handler_however_often_it_is_configured(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (True, False, True):
        logs.configure(verbose)
    assert terminals() == [0] + [1] * len(logs.FOLDERS)
    logging.getLogger("export.runtime.session").debug("once")
    assert capsys.readouterr().err.count("once") == 1


def test_the_loggers_of_others_are_left_alone() -> None:
    before = (logging.getLogger().level, logging.getLogger("torch").level, list(logging.getLogger().handlers))
    logs.configure(True)
    assert (logging.getLogger().level, logging.getLogger("torch").level, list(logging.getLogger().handlers)) == before


def test_a_closed_standard_error_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    logs.configure()
    closed = (tmp_path / "error").open("w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    logging.getLogger("data").warning("unheard")


@pytest.mark.slow
@pytest.mark.parametrize(("words", "level"), [([], logging.WARNING), (["--verbose"], logging.DEBUG)])
def test_the_pages_are_configured_as_the_commands(
    monkeypatch: pytest.MonkeyPatch, words: list[str], level: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", *words])
    page = AppTest.from_file(ROOT / "app" / "web" / "main.py", default_timeout=30).run()
    page.run()
    assert not page.exception
    assert terminals() == [0] + [1] * len(logs.FOLDERS)
    assert logging.getLogger("data").level == level


@pytest.mark.parametrize(("flags", "handed"), [(["app"], []), (["-v", "app"], ["--", "--verbose"])])
def test_the_app_is_as_verbose_as_its_command(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], handed: list[str]
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, words: started.append(words))
    CliRunner().invoke(main, [*flags, "--server.port", "1"], catch_exceptions=False)
    (words,) = started
    assert Path(words[5]).name == "server.py"
    rest = ["--server.port", "1", *handed]
    assert words[-len(rest) :] == rest


def swallows(file: Path) -> Iterator[int]:
    """The lines where a file catches everything and neither says what nor raises it again."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        words = ast.unparse(node).splitlines() if isinstance(node, ast.ExceptHandler | ast.With) else [""]
        if isinstance(node, ast.With) and re.search(r"suppress\((Base)?Exception\)", words[0]):
            yield node.lineno
        broad = isinstance(node, ast.ExceptHandler) and re.match(r"except( (Base)?Exception( as \w+)?)?:", words[0])
        if broad and "exc_info=True" not in words[1] and words[-1].strip() != "raise":
            yield node.lineno


@pytest.mark.parametrize("folder", logs.FOLDERS)
def test_whoever_catches_everything_says_what(folder: str) -> None:
    assert not {file.name: lines for file in (ROOT / folder).rglob("*.py") if (lines := list(swallows(file)))}


def test_a_silent_catch_would_be_noticed(tmp_path: Path) -> None:
    caught = "try:\n    x()\nexcept Exception:\n    pass\n"
    body = caught + "with suppress(Exception):\n    x()\n" + "try:\n    x()\nexcept:\n    y()\n    raise\n"
    (tmp_path / "a.py").write_text(body)
    assert sorted(swallows(tmp_path / "a.py")) == [3, 5]
