"""People as samples: where the head and the target lie on the canvas, and what is left out."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from data.errors import GazeError
from data.following.people import Person
from data.synthetic import onlookers
from following.augment import FollowingAugment
from following.datamodule import PeopleData
from following.dataset import PersonDataset, Render
from following.losses import SIGMA
from following.task import head_mask

SIZE = (60, 120)


def person(folder: Path, name: str = "a", gaze: Any = ((90.0, 30.0),), in_frame: bool | None = True) -> Person:
    path = folder / f"{name}.png"
    picture = np.full((*SIZE, 3), 40, np.uint8)
    picture[10:30, 20:40] = 250
    assert cv2.imwrite(str(path), picture)
    points = np.array(gaze, np.float64).reshape(-1, 2)
    return Person(path, SIZE, np.array([20.0, 10, 20, 20]), None, points, in_frame, name)


def sample(people: list[Person], **options: Any) -> dict[str, Any]:
    return PersonDataset(people, Render((96, 128), **options))[0, 0]


def test_the_head_is_where_it_is_on_the_canvas(tmp_path: Path) -> None:
    found = sample([person(tmp_path)])
    rows, columns = np.nonzero(found["picture"][..., 0] > 200)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(found["head"] - box).max() <= 1
    np.testing.assert_allclose(found["content"], [0, 16, 128, 80])


def test_the_truth_is_a_gaussian_of_three_of_sixty_four_cells_at_the_target(tmp_path: Path) -> None:
    found = sample([person(tmp_path)], stride=1)
    density, content = found["density"], found["content"]
    assert density.sum() == pytest.approx(1, rel=1e-4)
    rows, columns = np.mgrid[:96, :128] + 0.5
    x, y = (density * columns).sum(), (density * rows).sum()
    assert (x, y) == (pytest.approx(96, abs=0.3), pytest.approx(48, abs=0.3))
    wide = np.sqrt((density * (columns - x) ** 2).sum())
    assert wide == pytest.approx(SIGMA * (content[2] - content[0]), rel=0.05)
    tall = np.sqrt((density * (rows - y) ** 2).sum())
    assert tall == pytest.approx(SIGMA * (content[3] - content[1]), rel=0.05)
    np.testing.assert_allclose(found["points"], [[0.75, 0.5]])


def test_several_annotators_are_a_mixture_and_nobody_is_nothing(tmp_path: Path) -> None:
    two = sample([person(tmp_path, gaze=((30, 30), (90, 30)))])
    assert two["density"].sum() == pytest.approx(1, rel=1e-4)
    assert two["density"][:, :16].sum() == pytest.approx(0.5, abs=1e-3)
    none = sample([person(tmp_path, gaze=(), in_frame=False)])
    assert (none["density"].sum(), none["valid"], none["in_frame"]) == (0, False, 0)
    assert sample([person(tmp_path, gaze=(), in_frame=None)])["in_frame"] == -1


def test_a_target_on_the_edge_has_a_truth(tmp_path: Path) -> None:
    found = sample([person(tmp_path, gaze=((0.0, 0.0), (119.9, 59.9)))])
    assert found["density"].sum() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("content", [b"no picture", None], ids=["damaged", "of another size"])
def test_a_broken_picture_is_named_once_and_the_next_person_takes_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    people = [person(tmp_path, "a"), person(tmp_path, "b")]
    if content is None:
        assert cv2.imwrite(str(people[0].path), np.zeros((50, 50, 3), np.uint8))
    else:
        people[0].path.write_bytes(content)
    data = PersonDataset(people, Render((96, 128)))
    with caplog.at_level(logging.WARNING):
        for epoch in range(2):
            assert data[epoch, 0]["valid"]
    assert caplog.text.count("left out") == 1
    people[1].path.write_bytes(b"")
    with pytest.raises(GazeError, match="None of the people can be used"):
        data[2, 1]


def test_a_sample_follows_from_seed_epoch_and_person(tmp_path: Path) -> None:
    data = PersonDataset([person(tmp_path)], Render((96, 128), augment=FollowingAugment(), seed=3))
    first, again, later = data[0, 0], data[0, 0], data[1, 0]
    assert np.array_equal(first["picture"], again["picture"])
    assert not np.array_equal(first["picture"], later["picture"])


def test_batches_hold_people_of_the_splits(tmp_path: Path) -> None:
    onlookers.write(tmp_path / "rooms", 10, size=(96, 128))
    data = PeopleData(str(tmp_path / "rooms"), canvas=(96, 128), batch_size=4, workers=0)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["picture"].shape == (4, 96, 128, 3)
    assert batch["density"].shape == (4, 24, 32)
    assert len({person.path for part in data.sets.values() for person in part.people}) == 10
    assert {*data.data_state} == {"train", "val", "test"}
    every = PeopleData(str(tmp_path / "rooms"), canvas=(96, 128), every=3, workers=0)
    every.setup()
    assert len(every.sets["train"]) == -(-len(data.sets["train"]) // 3)
    assert len(every.sets["val"]) == len(data.sets["val"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"canvas": (90, 128)}, "data.canvas"),
        ({"stride": 3}, "data.stride"),
        ({"every": 0}, "data.every"),
        ({"batch_size": 0}, "data.batch_size"),
    ],
    ids=["canvas", "stride", "every", "batch"],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(GazeError, match=told):
        PeopleData("rooms", **options)


def test_a_set_without_anybody_to_train_on_is_refused(tmp_path: Path) -> None:
    onlookers.write(tmp_path / "rooms", 2, size=(96, 128))
    (tmp_path / "rooms" / "splits.json").write_text('{"test": ["0001.png", "0002.png"]}')
    with pytest.raises(GazeError, match="the train split holds nobody"):
        PeopleData(str(tmp_path / "rooms")).setup()


def test_a_head_covers_the_patches_under_it_and_a_small_one_the_patch_at_its_middle() -> None:
    head = torch.tensor([[16.0, 0.0, 48.0, 32.0], [33.0, 33.0, 35.0, 35.0]])
    found = head_mask(head, torch.zeros(2, 64, 64, 3), torch.zeros(2, 4, 4))
    assert found[0].int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found[1].sum() == 1
    assert found[1, 2, 2]
