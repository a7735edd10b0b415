"""Made drives: the same from the same seed; drivers look ahead, and late but surely at what becomes a danger."""

import numpy as np
import pytest

from data.synthetic.drivers import Target, look
from data.synthetic.drives import Drive, drive
from data.synthetic.road_view import Thing, View, draw, hidden

SIZE = (90, 160)


@pytest.fixture(scope="module")
def made() -> list[Drive]:
    return [drive(seed, SIZE, seconds=6.0) for seed in range(12)]


def test_the_same_seed_gives_the_same_drive(made: list[Drive]) -> None:
    same = drive(3, SIZE, seconds=6.0)
    assert np.array_equal(same.gaze, made[3].gaze, equal_nan=True)
    pairs = zip(same.frames(0, 9, 4), made[3].frames(0, 9, 4), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert not np.array_equal(made[3].gaze, made[4].gaze, equal_nan=True)


def test_frames_and_gaze_belong_together(made: list[Drive]) -> None:
    for each in made[:3]:
        frames = list(each.frames(stride=20))
        assert [frame.shape for frame in frames] == [(*SIZE, 3)] * 3
        assert all(frame.std() > 20 for frame in frames)
        assert len(each.times) == len(each.moments) == len(each.gaze) == 60
        there = each.gaze[np.isfinite(each.gaze).all(2)]
        assert len(there) > 0.7 * each.gaze[..., 0].size
        assert ((there >= 0) & (there < SIZE[::-1])).all()


def test_a_frame_is_the_same_whichever_others_are_asked_for(made: list[Drive]) -> None:
    (alone,) = made[0].frames(7, 8)
    assert np.array_equal(alone, list(made[0].frames(3, 12, 2))[2])


def test_drivers_look_most_at_where_the_road_goes_while_there_is_no_danger(made: list[Drive]) -> None:
    near = []
    for each in made:
        for moment, gaze in zip(each.moments, each.gaze, strict=True):
            if not any(target.danger for target in moment.targets):
                road = next(target.place for target in moment.targets if target.kind == "road")
                near += (np.hypot(*(gaze[np.isfinite(gaze).all(1)] - road).T) < 0.1 * SIZE[1]).tolist()
    assert 0.55 < np.mean(near) < 0.95


def test_every_drive_has_a_danger_and_some_dangers_are_hidden_for_a_while(made: list[Drive]) -> None:
    dangers = [[target for moment in each.moments for target in moment.targets if target.danger] for each in made]
    assert all(dangers)
    assert {target.kind for found in dangers for target in found} == {"person", "ahead", "signal"}
    assert any(not target.seen for found in dangers for target in found)


def test_nobody_drives_into_anybody(made: list[Drive]) -> None:
    for each in made:
        for moment in each.moments:
            before = [thing for thing in moment.things if abs(thing.x) < 0.8 and 0 < thing.z < 1.5]
            assert not before or moment.speed < 1


def looks(moments: list[list[Target]]) -> np.ndarray:
    """Of 200 drivers, the share that looks at the person in each frame of a tenth of a second."""
    gaze = look(np.random.default_rng(0), moments, SIZE, 2.0, 0.1, 200)
    return np.asarray((np.hypot(gaze[..., 0] - 130, gaze[..., 1] - 45) < 12).mean(1))


def moment(danger: bool, seen: bool = True) -> list[Target]:
    return [Target(-1, "road", (80, 40), False, True), Target(0, "person", (130, 45), danger, seen)]


def test_a_danger_is_looked_at_after_a_latency_and_less_once_it_has_been_known_for_a_while() -> None:
    share = looks([moment(False)] * 20 + [moment(True)] * 60 + [moment(False)] * 20)
    assert share[:21].max() < 0.2
    assert share[22] < 0.3 < 0.5 < share[30:40].mean()
    assert share[-5:].mean() < 0.2 < share[60:80].mean() < 0.4


def test_who_has_noticed_a_danger_goes_on_looking_while_it_is_hidden() -> None:
    known = looks([moment(True)] * 10 + [moment(True, seen=False)] * 25)
    never = looks([moment(True, seen=False)] * 35)
    assert known[14:22].mean() > 0.5
    assert never.max() < 0.02


def test_a_person_behind_a_van_is_hidden_and_one_before_it_is_not() -> None:
    van = Thing("van", 3.0, 10.0, 1.95, 2.3, 5.2, (200, 200, 200))
    person = Thing("person", 4.0, 16.0, 0.5, 1.75, 0.0, (200, 0, 0))
    assert hidden(person, [van])
    assert not hidden(person, [Thing("car", 3.0, 10.0, 1.8, 1.5, 4.3, (200, 200, 200))])
    before = Thing("person", 3.0, 8.0, 0.5, 1.75, 0.0, (255, 0, 0))
    assert not hidden(before, [van])
    reddest = [
        int((draw(View((180, 320)), [van, who])[..., 0].astype(int) - 120).clip(0).sum()) for who in (person, before)
    ]
    alone = int((draw(View((180, 320)), [van])[..., 0].astype(int) - 120).clip(0).sum())
    assert reddest[0] == alone < reddest[1]
