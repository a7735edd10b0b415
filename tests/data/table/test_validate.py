"""The validator: every defect of a data set in one run, and none of a sound one."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import Defect, TableError
from data.table.read import read_objects, read_splits, read_table
from data.table.validate import check_table
from tests.damage import scrambled
from tests.table_toy import COCO, PIECES, SEARCH, SETS, attempt, lines, problems, sound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two pictures of 20 x 10 pixels."""
    return sound(tmp_path)


def test_a_sound_set_has_no_defects(root: Path) -> None:
    assert check_table(root) == []


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
        "objects.json:None: annotations[4]: the box is [1, 2, 3], which is not four numbers of pixels",
        "objects.json:None: annotations[5]: the image_id [] is unknown",
        "objects.json:None: images[1]: there is no 'file_name'",
        "objects.json:None: images[3]: 5 is not a JSON object",
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
    (defect,) = check_table(root)
    assert defect.file == str(root / "images" / "a.png")
    assert len(list(read_table(root))) == 2  # the header is sound
    (root / "images" / "a.png").write_bytes(b"no picture")
    assert [Path(defect.file).name for defect in check_table(root)] == ["a.png"]
    with pytest.raises(TableError, match=r"a\.png: not a readable picture"):
        list(read_table(root))


def test_a_table_without_rows_has_a_defect(root: Path) -> None:
    lines(root)
    assert problems(root)[0] == "fixations.csv:None: no row below the header"


@pytest.mark.parametrize("begin", ["\n", "\r\n", "\ufeff\n", "\n\n"])
def test_a_first_line_that_is_empty_is_a_defect(root: Path, begin: str) -> None:
    content = begin + (root / "fixations.csv").read_text("utf-8")
    (root / "fixations.csv").write_text(content, "utf-8", newline="")
    (root / "trials.csv").write_text(begin + "image,subject,target,memory_set\n", "utf-8", newline="")
    assert {"fixations.csv:1: the line is empty", "trials.csv:1: the line is empty"} <= set(problems(root))
    with pytest.raises(TableError, match=r"fixations\.csv, line 1: the line is empty; name the columns image,subject,"):
        list(read_table(root))


def test_a_defect_is_one_line_with_a_remedy() -> None:
    assert str(Defect("a.csv", 3, "x is 'a'", "write a number")) == "a.csv, line 3: x is 'a'; write a number."
    assert str(Defect("a.json", None, "not JSON", "write JSON")) == "a.json: not JSON; write JSON."


BYTES = "\n".join((SEARCH, "a.png,s1,0,5,6,200,100,search,cup,1,2,3,4,1", "b.png,s1,0,5,6,,,,,,,,,")).encode()


@given(data=st.data())
def test_any_bytes_give_a_result_or_a_table_error(root: Path, data: st.DataObject) -> None:
    content = scrambled(BYTES, data, 6, st.one_of(PIECES, st.binary(max_size=4)))
    (root / "fixations.csv").write_bytes(content)
    defects = check_table(root)
    assert all("\n" not in str(defect) for defect in defects)
    items, refusal = attempt(lambda: list(read_table(root)))
    assert "\n" not in refusal
    assert not refusal or defects
    assert all(len(scanpath) > 0 for _, scanpaths in items or [] for scanpath in scanpaths)


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
    defects = check_table(root)
    for function in (read_objects, read_splits):
        _, refusal = attempt(lambda function=function: function(root))
        assert "\n" not in refusal
        assert not refusal or defects


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_real_sets_hold_no_defect_but_fixations_beside_the_picture(shared: Path, name: str) -> None:
    root = shared / name
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    defects = check_table(root)
    assert all("is outside the picture" in defect.problem for defect in defects)
    assert bool(defects) == (name in ("crowd", "interiors"))


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("duration_ms", "1e308"),
        ("duration_ms", "-1e308"),
        ("duration_ms", "86400000"),
        ("duration_ms", "1e20"),
        ("start_ms", "1e308"),
        ("start_ms", "-1e300"),
        ("start_ms", "1e18"),
        ("x", "1e300"),
        ("y", "-1e300"),
        ("index", "1e300"),
        ("target_w", "1e308"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])  # by pyarrow, by csv
def test_numbers_that_no_recording_holds_are_defects_and_refused(
    root: Path, column: str, cell: str, quoted: bool
) -> None:
    names = SEARCH.split(",")
    row = dict(
        zip(names, ["a.png", "s1", "0", "5", "6", "200", "100", "search", "cup", "1", "2", "3", "4", "1"], strict=True)
    ) | {column: cell}
    texts = [f'"{text}\n"' if quoted and name == "subject" else text for name, text in row.items()]
    lines(root, ",".join(texts), header=SEARCH)
    found = check_table(root)
    assert [defect.problem for defect in found] == [f"{column} is {cell!r}"]
    assert "write a number below" in found[0].remedy
    with pytest.raises(TableError) as refusal:
        list(read_table(root))
    assert str(refusal.value) == str(found[0])


def test_long_but_possible_numbers_are_read(root: Path) -> None:
    lines(root, "a.png,s1,0,5,6,3600000,1764480000000", "a.png,s1,1,5,6,200,1764480001000")
    assert check_table(root) == []
    assert [path.onset[0] for _, paths in read_table(root) for path in paths] == [1764480000000]
