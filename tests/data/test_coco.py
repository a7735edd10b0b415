"""COCO files: what is taken from them, how a picture is found in them, and what is refused."""

import json
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
        ({"annotations": [{"bbox": [1, 2, 3, 4]}]}, "a.jpg", "not as COCO wants it"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, 0, 4]}]}, "a.jpg", "no area"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, None, 4]}]}, "a.jpg", "not"),
        ({"annotations": [{"image_id": 1, "bbox": [100, 2, 5, 4]}]}, "a.jpg", "outside of the picture"),
        ({"categories": [7]}, "a.jpg", "not as COCO wants it"),
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


@pytest.mark.parametrize(
    "outline", [None, [], {"size": [8, 10], "counts": "PPYo1"}, {"size": [3, 3], "counts": [4, 5]}, [[40, 40, 41, 41]]]
)
def test_where_an_outline_cannot_be_read_boxes_are_enough(tmp_path: Path, outline: Any) -> None:
    found = read(outlined(tmp_path, SQUARE, outline)).objects()
    assert found.masks is None
    assert len(found) == 2


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
    file = read(coco(tmp_path / "o.json", images=images, annotations=entries))
    assert file.objects("a.jpg").boxes.tolist() == [[1, 2, 3, 4]]
    with pytest.raises(TableError, match=r"o\.json: annotations\[1\]: .*; mend or remove this entry"):
        file.objects("b.jpg")
    with pytest.raises(TableError, match=r"o\.json: images\[2\]: invalid literal"):
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
        ({"size": [8, 10]}, "no 'counts'"),
        ({"size": [8, 10], "counts": [80]}, "holds no pixel"),
        ({"size": [8, 10], "counts": [70, 20, -10]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": [10**15, 10**15]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": packed([10**12, 10**12])}, "not of a picture of 10 x 8 pixels"),
        ({"size": [10**9, 10**9], "counts": [0, 10**18]}, "not of a picture of 10 x 8 pixels"),
        ({"size": [8, 10], "counts": "o" * 100_000}, "where no run length goes on"),
        ({"size": [8, 10], "counts": "PP"}, "ends within a run length"),
        ({"size": [8, 10], "counts": "0 1"}, "holds ' ' where"),
        ([[1, 2, 3]], "cannot reshape"),
        ([[]], "no corners"),
        ([[1, 2, float("nan"), 4]], "not in any picture"),
        ([[1, 2, 1e300, 4]], "not in any picture"),
        ("polygon", "could not convert"),
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
    assert objects.masks is None
    assert len(objects) == 2


def test_outlines_of_a_string_become_masks_too(tmp_path: Path) -> None:
    lengths = [26, 3, 5, 3, 43]
    both = outlined(tmp_path, *({"size": [8, 10], "counts": counts} for counts in (lengths, packed(lengths))))
    masks = read(both).objects().masks
    assert masks is not None
    assert masks.sum((1, 2)).tolist() == [6, 6]
    np.testing.assert_array_equal(masks[0], masks[1])


def test_a_polygon_that_goes_far_beyond_the_picture_is_refused_and_not_filled_row_by_row(tmp_path: Path) -> None:
    begin = time.process_time()
    with pytest.raises(TableError, match=r"annotations\[0\]: its outline has no corners, or some that are not in any"):
        read(outlined(tmp_path, [[5, -1e9, 6, 1e9, 4, 1e9]])).objects()
    assert time.process_time() - begin < 1


def test_a_polygon_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"annotations\[1\]: cannot reshape"):
        read(outlined(tmp_path, SQUARE, [[1, 2, 3]])).objects()


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
