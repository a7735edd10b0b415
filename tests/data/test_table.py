import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data import TableError, table
from data.check import Defect, size
from data.gaze import Objects, Picture, Scanpath
from data.picture import read as decode

HEADER = "image,subject,index,x,y,duration_ms,start_ms"
SEARCH = HEADER + ",task,target,target_x,target_y,target_w,target_h,found"
ROWS = ["a.png,s1,0,5,6,200,100", "a.png,s1,1,7.5,8,150,350", "b.png,s1,0,1,2,300,120"]
TOLD = ("subject", "task", "target", "box", "found", "sought")
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "attributes": {"frontal": 1}}],
    "categories": [{"id": 3, "name": "face"}],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two pictures of 20 x 10 pixels."""
    (tmp_path / "images").mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (20, 10), colour).save(tmp_path / "images" / name)
    lines(tmp_path, *ROWS)
    (tmp_path / "objects.json").write_text(json.dumps(COCO))
    (tmp_path / "splits.json").write_text('{"train": ["a.png"], "test": ["b.png"]}')
    return tmp_path


def lines(root: Path, *rows: str, header: str = HEADER) -> None:
    (root / "fixations.csv").write_text("\n".join((header, *rows)) + "\n", "utf-8")


def problems(root: Path) -> list[str]:
    return [f"{Path(defect.file).name}:{defect.line}: {defect.problem}" for defect in table.check(root)]


def attempt(function: Callable[[], Any]) -> tuple[Any, str]:
    """What a reader returns, and what its TableError says."""
    try:
        return function(), ""
    except TableError as error:
        return None, str(error)


def same(one: Scanpath, other: Scanpath) -> bool:
    arrays = all(
        np.array_equal(getattr(one, k), getattr(other, k), equal_nan=True) for k in ("xy", "onset", "duration")
    )
    return arrays and all(getattr(one, k) == getattr(other, k) for k in TOLD)


def test_a_table_reads_as_pictures_and_scanpaths_in_its_order(root: Path) -> None:
    lines(root, ROWS[2], ROWS[0], "a.png,s2,0,1,1,,", ROWS[1])
    (b, _), (a, viewers) = table.read(str(root))
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
    ((_, (scanpath,)),) = table.read(root)
    assert scanpath.xy[:, 0].tolist() == [1, 3, 4]


def test_one_viewer_searching_two_targets_makes_two_scanpaths(root: Path) -> None:
    rows = [
        "a.png,s1,0,1,1,,,search,cup,3,4,5,6,1",
        "a.png,s1,0,2,2,,,search,key,,,,,0",
        "a.png,s1,1,3,3,,,search,cup,3,4,5,6,1",
    ]
    lines(root, *rows, header=SEARCH)
    ((_, (cup, key)),) = table.read(root)
    assert (cup.target, cup.box, cup.found, len(cup)) == ("cup", (3, 4, 5, 6), True, 2)
    assert (key.target, key.box, key.found, len(key)) == ("key", None, False, 1)
    assert cup.task == key.task == "search"


def test_columns_may_come_in_any_order_among_others(root: Path) -> None:
    lines(root, "9,8,free text,a.png,200,0,s1,100", header="y,x,note,image,duration_ms,index,subject,start_ms")
    ((_, (scanpath,)),) = table.read(root)
    assert scanpath.xy.tolist() == [[8, 9]]
    assert scanpath.onset.tolist() == [100]


def test_spreadsheets_write_a_mark_and_windows_line_ends(root: Path) -> None:
    text = "\r\n".join((HEADER, '"a.png",s\u2028x,0,1,2,3,4', "", ROWS[2])) + "\r\n"
    (root / "fixations.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = table.read(root)
    assert first[1][0].subject == "s\u2028x"
    assert second[0].name == "b.png"


def test_without_pictures_their_size_comes_from_the_objects(root: Path) -> None:
    (root / "images" / "a.png").unlink()
    lines(root, ROWS[0])
    ((picture, _),) = table.read(root)
    assert picture == Picture("a.png", 20, 10, None)
    (root / "objects.json").unlink()
    with pytest.raises(TableError, match=r"a\.png: the picture is missing; add it, or its size to .*objects\.json"):
        list(table.read(root))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_in_the_header_is_the_size_that_a_person_sees(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture"
    Image.new("RGB", (40, 24)).save(path, form, exif=exif)
    assert size(path) == ((24, 40) if orientation > 4 else (40, 24))
    assert size(path) == decode(path).shape[1::-1]


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
        list(table.read(root))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(root / "fixations.csv"))
    assert "\n" not in str(caught.value)
    assert message in "".join(str(defect) for defect in table.check(root))


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"fixations\.csv: the file is missing"):
        table.read(tmp_path / "nowhere")
    assert [str(defect) for defect in table.check(tmp_path)]


def test_objects_come_with_categories_and_attributes(root: Path) -> None:
    coco = COCO | {"uncertain_annotations": [{"bbox": "unread"}]}
    coco["images"] = [*COCO["images"], {"id": "x", "file_name": "b.png", "width": 20, "height": 10}]
    (root / "objects.json").write_text(json.dumps(coco))
    found = table.objects(root)
    assert found["a.png"].boxes.tolist() == [[1, 2, 3, 4]]
    assert found["a.png"].categories == ("face",)
    assert found["a.png"].attributes == ({"frontal": 1},)
    assert found["b.png"].boxes.shape == (0, 4)


def test_optional_files_may_be_absent(root: Path) -> None:
    (root / "objects.json").unlink()
    (root / "splits.json").unlink()
    assert table.objects(root) == {}
    assert table.splits(root) == {}
    assert table.check(root) == []


@pytest.mark.parametrize("text", ["[1]", "{", '{"train": "a.png"}', '{"train": [1]}', "9" * 5000, "[" * 100_000])
def test_splits_that_are_none_are_refused(root: Path, text: str) -> None:
    (root / "splits.json").write_text(text)
    with pytest.raises(TableError, match=r"splits\.json.*; write"):
        table.splits(root)
    assert any("splits.json" in defect.file for defect in table.check(root))


def test_a_sound_set_has_no_defects(root: Path) -> None:
    assert table.check(root) == []


def test_every_defect_of_the_rows_is_reported_in_one_run(root: Path) -> None:
    rows = [
        "a.png,s1,0,5,6,200,100",
        "a.png,s1,2,20,6,200,300",
        "a.png,s1,2,5,6,200,400",
        "a.png,s2,1,5,-0.5,-3,100",
        "a.png,s3,0,,6,200,100",
        "a.png,s3,1,5,x,,200",
        "a.png,s3,2,5,5,200,150",
        "c.png,s1,0,5,6,200,100",
        "a.png,s1",
        ",s1,0,5,6,200,100",
        "a.png,,0,5,6,200,100",
    ]
    lines(root, *rows)
    assert sorted(problems(root)) == sorted(
        [
            "fixations.csv:3: the fixation at (20, 6) is outside the picture of 20 x 10 pixels",
            "fixations.csv:3: index goes from 0 to 2 in the trial of 's1' on 'a.png'",
            "fixations.csv:4: index 2 is there twice (line 3) in the trial of 's1' on 'a.png'",
            "fixations.csv:5: the first index of the trial of 's2' on 'a.png' is 1",
            "fixations.csv:5: the fixation at (5, -0.5) is outside the picture of 20 x 10 pixels",
            "fixations.csv:5: duration_ms is -3",
            "fixations.csv:6: x or y is empty",
            "fixations.csv:7: y is 'x'",
            "fixations.csv:7: duration_ms is empty, but other rows have one",
            "fixations.csv:8: start_ms goes back from 200 to 150 in the trial of 's3' on 'a.png'",
            "fixations.csv:9: picture 'c.png' is missing",
            "fixations.csv:10: 2 cells for 7 columns",
            "fixations.csv:11: image is empty",
            "fixations.csv:12: subject is empty",
        ]
    )


def test_a_set_without_durations_or_onsets_is_sound(root: Path) -> None:
    lines(root, "a.png,s1,0,5,6,,", "a.png,s1,1,5,6,,")
    assert problems(root) == []


def test_defects_of_a_search_are_reported(root: Path) -> None:
    rows = [
        "a.png,s1,0,1,1,,,search,cup,3,4,5,6,1",
        "a.png,s1,1,1,1,,,search,cup,3,4,5,7,1",
        "a.png,s1,2,1,1,,,search,cup,3,4,5,7,0",
        "a.png,s2,0,1,1,,,search,cup,3,4,5,,",
        "a.png,s2,0,1,1,,,search,key,3,4,0,2,",
        "a.png,s3,0,1,1,,,search,key,,,,,",
    ]
    lines(root, *rows, header=SEARCH)
    changes = "found or the target's box changes in the trial of 's1' on 'a.png' for 'cup'"
    assert sorted(problems(root)) == [
        f"fixations.csv:3: {changes}",
        f"fixations.csv:4: {changes}",
        "fixations.csv:5: the target's box has no area",
        "fixations.csv:6: the target's box has no area",
    ]


def test_every_defect_of_the_other_files_is_reported_in_one_run(root: Path) -> None:
    (root / "images" / "a.png").write_bytes((root / "images" / "b.png").read_bytes())
    (root / "splits.json").write_text('{"train": ["a.png", "../z.png"], "val": ["a.png"], "test": ["b.png"], "x": 3}')
    coco = {
        "images": [*COCO["images"], {"id": 1}, {"id": 2, "file_name": "b.png", "width": 19, "height": 10}, 5],
        "annotations": [
            {"image_id": 1, "category_id": 3, "bbox": [18, 2, 3, 4]},
            {"image_id": 1, "category_id": 3, "bbox": [1, 2, 0, 4]},
            {"image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 3, "bbox": [1, 2, 3]},
            {"image_id": [], "category_id": 3, "bbox": [1, 2, 3, 4]},
        ],
        "categories": COCO["categories"],
    }
    (root / "objects.json").write_text(json.dumps(coco))
    assert sorted(problems(root)) == [
        "objects.json:None: annotations[2]: the image_id 9 is unknown",
        "objects.json:None: annotations[3]: the category_id 9 is unknown",
        "objects.json:None: annotations[4]: not enough values to unpack (expected 4, got 3)",
        "objects.json:None: annotations[5]: unhashable type: 'list'",
        "objects.json:None: images[1]: no 'file_name'",
        "objects.json:None: images[3]: 'int' object is not subscriptable",
        "objects.json:None: picture 'b.png' is (19, 10), but its file is (20, 10) (width, height)",
        "objects.json:None: the box 1, 2, 0, 4 of a 'face' in 'a.png' has no area",
        "objects.json:None: the box 18, 2, 3, 4 of a 'face' in 'a.png' leaves the picture of 20 x 10 pixels",
        "splits.json:None: 'a.png' in 'train' and 'b.png' in 'test' are the same picture",
        "splits.json:None: 'train' names the unknown picture '../z.png'",
        "splits.json:None: picture 'a.png' is in 'train' and again in 'val'",
        "splits.json:None: split 'x' is not a list of names",
    ]


def test_a_picture_that_is_cut_off_is_found_by_decoding_it(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 20, 3), np.uint8)
    Image.fromarray(noise).save(root / "images" / "a.png")
    content = (root / "images" / "a.png").read_bytes()
    (root / "images" / "a.png").write_bytes(content[: len(content) // 2])
    (defect,) = table.check(root)
    assert defect.file == str(root / "images" / "a.png")
    assert len(list(table.read(root))) == 2  # the header is sound
    (root / "images" / "a.png").write_bytes(b"no picture")
    assert [Path(defect.file).name for defect in table.check(root)] == ["a.png"]
    with pytest.raises(TableError, match=r"a\.png: not a readable picture"):
        list(table.read(root))


def test_a_table_without_rows_has_a_defect(root: Path) -> None:
    lines(root)
    assert problems(root)[0] == "fixations.csv:None: no row below the header"


def test_a_defect_is_one_line_with_a_remedy() -> None:
    assert str(Defect("a.csv", 3, "x is 'a'", "write a number")) == "a.csv, line 3: x is 'a'; write a number."
    assert str(Defect("a.json", None, "not JSON", "write JSON")) == "a.json: not JSON; write JSON."


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
    items = [(picture, (*paths, searcher)) for picture, paths in table.read(root)]
    items.append((Picture("sub/c.png", 30, 40), (replace(searcher, box=None, found=None),)))
    new = tmp_path / "new" / "set"
    table.write(new, iter(items), table.splits(root), table.objects(root))
    back = list(table.read(new))
    assert [(p.name, p.width, p.height) for p, _ in back] == [(p.name, p.width, p.height) for p, _ in items]
    assert all(same(a, b) for (_, x), (_, y) in zip(items, back, strict=True) for a, b in zip(x, y, strict=True))
    assert table.splits(new) == table.splits(root)
    assert table.objects(new)["a.png"].categories == ("face",)
    assert table.objects(new)["a.png"].boxes.tolist() == [[1, 2, 3, 4]]
    assert (new / "images" / "a.png").read_bytes() == (root / "images" / "a.png").read_bytes()
    assert os.listdir(new.parent) == ["set"]
    assert os.access(new, os.R_OK | os.X_OK)


def test_free_viewing_is_written_without_columns_of_search(root: Path, tmp_path: Path) -> None:
    table.write(tmp_path / "new", table.read(root))
    text = (tmp_path / "new" / "fixations.csv").read_text()
    assert text.splitlines() == [HEADER, *ROWS]
    assert not (tmp_path / "new" / "objects.json").exists()
    assert table.check(tmp_path / "new") == []


def test_what_cannot_be_written_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    picture, (scanpath,) = next(table.read(root))
    new = tmp_path / "other" / "set"
    bad = [
        [(picture, (scanpath, scanpath))],
        [(picture, (scanpath,)), (picture, (scanpath,))],
        [(replace(picture, name="../a.png"), (scanpath,))],
    ]
    for items in bad:
        with pytest.raises(TableError, match=r"a\.png"):
            table.write(new, items)
        assert list(new.parent.iterdir()) == []
    with pytest.raises(TableError, match="give its picture, too"):
        table.write(new, [], objects={"z.png": Objects(np.zeros((1, 4)))})
    with pytest.raises(TableError, match="exists already"):
        table.write(root, [(picture, (scanpath,))])


def search(root: Path, *memory: str, header: str = "image,subject,target,memory_set") -> None:
    """Two people search `a.png`, one of them also for a key, with these rows of trials.csv."""
    rows = ["a.png,s1,0,1,1,,,,cup,,,,,", "a.png,s1,0,1,1,,,,key,,,,,", "a.png,s2,0,1,1,,,,cup,,,,,"]
    lines(root, *rows, header=SEARCH)
    (root / "splits.json").unlink()
    (root / "trials.csv").write_text("\n".join((header, *memory)) + "\n", "utf-8")


def test_trials_tell_what_was_held_in_mind(root: Path) -> None:
    search(root, "a.png,s1,cup,cup;the book", "", "a.png,s2,cup,", "a.png,s1,key, pen ; key ")
    ((_, paths),) = table.read(root)
    assert [path.sought for path in paths] == [("cup", "the book"), ("pen", "key"), ()]
    assert table.check(root) == []
    (root / "trials.csv").unlink()
    ((_, paths),) = table.read(root)
    assert [path.sought for path in paths] == [()] * 3


def test_columns_of_trials_may_come_in_any_order_among_others(root: Path) -> None:
    search(root, "cup,9,s2,cup;pen,a.png", header="target,note,subject,memory_set,image")
    ((_, paths),) = table.read(root)
    assert [path.sought for path in paths] == [(), (), ("cup", "pen")]


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
        table.read(root)


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
        table.read(root)
    assert any(defect.file.endswith("trials.csv") for defect in table.check(root))


def test_what_was_held_in_mind_reads_back(root: Path, tmp_path: Path) -> None:
    search(root, "a.png,s1,cup,cup;the, book", "a.png,s1,key,key", header="image,subject,target,memory_set")
    (root / "trials.csv").write_text(
        'image,subject,target,memory_set\na.png,s1,cup,"cup;the, book"\na.png,s1,key,key\n'
    )
    items = list(table.read(root))
    table.write(tmp_path / "new", items)
    ((_, before),), ((_, after),) = items, table.read(tmp_path / "new")
    assert all(same(*pair) for pair in zip(before, after, strict=True))
    assert [path.sought for path in after] == [("cup", "the, book"), ("key",), ()]
    assert len((tmp_path / "new" / "trials.csv").read_text().splitlines()) == 3


def test_memory_sets_that_cannot_be_written_are_refused(root: Path, tmp_path: Path) -> None:
    picture, (scanpath,) = next(table.read(root))
    for sought in (("a;b",), ("",), (" a",)):
        with pytest.raises(TableError, match="names that are not empty, without ';'"):
            table.write(tmp_path / "new", [(picture, (replace(scanpath, sought=sought),))])
    two = (replace(scanpath, sought=("a",)), replace(scanpath, task="search", sought=("b",)))
    with pytest.raises(TableError, match="two tasks and memory sets"):
        table.write(tmp_path / "new", [(picture, two)])
    assert not (tmp_path / "new").exists()


def test_the_memory_sets_of_a_real_set_read_quickly(shared: Path) -> None:
    root = shared / "hsem"
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    start = time.process_time()
    paths = [path for _, paths in table.read(root) for path in paths]
    assert time.process_time() - start < 2
    assert len(paths) == 4003
    assert [sum(len(path.sought) == count for path in paths) for count in (1, 2, 4)] == [1345, 1353, 1305]
    assert all(path.target in path.sought for path in paths)


BYTES = "\n".join((SEARCH, "a.png,s1,0,5,6,200,100,search,cup,1,2,3,4,1", "b.png,s1,0,5,6,,,,,,,,,")).encode()
PIECES = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\0", b";", b"nan", b"inf", b"-", b"1e400", b"\xff", b"9" * 400, b"../"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_a_result_or_a_table_error(root: Path, data: st.DataObject) -> None:
    content = bytearray(BYTES)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 3)))
        content[start:stop] = data.draw(st.one_of(PIECES, st.binary(max_size=4)))
    (root / "fixations.csv").write_bytes(bytes(content))
    defects = table.check(root)
    assert all("\n" not in str(defect) for defect in defects)
    items, refusal = attempt(lambda: list(table.read(root)))
    assert "\n" not in refusal
    assert not refusal or defects
    assert all(len(scanpath) > 0 for _, scanpaths in items or [] for scanpath in scanpaths)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_gives_objects_or_a_table_error(root: Path, data: st.DataObject) -> None:
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
    value = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
    coco = json.loads(json.dumps(COCO))
    part = data.draw(st.sampled_from(["images", "annotations", "categories"]))
    key = data.draw(st.sampled_from([*coco[part][0], None, "part"]))
    if key == "part":
        coco[part] = data.draw(value)
    elif key is None:
        coco[part].append(data.draw(value))
    else:
        coco[part][0][key] = data.draw(value)
    (root / "objects.json").write_text(json.dumps(coco))
    (root / "splits.json").write_text(json.dumps({"train": data.draw(value)}))
    defects = table.check(root)
    for function in (table.objects, table.splits):
        _, refusal = attempt(lambda function=function: function(root))
        assert "\n" not in refusal
        assert not refusal or defects


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_of_trials_give_a_result_or_a_table_error(root: Path, data: st.DataObject) -> None:
    content = bytearray(b"image,subject,target,memory_set\na.png,s1,cup,cup;pen\n")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 3))] = data.draw(st.one_of(PIECES, st.binary(max_size=4)))
    (root / "trials.csv").write_bytes(bytes(content))
    defects = table.check(root)
    _, refusal = attempt(lambda: list(table.read(root)))
    assert "\n" not in refusal
    assert not refusal or defects


SETS = ("osie", "crowd", "scene", "interiors", "hsem", "amazon_covers")


@pytest.mark.parametrize("name", SETS)
def test_real_sets_read(shared: Path, name: str) -> None:
    root = shared / name
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    items = list(table.read(root))
    rows = len((root / "fixations.csv").read_text().splitlines()) - 1
    assert sum(len(scanpath) for _, scanpaths in items for scanpath in scanpaths) == rows
    assert all(picture.width > 0 and picture.height > 0 for picture, _ in items)
    named = {picture.name for picture, _ in items}
    splits = table.splits(root)
    assert named == {name for names in splits.values() for name in names}
    assert (set(table.objects(root)) >= named) == (root / "objects.json").exists()


@pytest.mark.parametrize("name", SETS)
def test_real_sets_hold_no_defect_but_fixations_beside_the_picture(shared: Path, name: str) -> None:
    root = shared / name
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    defects = table.check(root)
    assert all("is outside the picture" in defect.problem for defect in defects)
    assert bool(defects) == (name in ("crowd", "interiors"))


def test_a_hundred_thousand_rows_read_in_under_two_seconds(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "a.png")
    lines(tmp_path, *(f"a.png,s{i // 10},{i % 10},{i % 20}.25,{i % 10}.5,{200 + i % 99},{i}" for i in range(100_000)))
    start = time.process_time()
    ((_, scanpaths),) = table.read(tmp_path)
    assert time.process_time() - start < 2
    assert len(scanpaths) == 10_000
