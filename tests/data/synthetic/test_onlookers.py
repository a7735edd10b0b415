"""Made people: their heads are turned to what they look at, and nothing else lies there."""

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError
from data.following.sets import open_set
from data.synthetic import onlookers
from data.synthetic.onlookers import APART, room

ROOMS = [room(5, number, (120, 160)) for number in range(30)]


def degrees(made: onlookers.Onlooker, place: np.ndarray) -> float:
    """Between the way in which a head is turned, in the picture, and the way from it to a place."""
    away = place - made.head.middle
    turned = made.forward[:2]
    cosine = away @ turned / np.linalg.norm(away) / np.linalg.norm(turned)
    return math.degrees(math.acos(min(1.0, cosine)))


def test_heads_are_turned_to_their_targets_and_to_nothing_else() -> None:
    for made in ROOMS:
        heads = [person.head for person in made.people]
        for person in made.people:
            for thing in (*made.things, *heads):
                if thing is person.target:
                    assert degrees(person, thing.middle) < 0.1
                elif thing is not person.head:
                    assert degrees(person, thing.middle) > APART


def test_some_look_out_of_the_picture_and_some_at_each_other() -> None:
    people = [person for made in ROOMS for person in made.people]
    outside = sum(person.target is None for person in people) / len(people)
    assert 0.1 < outside < 0.5
    assert any(person.target is not None and person.target.kind == "head" for person in people)


def test_what_is_on_the_side_of_the_target_is_skin_and_behind_is_hair() -> None:
    """The face is lighter than the hair on nearly every head that is seen from the side."""
    right = []
    for made in ROOMS:
        for person in made.people:
            if person.forward[2] < 0:
                continue
            step = 0.45 * person.head.radius * person.forward[:2] / np.linalg.norm(person.forward[:2])
            before, behind = ((person.head.middle + way * step).astype(int) for way in (1, -1.4))
            right.append(made.pixels[before[1], before[0]].sum() > made.pixels[behind[1], behind[0]].sum())
    assert np.mean(right) > 0.75


def test_a_room_follows_from_its_seed_and_number() -> None:
    again = room(5, 3, (120, 160))
    assert np.array_equal(again.pixels, ROOMS[3].pixels)
    assert again.things == ROOMS[3].things
    assert not np.array_equal(room(6, 3, (120, 160)).pixels, ROOMS[3].pixels)


def test_nothing_reaches_over_the_edge() -> None:
    for made in ROOMS:
        for person in made.people:
            x, y, width, height = person.box
            assert min(x, y) >= 0
            assert x + width <= 160
            assert y + height <= 120


def test_the_command_writes_a_set_that_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "rooms"
    done = CliRunner().invoke(main, ["data", "synthetic", str(out), "--kind", "onlookers", "--count", "5"])
    assert done.exit_code == 0, done.output
    opened = open_set(out)
    assert opened.layout == "people"
    assert all(opened.splits[name] for name in ("train", "val", "test"))
    for person in opened.splits["train"]:
        assert person.in_frame == bool(len(person.gaze))
        assert len(person.gaze) in (0, 3)
    assert "exists already" in CliRunner().invoke(main, ["data", "synthetic", str(out), "--kind", "onlookers"]).output


def test_a_room_that_is_too_small_is_refused() -> None:
    with pytest.raises(GazeError, match="Made rooms of 20 x 10 pixels are too small"):
        room(1, size=(10, 20))
