"""What a scene is as numbers: every array's shape and meaning, and an answer to scenes that have none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import GazeError
from data.gaze import Objects, Picture, Scene
from export.scanpath_onnx import random_look
from scanpath.inputs import InputSpec
from scanpath.object_features import object_features

BOXES = np.array([[2.0, 3, 10, 8], [20, 5, 6, 12], [1, 14, 4, 4]])
FORM = InputSpec(("cup", "book"))
PICTURE = Picture("a.png", 40, 20)
FREE = Scene(PICTURE, Objects(BOXES, ("book", "cup", "yeti")))
SEARCH = replace(FREE, targets=(1,), memory_set=("cup", "", "yeti"), task="search", box=(20.0, 5.0, 6.0, 12.0))


def pixels() -> np.ndarray:
    """Grey, with each object of a colour of its own."""
    made = np.full((20, 40, 3), 90, np.uint8)
    for (x, y, width, height), colour in zip(BOXES.astype(int), ((250, 0, 0), (0, 250, 0), (0, 0, 250)), strict=True):
        made[y : y + height, x : x + width] = colour
    return made


def test_the_arrays_have_the_stated_shapes_and_types() -> None:
    arrays = InputSpec(("cup",), "crops", 8).inputs(SEARCH, 2, True, pixels())
    assert {name: (str(a.dtype), a.shape) for name, a in arrays.items()} == {
        "boxes": ("float32", (3, 4)),
        "size": ("float32", (2,)),
        "present": ("bool", (3,)),
        "target": ("bool", (3,)),
        "told": ("bool", ()),
        "category": ("int64", (3,)),
        "sought": ("int64", (3,)),
        "sought_present": ("bool", (3,)),
        "condition": ("int64", ()),
        "crops": ("uint8", (3, 8, 8, 3)),
        "likeness": ("float32", (3,)),
        "sought_crops": ("uint8", (3, 8, 8, 3)),
    }
    assert set(InputSpec().inputs(SEARCH)) == set(arrays) - {"crops", "sought_crops", "likeness"}


def test_the_arrays_say_what_the_scene_says() -> None:
    arrays = FORM.inputs(SEARCH, 2, True)
    np.testing.assert_array_equal(arrays["boxes"], BOXES)
    assert arrays["size"].tolist() == [40, 20]  # width, height
    assert arrays["present"].all()
    assert arrays["target"].tolist() == [False, True, False]
    assert arrays["category"].tolist() == [2, 1, 0]  # a category that it does not know is 0
    assert arrays["sought"].tolist() == [1, 0, 0]
    assert arrays["sought_present"].all()
    assert arrays["condition"] == 2
    assert arrays["told"]
    assert not FORM.inputs(SEARCH)["told"]


def test_in_free_viewing_nothing_is_looked_for() -> None:
    arrays = FORM.inputs(FREE)
    assert arrays["sought"].tolist() == [0]
    assert arrays["sought_present"].tolist() == [False]
    assert not arrays["target"].any()


def test_a_target_of_no_known_category_is_looked_for_nevertheless() -> None:
    assert FORM.inputs(replace(FREE, targets=(0, 2)))["sought_present"].tolist() == [True]
    assert FORM.inputs(replace(FREE, targets=(0, 2)))["target"].tolist() == [True, False, True]
    shown = InputSpec((), "crops", 8).inputs(FREE, pixels=pixels(), target_crops=[pixels(), pixels()])
    assert shown["sought_present"].tolist() == [True, True]


def test_objects_without_categories_have_the_unknown_one() -> None:
    assert FORM.inputs(Scene(PICTURE, Objects(BOXES)))["category"].tolist() == [0, 0, 0]


def test_crops_show_each_object_and_the_target() -> None:
    arrays = InputSpec((), "crops", 6).inputs(SEARCH, pixels=pixels())
    for crop, colour in zip(arrays["crops"], ((250, 0, 0), (0, 250, 0), (0, 0, 250)), strict=True):
        assert (crop == colour).all()
    assert (arrays["sought_crops"][0] == (0, 250, 0)).all()
    assert not arrays["sought_crops"][1:].any()  # what the others look like is not known: black


def test_the_targets_own_crop_is_taken_where_only_its_number_is_known() -> None:
    arrays = InputSpec((), "crops", 6).inputs(replace(SEARCH, box=None), pixels=pixels())
    assert (arrays["sought_crops"][0] == (0, 250, 0)).all()


def test_pictures_of_what_is_looked_for_come_before_the_targets_crop() -> None:
    one, other = np.full((9, 3, 3), 70, np.uint8), np.full((1, 1, 3), 200, np.uint8)
    arrays = InputSpec((), "crops", 6).inputs(SEARCH, pixels=pixels(), target_crops=[one, other])
    assert [np.unique(crop).tolist() for crop in arrays["sought_crops"]] == [[70], [200], [0]]
    more = InputSpec((), "crops", 6).inputs(FREE, pixels=pixels(), target_crops=[one, other])
    assert [np.unique(crop).tolist() for crop in more["sought_crops"]] == [[70], [200]]


def test_a_box_or_crop_of_one_pixel_is_a_plain_colour() -> None:
    dot = Scene(PICTURE, Objects(np.array([[20.0, 5, 1, 1], [39.5, 19.5, 0.5, 0.5]])))
    arrays = InputSpec((), "crops", 6).inputs(dot, pixels=pixels(), target_crops=[np.full((1, 1, 3), 33, np.uint8)])
    assert (arrays["crops"][0] == (0, 250, 0)).all()
    assert (arrays["crops"][1] == 90).all()
    assert (arrays["sought_crops"] == 33).all()


def test_without_a_picture_crops_are_black() -> None:
    arrays = InputSpec((), "crops", 6).inputs(SEARCH)
    assert arrays["crops"].shape == (3, 6, 6, 3)
    assert not arrays["crops"].any()
    assert not arrays["sought_crops"].any()


def test_the_picture_is_read_from_its_file_unless_it_is_given(tmp_path: Path) -> None:
    Image.fromarray(pixels()).save(tmp_path / "a.png")
    form = InputSpec((), "crops", 6)
    there = replace(SEARCH, picture=replace(PICTURE, path=tmp_path / "a.png"))
    for name, value in form.inputs(there).items():
        np.testing.assert_array_equal(value, form.inputs(SEARCH, pixels=pixels())[name])
    black = form.inputs(there, pixels=np.zeros((20, 40, 3), np.uint8))
    assert not black["crops"].any()


def test_what_a_saliency_model_gives_becomes_features_of_each_object() -> None:
    look = random_look((2, 1, 3, 4), 0)
    arrays = InputSpec((), "saliency").inputs(SEARCH, look=look)
    np.testing.assert_array_equal(arrays["features"], object_features(look, SEARCH.objects.boxes))
    assert arrays["features"].shape == (len(SEARCH.objects), 12)


def test_with_crops_a_scene_without_a_picture_has_features_of_zeros() -> None:
    spec = InputSpec((), "crops+saliency", 6, 12)
    blind = spec.inputs(SEARCH)
    assert blind["features"].shape == (len(SEARCH.objects), 12)
    assert not blind["features"].any()
    assert not blind["crops"].any()
    shown = spec.inputs(SEARCH, pixels=pixels(), look=random_look((2, 1, 3, 4), 0))
    assert shown["features"].any()
    assert shown["crops"].any()


def test_a_scene_that_cannot_be_fed_is_answered_in_one_sentence() -> None:
    for form, scene, target_known, problem in (
        (FORM, Scene(PICTURE, Objects(np.zeros((0, 4)))), False, "there is no object to look at; give boxes"),
        (FORM, FREE, True, "the target is not among the objects, so the model cannot be told it"),
        (InputSpec((), "saliency"), FREE, False, "looks at the picture, but there is none; give it"),
    ):
        with pytest.raises(GazeError, match=rf"^a\.png: .*{problem}") as caught:
            form.inputs(scene, target_known=target_known)
        assert str(caught.value).endswith(".")


def test_the_scene_is_not_written_to() -> None:
    before = BOXES.copy()
    FORM.inputs(SEARCH)["boxes"][:] = 0
    np.testing.assert_array_equal(SEARCH.objects.boxes, before)
