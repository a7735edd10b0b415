"""An open project that is labelled: what waits to be asked, rounds, names, and the files of the results."""

import csv
import gc
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotation.fixated import Fixated
from annotation.project import Project
from app.web.annotate import desk as desks
from app.web.annotate.desk import ROUND, Desk, open_desk
from app.web.annotate.drawing import CROP, FRAME, drawn_crop, drawn_frame
from app.web.annotate.looked import content, data_set, spans
from app.web.annotate.named import flags, named
from data import picture
from data.errors import GazeError
from data.table.validate import check_table
from tests import annotated


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A project with gaze, open."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = annotated.write(tmp_path / "shop", gaze=annotated.gaze(tmp_path / "gaze.csv"))
    yield open_desk(folder)
    desks.close_all()


def answer(desk: Desk, count: int) -> None:
    """Answer questions rightly, and run the rounds that are due."""
    for _ in range(count):
        desk.label(desk.queue[0], annotated.colour_of(desk.queue[0]))
        if desk.is_due:
            desk.learn()


def test_a_round_is_due_after_some_labels_or_when_nothing_is_left_to_ask(desk: Desk) -> None:
    assert len(set(desk.queue)) == ROUND
    for number, box in enumerate(list(desk.queue)):
        assert not desk.is_due, number
        desk.label(box, "thing")
    assert desk.is_due
    desk.learn()
    assert not desk.can_tell  # one name alone
    assert (np.isnan(desk.sure), desk.guess(0), desk.guesses) == (True, None, [])
    desk.label(desk.queue[0], "")
    desk.learn()
    assert desk.can_tell
    assert 0 <= desk.sure <= 1


def test_what_is_skipped_is_not_asked_again_and_all_that_is_left_is(desk: Desk) -> None:
    seen: list[int] = []
    while desk.queue:
        seen.append(desk.queue[0])
        desk.skip(desk.queue[0])
    assert len(seen) == len(set(seen))
    assert {int(desk.project.boxes.track[box]) for box in seen} == set(range(6))
    assert not desk.is_due
    assert desk.labels == {}


def test_an_undone_label_is_asked_again_first(desk: Desk) -> None:
    box = desk.queue[0]
    desk.label(box, "cup")
    desk.undo()
    assert (desk.queue[0], desk.labels) == (box, {})
    with pytest.raises(GazeError, match="There is no click"):
        desk.undo()


def test_guesses_are_held_against_the_labels_that_follow(desk: Desk) -> None:
    answer(desk, ROUND)
    assert desk.guesses == []
    answer(desk, 2)
    assert (desk.hits, len(desk.guesses)) == (2, 2)
    box = desk.queue[0]
    desk.label(box, "a name that nobody can guess")
    assert (desk.hits, desk.guesses[-1]) == (2, (box, False))
    desk.label(box, annotated.colour_of(box))  # a thing that has a label is not guessed
    assert len(desk.guesses) == 3
    desk.undo()
    desk.undo()
    assert (desk.hits, len(desk.guesses)) == (2, 2)


def test_classes_are_renamed_and_merged_and_keep_their_places(desk: Desk) -> None:
    answer(desk, ROUND)
    first, second, third = desk.classes
    desk.rename(first, "crimson")
    assert desk.is_due
    desk.learn()
    assert desk.classes == [second, third, "crimson"]
    desk.rename(third, second)
    assert set(desk.labels.values()) == {second, "crimson"}
    desk.undo()
    assert desk.is_due
    desk.learn()
    assert set(desk.prediction.classes) == {second, third, "crimson"}
    with Project.open(desk.project.folder, writes=False) as again:
        assert again.labels == desk.labels


def test_what_a_class_holds_can_be_checked(desk: Desk) -> None:
    answer(desk, ROUND)
    desk.check("green")
    checked = desk.queue[0]
    assert (annotated.colour_of(checked), checked in desk.labels) == ("green", False)
    before = list(desk.queue)
    desk.check("nothing of this name")
    assert desk.queue == before


def test_examples_are_the_labelled_ones_and_then_the_surest_one_a_track(desk: Desk) -> None:
    answer(desk, ROUND)
    for name in annotated.COLOURS:
        found = desk.examples(name, 4)
        labelled = [box for box, each in desk.labels.items() if each == name]
        assert set(labelled) <= set(found)
        assert {annotated.colour_of(box) for box in found} == {name}
        assert len(found) == len(set(found))


def test_what_comes_down_is_what_was_looked_at(desk: Desk, tmp_path: Path) -> None:
    answer(desk, ROUND)
    rows = list(csv.DictReader(content(desk, "fixations.csv").decode().splitlines()))
    assert [row["object"] for row in rows] == ["red", "green", "blue"]
    areas = list(csv.DictReader(content(desk, "areas.csv").decode().splitlines()))
    assert {row["object"]: row["visits"] for row in areas} == dict.fromkeys(annotated.COLOURS, "1")
    assert len(json.loads(content(desk, "objects.json"))["annotations"]) == 36
    with zipfile.ZipFile(io.BytesIO(data_set(desk))) as archive:
        archive.extractall(tmp_path / "got")
    assert check_table(tmp_path / "got" / "set") == []
    (private,) = tmp_path.glob("gaze-annotate-*")
    assert private.stat().st_mode & 0o777 == 0o700
    answer(desk, ROUND)
    assert not private.exists()  # gone with its round


def test_a_full_disk_is_told_and_the_click_does_not_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *arguments: object) -> object:
        raise OSError(28, "No space left on device")

    before = list(desk.queue)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", full)
        with pytest.raises(GazeError, match="cannot be saved") as told:
            desk.label(desk.queue[0], "cup")
    assert desk.told(str(told.value)).startswith("clicks.jsonl: the click cannot be saved (No space left on device)")
    assert (desk.labels, desk.queue, desk.fresh) == ({}, before, 0)


@pytest.mark.slow
def test_a_desk_that_nobody_keeps_lets_others_write(tmp_path: Path) -> None:
    folder = annotated.write(tmp_path / "shop")
    kept = open_desk(folder)
    assert open_desk(folder) is kept
    with pytest.raises(GazeError, match="another program writes"):
        Project.open(folder)
    del kept
    gc.collect()
    Project.open(folder).close()


def test_a_thing_is_drawn_outlined_in_its_frame_and_alone() -> None:
    pixels = np.full((1000, 2000, 3), 200, np.uint8)
    pixels[100:200, 1900:2000] = (0, 0, 255)
    shown = picture.read(drawn_frame(pixels, np.array([1900.0, 100.0, 100.0, 100.0])), "frame")
    assert shown.shape == (FRAME // 2, FRAME, 3)
    assert shown[400, 100].max() < 150  # dim around it
    assert shown[72, 936, 2] > 200
    assert picture.read(drawn_crop(pixels[100:200, 1980:2000]), "crop").shape == (CROP, CROP // 5, 3)


def test_looks_that_follow_each_other_closely_are_one_span() -> None:
    looks = [("cup", 0.0, 0.2), ("cup", 0.3, 0.2), ("", 0.6, 0.1), ("cup", 2.0, 0.5), ("tea", 2.6, 0.1)]
    fixations = [Fixated(onset, lasts, (0, 0), 0, 0 if name else -1, name, 1.0) for name, onset, lasts in looks]
    assert spans(fixations) == [("cup", 0.0, 0.5), ("cup", 2.0, 2.5), ("tea", 2.6, 2.7)]


def test_only_folders_that_were_named_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["server.py", "--verbose", *flags([Path("a/shop"), Path("b/shop"), Path("a/shop")])]
    )
    assert named() == {"shop": tmp_path / "a" / "shop", "shop (2)": tmp_path / "b" / "shop"}
