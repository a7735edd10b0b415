"""What a picture is like stands beside its name, with a word where the model was not trained on such pictures."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def page(record: dict) -> None:  # type: ignore[type-arg]  # runs as a script of its own
    from app.web import widgets

    widgets.medium_badge(record)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({}, []),
        ({"medium": "photograph", "familiar": True}, ["Photograph"]),
        ({"medium": "text page", "familiar": False}, ["Text page: the model learned from photographs"]),
    ],
)
def test_a_badge_says_what_the_picture_is_like(record: dict[str, Any], words: list[str]) -> None:
    shown = AppTest.from_function(page, kwargs={"record": record}).run()
    assert not shown.exception
    found = [each.value for each in shown.markdown]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
