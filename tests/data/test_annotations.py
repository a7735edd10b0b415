"""COCO files of one picture: what is taken from them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.annotations import read
from data.errors import TableError


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
    cup = read(file, "a.jpg")
    assert cup.boxes.tolist() == [[90, 10, 10, 20]]
    assert cup.categories == ("cup",)
    assert cup.attributes == ({"full": 1},)
    assert cup.confidences is not None
    assert cup.confidences.tolist() == [0.5]
    unnamed = read(file, "b.jpg")  # the folder does not matter, nor that the size and the category are not known
    assert unnamed.boxes.tolist() == [[1, 2, 3, 4]]
    assert unnamed.categories == ("object",)
    assert unnamed.confidences is None


def test_the_only_picture_of_a_coco_file_needs_no_name_but_no_other_one(tmp_path: Path) -> None:
    file = coco(tmp_path / "o.json", images=[{"id": 1, "file_name": "a.jpg"}], annotations=[])
    assert read(file).boxes.shape == (0, 4)
    assert len(read(file, "folder/a.jpg")) == 0
    with pytest.raises(TableError, match=r"none of its 1 pictures is 'other.jpg'"):
        read(file, "other.jpg")


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
        read(coco(tmp_path / "o.json", **parts), name)
    assert str(refusal.value).startswith(str(tmp_path / "o.json"))


SQUARE = [[2, 1, 6, 1, 6, 4, 2, 4]]  # x from 2 to 6, y from 1 to 4


def outlined(folder: Path, *outlines: Any) -> Path:
    entries = [{"image_id": 1, "bbox": [1, 1, 8, 6], "segmentation": outline} for outline in outlines]
    images = [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}]
    return coco(folder / "o.json", images=images, annotations=entries)


def test_outlines_become_masks(tmp_path: Path) -> None:
    runs = {"size": [8, 10], "counts": [8 * 3 + 2, 3, 5, 3, 43]}  # down the columns: rows 2 to 4 of columns 3 and 4
    masks = read(outlined(tmp_path, SQUARE, runs)).masks
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
    found = read(outlined(tmp_path, SQUARE, outline))
    assert found.masks is None
    assert len(found) == 2


def test_a_file_for_another_size_of_the_picture_is_refused(tmp_path: Path) -> None:
    file = coco(tmp_path / "o.json")
    assert len(read(file, "a.jpg", (100, 80))) == 1
    with pytest.raises(TableError, match="has 100 x 80 pixels there, but 50 x 40 in fact"):
        read(file, "a.jpg", (50, 40))
