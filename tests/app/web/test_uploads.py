"""Files are taken once, whatever Streamlit tells of them, and no page has an uploader of its own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.web import uploads
from app.web.uploads import File
from app.web.workspace import Workspace

WEB = Path(uploads.__file__).parent


def file(number: int) -> SimpleNamespace:
    return SimpleNamespace(file_id=str(number), name=f"{number}.png", getvalue=lambda: b"x")


@pytest.mark.parametrize("many", [True, False])
def test_a_file_that_is_told_of_twice_is_taken_once(monkeypatch: pytest.MonkeyPatch, many: bool) -> None:
    state: dict[str, Any] = {"it-0": [file(1)] if many else file(1)}
    monkeypatch.setattr(st, "session_state", state)
    taken: list[File] = []
    for _ in range(2):
        uploads._take("it", 0, taken.extend)
    assert taken == [("1.png", b"x")]
    assert state["it-number"] == 1
    state["it-0"] = [file(1), file(2)]  # the uploader of before gets one more, as the new one is not shown yet
    uploads._take("it", 0, taken.extend)
    state["it-2"] = [file(3)]
    uploads._take("it", 2, taken.extend)
    assert [name for name, _ in taken] == ["1.png", "2.png", "3.png"]
    state["it-3"] = None if not many else []
    uploads._take("it", 3, taken.extend)
    assert len(taken) == 3


def script() -> None:
    import streamlit as st

    from app.web.uploads import kept_file

    if st.toggle("Another page"):
        st.stop()
    picture = st.radio("Picture", ["a", "b"], persist_state="session", key="which")
    st.text(str(kept_file("Areas", "areas", of=str(picture))))


@pytest.mark.slow
def test_a_file_is_kept_for_what_it_belongs_to_when_the_page_is_left() -> None:
    shown = AppTest.from_function(script).run()
    shown.file_uploader(key="areas-0").upload("x.json", b"{}", "application/json").run()
    assert shown.text[0].value == "('x.json', b'{}')"
    shown.toggle[0].set_value(True).run()
    shown.toggle[0].set_value(False).run()
    assert shown.text[0].value == "('x.json', b'{}')"
    shown.radio[0].set_value("b").run()
    assert shown.text[0].value == "None"


def test_every_uploader_is_ours() -> None:
    assert [path for path in WEB.rglob("*.py") if ".file_uploader(" in path.read_text("utf-8")] == [WEB / "uploads.py"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\x.png", "x.png"),
        ("a\r\nSet-Cookie: x.png", "a_r_nSet-Cookie: x.png"),
        ("\u202egnp.exe", "_u202egnp.exe"),
        ("..", "picture"),
        ("", "picture"),
        ("x" * 10_000 + ".png", "x" * 60 + "…" + "x" * 56 + ".png"),
    ],
)
def test_names_of_pictures_are_short_and_lead_nowhere(png: bytes, sent: str, kept: str) -> None:
    assert Workspace().add(sent, png).name == kept
