import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data.errors import TableError
from data.gaze import Objects, Picture, Scanpath
from data.picture import save
from data.table.read import read_table
from data.table.validate import check_table
from data.table.write import shutil, write_table

NONE = np.full(1, np.nan)


def scanpath(subject: str, target: str = "", memory_set: tuple[str, ...] = ()) -> Scanpath:
    return Scanpath(
        subject, np.array([[1.5, 2.0]]), NONE, NONE, "search" if target else "free", target, None, None, memory_set
    )


@pytest.fixture
def items(tmp_path: Path) -> list[tuple[Picture, tuple[Scanpath, ...]]]:
    found = []
    for number in range(4):
        path = tmp_path / "source" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        save(path, np.full((6, 8, 3), number, np.uint8))
        found.append((Picture(f"deep/{number}.png", 8, 6, path), (scanpath("s, 1"), scanpath('s "2"\n'))))
    return found


def test_a_search_after_free_viewing_gives_all_rows_its_columns(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path
) -> None:
    items[2] = (items[2][0], (scanpath("s3", "cup", ("cup", "key")),))
    write_table(tmp_path / "set", iter(items))
    back = list(read_table(tmp_path / "set"))
    assert [path.subject for _, paths in back for path in paths][:3] == ["s, 1", 's "2"\n', "s, 1"]
    assert [{path.task for path in paths} for _, paths in back] == [{"free"}, {"free"}, {"search"}, {"free"}]
    assert back[2][1][0].memory_set == ("cup", "key")
    assert sorted(os.listdir(tmp_path / "set")) == ["fixations.csv", "images", "trials.csv"]


def test_items_are_taken_one_by_one(items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path) -> None:
    seen = []

    def lazily() -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
        for picture, paths in items:
            seen.append(len(list((tmp_path / ".set.part").rglob("*.png"))))
            yield picture, paths

    write_table(tmp_path / "set", lazily())
    assert seen == [0, 1, 2, 3]


def test_a_run_that_was_stopped_goes_on_with_the_pictures_it_has(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
        yield from items[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "set", stopped(), keep=True)
    assert not (tmp_path / "set").exists()
    kept = tmp_path / ".set.part" / "images" / "deep"
    assert sorted(os.listdir(kept)) == ["0.png", "1.png", "2.png"]
    (kept / "1.png").write_bytes(b"half")  # as a crash leaves it
    (kept / "9.png").write_bytes(b"of another set")
    copied = []
    monkeypatch.setattr(shutil, "copyfileobj", lambda old, new: copied.append(new.write(old.read())))
    write_table(tmp_path / "set", iter(items), keep=True)
    assert len(copied) == 2
    for picture, _ in items:
        assert picture.path is not None
        assert (tmp_path / "set" / "images" / picture.name).read_bytes() == picture.path.read_bytes()
    assert sorted(os.listdir(tmp_path / "set" / "images" / "deep")) == ["0.png", "1.png", "2.png", "3.png"]
    assert len(list(read_table(tmp_path / "set"))) == 4
    assert check_table(tmp_path / "set") == []
    assert sorted(os.listdir(tmp_path)) == ["set", "source"]


def test_what_an_earlier_run_wrote_beside_the_rows_does_not_stay(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path
) -> None:
    twice = [*items, items[0]]
    with pytest.raises(TableError, match="is there twice"):
        write_table(tmp_path / "set", twice, {"train": []}, {}, keep=True)
    for name in ("splits.json", "objects.json", "trials.csv"):
        (tmp_path / ".set.part" / name).write_text("old")
    write_table(tmp_path / "set", items)
    assert sorted(os.listdir(tmp_path / "set")) == ["fixations.csv", "images"]


def test_without_keep_nothing_stays_of_a_run_that_failed(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path
) -> None:
    with pytest.raises(TableError, match="which is none of the pictures"):
        write_table(tmp_path / "set", items, objects={"z.png": Objects(np.zeros((1, 4)))})
    assert os.listdir(tmp_path) == ["source"]


def test_a_picture_that_vanished_is_told_in_one_sentence(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path
) -> None:
    (tmp_path / "source" / "2.png").unlink()
    with pytest.raises(
        TableError, match=r"2\.png: the picture cannot be read \(No such file or directory\); put it back"
    ):
        write_table(tmp_path / "set", items, keep=True)
    assert sorted(os.listdir(tmp_path)) == [".set.part", "source"]


def test_two_programs_do_not_write_one_set(items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path) -> None:
    def slowly() -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
        yield items[0]
        with pytest.raises(TableError, match=r"set\.part: another program is writing there; wait for it"):
            write_table(tmp_path / "set", items[2:])
        yield items[1]

    write_table(tmp_path / "set", slowly())
    assert [picture.name for picture, _ in read_table(tmp_path / "set")] == ["deep/0.png", "deep/1.png"]
    assert sorted(os.listdir(tmp_path)) == ["set", "source"]


def test_whatever_lies_in_the_stage_of_a_stopped_run_does_not_become_data(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path
) -> None:
    stage = tmp_path / ".set.part"
    (stage / "unpacked").mkdir(parents=True)
    for name in ("x.zip.part", "unpacked/z", ".fixations.csv.part"):
        (stage / name).write_text("half")
    write_table(tmp_path / "set", items, keep=True)
    assert sorted(os.listdir(tmp_path / "set")) == ["fixations.csv", "images"]


def test_the_folder_one_is_in_is_not_replaced(
    items: list[tuple[Picture, tuple[Scanpath, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(TableError, match="is the folder you are in; give a new folder"):
        write_table(".", items)
    write_table("../there", items)
    assert sorted(os.listdir(tmp_path)) == ["here", "source", "there"]
