"""Does the page Compare tell how many more fixations it takes to find an area in version B?"""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.web.compare import search
from app.web.workspace import Workspace
from data import picture as pictures
from data.areas import Area, rectangle
from tests import toy_searcher
from tests.app.web.test_compare import desk, page, told

RED = (230, 20, 30)
IN_A, IN_B = rectangle("Button", (90, 10, 16, 12)), rectangle("button", (10, 50, 16, 12))


def screen(area: Area, decoys: int = 0) -> bytes:
    """Grey noise with a red button, and small things that are as red."""
    pixels = np.random.default_rng(decoys).integers(90, 150, (80, 120, 3)).astype(np.uint8)
    x, y, width, height = map(int, area.box)
    pixels[y : y + height, x : x + width] = RED
    for number in range(decoys):
        pixels[4:12, 4 + 30 * number : 12 + 30 * number] = RED
    return pictures.encode(pixels)


@pytest.fixture
def searcher(models: Path) -> Path:
    return toy_searcher.write(models / "eccnet.onnx")


def drawn(*areas: tuple[Area, ...], decoys: int = 3) -> Workspace:
    kept = desk(screen(IN_A), screen(IN_B, decoys))
    for key, some in zip(list(kept.pictures), areas, strict=True):
        kept.set_areas(key, some)
    return kept


def answer(shown: AppTest) -> str:
    return next(each.value for each in shown.markdown if "to find in" in each.value)


@pytest.mark.slow
def test_without_a_model_that_searches_nothing_is_asked(models: Path) -> None:
    shown = page(drawn((IN_A,), (IN_B,)))
    assert not shown.exception
    assert "How many more fixations does it take to find it in B?" not in [each.value for each in shown.header]


@pytest.mark.slow
def test_without_areas_of_one_name_it_is_said_what_to_do(searcher: Path) -> None:
    shown = page(drawn((IN_A,), ()))
    assert not shown.exception
    assert "in A and in B, and give both areas one name" in told(shown)
    assert not [button for button in shown.button if button.key == "compare-search"]


def test_both_versions_are_searched_at_a_click(searcher: Path) -> None:
    shown = page(drawn((IN_A,), (IN_B,)))
    assert not shown.exception
    assert "from 9 places where the gaze may be" in told(shown)
    assert "to find in" not in told(shown)
    shown.button(key="compare-search").click().run()
    assert not shown.exception
    assert answer(shown).startswith("**“Button” takes ")
    assert "more fixation to find in B.png than in A.png" in answer(shown)
    assert "A, from the middle: the target is found 1 fixation after the first." in told(shown)
    assert len(shown.image) >= 2


@pytest.mark.slow
def test_another_width_asks_anew_and_a_target_too_small_to_see_is_one_sentence(searcher: Path) -> None:
    shown = page(drawn((IN_A, rectangle("dot", (5, 5, 1, 1))), (IN_B, rectangle("dot", (5, 5, 1, 1)))))
    shown.button(key="compare-search").click().run()
    first = answer(shown)
    shown.slider(key="compare-degrees").set_value(30.0).run()
    assert "to find in" not in told(shown)
    shown.button(key="compare-search").click().run()
    assert "30 degrees wide" in told(shown)
    assert answer(shown)
    shown.selectbox(key="compare-sought").set_value("dot").run()
    shown.slider(key="compare-degrees").set_value(8.0).run()
    shown.button(key="compare-search").click().run()
    assert not shown.exception
    assert "too small to see; see it wider" in shown.error[0].value
    assert first


@pytest.mark.slow
def test_a_model_that_is_broken_is_one_sentence(searcher: Path) -> None:
    toy_searcher.write(searcher, spoilt="nan")
    search._opened.clear()
    shown = page(drawn((IN_A,), (IN_B,)))
    shown.slider(key="compare-degrees").set_value(25.0).run()
    shown.button(key="compare-search").click().run()
    assert not shown.exception
    assert "gave an attention map that is none" in shown.error[0].value
