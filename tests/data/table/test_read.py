"""What is read from a table, what is written, and what reads back."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import TableError
from data.gaze import Objects, Picture, Scanpath
from data.picture import picture_size
from data.picture import read as decode
from data.table.read import read_objects, read_splits, read_table
from data.table.validate import check_table
from data.table.write import write_table
from tests.table_toy import COCO, HEADER, ROWS, SEARCH, SETS, lines, same, sound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two pictures of 20 x 10 pixels."""
    return sound(tmp_path)


def test_a_table_reads_as_pictures_and_scanpaths_in_its_order(root: Path) -> None:
    lines(root, ROWS[2], ROWS[0], "a.png,s2,0,1,1,,", ROWS[1])
    (b, _), (a, viewers) = read_table(str(root))
    assert b == Picture("b.png", 20, 10, root / "images" / "b.png")
    assert a.name == "a.png"
    assert [viewer.subject for viewer in viewers] == ["s1", "s2"]
    assert viewers[0].xy.tolist() == [[5, 6], [7.5, 8]]
    assert viewers[0].onset.tolist() == [100, 350]
    assert viewers[0].duration.tolist() == [200, 150]
    assert viewers[0].task == "free"
    assert viewers[0].box is None
    assert viewers[0].found is None
    assert np.isnan([viewers[1].onset, viewers[1].duration]).all()


def test_fixations_are_put_in_the_order_of_their_index(root: Path) -> None:
    lines(root, "a.png,s1,2,3,0,1,", "a.png,s1,10,4,0,1,", "a.png,s1,0,1,0,1,")
    ((_, (scanpath,)),) = read_table(root)
    assert scanpath.xy[:, 0].tolist() == [1, 3, 4]


def test_one_viewer_searching_two_targets_makes_two_scanpaths(root: Path) -> None:
    rows = [
        "a.png,s1,0,1,1,,,search,cup,3,4,5,6,1",
        "a.png,s1,0,2,2,,,search,key,,,,,0",
        "a.png,s1,1,3,3,,,search,cup,3,4,5,6,1",
    ]
    lines(root, *rows, header=SEARCH)
    ((_, (cup, key)),) = read_table(root)
    assert (cup.target, cup.box, cup.found, len(cup)) == ("cup", (3, 4, 5, 6), True, 2)
    assert (key.target, key.box, key.found, len(key)) == ("key", None, False, 1)
    assert cup.task == key.task == "search"


def test_columns_may_come_in_any_order_among_others(root: Path) -> None:
    lines(root, "9,8,free text,a.png,200,0,s1,100", header="y,x,note,image,duration_ms,index,subject,start_ms")
    ((_, (scanpath,)),) = read_table(root)
    assert scanpath.xy.tolist() == [[8, 9]]
    assert scanpath.onset.tolist() == [100]


def test_spreadsheets_write_a_mark_and_windows_line_ends(root: Path) -> None:
    text = "\r\n".join((HEADER, '"a.png",s\u2028x,0,1,2,3,4', "", ROWS[2])) + "\r\n"
    (root / "fixations.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = read_table(root)
    assert first[1][0].subject == "s\u2028x"
    assert second[0].name == "b.png"


def test_without_pictures_their_size_comes_from_the_objects(root: Path) -> None:
    (root / "images" / "a.png").unlink()
    lines(root, ROWS[0])
    ((picture, _),) = read_table(root)
    assert picture == Picture("a.png", 20, 10, None)
    (root / "objects.json").unlink()
    with pytest.raises(TableError, match=r"a\.png: the picture is missing; add it, or its size to .*objects\.json"):
        list(read_table(root))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_in_the_header_is_the_size_that_a_person_sees(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture"
    Image.new("RGB", (40, 24)).save(path, form, exif=exif)
    assert picture_size(path) == ((24, 40) if orientation > 4 else (40, 24))
    assert picture_size(path) == decode(path).shape[1::-1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "fixations.csv: the file is empty"),
        (HEADER.replace("image", "picture").encode(), "line 1: no column image"),
        (
            HEADER.replace(",", ";").encode(),
            "line 1: the columns are separated by semicolons; save the file with commas",
        ),
        (HEADER.replace(",", "\t").encode(), "separated by tabs"),
        (HEADER.encode("utf-16"), "the text is not UTF-8; save the file again as UTF-8"),
        (f"{HEADER}\na.png,M\xfcller,0,1,2,3,4".encode("latin-1"), "line 2: the text is not UTF-8"),
        (f"{HEADER},x".encode(), "two columns are named x"),
        (f"{HEADER}\n{ROWS[0]}\na.png,s1,1,abc,2,3,4".encode(), "line 3: x is 'abc'; write a number"),
        (f"{HEADER}\na.png,s1,0,1e999,2,3,4".encode(), "x is '1e999'"),
        (f"{HEADER}\na.png,s1,0,1_0,2,3,4".encode(), "x is '1_0'"),
        (f"{HEADER}\na.png,s1,,1,2,3,4".encode(), "index is empty; number the fixations"),
        (f"{HEADER}\na.png,s1,0.5,1,2,3,4".encode(), "index is '0.5'"),
        (f"{HEADER}\na.png,s1,0,1,5,2,3,4".encode(), "line 2: 8 cells for 7 columns"),
        (f'{HEADER}\n"a.png,s1,0,1,5,2,3'.encode(), "not CSV"),
        (f"{HEADER}\n../a.png,s1,0,1,2,3,4".encode(), "image is '../a.png'; write the name of a file in images/"),
        (f"{SEARCH}\na.png,s1,0,1,2,3,4,search,cup,1,2,3,4,maybe".encode(), "found is 'maybe'; write 1, 0"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_what_to_do(root: Path, content: bytes, message: str) -> None:
    (root / "fixations.csv").write_bytes(content)
    with pytest.raises(TableError) as caught:
        list(read_table(root))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(root / "fixations.csv"))
    assert "\n" not in str(caught.value)
    assert message in "".join(str(defect) for defect in check_table(root))


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"fixations\.csv: the file is missing"):
        read_table(tmp_path / "nowhere")
    assert [str(defect) for defect in check_table(tmp_path)]


def test_objects_come_with_categories_and_attributes(root: Path) -> None:
    coco = COCO | {"uncertain_annotations": [{"bbox": "unread"}]}
    coco["images"] = [*COCO["images"], {"id": "x", "file_name": "b.png", "width": 20, "height": 10}]
    (root / "objects.json").write_text(json.dumps(coco))
    found = read_objects(root)
    assert found["a.png"].boxes.tolist() == [[1, 2, 3, 4]]
    assert found["a.png"].categories == ("face",)
    assert found["a.png"].attributes == ({"frontal": 1},)
    assert found["b.png"].boxes.shape == (0, 4)


def test_optional_files_may_be_absent(root: Path) -> None:
    (root / "objects.json").unlink()
    (root / "splits.json").unlink()
    assert read_objects(root) == {}
    assert read_splits(root) == {}
    assert check_table(root) == []


@pytest.mark.parametrize("text", ["[1]", "{", '{"train": "a.png"}', '{"train": [1]}', "9" * 5000, "[" * 100_000])
def test_splits_that_are_none_are_refused(root: Path, text: str) -> None:
    (root / "splits.json").write_text(text)
    with pytest.raises(TableError, match=r"splits\.json.*; write"):
        read_splits(root)
    assert any("splits.json" in defect.file for defect in check_table(root))


def test_what_is_written_reads_back(root: Path, tmp_path: Path) -> None:
    searcher = Scanpath(
        "s, 2",
        np.array([[0.1 + 0.2, 9.0]]),
        np.array([12.5]),
        np.array([np.nan]),
        "search",
        "cup",
        (1.5, 2.0, 3.0, 4.0),
        True,
    )
    items = [(picture, (*paths, searcher)) for picture, paths in read_table(root)]
    items.append((Picture("sub/c.png", 30, 40), (replace(searcher, box=None, found=None),)))
    new = tmp_path / "new" / "set"
    write_table(new, iter(items), read_splits(root), read_objects(root))
    back = list(read_table(new))
    assert [(p.name, p.width, p.height) for p, _ in back] == [(p.name, p.width, p.height) for p, _ in items]
    assert all(same(a, b) for (_, x), (_, y) in zip(items, back, strict=True) for a, b in zip(x, y, strict=True))
    assert read_splits(new) == read_splits(root)
    assert read_objects(new)["a.png"].categories == ("face",)
    assert read_objects(new)["a.png"].boxes.tolist() == [[1, 2, 3, 4]]
    assert (new / "images" / "a.png").read_bytes() == (root / "images" / "a.png").read_bytes()
    assert os.listdir(new.parent) == ["set"]
    assert os.access(new, os.R_OK | os.X_OK)


def test_free_viewing_is_written_without_columns_of_search(root: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "new", read_table(root))
    text = (tmp_path / "new" / "fixations.csv").read_text()
    assert text.splitlines() == [HEADER, *ROWS]
    assert not (tmp_path / "new" / "objects.json").exists()
    assert check_table(tmp_path / "new") == []


def test_what_cannot_be_written_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    picture, (scanpath,) = next(read_table(root))
    new = tmp_path / "other" / "set"
    bad = [
        [(picture, (scanpath, scanpath))],
        [(picture, (scanpath,)), (picture, (scanpath,))],
        [(replace(picture, name="../a.png"), (scanpath,))],
    ]
    for items in bad:
        with pytest.raises(TableError, match=r"a\.png"):
            write_table(new, items)
        assert list(new.parent.iterdir()) == []
    with pytest.raises(TableError, match="give its picture, too"):
        write_table(new, [], objects={"z.png": Objects(np.zeros((1, 4)))})
    with pytest.raises(TableError, match="exists already"):
        write_table(root, [(picture, (scanpath,))])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_real_sets_read(shared: Path, name: str) -> None:
    root = shared / name
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    items = list(read_table(root))
    rows = len((root / "fixations.csv").read_text().splitlines()) - 1
    assert sum(len(scanpath) for _, scanpaths in items for scanpath in scanpaths) == rows
    assert all(picture.width > 0 and picture.height > 0 for picture, _ in items)
    named = {picture.name for picture, _ in items}
    splits = read_splits(root)
    assert named == {name for names in splits.values() for name in names}
    assert (set(read_objects(root)) >= named) == (root / "objects.json").exists()


def test_a_hundred_thousand_rows_read_in_under_two_seconds(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "a.png")
    lines(tmp_path, *(f"a.png,s{i // 10},{i % 10},{i % 20}.25,{i % 10}.5,{200 + i % 99},{i}" for i in range(100_000)))
    start = time.process_time()
    ((_, scanpaths),) = read_table(tmp_path)
    assert time.process_time() - start < 2
    assert len(scanpaths) == 10_000
