"""What is installed is under licences that fit, and NOTICE says so."""

import platform
import sys
from typing import Any

import pytest

from tests import licences
from tests.licences import Part

ON_LINUX = sys.platform == "linux" and platform.machine() == "x86_64"


def test_nothing_in_the_base_install_is_under_the_gpl_and_all_copyleft_is_explained() -> None:
    assert licences.problems() == []


@pytest.mark.skipif(not ON_LINUX, reason="the table of NOTICE is that of Linux")
def test_notice_has_the_table_of_what_is_installed() -> None:
    assert licences.written() == licences.table(), "python -m tests.licences --write"


def test_the_base_install_holds_no_tool_of_training_and_none_of_tests() -> None:
    base = licences.closure()
    assert {"numpy", "pillow", "streamlit", "certifi", "opencv-python-headless"} <= base
    assert not base & {"torch", "pytorch-lightning", "hypothesis", "mypy", "transformers", "tqdm"}
    assert "hypothesis" in licences.closure("dev")


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (Part("numpy", "libx264", "GPL-2.0-or-later"), True),
        (Part("numpy", "x", "AGPL-3.0-only"), True),
        (Part("numpy", "x", "GNU General Public License v3 (GPLv3)"), True),
        (Part("numpy", "x", "LGPL-3.0-only"), True),
        (Part("numpy", "x", "unknown"), True),
        (Part("numpy", "x", "GPL-2.0-only OR MIT"), False),
        (Part("numpy", "x", "BSD-3-Clause"), False),
    ],
)
def test_what_does_not_fit_is_found(part: Part, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = licences.parts
    more: Any = lambda package: [*whole(package), *([part] if package == part.package else [])]  # noqa: E731
    monkeypatch.setattr(licences, "parts", more)
    assert len(licences.problems()) == found


def test_a_licence_file_with_the_words_of_the_gpl_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(licences.MENTIONS, "numpy")
    assert [line for line in licences.problems() if line.startswith("numpy-")]


def test_ffmpeg_says_under_which_licence_it_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    said = licences.ffmpeg()
    assert not said or all("LGPL" in words for words in said.values())
    monkeypatch.setattr(licences, "ffmpeg", lambda: {"libavcodec.so": "GPL version 2 or later"})
    assert [line for line in licences.problems() if line.startswith("opencv-python-headless, LGPL")]
