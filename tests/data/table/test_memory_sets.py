"""`trials.csv`: what the viewers held in mind when they searched."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import TableError
from data.table.read import read_table
from data.table.validate import check_table
from data.table.write import write_table
from tests.table_toy import PIECES, SEARCH, attempt, lines, problems, same, sound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two pictures of 20 x 10 pixels."""
    return sound(tmp_path)


def search(root: Path, *memory: str, header: str = "image,subject,target,memory_set") -> None:
    """Two people search `a.png`, one of them also for a key, with these rows of trials.csv."""
    rows = ["a.png,s1,0,1,1,,,,cup,,,,,", "a.png,s1,0,1,1,,,,key,,,,,", "a.png,s2,0,1,1,,,,cup,,,,,"]
    lines(root, *rows, header=SEARCH)
    (root / "splits.json").unlink()
    (root / "trials.csv").write_text("\n".join((header, *memory)) + "\n", "utf-8")


def test_trials_tell_what_was_held_in_mind(root: Path) -> None:
    search(root, "a.png,s1,cup,cup;the book", "", "a.png,s2,cup,", "a.png,s1,key, pen ; key ")
    ((_, paths),) = read_table(root)
    assert [path.memory_set for path in paths] == [("cup", "the book"), ("pen", "key"), ()]
    assert check_table(root) == []
    (root / "trials.csv").unlink()
    ((_, paths),) = read_table(root)
    assert [path.memory_set for path in paths] == [()] * 3


def test_columns_of_trials_may_come_in_any_order_among_others(root: Path) -> None:
    search(root, "cup,9,s2,cup;pen,a.png", header="target,note,subject,memory_set,image")
    ((_, paths),) = read_table(root)
    assert [path.memory_set for path in paths] == [(), (), ("cup", "pen")]


def test_every_defect_of_trials_is_reported_in_one_run(root: Path) -> None:
    search(
        root,
        "a.png,s1,cup,cup",
        "a.png,s1,cup,cup;pen",
        "a.png,s1",
        ",s1,cup,cup",
        "a.png,,cup,cup",
        "a.png,s1,key,key;;pen",
        "a.png,s2,cup,pen",
        "a.png,s3,cup,cup",
    )
    assert sorted(problems(root)) == [
        "trials.csv:3: the trial of 's1' on 'a.png' for 'cup' is there twice (line 2)",
        "trials.csv:4: 2 cells for 4 columns",
        "trials.csv:5: image is empty",
        "trials.csv:6: subject is empty",
        "trials.csv:7: a name is empty",
        "trials.csv:8: the target of the trial of 's2' on 'a.png' for 'cup' is not in its memory_set",
        "trials.csv:9: the trial of 's3' on 'a.png' for 'cup' has no fixation in fixations.csv",
    ]
    with pytest.raises(TableError, match=r"trials\.csv, line 3: .*is there twice \(line 2\); keep one of the rows"):
        read_table(root)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty; write its content"),
        (b"\xff", "the text is not UTF-8; save"),
        (b"image,subject,target", "line 1: no column memory_set; name the columns"),
        (b"image;subject;target;memory_set", "line 1: no column image, subject, target, memory_set"),
        (b"image,image,subject,target,memory_set", "line 1: two columns are named image"),
        (b'image,subject,target,memory_set\na.png,s1,cup,"cup', "not CSV"),
    ],
)
def test_trials_that_are_none_are_refused(root: Path, content: bytes, problem: str) -> None:
    search(root)
    (root / "trials.csv").write_bytes(content)
    with pytest.raises(TableError, match=f"trials.csv.*{problem}"):
        read_table(root)
    assert any(defect.file.endswith("trials.csv") for defect in check_table(root))


def test_what_was_held_in_mind_reads_back(root: Path, tmp_path: Path) -> None:
    search(root, "a.png,s1,cup,cup;the, book", "a.png,s1,key,key", header="image,subject,target,memory_set")
    (root / "trials.csv").write_text(
        'image,subject,target,memory_set\na.png,s1,cup,"cup;the, book"\na.png,s1,key,key\n'
    )
    items = list(read_table(root))
    write_table(tmp_path / "new", items)
    ((_, before),), ((_, after),) = items, read_table(tmp_path / "new")
    assert all(same(*pair) for pair in zip(before, after, strict=True))
    assert [path.memory_set for path in after] == [("cup", "the, book"), ("key",), ()]
    assert len((tmp_path / "new" / "trials.csv").read_text().splitlines()) == 3


def test_memory_sets_that_cannot_be_written_are_refused(root: Path, tmp_path: Path) -> None:
    picture, (scanpath,) = next(read_table(root))
    for memory_set in (("a;b",), ("",), (" a",)):
        with pytest.raises(TableError, match="names that are not empty, without ';'"):
            write_table(tmp_path / "new", [(picture, (replace(scanpath, memory_set=memory_set),))])
    two = (replace(scanpath, memory_set=("a",)), replace(scanpath, task="search", memory_set=("b",)))
    with pytest.raises(TableError, match="two tasks and memory sets"):
        write_table(tmp_path / "new", [(picture, two)])
    assert not (tmp_path / "new").exists()


def test_the_memory_sets_of_a_real_set_read_quickly(shared: Path) -> None:
    root = shared / "hsem"
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    start = time.process_time()
    paths = [path for _, paths in read_table(root) for path in paths]
    assert time.process_time() - start < 2
    assert len(paths) == 4003
    assert [sum(len(path.memory_set) == count for path in paths) for count in (1, 2, 4)] == [1345, 1353, 1305]
    assert all(path.target in path.memory_set for path in paths)


@given(data=st.data())
def test_any_bytes_of_trials_give_a_result_or_a_table_error(root: Path, data: st.DataObject) -> None:
    content = bytearray(b"image,subject,target,memory_set\na.png,s1,cup,cup;pen\n")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 3))] = data.draw(st.one_of(PIECES, st.binary(max_size=4)))
    (root / "trials.csv").write_bytes(bytes(content))
    defects = check_table(root)
    _, refusal = attempt(lambda: list(read_table(root)))
    assert "\n" not in refusal
    assert not refusal or defects
