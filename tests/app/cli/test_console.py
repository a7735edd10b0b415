"""Bars: on stderr, on a terminal only, and names as they are."""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from app.cli import console
from data.errors import PictureError

NAMES = ["[/b] x", "[red]x[/red]", ":smile:.png", "{x}", "a\\"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")


def bars(name: str) -> None:
    with console.bar() as tell:
        tell(name, 0, None)
        tell(name, 3, 4)


def tracked(name: str) -> None:
    assert list(console.track("abcd", name, 4)) == ["a", "b", "c", "d"]


def outcomes(*errors: str) -> Generator[tuple[Path, PictureError | None], None, None]:
    for error in errors:
        yield Path("x.png"), PictureError(error) if error else None


@pytest.mark.parametrize("show", [bars, tracked])
@pytest.mark.parametrize("name", NAMES)
def test_a_bar_shows_any_name_as_it_is(
    show: Callable[[str], None], name: str, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    show(name)
    told = capsys.readouterr()
    assert told.out == ""
    assert name in told.err
    assert "/4" in told.err


@pytest.mark.parametrize("show", [bars, tracked])
def test_off_a_terminal_there_is_no_bar(show: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    show("pictures")
    assert capsys.readouterr() == ("", "")


def test_two_things_have_a_bar_each(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    with console.bar(of_bytes=True) as tell:
        tell("a.zip", 1000, 2000)
        tell("b.zip", 500, None)
    told = capsys.readouterr().err
    assert "a.zip" in told
    assert "1.0/2.0 kB" in told
    assert "b.zip" in told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["terminal", "file"])
def test_a_broken_picture_is_named_as_it_is_and_counted(
    where: str, name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    if where == "terminal":
        request.getfixturevalue("terminal")
    assert console.watch(outcomes("", f"{name} is broken", ""), 3) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{name} is broken\n" in told.err
    assert ("3/3" in told.err) == (where == "terminal")


def test_a_single_picture_has_no_bar(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.watch(outcomes(""), 1) == 0
    assert "pictures" not in capsys.readouterr().err


def test_work_that_is_stopped_by_ctrl_c_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    work = outcomes("", "", "")

    def stop(bar: console.Bar, what: str, done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(console.Bar, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        console.watch(work, 3)
    assert next(work, None) is None
