"""Projects that visitors bring: made in the background, taken home and brought again, and never of another's files."""

import gc
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from annotation import finders
from annotation.record import ProjectRecord
from app.web import widgets
from app.web.annotate import archive, bring, desk, shelf
from app.web.annotate.maker import Maker, Recipe
from app.web.annotate.words import INSTEAD, plainly
from data.archives.writing import streamed
from data.errors import GazeError
from data.gaze import Objects
from tests import annotated, videos

PAGE = Path(widgets.__file__).with_name("pages") / "annotate.py"
ANNOTATION = Path(finders.__file__).parent


class Finder:
    """Finds a square wherever it is asked, one after another, and slowly where `pause` says so."""

    pause = 0.0

    def __init__(self, *arguments: object, **options: object) -> None:
        del arguments, options

    def __call__(self, time_s: float, pixels: np.ndarray) -> tuple[Objects, np.ndarray]:
        time.sleep(self.pause)
        corners = np.array([[2.0, 2, 12, 12], [30, 20, 14, 14]])
        return Objects(corners, ("object",) * 2), np.eye(2, 6, dtype=np.float32)


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where private folders lie; nothing stays in it."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("sys.argv", ["server.py"])
    monkeypatch.setattr(finders, "Finder", Finder)
    yield folder
    shelf.close_all()
    if any(folder.iterdir()):
        gc.collect()  # what a session brought goes with it
    assert list(folder.iterdir()) == []


def recipe(root: Path, gaze: Path | None = None, frames: int = 12) -> Recipe:
    return Recipe(videos.write(root / "walk.mp4", frames), gaze, 5.0, 0.0, finders.FOUND, "none")


def wait(maker: Maker | None) -> str:
    assert maker is not None
    maker.wait(30)
    return maker.progress.state


def test_a_project_is_made_in_the_background_and_its_video_goes_then() -> None:
    root = shelf.private_folder()
    kept = shelf.make("walk", root, recipe(root))
    assert wait(kept.maker) == "done"
    assert kept.is_ready
    assert not (root / "walk.mp4").exists()
    opened = kept.desk()
    assert (len(opened.project.frames), len(opened.project.boxes)) == (6, 12)
    opened.label(opened.queue[0], "cup")
    assert shelf.find(kept.token) is kept
    assert shelf.find("") is None
    shelf.remove(kept)
    assert not root.exists()
    assert opened.closed


def test_it_is_stopped_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finder, "pause", 0.05)
    root = shelf.private_folder()
    kept = shelf.make("walk", root, recipe(root, frames=200))
    assert kept.maker is not None
    until = time.monotonic() + 20
    while not kept.maker.progress.done and time.monotonic() < until:
        time.sleep(0.01)
    assert kept.maker.progress.busy
    kept.maker.stop()
    assert wait(kept.maker) == "stopped"
    assert 0 < kept.maker.progress.done < 100
    assert (root / "walk.mp4").exists()
    monkeypatch.setattr(Finder, "pause", 0.0)
    kept.maker.start()
    assert wait(kept.maker) == "done"
    assert len(kept.desk().project.frames) == 100


@pytest.mark.parametrize(
    ("content", "objects", "words"),
    [
        (b"no video at all", "found", "walk.mp4"),
        (b"", "found", "walk.mp4"),
        (None, "boxes.csv", "boxes.csv"),
    ],
    ids=["text", "empty", "no such boxes"],
)
def test_what_cannot_be_looked_through_ends_in_one_sentence(content: bytes | None, objects: str, words: str) -> None:
    root = shelf.private_folder()
    video = root / "walk.mp4"
    if content is None:
        videos.write(video, 4)
    else:
        video.write_bytes(content)
    kept = shelf.make("walk", root, Recipe(video, None, 5.0, 0.0, objects, "none"))
    assert wait(kept.maker) == "failed"
    assert kept.maker is not None
    assert kept.maker.problem.startswith(words)
    assert str(root) not in kept.maker.problem
    assert "report this" not in kept.maker.problem


def test_a_full_shelf_is_told_and_old_projects_make_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shelf, "MOST", 1)
    packed = zipped(tmp_path)
    first = shelf.unpack("one.zip", packed)
    with pytest.raises(GazeError, match="There is no room for two: the app keeps 1 projects at a time"):
        shelf.unpack("two.zip", packed)
    first.seen -= shelf.KEPT + 1
    second = shelf.unpack("two.zip", packed)
    assert (shelf.find(first.token), shelf.find(second.token)) == (None, second)
    assert not first.root.exists()


def zipped(tmp_path: Path, **gaze: Any) -> bytes:
    """A project with two labels as it comes down."""
    if not (tmp_path / "shop").exists():
        annotated.write(tmp_path / "shop", gaze=annotated.gaze(tmp_path / "gaze.csv", **gaze))
    opened = desk.open_desk(tmp_path / "shop")
    opened.label(0, "red")
    opened.label(1, "green")
    content = b"".join(streamed(archive.files(opened)))
    opened.close()
    return content


def changed(content: bytes, **files: bytes) -> bytes:
    """A zip with some files in the place of others."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            if name not in files:
                target.writestr(name, source.read(name))
        for name, each in files.items():
            target.writestr(name, each)
    return made.getvalue()


def test_a_project_is_taken_home_and_brought_again_with_its_labels_and_gaze(tmp_path: Path) -> None:
    content = zipped(tmp_path)
    assert str(tmp_path).encode() not in content
    kept = shelf.unpack("shop.zip", content)
    opened = kept.desk()
    assert opened.labels == {0: "red", 1: "green"}
    assert opened.project.recording is not None
    opened.label(2, "blue")
    again = b"".join(streamed(archive.files(opened)))
    shelf.remove(kept)
    assert shelf.unpack("shop.zip", again).desk().labels == {0: "red", 1: "green", 2: "blue"}


def test_a_zip_comes_down_under_an_address_that_ends_with_the_project(tmp_path: Path) -> None:
    kept = shelf.unpack("shop.zip", zipped(tmp_path))
    opened = kept.desk()
    client = TestClient(Starlette(routes=[archive.ROUTE]))
    address = archive.address(opened)
    assert archive.address(opened) == address
    answer = client.get(f"/{address}")
    assert answer.status_code == 200
    assert "clicks.jsonl" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert client.get(f"/{archive.ADDRESS}/none/project.zip").status_code == 404


def test_a_zip_that_names_files_of_this_machine_reads_none_of_them(tmp_path: Path) -> None:
    content = zipped(tmp_path)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        about = json.loads(source.read("project.json"))
    secret = annotated.gaze(tmp_path / "secret.csv")
    about["gaze"] = {"path": str(secret), "offset_s": 0.0}
    about["video"]["path"] = str(secret)
    evil = changed(content, **{"project.json": json.dumps(about).encode(), "gaze/gaze.csv": b"time_ms,x,y\n0,1,1\n"})
    opened = shelf.unpack("evil.zip", evil).desk()
    about_now = ProjectRecord.read(opened.project.folder)
    assert about_now.gaze is not None
    assert Path(about_now.gaze.path).is_relative_to(opened.project.folder)
    assert about_now.video.path == "secret.csv"
    without = changed(evil, **{"gaze/gaze.csv": b""})
    with zipfile.ZipFile(io.BytesIO(without)) as source:
        kept_names = [name for name in source.namelist() if not name.startswith("gaze/")]
        bare = io.BytesIO()
        with zipfile.ZipFile(bare, "w") as target:
            for name in kept_names:
                target.writestr(name, source.read(name))
    assert shelf.unpack("bare.zip", bare.getvalue()).desk().project.recording is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"project.json": b"{"}, "project.json: damaged"),
        ({"boxes.npz": b"none"}, "boxes.npz: damaged"),
        ({"../../out.txt": b"1"}, None),
        ({"clicks.jsonl": b'{"label": 99999, "class": "x"}\nnonsense\n'}, None),
    ],
    ids=["record", "boxes", "a name that leads out", "clicks"],
)
def test_a_damaged_zip_ends_in_an_answer_or_in_one_sentence(
    files: dict[str, bytes], words: str | None, tmp_path: Path, private: Path
) -> None:
    content = changed(zipped(tmp_path), **files)
    if words is None:
        opened = shelf.unpack("shop.zip", content).desk()
        assert len(opened.notes) >= 1
        assert not (private.parent / "out.txt").exists()
        return
    with pytest.raises(GazeError, match=words) as told:
        shelf.unpack("shop.zip", content)
    assert str(private) not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"PK\5\6" + bytes(18)], ids=["nothing", "no zip", "empty zip"])
def test_what_is_no_project_is_told(content: bytes) -> None:
    with pytest.raises(GazeError) as told:
        shelf.unpack("shop.zip", content)
    assert str(told.value).startswith("shop.zip")


def test_every_hint_for_commands_has_words_for_the_page() -> None:
    import ast

    told: list[str] = []
    for path in ANNOTATION.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                told.append(node.value)
    hints = [text for text in told if "--" in text]
    assert hints
    assert [text for text in hints if "--" in plainly(text, Path("/none"))] == []
    assert all(any(each in text for text in told) for each, _ in INSTEAD)


@pytest.mark.slow
def test_a_video_and_its_gaze_are_brought_looked_through_and_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring, "finder_model", lambda: "none")
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    rows = ["time_ms,x,y", *(f"{10 * n},{8 if n < 60 else 36},{8 if n < 60 else 26}" for n in range(120))]
    page.file_uploader(key="annotate-gaze-0").upload("gaze.csv", "\n".join(rows).encode(), "text/csv")
    video = videos.write(tmp_path / "walk.mp4", 12).read_bytes()
    page.file_uploader(key="annotate-video-0").upload("walk.mp4", video, "video/mp4")
    page.run()
    assert ":material/check: walk.mp4" in "\n".join(each.value for each in page.markdown)
    page.button(key="annotate-start").click().run()
    assert not page.exception
    kept = page.session_state["annotate"].kept
    assert wait(kept.maker) == "done"
    page.run()
    assert not page.exception
    opened = kept.desk()
    for _ in range(2):
        word = ("left", "right")[opened.queue[0] % 2]
        page.text_input(key="annotate-new-name").set_value(word)
        page.button[[button.label for button in page.button].index("Name it")].click().run()
    page.button(key="annotate-learn").click().run()
    assert not page.exception
    assert {fixation.name for fixation in opened.results().fixations or ()} == {"left", "right"}
    page.button(key="annotate-remove").click().run()
    assert not kept.root.exists()
    assert "Bring the video" in "\n".join(each.value for each in page.markdown)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        (None, "walk.mp4", "No model that finds things is installed"),
        ("none", "walk.png", "walk.png: not a video that is known here"),
    ],
    ids=["no model", "no video"],
)
def test_what_is_lacking_is_told_in_one_sentence(
    model: str | None, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring, "finder_model", lambda: model)
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    page.file_uploader(key="annotate-video-0").upload(name, b"1", "video/mp4").run()
    if model is None:
        page.button(key="annotate-start").click().run()
    assert not page.exception
    assert [each.value.startswith(words) for each in page.error] == [True]


def test_no_thread_goes_on_when_the_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finder, "pause", 0.02)
    root = shelf.private_folder()
    shelf.make("walk", root, recipe(root, frames=100))
    shelf.close_all()
    assert not [thread for thread in threading.enumerate() if thread.name == "gaze-annotate"]
    assert not root.exists()
