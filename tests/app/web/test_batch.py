"""Many pictures at once: jobs in the background, what is kept, tables, archives, and each control of the page."""

import csv
import gc
import io
import json
import os
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from app.web import widgets
from app.web.batch import areas as batch_areas
from app.web.batch import download, job, result, source
from app.web.batch.job import Job
from app.web.batch.report import batch_report
from app.web.batch.result import Recipe
from app.web.batch.session import SLOT
from app.web.batch.table import table
from app.web.gate import MOST_FILES
from app.web.pages import batch as batch_page
from app.web.workspace import Workspace
from data import areas as aois
from data import picture as pictures
from data.areas import rectangle
from export.runtime.saliency import Predictor

PAGE = Path(batch_page.__file__)


def spot(x: int, y: int, width: int = 60, height: int = 40) -> bytes:
    """A black picture with a bright spot."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y - 2 : y + 2, x - 3 : x + 3] = 255
    return pictures.encode(pixels)


def packed(*files: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in files:
            made.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def recipe(models: Path) -> Recipe:
    return Recipe(Predictor(models / "toy.onnx", look=None), "any", 0.65, "plasma")


@pytest.fixture
def new_job() -> Iterator[Callable[..., Job]]:
    """Makes jobs, which are closed at the end."""
    made: list[Job] = []

    def make(is_alive: Callable[[], bool] = lambda: True) -> Job:
        made.append(Job(is_alive))
        return made[-1]

    yield make
    for each in made:
        each.close()


def finished(work: Job, state: str = "done") -> Job:
    until = time.monotonic() + 20
    while work.progress.state != state:
        assert time.monotonic() < until, work.progress
        time.sleep(0.005)
    return work


def folder_of(work: Job) -> Path:
    assert work._folder is not None
    return work._folder


def test_pictures_and_archives_are_looked_at_and_each_broken_one_is_a_sentence(
    recipe: Recipe, new_job: Callable[..., Job]
) -> None:
    work = new_job()
    shop = packed(
        ("a/one.png", spot(20, 20)), ("a/../../up.png", b"x"), ("notes.txt", b"x"), ("one.png", b"no picture")
    )
    work.add([("one.png", spot(45, 10)), ("one.png", spot(10, 10)), ("shop.zip", shop), ("bad.zip", b"nothing")])
    assert work.progress.state == "ready"
    work.start(recipe)
    finished(work)
    assert [each.name for each in work.results] == ["one.png", "one (2).png", "shop.zip/a/one.png"]
    assert [each.stem for each in work.results] == ["one", "one (2)", "one (3)"]
    assert work.problems == [
        "shop.zip: 1 file (.txt) is no picture.",
        "bad.zip: this is not a zip archive; pack the files as .zip.",
        "shop.zip/a/../../up.png: its name leads out of the archive, so it is left out.",
        "shop.zip/one.png: this is not a picture that can be read; give one of JPEG, PNG, GIF, BMP, TIFF, WEBP, AVIF.",
    ]
    assert (work.progress.done, work.progress.total) == (5, 5)


def test_a_job_is_stopped_and_goes_on_and_takes_more(
    recipe: Recipe, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, gate = new_job(), threading.Semaphore(2)
    looked = result.look_at

    def slow(*arguments: object) -> result.Result:
        gate.acquire()
        return looked(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(source, "look_at", slow)
    work.add((f"{n}.png", spot(20, 20)) for n in range(4))
    work.start(recipe)
    until = time.monotonic() + 10
    while work.progress.done < 2:
        assert time.monotonic() < until
        time.sleep(0.005)
    assert work.progress.left_s is not None
    work.stop()
    gate.release()
    time.sleep(0.05)
    assert work.progress.state == "stopped"
    done = work.progress.done
    assert done in (2, 3)
    work.add([("more.png", spot(10, 10))])
    assert work.progress.state == "stopped"
    gate.release(10)
    work.start(Recipe(recipe.model, "any", 0.1, "turbo"))
    finished(work)
    assert len(work.results) == 5
    assert work.recipe is recipe  # so that all can be compared
    work.add([("last.png", spot(10, 10))])
    assert work.progress.state == "ready"


def test_no_more_jobs_run_than_there_are_cores(
    recipe: Recipe, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "SLOTS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(job.SLOTS, "_value", 0)  # another job runs
    work = new_job()
    work.add([("a.png", spot(20, 20))])
    work.start(recipe)
    time.sleep(0.05)
    assert work.progress.state == "waiting"
    assert "Waiting: other batches" in batch_page.told(work.progress)
    job.SLOTS.release()
    finished(work)


def test_a_job_ends_with_its_session_and_its_folder_with_it(
    recipe: Recipe, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "GONE", 0.05)
    monkeypatch.setattr(job, "PULSE", 0.02)
    alive = [True]
    work = new_job(lambda: alive[0])
    work.add([("a.png", spot(20, 20))])
    work.start(recipe)
    folder = folder_of(finished(work))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 or os.name == "nt"
    assert sorted(path.name for path in folder.iterdir()) == ["a.heat.jpg", "a.json", "a.seconds.jpg"]
    thread = work._thread
    assert thread is not None
    time.sleep(0.1)
    assert thread.is_alive()  # it waits for more
    alive[0] = False
    thread.join(5)
    assert not thread.is_alive()
    assert not folder.exists()
    assert work.results == []


@pytest.mark.slow
def test_a_job_that_nobody_holds_ends(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PULSE", 0.02)
    work = Job()
    work.add([("a.png", spot(20, 20))])
    work.start(recipe)
    folder, thread = folder_of(finished(work)), work._thread
    assert thread is not None
    del work
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
    assert not folder.exists()


def test_when_the_server_ends_no_folder_is_left(recipe: Recipe, new_job: Callable[..., Job]) -> None:
    work = new_job()
    work.add([("a.png", spot(20, 20))])
    work.start(recipe)
    folder = folder_of(finished(work))
    job.close_all()
    assert not folder.exists()


def test_how_much_a_job_takes_is_bounded_and_told(new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    work = new_job()
    work.add((f"{n}.png", b"x") for n in range(MOST_FILES + 2))
    assert work.progress.total == MOST_FILES
    assert len(work.problems) == 2
    assert work.problems[0].endswith(f"left out, as a batch has {MOST_FILES} pictures at most.")
    monkeypatch.setattr(job, "MOST_BYTES", 10)
    small = new_job()
    small.add([("a.png", b"x" * 8), ("b.png", b"x" * 8)])
    assert small.progress.total == 1
    assert small.problems == ["b.png: is left out, as 0 MB wait at most; bring it when others are done."]


def test_a_full_disk_costs_the_files_and_not_the_result(
    recipe: Recipe, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MOST_DISK", 1)
    work = new_job()
    work.add([("a.png", spot(20, 20)), ("b.png", spot(20, 20)), ("c.png", spot(20, 20))])
    work.start(recipe)
    finished(work)
    assert [len(each.files) for each in work.results] == [3, 0, 0]
    assert work.problems == ["The archive has the files of 1 pictures and no more, as there is no room for others."]


def test_what_is_kept_of_a_picture_is_small_and_gives_shares_of_areas(recipe: Recipe) -> None:
    rng = np.random.default_rng(0)
    noisy = pictures.encode(rng.integers(0, 256, (700, 900, 3), dtype=np.uint8), ".jpg")
    kept = result.look_at(recipe, "a.jpg", "a", noisy, None)
    assert len(kept.thumbnail) + len(kept.icon) + kept.cells.nbytes < 130_000  # noise; photographs have a third
    assert max(kept.cells.shape) <= result.CELLS
    bright = result.look_at(recipe, "b.png", "b", spot(45, 10), None)
    shares = bright.shares([rectangle("spot", (40, 6, 10, 8)), rectangle("rest", (0, 20, 60, 20))])
    assert shares["spot"] > 0.8
    assert shares["rest"] < 0.1
    assert bright.shares([rectangle("all", (0, 0, 60, 40))])["all"] == pytest.approx(1)


@pytest.fixture
def three(recipe: Recipe) -> list[result.Result]:
    made = [("left.png", spot(15, 10)), ("right.png", spot(45, 10)), ("wide.png", spot(45, 10, 80))]
    return [result.look_at(recipe, name, name[:-4], content, None) for name, content in made]


def test_the_table_ranks_pictures_by_any_column(three: list[result.Result]) -> None:
    drawn = batch_areas.drawn((rectangle("=right", (30, 0, 30, 40)), rectangle("Focus", (0, 0, 30, 40))), (60, 40))
    made = table(three, drawn)
    assert made.columns == ["Focus", "Clarity", "=right", "Focus (area)"]
    assert made.extremes("=right") == ([0], [1])
    assert made.extremes("Focus (area)") == ([1], [0])
    rows = list(csv.DictReader(io.StringIO(made.csv())))
    assert rows[2]["share_percent: =right"] == ""
    assert float(rows[1]["share_percent: =right"]) > 90
    assert rows[0]["picture"] == "left.png"


def test_areas_come_from_a_file_by_the_name_of_the_picture(three: list[result.Result]) -> None:
    one = json.loads(aois.to_coco("left.png", 60, 40, [rectangle("logo", (0, 0, 30, 40))]))
    lone = aois.read_coco(json.dumps(one).encode(), "areas.json", print)
    assert [set(each) for each in batch_areas.listed(lone).shares(three)] == [{"logo"}, {"logo"}, set()]
    one["images"].append({"id": 2, "file_name": "wide.png", "width": 80, "height": 40})
    one["annotations"].append(
        {"id": 9, "image_id": 2, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}
    )
    both = aois.read_coco(json.dumps(one).encode(), "areas.json", print)
    assert [set(each) for each in batch_areas.listed(both).shares(three)] == [{"logo"}, set(), {"logo"}]


def test_the_report_of_a_batch_has_all_pictures_and_escapes_names(recipe: Recipe, three: list[result.Result]) -> None:
    made = table(three, batch_areas.drawn((rectangle("<b>logo", (0, 0, 30, 40)),), (60, 40)))
    page = batch_report(made, recipe, ["<i>bad.png: is broken."])
    for text in ("left.png", "right.png", "wide.png", "Lowest: focus", "&lt;b&gt;logo", "&lt;i&gt;bad.png: is broken."):
        assert text in page
    assert "<b>logo" not in page
    assert page.count("<img") >= 6


@pytest.mark.slow
def test_the_archive_comes_in_pieces_and_only_for_its_token(recipe: Recipe, new_job: Callable[..., Job]) -> None:
    work = new_job()
    work.add([("a.png", spot(20, 20)), ("../b.png", spot(20, 20)), ("A.png", spot(20, 20))])
    work.start(recipe)
    finished(work)
    offered = download.offer(work, [("table.csv", b"picture\n")])
    client = TestClient(Starlette(routes=[download.ROUTE]))
    answer = client.get(f"/{download.address(work)}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="batch.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        assert made.testzip() is None
        names = made.namelist()
    stems = ["a", "b", "A (2)"]
    assert names == ["table.csv", *(f"{stem}{end}" for stem in stems for end in (".heat.jpg", ".json", ".seconds.jpg"))]
    assert client.get(f"/{download.ADDRESS}/x/batch.zip").status_code == 404
    assert client.post(f"/{download.address(work)}").status_code == 405
    del offered
    gc.collect()
    assert client.get(f"/{download.address(work)}").status_code == 404


def opened() -> AppTest:
    return AppTest.from_file(PAGE, default_timeout=30).run()


def uploaded(shown: AppTest, *files: tuple[str, bytes], key: str = "batch-upload-0") -> AppTest:
    for name, content in files:
        shown.file_uploader(key=key).upload(name, content, "image/png")
    shown.run()
    finished(shown.session_state[SLOT].job)
    return shown.run()


@pytest.fixture
def page(models: Path) -> Iterator[AppTest]:
    shown = opened()
    yield shown
    assert not shown.exception
    shown.session_state[SLOT].job.close()


@pytest.mark.slow
def test_the_page_shows_a_table_the_extremes_and_what_was_broken(page: AppTest) -> None:
    files = [(f"{n}_*.png", spot(10 + 5 * n, 10)) for n in range(4)]
    shown = uploaded(page, *files, ("broken.png", files[0][1][:60]))
    assert shown.title[0].value == "Many pictures at once"
    assert shown.header[0].value == "4 pictures"
    assert list(shown.dataframe[0].value.columns[:2]) == ["Picture", "Name"]
    assert list(shown.dataframe[0].value["Name"]) == [name for name, _ in files]
    assert "broken.png: the picture is damaged" in shown.markdown[-1].value
    assert "accept-damaged" not in shown.markdown[-1].value
    assert [each.label for each in shown.expander] == ["1 file could not be used"]
    assert {each.label for each in shown.get("download_button") if isinstance(each, Element)} == {
        "Table (CSV)",
        "Report (HTML)",
    }
    shown.selectbox(key="batch-by").select("Clarity").run()
    assert "**Lowest clarity**" in [each.value for each in shown.markdown]


def test_the_page_measures_areas_of_the_current_picture_and_of_a_file(page: AppTest) -> None:
    uploaded(page, ("a.png", spot(45, 10)), ("b.png", spot(10, 10)), ("c.png", spot(10, 10, 80)))
    page.session_state["workspace"] = kept = Workspace()
    kept.set_areas(kept.add("x.png", spot(45, 10)).key, [rectangle("right", (30, 0, 30, 40))])
    page.run()
    page.selectbox(key="batch-areas").select(batch_page.DRAWN).run()
    shares = page.dataframe[0].value["share 2"]
    assert shares[0] > 90
    assert shares[1] < 10
    assert np.isnan(shares[2])
    assert "1 of them have no areas" in next(each.value for each in page.markdown if "of them" in each.value)
    page.selectbox(key="batch-by").select("right").run()
    page.selectbox(key="batch-areas").select(batch_page.LISTED).run()
    coco = aois.to_coco("b.png", 60, 40, [rectangle("logo", (0, 0, 30, 40))]).encode()
    page.file_uploader(key="batch-coco-0").upload("areas.json", coco, "application/json").run()
    assert page.dataframe[0].value["share 2"][1] > 90
    page.file_uploader(key="batch-coco-1").upload("areas.json", b"{", "application/json").run()
    assert any("areas.json" in each.value for each in page.markdown)


def test_a_batch_keeps_its_settings_and_is_cleared(page: AppTest) -> None:
    uploaded(page, ("a.png", spot(45, 10)))
    page.selectbox(key="palette").select("turbo").run()
    assert "goes on as it began" in page.info[0].value
    page.button(key="batch-clear").click().run()
    assert not page.header
    uploaded(page, ("b.png", spot(45, 10)), key="batch-upload-2")
    assert not page.info
    assert list(page.dataframe[0].value["Name"]) == ["b.png"]


@pytest.mark.slow
def test_without_a_model_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    shown = opened()
    assert not shown.exception
    assert "gaze export" in shown.info[0].value


def test_names_of_files_are_shown_as_they_are() -> None:
    assert widgets.plain("a*b.png") == r"a\*b.png"
