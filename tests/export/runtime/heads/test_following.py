"""Is what the predictor says of people a density, of the right person, at the right place, and quickly?"""

import time
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError, ModelError
from export.runtime.heads.following import FollowingPredictor
from export.runtime.heads.head_pose import HeadPose, Pose
from tests import following_toy
from tests import toy_model as toy
from tests.export.runtime.test_detector import write

HEADS = np.array([(70.0, 40, 20, 20), (10, 10, 20, 20)])


@pytest.fixture
def picture() -> np.ndarray:
    """160 x 100 pixels with a bright place at the right and one at the left."""
    pixels = np.zeros((100, 160, 3), np.uint8)
    pixels[40:60, 125:140], pixels[40:60, 25:40] = 220, 220
    return pixels


@pytest.fixture
def cone(tmp_path: Path) -> FollowingPredictor:
    toy.write(tmp_path / "bright.onnx")
    return FollowingPredictor(saliency=tmp_path / "bright.onnx", provider="cpu", threads=1)


@pytest.fixture
def network(tmp_path: Path) -> FollowingPredictor:
    return FollowingPredictor(following_toy.write(tmp_path / "looker.onnx"), provider="cpu", threads=1)


class Turned(HeadPose):
    """Says the same of every head."""

    def __init__(self, yaw: float) -> None:
        self.pose = Pose(yaw, 0.0, 0.0, apart=5.0)

    def __call__(self, pixels: np.ndarray, head: np.ndarray) -> Pose:
        return self.pose


@pytest.mark.parametrize("kind", ["cone", "network"])
def test_each_head_gets_a_density_that_covers_the_picture_and_sums_to_one(
    kind: str, picture: np.ndarray, request: pytest.FixtureRequest
) -> None:
    predictor: FollowingPredictor = request.getfixturevalue(kind)
    looked = predictor.look(picture)
    maps, inside = predictor.decode(looked, HEADS)
    assert maps.dtype == np.float32
    assert maps.shape[0] == 2
    assert maps.shape[2] / maps.shape[1] == pytest.approx(1.6, abs=0.05)
    np.testing.assert_allclose(np.exp(maps.astype(np.float64)).sum((1, 2)), 1, atol=1e-5)
    assert ((inside >= 0) & (inside <= 1)).all()
    none, nobody = predictor.decode(looked, np.zeros((0, 4)))
    assert len(none) == len(nobody) == 0


@pytest.mark.parametrize(("yaw", "side"), [(80.0, "left"), (-80.0, "right")])
def test_the_cone_chooses_among_salient_places_the_one_the_nose_points_to(
    yaw: float, side: str, picture: np.ndarray, cone: FollowingPredictor
) -> None:
    cone.head_pose = Turned(yaw)
    (person,) = cone.follow(picture, HEADS[:1])
    x, y = person.place
    assert (25 <= x <= 40) if side == "left" else (125 <= x <= 140)
    assert 38 <= y <= 62
    assert person.pose is not None
    assert person.pose.known
    assert person.score is None
    assert 0 < person.confidence <= 1
    assert person.full().shape == (100, 160)
    assert np.exp(person.full().astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)


def test_a_pose_that_is_not_believed_leaves_a_disc(
    picture: np.ndarray, cone: FollowingPredictor, tmp_path: Path
) -> None:
    plain, _ = cone.decode(cone.look(picture), HEADS[:1])
    file = write(tmp_path / "pose.onnx", {"output": np.array([[80, 0, 0]], np.float32)}, shape=(1, 3, 64, 64))
    cone.head_pose = HeadPose(file, provider="cpu", threads=1)
    (person,) = cone.follow(picture, HEADS[:1])
    assert person.pose is not None
    assert not person.pose.known
    np.testing.assert_allclose(person.density, plain[0])


def test_a_network_is_told_heads_in_pixels_of_its_canvas(picture: np.ndarray, network: FollowingPredictor) -> None:
    people = network.follow(picture, HEADS)
    middle = (HEADS[:, 0] + HEADS[:, 2] / 2) * 96 / 160  # the canvas is 64 x 96, the picture fills its width
    np.testing.assert_allclose([p.in_frame for p in people], 1 / (1 + np.exp(2 - 4 * middle / 96)), atol=1e-5)
    x, y = people[0].place
    assert 25 <= x <= 40 or 125 <= x <= 140
    assert 38 <= y <= 62


def test_more_heads_than_fit_into_one_run_are_all_answered(picture: np.ndarray, network: FollowingPredictor) -> None:
    many = np.tile(HEADS, (11, 1)) + np.linspace(0, 10, 22)[:, None] * [1, 0, 0, 0]
    looked = network.look(picture)
    maps, inside = network.decode(looked, many)
    each = [network.decode(looked, box[None])[1][0] for box in many]
    assert len(maps) == 22
    np.testing.assert_allclose(inside, each, atol=1e-6)


@pytest.mark.parametrize("kind", ["cone", "network"])
def test_a_head_outside_of_the_picture_is_refused(
    kind: str, picture: np.ndarray, request: pytest.FixtureRequest
) -> None:
    predictor: FollowingPredictor = request.getfixturevalue(kind)
    with pytest.raises(GazeError, match="lies outside of the picture of 160 x 100 pixels"):
        predictor.decode(predictor.look(picture), np.array([[300.0, 10, 20, 20]]))


def test_what_is_no_model_of_following_is_refused(tmp_path: Path, network: FollowingPredictor) -> None:
    toy.write(tmp_path / "bright.onnx")
    with pytest.raises(ModelError, match=r"is a model of saliency, not of following; .* or take cone"):
        FollowingPredictor(tmp_path / "bright.onnx", provider="cpu")
    (tmp_path / "looker.step.onnx").unlink()
    with pytest.raises(ModelError, match=r"looker\.step"):
        FollowingPredictor(tmp_path / "looker.onnx", provider="cpu")
    toy.write(tmp_path / "looker.step.onnx")
    with pytest.raises(ModelError, match=r"looker\.step\.onnx: the graph lacks head"):
        FollowingPredictor(tmp_path / "looker.onnx", provider="cpu")


def test_numbers_that_are_not_finite_and_conditions_that_are_not_known_end_in_one_sentence(
    picture: np.ndarray, tmp_path: Path, cone: FollowingPredictor
) -> None:
    predictor = FollowingPredictor(following_toy.write(tmp_path / "nan.onnx", spoiled=True), provider="cpu")
    with pytest.raises(ModelError, match=r"nan\.step\.onnx gave numbers that are not finite"):
        predictor.follow(picture, HEADS)
    with pytest.raises(ModelError, match="knows no viewing condition 'dreaming'"):
        cone.look(picture, "dreaming")


def test_files_that_do_not_fit_each_other_or_their_contract_end_in_one_sentence(
    picture: np.ndarray, tmp_path: Path
) -> None:
    small = following_toy.CONTRACT.model_copy(update={"canvas": (32, 32)})
    following_toy.write(tmp_path / "small.onnx", small)
    following_toy.write(tmp_path / "looker.onnx")
    (tmp_path / "small.step.onnx").replace(tmp_path / "looker.step.onnx")
    predictor = FollowingPredictor(tmp_path / "looker.onnx", provider="cpu", threads=1)
    with pytest.raises(ModelError, match=r"looker\.step\.onnx cannot be run as its contract promises"):
        predictor.follow(picture, HEADS)
    following_toy.write(tmp_path / "other.onnx", maps=(16, 16))
    predictor = FollowingPredictor(tmp_path / "other.onnx", provider="cpu", threads=1)
    with pytest.raises(ModelError, match=r"other\.step\.onnx"):
        predictor.follow(picture, HEADS)


def test_a_saliency_model_without_faces_says_what_to_give_instead(
    picture: np.ndarray, cone: FollowingPredictor
) -> None:
    with pytest.raises(ModelError, match=r"finds no faces; give the heads with --head, or a detector"):
        cone.follow(picture)


def test_a_person_after_the_first_takes_less_than_150_ms(tmp_path: Path) -> None:
    toy.write(tmp_path / "bright.onnx")
    predictor = FollowingPredictor(saliency=tmp_path / "bright.onnx", provider="cpu", threads=1)
    looked = predictor.look(np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), dtype=np.uint8))
    predictor.decode(looked, HEADS[:1])
    start = time.process_time()
    predictor.decode(looked, HEADS[1:])
    assert time.process_time() - start < 0.15
