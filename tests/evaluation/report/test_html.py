"""Is the report one page that needs nothing else, escapes what people named, and looks right in a real browser?"""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Picture, Scanpath
from data.picture import save
from data.synthetic import scenes as synthetic_scenes
from data.table.write import write_table
from evaluation.report import charts, html
from evaluation.report.html import render_page, write_report
from evaluation.saliency.protocol import SaliencyEvaluation, Settings, evaluate
from evaluation.saliency.scoring import CENTRE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "img", "br", "path", "rect"}


class Page(HTMLParser):
    """What a page holds: its elements, its words, and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, int]] = []  # elements that are not closed yet, and where their words begin
        self.texts: list[tuple[str, str]] = []  # of every element that is closed: its tag, and all words in it
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.words)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened, start = self.open.pop()
        assert opened == tag
        self.texts.append((tag, self.words[start:].strip()))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        """The attributes of each element of a tag, and of a class."""
        of = [attributes for name, attributes in self.found if name == tag]
        return [attributes for attributes in of if set(kind.split()) <= set(str(attributes.get("class")).split())]

    def text(self, tag: str) -> list[str]:
        """The words in each element of a tag."""
        return [words for name, words in self.texts if name == tag]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, toy_model: Path) -> SaliencyEvaluation:
    root = tmp_path_factory.mktemp("set") / "osie"
    synthetic_scenes.write(root, 20, seed=1)
    settings = Settings(sigma=4.0, slices=True, seconds=2.0)
    return evaluate(root, [toy_model], settings, against=CENTRE)


def test_the_page_holds_tables_charts_pictures_and_protocol(result: SaliencyEvaluation) -> None:
    page = Page(render_page(result, 2))
    assert [tag for tag, _ in page.found].count("table") == 4  # whole, compared, two seconds
    assert len(page.all("svg")) == 8
    assert all(str(svg["aria-label"]).count(" to ") >= 2 for svg in page.all("svg"))
    images = page.all("img")
    assert len(images) == 2 * 2 * 4  # worst and best: model, people, and a strip of each
    assert all(image["alt"] and str(image["src"]).startswith("data:image/jpeg;base64,") for image in images)
    for words in ("Where people look: osie, test", "toy explains", "Compared with centre bias", "Where toy is worst",
                  "Where toy is best", "leave one observer out", "0-1 s", "fixations of", "kl ↓", "ig ↑"):  # fmt: skip
        assert words in page.words, words
    for name, _ in [*result.extremes("toy", 2)[0], *result.extremes("toy", 2)[1]]:
        assert name in page.words


def test_every_number_of_the_table_is_in_the_page(result: SaliencyEvaluation) -> None:
    page = Page(render_page(result, 0))
    for row, scores in result.summaries["whole"].items():
        for score in scores.values():
            assert not score["pictures"] or f"{score['mean']:z.3f}" in page.words, row
    assert page.all("img") == []


def test_the_page_asks_for_nothing_from_elsewhere(result: SaliencyEvaluation) -> None:
    text = render_page(result, 1)
    page = Page(text)
    assert {tag for tag, _ in page.found} & {"script", "link", "iframe", "object", "base", "form"} == set()
    for _, attributes in page.found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "href") or str(value).startswith("data:")
    assert "url(" not in text
    assert "@import" not in text
    assert re.search(r"https?://", text) is None
    [policy] = [
        str(meta["content"]) for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert set(policy.split("; ")) == {"default-src 'none'", "img-src data:", "style-src 'unsafe-inline'"}


def named(root: Path, toy_model: Path) -> SaliencyEvaluation:
    """A set, a picture and a folder of maps with names that are HTML."""
    rng, items = np.random.default_rng(0), []
    name = "<script>alert(1)<|script>'\".png".replace("|", "_")
    root.mkdir()
    for number, stem in enumerate((name, "b.png", "c.png")):
        save(root.parent / f"{number}.png", rng.integers(0, 255, (40, 60, 3)).astype(np.uint8))
        paths = [
            Scanpath(f"s{k}", rng.random((5, 2)) * (60, 40), np.arange(5) * 300.0, np.full(5, 200.0)) for k in range(3)
        ]
        items.append((Picture(stem, 60, 40, root.parent / f"{number}.png"), tuple(paths)))
    write_table(root, items)
    folder = root.parent / "<b>maps & more"
    folder.mkdir()
    for picture, _ in items:
        np.save(folder / f"{Path(picture.name).stem}.npy", rng.random((40, 60)))
    return evaluate(root, [toy_model, folder], Settings(sigma=4.0, baselines=False), against="<b>maps & more")


def test_names_are_words_and_never_elements(tmp_path: Path, toy_model: Path) -> None:
    page = Page(render_page(named(tmp_path / "<i>set", toy_model), 2))
    assert page.all("script") == []
    assert page.all("i") == []
    assert "<script>alert(1)<_script>'\".png" in page.words
    assert "<b>maps & more" in page.words
    assert any("<script>" in str(image["alt"]) for image in page.all("img"))


def called(result: SaliencyEvaluation, word: str) -> SaliencyEvaluation:
    """The evaluation with this word for all that people name."""
    protocol: dict[str, Any] = result.protocol | {"data": word, "split": word, "caution": word}
    protocol |= {"versions": {word: word}, "models": {word: {word: word}}}
    values = {
        period: {(word if row == "toy" else row): scores for row, scores in rows.items()}
        for period, rows in result.values.items()
    }
    aggregates = {(word if row == "toy" else row): scores for row, scores in result.aggregates.items()}
    pictures = tuple(f"{word}{number}" for number, _ in enumerate(result.pictures))
    blank = np.zeros((10, 20, 3), np.uint8)

    def draw_panels(row: str, picture: str) -> list[tuple[str, np.ndarray]]:
        return [(row, blank), ("people", blank)]

    return replace(
        result,
        protocol=protocol,
        values=values,
        aggregates=aggregates,
        pictures=pictures,
        against=word,
        draw_panels=draw_panels,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "word",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "{{ 7 * 7 }}{% x %}", "&lt;i&gt;"],
)
def test_whatever_people_call_a_thing_the_page_is_built_alike(word: str, result: SaliencyEvaluation) -> None:
    harmless = "z" * len(word)
    page, plain = (Page(render_page(called(result, each), 1)) for each in (word, harmless))
    assert [(tag, list(attributes)) for tag, attributes in page.found] == [
        (tag, list(attributes)) for tag, attributes in plain.found
    ]
    for tag in ("title", "h1", "h2", "th", "p", "figcaption", "span", "li", "footer"):
        assert page.text(tag) == [words.replace(harmless, word) for words in plain.text(tag)]
        assert any(word in words for words in page.text(tag)), tag
    assert [each["alt"] for each in page.all("img")] == [
        str(each["alt"]).replace(harmless, word) for each in plain.all("img")
    ]


def test_once_the_pictures_are_too_many_they_are_only_named(
    result: SaliencyEvaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = render_page(result, 2)
    monkeypatch.setattr(html, "BUDGET", 1)
    page = Page(render_page(result, 2))
    assert len(page.all("img")) == 4  # of the first picture
    assert [attributes["class"] for attributes in page.all("figure")[8:]] == ["card seconds"] + ["card"] * 3
    assert len(everything) < 5_000_000


def test_a_page_of_people_alone_has_neither_pictures_nor_bars(tmp_path: Path) -> None:
    synthetic_scenes.write(tmp_path / "osie", 12, seed=1)
    page = Page(render_page(evaluate(tmp_path / "osie", [], Settings(baselines=False)), 3))
    assert "Chance and people alone" in page.words
    assert page.all("img") == []
    assert len(page.all("svg")) == 8


def test_scores_of_nothing_leave_no_chart(result: SaliencyEvaluation) -> None:
    empty = {row: {name: np.full(4, np.nan) for name in scores} for row, scores in result.values["whole"].items()}
    page = Page(render_page(replace(result, values={"whole": empty}, aggregates={}, against=""), 2))
    assert page.all("svg") == []
    assert "Where toy is" not in page.words


def score(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05, "pictures": 4}


def test_bars_begin_at_chance_and_lines_stand_where_people_are() -> None:
    rows = {
        "mine": ("model", score(0.7)),
        "people": ("people", score(0.9)),
        "gone": ("model", score(0) | {"pictures": 0}),
    }
    chart = Page(charts.bars("auc", rows))
    [bar] = chart.all("rect", "bar model")
    [line] = chart.all("path", "line people")
    scale = (charts.WIDTH - charts.LEFT - charts.RIGHT) / 0.45  # from 0.5 to 0.95
    assert float(str(bar["x"])) == charts.LEFT
    assert float(str(bar["width"])) == pytest.approx(0.2 * scale, abs=0.1)
    assert float(str(line["d"]).removeprefix("M").split()[0]) == pytest.approx(charts.LEFT + 0.4 * scale, abs=0.1)
    assert "gone" not in chart.words
    assert charts.bars("auc", {}) == ""


def test_a_name_that_is_cut_is_told_whole() -> None:
    name = "<a model> with a name of many letters"
    chart = Page(charts.bars("cc", {name: ("model", score(0.7)), "short": ("model", score(0.7))}))
    assert chart.text("title") == [name]
    [cut] = [words.removeprefix(name) for words in chart.text("text") if words.startswith(name)]
    assert cut.endswith("…")
    assert name.startswith(cut.removesuffix("…"))
    assert len(cut) == charts.CHARACTERS
    assert "short" in chart.text("text")


@pytest.mark.parametrize("kind", ["model", "baseline", "people", "chance"])
def test_a_chart_of_any_row_escapes_its_name(kind: str) -> None:
    name = """<b onload="x">'&amp;"""
    chart = Page(charts.bars("cc", {name: (kind, score(0.7))}))
    assert {tag for tag, _ in chart.found} == {"svg", "text", "rect", "path"}
    assert any(words.startswith(name) for words in chart.text("text"))
    assert name in str(chart.all("svg")[0]["aria-label"])


def test_a_dash_in_the_name_of_a_model_does_not_cost_it_the_first_place(result: SaliencyEvaluation) -> None:
    whole = dict(result.values["whole"])
    whole["mine - v2"] = {name: values + 10 for name, values in whole["toy"].items()}
    page = render_page(replace(result, values={"whole": whole}, aggregates={}, against=""), 0)
    rows = [Page("<tr" + row.split("</tr>")[0] + "</tr>") for row in page.split("<tr")[1:]]
    [mine] = [row for row in rows if row.text("th") == ["mine - v2"]]
    assert len(mine.all("td", "best")) == 6  # of the seven scores, less is better in one


def test_a_page_that_cannot_be_written_is_said(result: SaliencyEvaluation, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"page.html: cannot be written \(No such file or directory\); choose another"):
        write_report(result, tmp_path / "none" / "page.html")
    write_report(result, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH: apt-get install chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--host-resolver-rules=MAP * ~NOTFOUND"]  # fmt: skip
PAPER = {"A4": 718, "letter": 740}  # CSS pixels between margins of 1 cm


@pytest.mark.slow
@BROWSER
@pytest.mark.parametrize("paper", PAPER)
def test_nothing_is_cut_off_on_paper(paper: str, result: SaliencyEvaluation, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    whole = result.values["whole"] | {"a_folder_of_maps_with_a_long_name": result.values["whole"]["toy"]}
    write_report(replace(result, values=result.values | {"whole": whole}), tmp_path / "page.html", 0)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        window = browser.new_page(viewport={"width": PAPER[paper], "height": 1000})
        window.emulate_media(media="print")
        window.goto((tmp_path / "page.html").as_uri())
        tables = window.evaluate("[...document.querySelectorAll('table')].map(e => e.getBoundingClientRect().right)")
        hidden = window.evaluate("[...document.querySelectorAll('.wide')].map(e => getComputedStyle(e).overflow)")
        cells = window.evaluate(
            "[...document.querySelectorAll('th, td, small')].map(e => e.scrollWidth - e.clientWidth * !!e.clientWidth)"
        )
        browser.close()
    assert len(tables) == 4
    assert max(tables) <= PAPER[paper]
    assert set(hidden) == {"visible"}
    assert max(cells) <= 0


@pytest.mark.slow
@BROWSER
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_whole_and_asks_for_nothing(
    width: int, scheme: str, toy_model: Path, tmp_path: Path
) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    result = named(tmp_path / "<i>set", toy_model)
    write_report(result, tmp_path / "page.html", 2)
    asked: list[str] = []
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        window = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        window.on("request", lambda request: asked.append(request.url))
        window.on("console", lambda message: said.append(message.text))
        window.on("pageerror", lambda error: said.append(str(error)))
        window.goto((tmp_path / "page.html").as_uri())
        widths = window.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        shown = window.evaluate("[...document.images].map(image => image.naturalWidth)")
        heights = window.evaluate(
            "[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height)"
        )
        ink = window.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        browser.close()
    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "page.html").as_uri()]
    assert said == []
    assert widths[0] <= widths[1]  # nothing sticks out to the right
    assert len(shown) > 4
    assert all(shown)
    assert all(height > 40 for height in heights)
    words, ground = (sum(map(int, re.findall(r"\d+", colour))) for colour in ink)
    assert (words > ground + 300) if scheme == "dark" else (ground > words + 300)
