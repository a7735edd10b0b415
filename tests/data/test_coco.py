"""COCO files: what is taken from them, how a picture is found in them, and what is refused."""

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.coco import Coco, read
from data.errors import Defect, TableError
from data.outlines import around, fill, unpacked
from tests.table_toy import attempt


def coco(file: Path, **parts: Any) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}, {"id": 2, "file_name": "in/b.jpg"}],
        "categories": [{"id": 4, "name": "cup"}],
        "annotations": [
            {"image_id": 1, "category_id": 4, "bbox": [90, 10, 20, 20], "attributes": {"full": 1}, "score": 0.5},
            {"image_id": 2, "category_id": 9, "bbox": [1, 2, 3, 4]},
        ],
    }
    file.write_text(json.dumps(content | parts), "utf-8")
    return file


def test_a_coco_file_gives_the_objects_of_the_picture_that_is_named(tmp_path: Path) -> None:
    file = coco(tmp_path / "o.json")
    cup = read(file).objects("a.jpg")
    assert cup.boxes.tolist() == [[90, 10, 10, 20]]
    assert cup.categories == ("cup",)
    assert cup.attributes == ({"full": 1},)
    assert cup.confidences is not None
    assert cup.confidences.tolist() == [0.5]
    unnamed = read(file).objects(
        "b.jpg"
    )  # the folder does not matter, nor that the size and the category are not known
    assert unnamed.boxes.tolist() == [[1, 2, 3, 4]]
    assert unnamed.categories == ("object",)
    assert unnamed.confidences is None


def test_the_only_picture_of_a_coco_file_needs_no_name_but_no_other_one(tmp_path: Path) -> None:
    file = coco(tmp_path / "o.json", images=[{"id": 1, "file_name": "a.jpg"}], annotations=[])
    assert read(file).objects().boxes.shape == (0, 4)
    assert len(read(file).objects("folder/a.jpg")) == 0
    with pytest.raises(TableError, match=r"none of its 1 pictures is 'other.jpg'"):
        read(file).objects("other.jpg")


@pytest.mark.parametrize(
    ("parts", "name", "words"),
    [
        ({}, None, "it has 2 pictures; name the one that is meant"),
        ({}, "c.jpg", "none of its 2 pictures is 'c.jpg'"),
        ({"images": []}, None, "it has 0 pictures"),
        ({"annotations": None}, "a.jpg", "no list 'annotations'"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, 3]}]}, "a.jpg", "not as COCO wants it"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, "x", 4]}]}, "a.jpg", "not as COCO wants it"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, 0, 4]}]}, "a.jpg", "no area"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, None, 4]}]}, "a.jpg", "not"),
        ({"annotations": [{"image_id": 1, "bbox": [100, 2, 5, 4]}]}, "a.jpg", "outside of the picture"),
        (
            {"images": None, "annotations": [{"bbox": [1, 2, 3, 4]}]},
            "a.jpg",
            "none of its 1 entries says by an image_id",
        ),
        ({"annotations": {"1": [1, 2, 3, 4]}}, "a.jpg", "no list 'annotations'"),
    ],
)
def test_a_coco_file_that_is_wrong_is_named(
    tmp_path: Path, parts: dict[str, Any], name: str | None, words: str
) -> None:
    with pytest.raises(TableError, match=words) as refusal:
        read(coco(tmp_path / "o.json", **parts)).objects(name)
    assert str(refusal.value).startswith(str(tmp_path / "o.json"))


SQUARE = [[2, 1, 6, 1, 6, 4, 2, 4]]  # x from 2 to 6, y from 1 to 4


def outlined(folder: Path, *outlines: Any) -> Path:
    entries = [{"image_id": 1, "bbox": [1, 1, 8, 6], "segmentation": outline} for outline in outlines]
    images = [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}]
    return coco(folder / "o.json", images=images, annotations=entries)


def test_outlines_become_masks(tmp_path: Path) -> None:
    runs = {"size": [8, 10], "counts": [8 * 3 + 2, 3, 5, 3, 43]}  # down the columns: rows 2 to 4 of columns 3 and 4
    masks = read(outlined(tmp_path, SQUARE, runs)).objects().masks
    assert masks is not None
    assert masks.shape == (2, 8, 10)
    rows, columns = np.nonzero(masks[1])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 4, 3, 4)
    assert masks[1].sum() == 6
    rows, columns = np.nonzero(masks[0])
    assert 2 <= columns.min() <= columns.max() <= 6
    assert 1 <= rows.min() <= rows.max() <= 4
    assert masks[0].sum() >= 4 * 3


BROKEN = ({"size": [8, 10], "counts": "PPYo1"}, {"size": [3, 3], "counts": [4, 5]}, {"counts": 5}, [[1, 2, 3]], "x", 7)


@pytest.mark.parametrize("outline", [None, [], [[40, 40, 41, 41]], *BROKEN])
def test_where_an_outline_cannot_be_read_its_box_is_enough_and_the_others_keep_theirs(
    tmp_path: Path, outline: Any
) -> None:
    told: list[str] = []
    found = read(outlined(tmp_path, SQUARE, outline), told.append).objects()
    assert found.masks is not None
    assert found.masks[1].sum() == 8 * 6  # the box
    assert 0 < found.masks[0].sum() < 8 * 6
    words = [f"{tmp_path / 'o.json'}: read in part: 1 outline that cannot be read (annotations[1]); mend or remove"]
    assert [line.partition(" these")[0] for line in told] == (words if outline in BROKEN else [])
    assert read(outlined(tmp_path, outline, outline), told.append).objects().masks is None


def test_a_file_for_another_size_of_the_picture_is_refused(tmp_path: Path) -> None:
    file = coco(tmp_path / "o.json")
    assert len(read(file).objects("a.jpg", (100, 80))) == 1
    with pytest.raises(TableError, match="has 100 x 80 pixels there, but 50 x 40 in fact"):
        read(file).objects("a.jpg", (50, 40))


def test_a_picture_is_found_by_its_whole_name_before_its_name_without_folders(tmp_path: Path) -> None:
    names = ("a/x.jpg", "x.jpg", "b/x.jpg", "c/y.jpg")
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    entries = [{"image_id": i, "bbox": [i, 0, 5, 5]} for i in range(len(names))]
    file = read(coco(tmp_path / "o.json", images=images, annotations=entries))
    asked = ("a/x.jpg", "/home/me/a/x.jpg", "x.jpg", "z/x.jpg", "./b/x.jpg", "photos/b/x.jpg", "y.jpg", "z/y.jpg")
    assert [file.picture(name).name for name in asked] == [names[i] for i in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert file.objects("photos/b/x.jpg").boxes.tolist() == [[2, 0, 5, 5]]


@pytest.mark.parametrize("names", [("a/x.jpg", "b/x.jpg"), ("x.jpg", "x.jpg")])
@pytest.mark.parametrize("asked", ["x.jpg", "c/x.jpg"])
def test_a_name_that_two_pictures_have_is_refused_with_what_to_do(
    tmp_path: Path, names: tuple[str, str], asked: str
) -> None:
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    file = read(coco(tmp_path / "o.json", images=images, annotations=[]))
    words = (
        rf"2 of its pictures are called 'x\.jpg', such as '{names[0]}' and '{names[1]}'; give the picture in a folder"
    )
    with pytest.raises(TableError, match=words):
        file.objects(asked)


def test_what_is_wrong_with_one_picture_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"file_name": "c.jpg", "width": "?"}]
    entries = [{"image_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 2, "bbox": 5}, {"image_id": 9, "bbox": 5}]
    told: list[str] = []
    file = read(coco(tmp_path / "o.json", images=images, annotations=entries), told.append)
    assert file.objects("a.jpg").boxes.tolist() == [[1, 2, 3, 4]]
    assert len(told) == 1
    with pytest.raises(TableError, match=r"o\.json: annotations\[1\]: .*; mend or remove this entry"):
        file.objects("b.jpg")
    with pytest.raises(TableError, match=r"o\.json: images\[2\] has no readable id.*; give every picture an id"):
        file.objects("c.jpg")


def test_two_pictures_of_one_id_are_refused_and_one_that_is_listed_twice_is_not(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "a.jpg"}]
    assert len(read(coco(tmp_path / "o.json", images=images)).objects("a.jpg")) == 1
    images[1]["file_name"] = "b.jpg"
    file = read(coco(tmp_path / "o.json", images=images))
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(TableError, match=r"images\[1\]: picture 'b\.jpg' or its id is there twice"):
            file.objects(name)


def packed(lengths: list[int]) -> str:
    """COCO's string of run lengths, as https://github.com/cocodataset/cocoapi (common/maskApi.c) defines it."""
    text = ""
    for i, length in enumerate(lengths):
        value, going = length - (lengths[i - 2] if i > 2 else 0), True
        while going:
            five, value = value % 32, value // 32
            going = value != (-1 if five >= 16 else 0)
            text += chr(48 + five + 32 * going)
    return text


def lengths_of(mask: np.ndarray) -> list[int]:
    """A mask's run lengths, counted pixel by pixel."""
    lengths, inside = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != inside:
            lengths, inside = [*lengths, 0], pixel
        lengths[-1] += 1
    return lengths


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.5, 0.98]))
def test_run_lengths_as_numbers_and_as_a_string_are_the_mask_and_its_box(
    height: int, width: int, seed: int, share: float
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    lengths = lengths_of(mask)
    assert unpacked(packed(lengths)) == lengths
    for counts in (lengths, packed(lengths)):
        outline, got = {"size": [height, width], "counts": counts}, np.zeros_like(mask)
        fill(got, outline)
        np.testing.assert_array_equal(got, mask)
        if mask.any():
            rows, columns = np.nonzero(mask)
            sides = [np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert around(outline, None).tolist() == [columns.min(), rows.min(), *sides]


def test_the_string_of_a_square_is_what_cocos_own_tools_write() -> None:
    outline = {"size": [100, 100], "counts": "Xl4b1b1" + "0" * 98}  # the upper half of the right half
    mask = np.zeros((100, 100), bool)
    fill(mask, outline)
    assert mask[:50, 50:].all()
    assert mask.sum() == 2500
    assert around(outline, (100, 100)).tolist() == [50, 0, 50, 50]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "outline",
    [
        SQUARE,
        [SQUARE[0][:6], [2, 4, 4, 4, 4, 1]],
        {"size": [8, 10], "counts": [17, 3, 5, 3, 5, 3, 5, 3, 36]},
        {"size": [8, 10], "counts": packed([17, 3, 5, 3, 5, 3, 5, 3, 36])},
    ],
    ids=["polygon", "polygons", "numbers", "string"],
)
def test_where_a_box_is_missing_it_is_the_one_around_the_outline(tmp_path: Path, outline: Any, strict: bool) -> None:
    for number, missing in enumerate(({}, {"bbox": None}, {"bbox": []})):
        entry = {"image_id": 1, "category_id": 4, "segmentation": outline, **missing}
        images = [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}]
        file = coco(tmp_path / f"{number}.json", images=images, annotations=[entry])
        assert Coco(file, strict=strict).boxes == {"a.jpg": [([2, 1, 4, 3], "cup", {})]}


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        (None, "no 'bbox'"),
        ([], "no 'bbox'"),
        ({"size": [8, 10]}, "neither whole numbers nor a string"),
        ({"counts": [80]}, "lack the size"),
        ({"size": [8, 10], "counts": [40.5, 39.5]}, "neither whole numbers nor a string"),
        ({"size": [8, 10], "counts": [80]}, "holds no pixel"),
        ({"size": [8, 10], "counts": [70, 20, -10]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": [10**15, 10**15]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": packed([10**12, 10**12])}, "not of a picture of 10 x 8 pixels"),
        ({"size": [10**9, 10**9], "counts": [0, 10**18]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": "o" * 100_000}, "where no run length goes on"),
        ({"size": [8, 10], "counts": "PP"}, "ends within a run length"),
        ({"size": [8, 10], "counts": "0 1"}, "holds ' ' where"),
        ([[1, 2, 3]], "not written x, y, x, y"),
        ([[[1, 2], [3, 4]]], "not written x, y, x, y"),
        ([[1, None, "x", 4]], "not a number of pixels"),
        ([[]], "no corners"),
        ([[1, 2, float("nan"), 4]], "not in any picture"),
        ([[1, 2, 1e300, 4]], "not in any picture"),
        ("polygon", "neither a list of polygons nor run lengths"),
    ],
)
def test_a_missing_box_with_an_outline_that_cannot_be_read_is_refused(tmp_path: Path, outline: Any, words: str) -> None:
    entry = {"image_id": 1, "category_id": 4, "segmentation": outline}
    images = [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}]
    file = coco(tmp_path / "o.json", images=images, annotations=[entry])
    with pytest.raises(TableError, match=rf"o\.json: annotations\[0\]: .*{words}"):
        read(file).objects()
    defects: list[Defect] = []
    Coco(file, defects.append)
    assert [words in defect.problem for defect in defects] == [True]


@pytest.mark.parametrize(
    "counts", [[10**15, 10**15], [0, 2**62, 2**62, 2**62, 2**62, 80], packed([0, 10**15]), "o" * 10**5]
)
def test_run_lengths_are_not_expanded_before_they_are_compared_with_the_picture(tmp_path: Path, counts: Any) -> None:
    objects = read(outlined(tmp_path, SQUARE, {"size": [8, 10], "counts": counts})).objects()
    assert objects.masks is not None
    assert objects.masks[1].sum() == 8 * 6  # its box


def test_outlines_of_a_string_become_masks_too(tmp_path: Path) -> None:
    lengths = [26, 3, 5, 3, 43]
    both = outlined(tmp_path, *({"size": [8, 10], "counts": counts} for counts in (lengths, packed(lengths))))
    masks = read(both).objects().masks
    assert masks is not None
    assert masks.sum((1, 2)).tolist() == [6, 6]
    np.testing.assert_array_equal(masks[0], masks[1])


def test_a_polygon_that_goes_far_beyond_the_picture_is_not_filled_row_by_row(tmp_path: Path) -> None:
    begin = time.process_time()
    objects = read(outlined(tmp_path, [[5, -1e9, 6, 1e9, 4, 1e9]])).objects()
    assert time.process_time() - begin < 1
    assert objects.masks is None


SOUND = {"id": 7, "image_id": 1, "category_id": 4, "bbox": [10, 10, 20, 20]}
CROWD = {"size": [80, 100], "counts": [0, 40, 7960]}
ODD: dict[str, tuple[Any, str]] = {  # an entry beside two sound ones, and how it is told
    "no height": ({"bbox": [5, 5, 1, 0]}, "1 box without area"),
    "a negative width": ({"bbox": [5, 5, -3, 2]}, "1 box without area"),
    "no number": ({"bbox": [5, math.nan, 3, 2]}, "1 box that is not four numbers"),
    "infinite": ({"bbox": [5, 5, math.inf, 2]}, "1 box that is not four numbers"),
    "words": ({"bbox": [5, "five", 3, 2]}, "1 box that is not four numbers"),
    "three": ({"bbox": [5, 5, 3]}, "1 box that is not four numbers"),
    "a table": ({"bbox": {"x": 5}}, "1 box that is not four numbers"),
    "truth": ({"bbox": True}, "1 box that is not four numbers"),
    "outside": ({"bbox": [100, 5, 5, 5]}, "1 box outside of its picture"),
    "no place": ({"bbox": None}, "1 object without a box or a readable outline"),
    "a crowd": ({"iscrowd": 1, "segmentation": CROWD}, "1 crowd"),
    "a packed crowd": ({"iscrowd": "1", "segmentation": {"size": [80, 100], "counts": "0X1"}}, "1 crowd"),
    "a crowd without box": ({"iscrowd": True, "bbox": None, "segmentation": CROWD}, "1 crowd"),
    "no picture": ({"image_id": 99}, "1 annotation of no picture"),
    "null picture": ({"image_id": None}, "1 annotation of no picture"),
    "a list for a picture": ({"image_id": [1]}, "1 annotation of no picture"),
    "null": (None, "1 entry that is not as COCO wants it"),
    "a list": ([1, 2], "1 entry that is not as COCO wants it"),
    "text": ("car", "1 entry that is not as COCO wants it"),
}
PARTLY: dict[str, tuple[Any, str]] = {
    "an unknown category": ({"category_id": 9}, "1 object of an unknown category"),
    "a list for a category": ({"category_id": [4]}, "1 object of an unknown category"),
    "a score in words": ({"score": "high"}, "1 score that is not from 0 to 1"),
    "a score of 87": ({"score": 87}, "1 score that is not from 0 to 1"),
    "attributes in words": ({"attributes": "red"}, "1 object without readable attributes"),
    "an outline of nothing": ({"segmentation": [[1]]}, "1 outline that cannot be read"),
}


def beside(path: Path, odd: Any, **parts: Any) -> Path:
    entries = [SOUND, SOUND | odd if isinstance(odd, dict) else odd, SOUND | {"bbox": [40, 10, 20, 20]}]
    return coco(path, annotations=entries, **parts)


@pytest.mark.parametrize(("odd", "words"), ODD.values(), ids=ODD)
def test_one_odd_entry_is_left_out_and_told_and_loses_no_other(tmp_path: Path, odd: Any, words: str) -> None:
    told: list[str] = []
    file = read(beside(tmp_path / "o.json", odd), told.append)
    assert file.objects("a.jpg", (100, 80)).boxes.tolist() == [[10, 10, 20, 20], [40, 10, 20, 20]]
    assert len(file.objects("a.jpg", (100, 80))) == 2
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path / 'o.json'}: left out: {words}")
    assert "(annotations[1]); mend or remove" in told[0]


@pytest.mark.parametrize(("odd", "words"), PARTLY.values(), ids=PARTLY)
def test_an_object_of_which_a_part_cannot_be_read_keeps_its_box(tmp_path: Path, odd: Any, words: str) -> None:
    told: list[str] = []
    objects = read(beside(tmp_path / "o.json", odd), told.append).objects("a.jpg")
    assert len(objects) == 3
    assert len(told) == 1
    assert f"read in part: {words} (annotations[1])" in told[0]


def test_all_that_is_left_out_of_a_file_is_told_in_one_line_with_its_counts(tmp_path: Path) -> None:
    flat, crowd = {"bbox": [5, 5, 1, 0]}, {"iscrowd": 1}
    entries = [SOUND, SOUND | flat, SOUND | crowd, SOUND | crowd, SOUND | {"image_id": 99}, SOUND | {"score": "?"}]
    told: list[str] = []
    assert len(read(coco(tmp_path / "o.json", annotations=entries), told.append).objects("a.jpg")) == 2
    assert told == [
        f"{tmp_path / 'o.json'}: left out: 1 box without area (annotations[1]), 2 crowds (first annotations[2]), "
        "1 annotation of no picture in the file (annotations[4]); read in part: 1 score that is not from 0 to 1 "
        "(annotations[5]); mend or remove these entries."
    ]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("ids", [("1", 1, "4", 4), (1, "1", 4, "4"), (1, 1.0, 4, 4.0), ("x", "x", " y", "y ")])
def test_ids_are_compared_by_what_they_say(tmp_path: Path, ids: tuple[Any, ...], strict: bool) -> None:
    images = [{"id": ids[0], "file_name": "a.jpg", "width": 100, "height": 80}]
    entries = [{"image_id": ids[1], "category_id": ids[3], "bbox": [1, 2, 3, 4]}]
    file = coco(tmp_path / "o.json", images=images, annotations=entries, categories=[{"id": ids[2], "name": "cup"}])
    assert Coco(file, strict=strict).boxes == {"a.jpg": [([1, 2, 3, 4], "cup", {})]}


@pytest.mark.parametrize("categories", [None, [], "cups", {"4": "cup"}, [7], [{"id": 4}], [{"name": "cup"}]])
def test_without_categories_objects_are_named_object(tmp_path: Path, categories: Any) -> None:
    told: list[str] = []
    objects = read(coco(tmp_path / "o.json", categories=categories), told.append).objects("a.jpg")
    assert objects.categories == ("object",)
    assert "2 objects of an unknown category (first annotations[0])" in told[0]


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        (139, "000000000139.jpg"),
        ("139", "139.png"),
        (139, "folder/COCO_val2014_000000000139.jpg"),
        ("street.jpg", "photos/street.jpg"),
        ("street", "street.jpg"),
        ("photos/street.jpg", "/home/me/photos/street.jpg"),
    ],
)
@pytest.mark.parametrize("bare", [True, False])
def test_a_list_of_detections_is_read_by_the_name_in_its_ids(tmp_path: Path, key: Any, asked: str, bare: bool) -> None:
    found = [
        {"image_id": key, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5},
        {"image_id": 77, "category_id": 3, "bbox": [5, 2, 3, 4], "score": 0.25},
        {"image_id": key, "category_id": 3, "bbox": [5, 2, 3, 0], "score": 0.25},
    ]
    file, told = tmp_path / "o.json", list[str]()
    file.write_text(json.dumps(found if bare else {"annotations": found, "categories": [{"id": 3, "name": "cup"}]}))
    annotated = read(file, told.append)
    objects = annotated.objects(asked, (50, 40))
    assert objects.boxes.tolist() == [[1, 2, 3, 4]]
    assert objects.categories == ("object" if bare else "cup",)
    assert objects.confidences is not None
    assert objects.confidences.tolist() == [0.5]
    assert told == [f"{file}: left out: 1 box without area (annotations[2]); mend or remove these entries."]
    with pytest.raises(TableError, match=r"none of its 2 pictures is 'other\.jpg'"):
        annotated.objects("other.jpg")


def test_the_only_number_of_a_list_of_detections_stands_for_one_picture_and_no_other(tmp_path: Path) -> None:
    file, told = tmp_path / "o.json", list[str]()
    file.write_text(json.dumps([{"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    annotated = read(file, told.append)
    assert len(annotated.objects("a/street.jpg")) == 1
    assert told == [f"{file}: its only image_id is taken for 'street.jpg'."]
    for other in ("b/street.jpg", "cups.jpg", "000000000006.jpg"):
        with pytest.raises(TableError, match="none of its 1 pictures is"):
            annotated.objects(other)
    file.write_text("[[1, 2, 3, 4]]")
    with pytest.raises(TableError, match="none of its 1 entries says by an image_id on which picture it is"):
        read(file)


def test_boxes_of_a_picture_of_unknown_size_are_compared_with_its_size_in_fact(tmp_path: Path) -> None:
    entries = [{"image_id": 2, "bbox": box} for box in ([60, 2, 3, 4], [40, 2, 30, 4], [-5, -5, 8, 9], [-5, 2, 3, 4])]
    told: list[str] = []
    objects = read(coco(tmp_path / "o.json", annotations=entries), told.append).objects("b.jpg", (50, 40))
    assert objects.boxes.tolist() == [[40, 2, 10, 4], [0, 0, 3, 4]]
    assert told[0].partition(": left out: ")[2].startswith("2 boxes outside of their picture (first annotations[3])")


@pytest.mark.parametrize("size", [("?", 80), (-100, 80), (math.nan, 80), (100.5, 80), (1e300, 80), ([], 5), (True, 80)])
def test_a_size_that_cannot_be_read_is_unknown(tmp_path: Path, size: tuple[Any, Any]) -> None:
    images = [{"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}]
    file = coco(tmp_path / "o.json", images=images)
    assert read(file).objects("a.jpg", (100, 80)).boxes.tolist() == [[90, 10, 10, 20]]
    defects: list[Defect] = []
    Coco(file, defects.append)
    assert defects[0].problem.startswith("images[0]: ")


def test_a_data_set_leaves_crowds_out_without_a_word(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}]
    file = beside(tmp_path / "o.json", {"iscrowd": 1, "segmentation": CROWD}, images=images)
    assert [len(boxes) for boxes in Coco(file).boxes.values()] == [2]


@given(data=st.data())
def test_any_json_gives_objects_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
    value = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner))
    runs = {"size": [8, 10], "counts": [26, 3, 51]}
    entry = {"image_id": 1, "category_id": 4, "bbox": [1, 1, 8, 6], "segmentation": runs, "score": 1, "attributes": {}}
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}],
        "annotations": [entry, entry | {"segmentation": SQUARE}],
        "categories": [{"id": 4, "name": "cup"}],
    }
    holder = data.draw(st.sampled_from([content, *(content[part][0] for part in content), runs]))
    holder[data.draw(st.sampled_from(list(holder)))] = data.draw(value)
    objects, refusal = attempt(lambda: read(coco(tmp_path / "o.json", **content)).objects("a.jpg"))
    assert "\n" not in refusal
    assert refusal or (objects.boxes[:, 2:] > 0).all()


@pytest.mark.parametrize("outline", [[[2, 1, 6, 1, 6, 4], [1]], [[1], [2, 1, 6, 1, 6, 4], "x"], [2, 1, 6, 1, 6, 4]])
def test_one_bad_ring_loses_no_other(outline: list[object]) -> None:
    assert around(outline, None).tolist() == [2, 1, 4, 3]
