"""The page Annotate: labels by clicks that are on the disk at once, rounds, results, and what is said of bad files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from annotation.project import Project
from app.predict.sentences import percent
from app.web import widgets
from app.web.annotate import shelf
from app.web.annotate.desk import ROUND, SURE, Desk
from app.web.annotate.named import flags
from tests import annotated

PAGE = Path(widgets.__file__).with_name("pages") / "annotate.py"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is named, and nothing stays open."""
    monkeypatch.setattr("sys.argv", ["server.py"])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    shelf.close_all()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with gaze, named when the app was started."""
    folder = annotated.write(tmp_path / "shop", gaze=annotated.gaze(tmp_path / "gaze.csv"))
    monkeypatch.setattr("sys.argv", ["server.py", *flags([folder])])
    return folder


def opened() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    page.button(key="annotate-open-0").click().run()
    assert not page.exception
    return page


def desk_of(page: AppTest) -> Desk:
    desk = page.session_state["annotate"].desk
    assert isinstance(desk, Desk)
    return desk


def press(page: AppTest, label: str) -> None:
    page.button[[button.label for button in page.button].index(label)].click().run()
    assert not page.exception


def name(page: AppTest, word: str) -> None:
    """Give the thing that is asked a new name."""
    page.text_input(key="annotate-new-name").set_value(word)
    press(page, "Name it")


def answer(page: AppTest, count: int) -> None:
    """Answer questions rightly."""
    for _ in range(count):
        word = annotated.colour_of(desk_of(page).queue[0])
        press(page, word) if word in [each.label for each in page.button] else name(page, word)


def on_disk(folder: Path) -> dict[int, str]:
    """The labels that somebody who opens the project now would find."""
    with Project.open(folder, writes=False) as project:
        return project.labels


def downloads(page: AppTest) -> list[str]:
    return [each.label for each in page.get("download_button") if isinstance(each, Element)]


def texts(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.info, page.error)
    return "\n".join(str(each.value) for kind in kinds for each in kind)


@pytest.mark.slow
def test_without_a_project_a_video_is_asked_for_and_no_folder_can_be_typed() -> None:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    assert "Bring the video of eye-tracking glasses" in texts(page)
    assert len(page.text_input) == 0
    press(page, "Find the things in the video")
    assert [each.value for each in page.error] == ["There is no video; bring one first."]


def test_every_click_is_on_the_disk_before_the_page_answers_and_can_be_taken_back(project: Path) -> None:
    page = opened()
    first = desk_of(page).queue[0]
    name(page, "  red\tcup ")
    assert on_disk(project) == {first: "red cup"}
    second = desk_of(page).queue[0]
    press(page, "Not of interest")
    assert on_disk(project) == {first: "red cup", second: ""}
    third = desk_of(page).queue[0]
    press(page, "red cup")
    press(page, "Undo")
    assert on_disk(project) == {first: "red cup", second: ""}
    press(page, "Skip")
    assert third not in desk_of(page).queue
    assert on_disk(project) == {first: "red cup", second: ""}


def test_rounds_tell_the_rest_and_what_was_looked_at(project: Path) -> None:
    page = opened()
    assert "as soon as two names are given" in texts(page)
    answer(page, ROUND)
    desk = desk_of(page)
    assert desk.fresh == 0
    assert [str(each) for each in desk.prediction.names] == [annotated.colour_of(box) for box in range(36)]
    share = float((desk.prediction.probabilities.max(1) >= SURE).mean())
    assert [each.value for each in page.metric] == ["5", "–", percent(share)]
    assert share > 0.5
    assert "12 things" in texts(page)
    assert "3 fixations, 3 of them on something that has a name." in texts(page)
    dwell = page.table[0].value
    assert set(dwell["Thing"]) == set(annotated.COLOURS)
    assert set(dwell["Fixations"]) == {"1"}
    assert downloads(page) == [*("Fixations, CSV", "Areas, CSV", "Objects, JSON", "Data set, ZIP")]


@pytest.mark.slow
def test_the_next_round_can_be_had_at_once(project: Path) -> None:
    page = opened()
    answer(page, 3)
    assert not desk_of(page).can_tell
    press(page, "Learn now")
    assert desk_of(page).can_tell
    answer(page, 1)
    assert "The next round is after 4 more labels." in texts(page)
    assert page.metric[1].value == f"{desk_of(page).hits} of 1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "said"),
    [("", "A new name is empty; write one."), ("x" * 200, "cannot be one; write at most 100 letters")],
    ids=["empty", "long"],
)
def test_a_name_that_is_none_is_told_in_one_sentence(project: Path, word: str, said: str) -> None:
    page = opened()
    name(page, word)
    assert [said in each.value for each in page.error] == [True]
    assert on_disk(project) == {}
    answer(page, 1)
    assert not page.error


@pytest.mark.slow
def test_a_project_that_another_program_holds_is_told(project: Path) -> None:
    with Project.open(project):
        page = AppTest.from_file(PAGE, default_timeout=30).run()
        page.button(key="annotate-open-0").click().run()
        assert not page.exception
        assert ["another program writes into this project" in each.value for each in page.error] == [True]
        assert str(project.parent) not in texts(page)
    page.button(key="annotate-open-0").click().run()
    assert next(each.value for each in page.header) == "What is this?"


@pytest.mark.slow
def test_two_windows_label_one_project_and_closing_it_lets_others_write(project: Path) -> None:
    one, other = opened(), opened()
    assert desk_of(one) is desk_of(other)
    answer(one, 1)
    other.run()
    answer(other, 1)
    assert len(on_disk(project)) == 2
    one.button(key="annotate-close").click().run()
    assert "Bring the video of eye-tracking glasses" in texts(one)
    with Project.open(project) as again:
        assert len(again.labels) == 2
    other.run()
    assert not other.exception
    answer(other, 1)
    assert len(on_disk(project)) == 3


@pytest.mark.slow
def test_the_address_of_the_page_finds_the_project_again(project: Path) -> None:
    first = opened()
    assert first.query_params["project"] == "shop"
    again = AppTest.from_file(PAGE, default_timeout=30)
    again.query_params["project"] = "shop"
    again.run()
    assert desk_of(again) is desk_of(first)
    for address in ("../shop", str(project), "none"):
        stranger = AppTest.from_file(PAGE, default_timeout=30)
        stranger.query_params["project"] = address
        stranger.run()
        assert "Bring the video of eye-tracking glasses" in texts(stranger)


@pytest.mark.slow
def test_a_damaged_frame_is_told_and_the_rest_goes_on(project: Path) -> None:
    for path in (project / "frames").glob("*.jpg"):
        path.write_bytes(b"\xff\xd8 no picture")
    page = opened()
    assert len(page.error) == 1
    assert str(project.parent) not in page.error[0].value
    name(page, "cup")
    assert len(on_disk(project)) == 1


@pytest.mark.parametrize(
    ("seconds", "begin", "words"),
    [
        (4.0, 0.0, "of 400 samples 159 after its end are not of the video and are left out."),
        (2.0, 50.0, "change under “Gaze” how many seconds are added to its clock. Labels and boxes are there"),
    ],
    ids=["longer than the video", "clocks that do not meet"],
)
def test_gaze_that_does_not_fit_is_told_and_boxes_can_be_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, begin: float, words: str
) -> None:
    folder = annotated.write(tmp_path / "shop", gaze=annotated.gaze(tmp_path / "gaze.csv", seconds, begin))
    monkeypatch.setattr("sys.argv", ["server.py", *flags([folder])])
    page = opened()
    assert words.replace("_", r"\_") in texts(page)
    assert "--" not in texts(page)
    assert str(tmp_path) not in texts(page)
    answer(page, ROUND)
    if begin:
        assert "Its gaze cannot be used; the notes say why." in texts(page)
        page.number_input(key="annotate-gaze-offset").set_value(-begin)
        press(page, "Read it so")
        assert "3 fixations, 3 of them" in texts(page)
        assert "do not meet" not in texts(page)


@pytest.mark.slow
def test_a_project_without_gaze_says_so_and_takes_some_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = annotated.write(tmp_path / "shop")
    monkeypatch.setattr("sys.argv", ["server.py", *flags([folder])])
    page = opened()
    answer(page, ROUND)
    assert "This project has no gaze." in texts(page)
    assert downloads(page) == ["Objects, JSON"]
    gaze = annotated.gaze(tmp_path / "gaze.csv")
    page.file_uploader(key="annotate-gaze-other-0").upload("gaze.csv", gaze.read_bytes(), "text/csv").run()
    assert not page.exception
    assert "3 fixations, 3 of them" in texts(page)
    assert (folder / "gaze" / "recording" / "gaze.csv").is_file()
    page.file_uploader(key="annotate-gaze-other-1").upload("notes.csv", b"milk,bread\n1,2\n", "text/csv").run()
    assert not page.exception
    assert "notes.csv" in texts(page)
