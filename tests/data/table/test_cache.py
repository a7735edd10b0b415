"""What is read through the cache is what a plain reader gives, whatever happens to the cache or to the table."""

import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import TableError
from data.synthetic import scenes as synthetic_scenes
from data.table import cache, cells, fixation_array, parquet, schema
from data.table.fixation_array import load
from data.table.read import read_table, scanpaths
from data.table.validate import check_table
from data.table.write import write_table
from saliency import datamodule
from saliency.datamodule import GazeData
from tests.bench import large_table
from tests.damage import scrambled
from tests.data.table import strict_table
from tests.table_toy import HEADER, SEARCH, plain

ROWS = ["a.png,s1,0,5,6,200,100", "a.png,s1,1,7.5,8,150,350", "b.png,s1,0,1,2,300,120", "b.png,s2,0,1,2,,"]
Items = list[tuple[Any, tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is large, and everything is done in small pieces."""
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1)
    monkeypatch.setattr(cache, "BATCH", 3)
    monkeypatch.setattr(cells, "BLOCK", 256)
    monkeypatch.setattr(parquet, "MOST", 4)
    monkeypatch.setattr(parquet, "GROUP", 5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for name in ("a.png", "b.png", "ü,.png"):
        Image.new("RGB", (20, 10), "red").save(folder / "images" / name)
    lines(folder, *ROWS)
    return folder


def lines(root: Path, *rows: str, header: str = HEADER) -> None:
    (root / "fixations.csv").write_text("\n".join((header, *rows)) + "\n", "utf-8")


def strictly(root: Path) -> tuple[Any, str]:
    """What reading row by row gives or says."""
    return attempt(root, strict_table.read)


def attempt(root: Path, read: Callable[[Path], Any] = read_table) -> tuple[Any, str]:
    try:
        return plain(read(root)), ""
    except TableError as error:
        return None, str(error)


def kept(root: Path) -> list[str]:
    folder = root / ".gaze"
    return sorted(path.suffix for path in folder.iterdir()) if folder.exists() else []


def indexed(root: Path) -> bool:
    """Whether the table is sound and has a Parquet file."""
    return cache.rows(root / "fixations.csv") is not None


SOUND = {
    "plain": (HEADER, ROWS),
    "in any order": (HEADER, [*ROWS[::-1], "a.png,s2,0,1,2,3,4", "ü.png,s1,0,1,2,3,4", "a.png,s1,2,1,2,3,4"]),
    "numbered anew": (HEADER, ["a.png,s1,2,3,0,1,", "a.png,s1,10,4,0,1,", "a.png,s1,0,1,0,1,", "a.png,s1,0,9,0,1,"]),
    "searched": (
        SEARCH,
        [
            "a.png,s1,0,1,1,,,search,cup,3,4,5,6,1",
            "a.png,s1,0,2,2,,,,key,,,,,0",
            "a.png,s1,1,3,3,,,search,cup,3,4,5,6,TRUE",
            "b.png,s1,0,2,2,,,,,,,,,",
            "b.png,s1,1,2,2,,,,,1,,,,false",
        ],
    ),
    "a box in part": (f"{HEADER},target_x", [f"{row},9" for row in ROWS]),
    "other columns": (f"note,{HEADER}, note,1", [f"x,{row},y,z" for row in ROWS]),
    "numbers": (HEADER, ["a.png,s,0, 1 ,+2.50,1e2,-0", "a.png,s,1.0,.1,0.30000000000000004,1.,123456789012345.5"]),
    "quotes": (f'"image",{HEADER[6:]}', ['"a.png","s 1","0",5,6,"",', '"ü,.png",ü,0,5,"6",,']),
    "windows": (HEADER, [f"{row}\r" for row in ROWS] + ["\r", ""]),
    "blank lines": (HEADER, ["", *ROWS, "", ""]),
    "no row": (HEADER, []),
    "many": (HEADER, [f"{'ab'[i // 31 % 2]}.png,s{i // 7 % 5},{i},{i / 7},{i % 3},{i},{9 * i}" for i in range(200)]),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_table_reads_as_row_by_row(root: Path, name: str) -> None:
    header, rows = SOUND[name]
    Image.new("RGB", (20, 10)).save(root / "images" / "ü.png")
    lines(root, *rows, header=header)
    expected = strictly(root)
    assert not expected[1]
    for _ in range(2):
        assert attempt(root) == expected
    assert indexed(root)
    assert kept(root).count(".parquet") == 1


ODD = {
    "a lone carriage return": f"{HEADER}\r{ROWS[0]}\r",
    "a carriage return in a line": f"{HEADER}\n{ROWS[0]}\r{ROWS[1]}\n",
    "quotes within quotes": f'{HEADER}\n"a.png","s ""1""",0,1,2,3,4\n',
    "a line break within quotes": f'{HEADER}\na.png,"s\n1",0,1,2,3,4\n',
    "a mark within": f"{HEADER}\na.png,\ufeffs1,0,1,2,3,4\n",
    "nan": f"{HEADER}\na.png,s1,0,1,2,nan,4\n",
    "a long line": f"{HEADER},note,note\n{ROWS[0]},{'x' * 100_000},{'x' * 100_000}\n",
    "other digits": f"{HEADER}\na.png,s1,0,١,2,3,4\n",
    "a null": f"{HEADER}\na.png,s\0,0,1,2,3,4\n",
}


@pytest.mark.parametrize("name", ODD)
def test_a_table_that_is_odd_but_sound_is_read_from_the_cache(root: Path, name: str) -> None:
    (root / "fixations.csv").write_bytes(ODD[name].encode())
    expected = strictly(root)
    assert not expected[1]
    assert attempt(root) == expected
    assert indexed(root)
    assert kept(root).count(".parquet") == 1


WRONG = {
    "nothing": "",
    "a mark and nothing": "\ufeff",
    "no header": f"\n{HEADER}\n",
    "a last line of spaces": f"{HEADER}\n{ROWS[0]}\n ",
    "a mark before a name": f"{HEADER}\n\ufeffa.png,s1,0,1,2,3,4\n",
    "a column twice": f"{HEADER},x\n{ROWS[0]},1\n",
    "another mark": f"{HEADER}\n{ROWS[0]}\n".replace(",", ";"),
    "a long cell": f"{HEADER},note\n{ROWS[0]},{'x' * 200_000}\n",
    "no index": f"{HEADER}\na.png,s1,,1,2,3,4\n",
    "half an index": f"{HEADER}\na.png,s1,0.5,1,2,3,4\n",
    "infinite": f"{HEADER}\na.png,s1,0,1e999,2,3,4\n",
    "outside": f"{HEADER}\n../a.png,s1,0,1,2,3,4\n",
    "found": f"{SEARCH}\na.png,s1,0,1,2,3,4,search,cup,1,2,3,4,maybe\n",
    "nobody": f"{HEADER}\na.png,,0,1,2,3,4\n",
    "a cell too many": f"{HEADER}\n{ROWS[0]},1\n",
    "another encoding in a column that nobody reads": f"{HEADER},note\n{ROWS[0]},".encode() + b"\xff\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_is_wrong_is_refused_and_not_kept(root: Path, name: str) -> None:
    content = WRONG[name]
    (root / "fixations.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    expected = strictly(root)
    assert expected[1]
    assert attempt(root) == expected
    assert not indexed(root)
    assert ".parquet" not in kept(root)


PIECES = st.sampled_from(
    [*(c.encode() for c in '",\n\r\0; \t'), b"nan", b"inf", b"-", b"+", b"1e400", b"\xff", b"../", b"_", b".", b"\r\n"]
)
BYTES = "\n".join((SEARCH, "a.png,s1,0,5,6,200,100,search,cup,1,2,3,4,1", "b.png,s1,0,5,6,,,,,,,,,", "")).encode()


@given(data=st.data())
def test_any_bytes_read_as_row_by_row(root: Path, data: st.DataObject) -> None:
    content = scrambled(BYTES, data, 4, st.one_of(PIECES, st.binary(max_size=3)))
    (root / "fixations.csv").write_bytes(content)
    assert attempt(root) == strictly(root)


def test_what_was_held_in_mind_comes_with_the_cache(root: Path) -> None:
    lines(root, "a.png,s1,0,1,1,,,,cup,,,,,", "a.png,s2,0,1,1,,,,cup,,,,,", header=SEARCH)
    (root / "trials.csv").write_text("image,subject,target,memory_set\na.png,s2,cup,cup;pen\n")
    assert attempt(root) == strictly(root)
    assert [path.memory_set for _, paths in read_table(root) for path in paths] == [(), ("cup", "pen")]
    (root / "trials.csv").write_text("image,subject\n")
    assert attempt(root) == strictly(root)
    assert "trials.csv" in attempt(root)[1]


def test_a_second_look_parses_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = attempt(root)
    monkeypatch.setattr(parquet, "make", None)
    monkeypatch.setattr(schema, "parse_rows", None)
    assert attempt(root) == expected


def test_a_small_table_leaves_nothing_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert len(list(read_table(root))) == 2
    assert kept(root) == []


def test_a_changed_table_has_a_new_cache_and_the_old_one_goes(root: Path) -> None:
    attempt(root)
    load(root, 3.0)
    (first,) = (root / ".gaze").glob("*.parquet")
    assert kept(root) == [".json", ".npy", ".parquet"]
    lines(root, *ROWS[:2])
    assert attempt(root) == strictly(root)
    (second,) = (root / ".gaze").glob("*.parquet")
    assert first != second
    assert kept(root) == [".json", ".parquet"]


def test_a_table_that_changes_while_it_is_parsed_is_not_kept(root: Path, tmp_path: Path) -> None:
    with pytest.raises(parquet.NeedsStrictError):
        parquet.make(root / "fixations.csv", "0" * 64, tmp_path / "out.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_what_a_stopped_program_left_is_removed_after_a_day(root: Path) -> None:
    folder, stem = root / ".gaze", f".fixations-{'0' * 32}"
    for name in (f"{stem}.parquet.abcd_123.part", f"{stem}.parquet.12345678.part"):
        (folder / name).mkdir(parents=True)
        (folder / name / parquet.DRAFT).touch()
    (folder / f"{stem}-3.0-280.0-1e-05-100.0.npy.12-345.part").touch()
    age(*(path for path in folder.iterdir() if "12345678" not in path.name))
    attempt(root)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [f"{stem}.parquet.12345678.part"]


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - 2 * cache.STALE_SECONDS,) * 2)


def others(folder: Path) -> list[Path]:
    """Fills a folder with what a person may keep in it, all of it old."""
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / "fixations-old").mkdir()
    for name in (
        ".bashrc",
        ".half.part",
        ".git/config",
        "fixations-2019.xlsx",
        "fixations-1.parquet",
        "fixations-old/a",
    ):
        (folder / name).write_text(name)
    paths = sorted(folder.rglob("*"))
    age(*paths)
    return paths


@pytest.mark.parametrize("where", ["linked", "own"])
def test_nothing_but_our_own_files_is_ever_removed(root: Path, tmp_path: Path, where: str) -> None:
    folder = tmp_path / "elsewhere" if where == "linked" else root / ".gaze"
    folder.mkdir()
    paths = others(folder)
    if where == "linked":
        (root / ".gaze").symlink_to(folder, target_is_directory=True)
    for rows in (ROWS, ROWS[:2]):  # a changed table tidies up after the first
        lines(root, *rows)
        assert attempt(root) == strictly(root)
        load(root, 3.0)
    assert set(paths) <= set(folder.rglob("*"))
    assert all(path.read_text() == path.relative_to(folder).as_posix() for path in paths if path.is_file())


@pytest.mark.parametrize("kind", ["folder", "nothing", "file"])
def test_a_linked_cache_is_not_followed_and_that_is_said(
    root: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "elsewhere"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.touch()
    (root / ".gaze").symlink_to(target)
    assert attempt(root) == strictly(root)
    assert indexed(root)  # from a temporary folder
    load(root, 3.0)
    assert [path.name for path in tmp_path.iterdir()].count("elsewhere") == (kind != "nothing")
    assert not target.is_dir() or not list(target.iterdir())
    assert caplog.text.count("remove it to keep the cache") == 1


def damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut":
        del content[len(content) // 2 :]
    elif how == "empty":
        content.clear()
    elif how == "within":
        content[40:60] = bytes(20)
    file.write_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "empty", "within"])
def test_a_broken_cache_is_made_anew(root: Path, how: str) -> None:
    lines(root, *SOUND["many"][1])
    expected, sizes = attempt(root), load(root, 3.0).bounds
    for file in (root / ".gaze").iterdir():
        damage(file, how)
    assert attempt(root) == expected
    for file in (root / ".gaze").glob("*.parquet"):
        damage(file, how)
    np.testing.assert_array_equal(load(root, 3.0).bounds, sizes)
    assert attempt(root) == expected


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".json"])
@pytest.mark.parametrize(
    ("bit", "places"),
    [(1, 8), pytest.param(1, 150, marks=pytest.mark.slow), pytest.param(128, 150, marks=pytest.mark.slow)],
)
def test_a_bit_that_flips_anywhere_in_the_cache_changes_nothing(root: Path, suffix: str, bit: int, places: int) -> None:
    lines(root, *SOUND["many"][1])
    expected, fixations = attempt(root), np.array(load(root, 3.0).rows)
    (file,) = (root / ".gaze").glob(f"*{suffix}")
    whole = file.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // places)):
        damaged = bytearray(whole)
        damaged[at] ^= bit
        file.write_bytes(damaged)
        assert attempt(root) == expected, at
        np.testing.assert_array_equal(load(root, 3.0).rows, fixations)
        if suffix != ".json":
            assert file.read_bytes() == whole  # it was made anew


def test_another_table_under_the_name_of_a_cache_is_not_taken_for_it(root: Path, tmp_path: Path) -> None:
    lines(root, *ROWS[:2])
    other = cache.rows(root / "fixations.csv")
    assert other
    content = other.read_bytes()
    lines(root, *ROWS)
    expected, rows = strictly(root), np.array(load(root, 3.0).rows)
    assert attempt(root) == expected
    (file,) = (root / ".gaze").glob("*.parquet")
    file.write_bytes(content)
    assert attempt(root) == expected
    np.testing.assert_array_equal(load(root, 3.0).rows, rows)
    file.unlink()
    (root / ".gaze" / other.name).write_bytes(content)
    assert attempt(root) == expected


def test_a_folder_that_is_not_to_be_written_to_is_left_alone(root: Path) -> None:
    expected = strictly(root)
    root.chmod(0o555)
    try:
        assert attempt(root) == expected
        assert indexed(root)  # from a temporary folder
        assert isinstance(load(root, 3.0).rows, np.memmap)
        assert sorted(path.name for path in root.iterdir()) == ["fixations.csv", "images"]
    finally:
        root.chmod(0o755)


def test_a_full_disk_means_no_cache_and_no_failure(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines(root, *ROWS[:3])  # a table that no other test puts into the temporary folder
    expected, rows = strictly(root), load(root, 3.0).rows
    shutil.rmtree(root / ".gaze")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet, "atomic_write", full)
    assert attempt(root) == expected
    np.testing.assert_array_equal(load(root, 3.0).rows, rows)
    monkeypatch.undo()
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1)
    monkeypatch.setattr(fixation_array, "atomic_write", full)
    found = load(root, 3.0).rows
    np.testing.assert_array_equal(found, rows)
    assert not isinstance(found, np.memmap)


def _read(root: Path) -> str:
    return repr(attempt(root))


def test_several_programs_may_read_one_set_at_once(root: Path) -> None:
    lines(root, *SOUND["many"][1])
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(_read, [root] * 8)
    assert set(found) == {repr(strictly(root))}
    assert kept(root).count(".parquet") == 1


def test_the_validator_and_a_copy_do_not_take_the_cache_for_data(root: Path, tmp_path: Path) -> None:
    items = list(read_table(root))
    assert kept(root)
    lines(root, *ROWS[:3])
    (root / "images" / "ü,.png").unlink()
    assert check_table(root) == []
    write_table(tmp_path / "new", items)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["fixations.csv", "images"]


def test_the_size_of_a_picture_is_read_from_its_header_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    header = cache.picture_size
    monkeypatch.setattr(cache, "picture_size", lambda path: asked.append(path.name) or header(path))
    expected = attempt(root)
    assert asked == ["a.png", "b.png"]
    assert attempt(root) == expected
    assert len(asked) == 2
    Image.new("RGB", (30, 10)).save(root / "images" / "b.png")
    assert [picture.width for picture, _ in read_table(root)] == [20, 30]
    assert asked[2:] == ["b.png"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a.png": 1}', '{"a.png": []}'])
def test_broken_sizes_are_read_again(root: Path, content: str) -> None:
    expected = attempt(root)
    (root / ".gaze" / "sizes.json").write_text(content)
    assert attempt(root) == expected
    assert set(json.loads((root / ".gaze" / "sizes.json").read_text())) == {"a.png", "b.png"}


def test_fixations_on_disk_are_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic_scenes.write(tmp_path / "set", 6, size=(36, 64), viewers=3)
    mapped = load(tmp_path / "set", 2.5)
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1 << 60)
    held = load(tmp_path / "set", 2.5)
    assert isinstance(mapped.rows, np.memmap)
    assert not isinstance(held.rows, np.memmap)
    copied = pickle.loads(pickle.dumps(mapped))
    assert isinstance(copied.rows, np.memmap)
    assert len(pickle.dumps(mapped)) < mapped.rows.nbytes
    assert mapped.pictures == held.pictures
    for index in range(6):
        for other in (mapped, copied):
            np.testing.assert_array_equal(other[index], held[index])
    np.testing.assert_array_equal(mapped.only([4, 1])[1], held[1])


def test_fixations_on_disk_are_those_of_the_table_whose_name_they_bear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    synthetic_scenes.write(root, 5, size=(36, 64), viewers=3)
    old = (root / "fixations.csv").read_bytes()
    counted = cache.counts

    def edited(file: Path, table: Path) -> dict[str, int]:
        found = counted(file, table)
        (root / "fixations.csv").write_bytes(old.replace(b"\n0001.png,s01,0,", b"\n0001.png,s01,0,1", 1))
        return found

    monkeypatch.setattr(cache, "counts", edited)
    load(root, 3.0)
    monkeypatch.setattr(cache, "counts", counted)
    (root / "fixations.csv").write_bytes(old)
    found = np.array(load(root, 3.0).rows)
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1 << 60)
    np.testing.assert_array_equal(found, load(root, 3.0).rows)


def test_fixations_on_disk_belong_to_a_length_of_viewing_and_a_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    synthetic_scenes.write(root, 3, size=(36, 64), viewers=3)
    load(root, 1.0)
    assert load(root, 1.0000001).rows[:, 2].max() == 1 > load(root, 1).rows[:, 2].max()
    monkeypatch.setattr(fixation_array.maps, "FIRST", 100.0)
    load(root, 1.0)
    assert kept(root).count(".npy") == 3


def test_a_file_of_fixations_with_something_after_its_end_is_made_anew(root: Path) -> None:
    rows = np.array(load(root, 3.0).rows)
    (file,) = (root / ".gaze").glob("*.npy")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes() + bytes(24))
    np.testing.assert_array_equal(load(root, 3.0).rows, rows)
    assert file.stat().st_size == size


@pytest.mark.parametrize("becomes", ["other", "less", "nothing"])
def test_a_table_that_changes_while_its_cache_is_read_is_told_in_one_sentence(root: Path, becomes: str) -> None:
    lines(root, *SOUND["many"][1])
    items = scanpaths(root)
    counted = cache.rows(root / "fixations.csv")
    assert counted
    next(items)
    for file in (root / ".gaze").glob("*.parquet"):
        file.unlink()  # as another program does when it finds another table
    if becomes == "nothing":
        (root / "fixations.csv").unlink()
    else:
        lines(root, *(ROWS if becomes == "less" else SOUND["many"][1][1:]))
    with pytest.raises(TableError, match=r"fixations\.csv: was changed while it was read, .*; run again\.$"):
        cache.counts(counted, root / "fixations.csv")
    with pytest.raises(TableError, match="was changed while it was read"):
        list(cache.scanpaths(counted, root / "fixations.csv", {}))


def test_a_cache_that_vanishes_is_made_anew_from_the_same_table(root: Path) -> None:
    expected = strictly(root)
    file = cache.rows(root / "fixations.csv")
    assert file
    file.unlink()
    assert list(cache.counts(file, root / "fixations.csv").values()) == [2, 2]
    file.unlink()
    assert len(list(cache.scanpaths(file, root / "fixations.csv", {}))) == 2
    assert attempt(root) == expected


@pytest.mark.slow
def test_pictures_that_come_back_in_the_next_block_are_put_together(root: Path) -> None:
    """Some block ends where a picture's rows end, and an earlier picture begins the next."""
    Image.new("RGB", (20, 10)).save(root / "images" / "c.png")
    many = [f"{name}.png,{'s' * 40}{part},{i},1,2,3,4" for part, name in enumerate("abca") for i in range(2)]
    lines(root, *many)
    assert attempt(root) == strictly(root)
    for block in range(60, 500, 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cells, "BLOCK", block)
            patch.setattr(parquet, "GROUP", 1)
            shutil.rmtree(root / ".gaze")
            assert attempt(root) == strictly(root)


def test_a_picture_that_changed_within_its_time_and_size_is_measured_again(root: Path) -> None:
    lines(root, "c.bmp,s1,0,5,6,200,100")
    path = root / "images" / "c.bmp"
    Image.new("RGB", (128, 96)).save(path)
    then = path.stat()
    assert [picture.width for picture, _ in read_table(root)] == [128]
    assert [picture.width for picture, _ in read_table(root)] == [128]
    time.sleep(0.02)
    Image.new("RGB", (96, 128)).save(path)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert path.stat().st_size == then.st_size
    assert [picture.width for picture, _ in read_table(root)] == [96]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_do_not_depend_on_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    synthetic_scenes.write(tmp_path / "set", 10, size=(36, 64), viewers=3)

    def batches(**options: Any) -> Iterator[Any]:
        data = GazeData(str(tmp_path / "set"), canvas=(64, 96), batch_size=2, sigma=3.0, **options)
        data.setup()
        return iter(list(data.train_dataloader()) + list(data.train_dataloader()))

    cached = list(batches(workers=workers, memory=0))
    monkeypatch.setattr(cache, "MIN_TABLE_BYTES", 1 << 60)
    for one, other in zip(cached, batches(workers=0), strict=True):
        assert all((one[key] == other[key]).all() for key in one)


def test_decoded_pictures_fill_so_many_bytes_and_no_more(root: Path) -> None:
    decoded = datamodule.DecodedPictures(limit=1000)
    paths = [root / "images" / name for name in ("a.png", "b.png", "ü,.png")]
    for path in (*paths, *paths):
        assert decoded(path).shape == (10, 20, 3)
    assert decoded.used == 600
    assert list(decoded.known) == paths[:1]
    assert decoded(paths[0]) is decoded(paths[0])


MEASURE = """
import resource, sys
from saliency.datamodule import GazeData
from pathlib import Path
import pyarrow.csv, pyarrow.parquet

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
data = GazeData(sys.argv[1], canvas=(64, 64), batch_size=16, workers=0)
data.setup()
indexed = peak()
for number, batch in enumerate(data.train_dataloader()):
    pass
print(before, indexed, peak())
"""


@pytest.mark.slow
def test_a_million_fixations_take_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python objects they would take half a gigabyte."""
    monkeypatch.undo()
    large_table.write_large(tmp_path / "set", 2000, 25, 20)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "set")], capture_output=True, text=True, check=True
    )
    before, indexed, after = map(float, run.stdout.split())
    assert indexed - before < 350, run.stdout
    assert after - before < 450, run.stdout
