"""Head-pose models that answer with constants, one for each layout, files that are none, and FSA-Net on real heads."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from data.errors import ModelError
from data.picture import read
from export.runtime.heads.head_pose import HeadPose, cut
from export.runtime.heads.pose_layouts import LAYOUTS, Layout
from tests.export.runtime.test_detector import write

PICTURE = np.random.default_rng(0).integers(0, 255, (100, 120, 3), dtype=np.uint8)
HEAD = np.array([40.0, 20, 30, 40])
ANGLES = (0.0, 25.0, 0.0)  # yaw, pitch, roll: the same of a mirror image


def matrix(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rz(roll) Ry(yaw) Rx(pitch)."""
    (a, b, c), z = np.radians([pitch, yaw, roll]), 0.0
    rx = np.array([[1, z, z], [z, np.cos(a), -np.sin(a)], [z, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), z, np.sin(b)], [z, 1, z], [-np.sin(b), z, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), z], [np.sin(c), np.cos(c), z], [z, z, 1]])
    return np.asarray(rz @ ry @ rx, np.float32)


def bins(angle: float, count: int, probabilities: bool = False) -> np.ndarray:
    """Bins of 3 degrees whose mean is the angle."""
    start = -180 if count == 120 else -99
    share = np.full(count, 1e-9)
    low = int((angle - start) // 3)
    share[low + 1] = (angle - start) / 3 - low
    share[low] = 1 - share[low + 1]
    return (share if probabilities else np.log(share + 1e-9))[None].astype(np.float32)


def three(names: tuple[str, ...], yaw: int, other: int, probabilities: bool = False) -> dict[str, np.ndarray]:
    sizes = dict(zip(("yaw", "pitch", "roll"), (yaw, other, other), strict=True))
    told = dict(zip(("yaw", "pitch", "roll"), ANGLES, strict=True))
    order = [next(angle for angle in sizes if angle in name) for name in names]
    return {name: bins(told[angle], sizes[angle], probabilities) for name, angle in zip(names, order, strict=True)}


ROW = np.array([ANGLES], np.float32)
NAMED = {"pitch_deg": 25.0, "roll_deg": 0.0, "yaw_deg": 0.0}
FILES: dict[str, tuple[str, dict[str, np.ndarray], tuple[int | str, ...]]] = {
    "fsanet": ("fsanet", {"output": ROW}, (1, 3, 64, 64)),
    "angles": ("angles", {"output": ROW}, (1, 3, 112, 112)),
    "angles-in-another-order": ("angles", {"pitch_yaw_roll": ROW[:, [1, 0, 2]]}, ("n", 3, "h", "w")),
    "channels-last": ("angles", {"output": ROW}, (1, 96, 96, 3)),
    "named": ("named", {name: np.array([[v]], np.float32) for name, v in NAMED.items()}, (1, 3, 60, 60)),
    "rotation": ("rotation", {"matrix": matrix(*ANGLES)[None]}, (1, 3, 224, 224)),
    "whenet": ("whenet", three(("yaw", "pitch", "roll"), 120, 66), (1, 224, 224, 3)),
    "whenet-renamed": ("whenet", three(("roll", "pitch", "yaw"), 120, 66, True), (1, 3, 224, 224)),
    "hopenet": ("hopenet", three(("yaw", "pitch", "roll"), 66, 66), (1, 3, 224, 224)),
}


@pytest.mark.parametrize("name", FILES)
def test_every_layout_is_told_by_its_shapes_and_its_angles_are_read(name: str, tmp_path: Path) -> None:
    layout, outputs, shape = FILES[name]
    model = HeadPose(write(tmp_path / "a.onnx", outputs, shape=shape), provider="cpu", threads=1)
    pose = model(PICTURE, HEAD)
    assert model.models[0].layout == layout
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx(ANGLES, abs=1e-2)
    assert pose.known


def test_every_layout_of_the_table_has_a_file_here() -> None:
    assert {layout for layout, _, _ in FILES.values()} == set(LAYOUTS)


@pytest.mark.parametrize("angles", [(70.0, 10.0, 5.0), (-150.0, -20.0, 0.0), (20.0, 60.0, -30.0)])
def test_a_rotation_matrix_gives_the_axis_of_its_angles(angles: tuple[float, float, float]) -> None:
    found = LAYOUTS["rotation"].decode({"matrix": matrix(*angles)[None]})
    expected = np.array([-np.sin(np.radians(angles[0]))])
    assert -np.sin(np.radians(found[0])) == pytest.approx(expected[0], abs=1e-6)
    down = [-np.cos(np.radians(yaw)) * np.sin(np.radians(pitch)) for yaw, pitch, _ in (angles, found)]
    assert down[0] == pytest.approx(down[1], abs=1e-6)


def test_a_model_that_says_the_same_of_a_mirror_image_is_not_believed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx", {"output": np.array([[60, 0, 0]], np.float32)}, shape=(1, 3, 64, 64))
    pose = HeadPose(file, provider="cpu", threads=1)(PICTURE, HEAD)
    assert pose.apart == pytest.approx(60, abs=0.1)
    assert not pose.known
    assert pose.yaw == pytest.approx(0, abs=1e-6)


WRONG: dict[str, tuple[Mapping[str, np.ndarray], tuple[int | str, ...], str]] = {
    "a-classifier": ({"logits": np.zeros((1, 1000), np.float32)}, (1, 3, 224, 224), r"answers with logits \(1, 1000\)"),
    "two-outputs": ({"a": ROW, "b": ROW}, (1, 3, 64, 64), "answers with a"),
    "three-numbers-without-names": ({n: np.zeros((1, 1), np.float32) for n in "abc"}, (1, 3, 64, 64), "answers with a"),
    "grey-pictures": ({"output": ROW}, (1, 1, 64, 64), "takes images"),
    "a-vector": ({"output": ROW}, (1, 3), "takes images"),
    "many-at-once": ({"output": ROW}, (8, 3, 64, 64), "takes pictures of shape"),
    "huge": ({"output": ROW}, (1, 3, 64, 100_000), "takes pictures of shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_head_pose_model_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    outputs, shape, words = WRONG[name]
    with pytest.raises(ModelError, match=words) as caught:
        HeadPose(write(tmp_path / "a.onnx", outputs, shape=shape), provider="cpu", threads=1)
    assert str(caught.value).startswith(f"{tmp_path / 'a.onnx'} is no head-pose model")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("outputs", "shape"),
    [
        ({"output": np.array([[np.nan, 0, 0]], np.float32)}, (1, 3, 64, 64)),
        ({"output": np.array([[1e9, 0, 0]], np.float32)}, (1, 3, 64, 64)),
        ({"matrix": np.zeros((1, 3, 3), np.float32)}, (1, 3, 64, 64)),
        ({"yaw": np.full((1, 120), np.inf, np.float32), "pitch": bins(0, 66), "roll": bins(0, 66)}, (1, 3, 64, 64)),
    ],
    ids=["nan", "large", "no-rotation", "inf"],
)
def test_answers_that_are_no_angles_end_in_one_sentence(
    outputs: dict[str, np.ndarray], shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = HeadPose(write(tmp_path / "a.onnx", outputs, shape=shape), provider="cpu", threads=1)
    with pytest.raises(ModelError, match="no angles of a head"):
        model(PICTURE, HEAD)


def test_a_file_that_is_missing_no_model_or_wants_integers_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx: there is no such file"):
        HeadPose(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        HeadPose(tmp_path / "text.onnx", provider="cpu")
    file = write(tmp_path / "a.onnx", {"output": ROW}, shape=(1, 3, 64, 64), kind=TensorProto.INT64)
    with pytest.raises(ModelError, match="takes images"):
        HeadPose(file, provider="cpu")
    with pytest.raises(ModelError, match="give 1 to 4"):
        HeadPose()


@pytest.mark.parametrize("size", [(64, 64), (16, 40)])
def test_a_crop_is_the_part_of_the_picture_that_its_box_says(size: tuple[int, int]) -> None:
    y, x = np.mgrid[:100, :120] + 0.5
    ramp = np.stack([x, y, 0 * x], -1).round().astype(np.uint8)
    found = cut(ramp, HEAD, Layout(lambda found: ROW[0], (0, 0, 1, 1)), size).astype(float)
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    np.testing.assert_allclose(found[..., 0], 40 + columns * 30 / size[1], atol=1.3)
    np.testing.assert_allclose(found[..., 1], 20 + rows * 40 / size[0], atol=1.8)


@pytest.mark.parametrize("head", [(-20, -20, 60, 60), (110, 90, 50, 50), (0, 0, 120, 100), (50, 50, 0.5, 0.5)])
def test_a_crop_over_the_edge_repeats_the_edge(head: tuple[float, ...]) -> None:
    plain = np.full((100, 120, 3), 77, np.uint8)
    assert (cut(plain, np.array(head), LAYOUTS["fsanet"], (64, 64)) == 77).all()


@pytest.fixture(scope="module")
def fsanet(shared: Path) -> HeadPose:
    """The two files of FSA-Net."""
    files = [shared.parent / "weights" / "fsanet" / f"fsanet-{kind}.onnx" for kind in ("1x1", "var")]
    if not all(file.is_file() for file in files):
        pytest.skip(f"no FSA-Net in {files[0].parent}: its weights do not come with gaze")
    return HeadPose(*files, provider="cpu", threads=1)


@pytest.mark.slow
def test_fsanet_turns_profiles_aside_and_knows_backs_less_well_than_faces(shared: Path, fsanet: HeadPose) -> None:
    crowd = shared / "crowd"
    told = json.loads((crowd / "objects.json").read_text("utf-8"))
    names = {image["id"]: image["file_name"] for image in told["images"]}
    kinds: dict[str, list[tuple[float, float]]] = {"frontal": [], "profile": [], "back": []}
    for each in told["annotations"]:
        about = each["attributes"]
        kind = next((name for name in ("back", "profile", "frontal") if about[name]), "")
        if each["bbox"][3] < 36 or about["occluded"] or not kind or len(kinds[kind]) >= 25:
            continue
        pose = fsanet(read(crowd / "images" / names[each["image_id"]]), np.array(each["bbox"]))
        kinds[kind].append((abs(pose.yaw), pose.apart))
    turned, apart = (
        {kind: float(np.median([pair[at] for pair in values])) for kind, values in kinds.items()} for at in (0, 1)
    )
    assert turned["frontal"] < 20 < 35 < turned["profile"]
    assert apart["frontal"] < 15 < apart["back"]


def test_the_same_head_mirrored_faces_the_other_way(shared: Path, fsanet: HeadPose) -> None:
    picture = read(shared / "crowd" / "images" / "445.jpg")
    head = np.array([305.0, 94, 50, 58])  # a man who looks to the left
    pose = fsanet(picture, head)
    mirrored = fsanet(np.ascontiguousarray(picture[:, ::-1]), np.array([480 - 305.0 - 50, 94, 50, 58]))
    assert pose.yaw > 45
    assert mirrored.yaw == pytest.approx(-pose.yaw, abs=3)
    assert mirrored.pitch == pytest.approx(pose.pitch, abs=3)
