"""The report: one page that needs nothing else, says what it shows, escapes what people type, and stays small."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from app.predict.areas import AreaMeasures
from app.web.pages import report as report_page
from app.web.report import button, page
from app.web.report.button import made
from app.web.report.items import Drawing, area_table
from app.web.report.method import LIMITS, method
from app.web.report.page import Cell, Heading, ReportItem, Table, figure, report
from app.web.workspace import SLOT, Workspace
from data import picture as pictures
from data.areas import Area, rectangle
from data.draw.areas import outlined
from export.runtime.saliency import Predictor
from tests import contracts

PAGE = Path(report_page.__file__)
USUAL = Heading()


class Read(HTMLParser):
    """The tags of a page, their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def model(models: Path) -> Predictor:
    return Predictor(models / "toy.onnx", look=None)


@pytest.fixture
def kept(png: bytes) -> Workspace:
    desk = Workspace()
    stored = desk.add("a <b>.png", png)
    desk.set_areas(stored.key, [rectangle("Logo <i>", (40, 5, 15, 10)), Area("Rest", ((0, 20), (50, 20), (30, 39)))])
    return desk


def told(kept: Workspace, model: Predictor, heading: Heading = USUAL) -> str:
    pictures = [(stored, kept.areas(key)) for key, stored in kept.pictures.items()]
    return made(pictures, model, "any", Drawing(), heading)


def test_the_report_tells_all_of_a_picture_and_how_it_was_made(kept: Workspace, model: Predictor) -> None:
    heading = Heading("Two <drafts>", "Ann", "First.\n\n<script>alert(1)</script>")
    text = told(kept, model, heading)
    read = Read(text)
    assert read.open == []
    assert read.all("html") == [{"lang": "en"}]
    for words in ("Two <drafts>", "Ann, ", "<script>alert(1)</script>", "a <b>.png", "1. Logo <i>", "2. Rest", *LIMITS):
        assert words in read.words
    for words in (
        "Focus ",
        "Clarity ",
        "Share of looks",
        "Seen by",
        "First look",
        "100 simulated observers",
        "Versions",
    ):
        assert words in read.words
    assert [each["alt"] for each in read.all("img")][1] == "The picture a <b>.png with its areas: 1 Logo <i>, 2 Rest"
    assert len(read.all("img")) == 4  # picture, heat, seconds, path
    assert all(each["alt"] and (each["src"] or "").startswith("data:image/jpeg;base64,") for each in read.all("img"))
    assert len(read.all("table")) == 2


def test_the_report_runs_no_script_and_asks_no_network(kept: Workspace, model: Predictor) -> None:
    text = told(kept, model)
    read = Read(text)
    assert not read.all("script")
    assert not read.all("link")
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", text)
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_headings_come_in_their_order(kept: Workspace, model: Predictor) -> None:
    levels = [int(tag[1]) for tag, _ in Read(told(kept, model)).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert set(levels[1:]) == {2}


def test_the_report_is_bounded_and_says_what_is_left_out(model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "BUDGET", 3000)
    shown = [figure("x", "x", np.zeros((20, 20, 3), np.uint8))] * 9
    monkeypatch.setattr(page._Room, "__init__", lambda self: self.__dict__.update(left=3000, lacking=0))
    text = report([ReportItem("a", figures=shown)], Heading(), method(model, "any"))
    assert len(Read(text).all("img")) < 9
    assert "left out, as this page would become too large" in text
    assert len(report([], Heading("x" * 10**6, "", "y" * 10**6), method(model, "any"))) < 70_000


def test_what_is_not_known_is_a_dash(kept: Workspace, model: Predictor) -> None:
    nan = float("nan")
    known: dict[str, Any] = dict.fromkeys(AreaMeasures.__dataclass_fields__, nan)
    blank = AreaMeasures(**{**known, "name": "a", "kind": "", "share_by_second": np.array([]), "studies": np.array([])})
    (row,) = area_table([blank]).rows
    assert row == [Cell("1. a"), *[Cell("–")] * 6]


def test_how_well_a_model_does_is_said_where_it_is_known(model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert method(model, "any").scores is None
    contract = contracts.bright()
    scored = contract.model_copy(update={"scores": {"osie": {"explained": 0.883, "cc": 0.856}}})
    monkeypatch.setattr(model, "contract", scored)
    scores = method(model, "any").scores
    assert scores is not None
    assert scores.rows[0] == [
        Cell("osie", "15 people, 3 seconds a picture: everyday scenes"),
        Cell("88%"),
        Cell("0.86"),
    ]


def test_tables_may_have_pictures_and_a_date_is_written_out(model: Predictor) -> None:
    icon = figure("", "Heat map of a", np.zeros((4, 4, 3), np.uint8))
    table = Table("All 1 pictures", ["Picture"], [[Cell("a", "4 × 4")]], [icon])
    text = report([], Heading(), method(model, "any"), tables=[table], when=datetime(2026, 11, 3, tzinfo=UTC))
    assert "03 November 2026" in text
    assert Read(text).all("img")[0]["class"] == "icon"


def test_outlines_are_drawn_around_areas_and_never_outside_of_the_picture() -> None:
    ground = np.full((100, 200, 3), 128, np.uint8)
    areas = [
        rectangle("a", (50, 30, 60, 40)),
        Area("b", ((150, 0), (199, 99), (120, 99))),
        rectangle("c", (0, 0, 200, 100)),
    ]
    drawn = outlined(ground, areas)
    assert drawn.shape == ground.shape
    assert (ground == 128).all()
    assert (drawn[50, 50] > 180).any()
    assert (drawn[50, 80] == 128).all()
    assert (outlined(ground, []) == ground).all()


def opened(kept: Workspace | None = None) -> AppTest:
    shown = AppTest.from_file(PAGE, default_timeout=30)
    if kept:
        shown.session_state[SLOT] = kept
    return shown.run()


@pytest.mark.slow
def test_without_a_picture_the_page_invites_one(models: Path) -> None:
    shown = opened()
    assert not shown.exception
    assert shown.title[0].value == "Report"
    assert not shown.get("download_button")


def test_the_page_makes_the_report_of_the_pictures_that_are_chosen(models: Path, kept: Workspace) -> None:
    kept.add("second.png", pictures.encode(np.full((30, 30, 3), 9, np.uint8)))
    shown = opened(kept)
    assert not shown.exception
    assert [each.label for each in shown.get("download_button") if isinstance(each, Element)] == [
        "Make the report of 2 pictures"
    ]
    assert any("No areas are drawn on second.png" in each.value for each in shown.markdown)
    first = next(iter(kept.pictures))
    shown.multiselect(key=button.CHOSEN).select(first).run()
    shown.text_input(key=button.TITLE).set_value("Spring").run()
    shown.text_input(key=button.AUTHOR).set_value("Ann").run()
    shown.text_area(key=button.NOTES).set_value("Note.").run()
    shown.selectbox(key="palette").select("turbo").run()
    assert not shown.exception
    assert [each.label for each in shown.get("download_button") if isinstance(each, Element)] == ["Make the report"]
    assert button.chosen(kept) == list(kept.pictures)  # outside of the session: all
    kept.remove(first)
    shown.run()
    assert not shown.exception


def test_the_maker_needs_no_session_when_it_runs(models: Path, kept: Workspace, model: Predictor) -> None:
    make = button.maker(kept, list(kept.pictures), model)
    kept.remove(kept.current)
    assert make().startswith(b"<!doctype html>")
