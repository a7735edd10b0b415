"""Is any other model's folder of maps read as what it says, and refused in one sentence otherwise?"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.errors import GazeError, PictureError
from evaluation.saliency import map_folder

SIZE = (12, 20)  # height, width


def plain(values: np.ndarray) -> np.ndarray:
    """What the docstring says of a map."""
    return np.log(0.999 * values / values.sum() + 0.001 / values.size)


def write(path: Path, values: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.png"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_map_of_whole_numbers_is_divided_by_its_sum_and_keeps_a_floor(name: str, kind: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 200, SIZE).astype(kind) * np.array(np.iinfo(kind).max // 255, kind)
    found = map_folder.read(write(tmp_path / name, values), SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(values.astype(float)), atol=1e-5)
    assert np.exp(found, dtype=np.float64).sum() == pytest.approx(1, abs=1e-5)


def test_jpeg_and_grey_saved_in_colour_or_with_transparency_are_maps(tmp_path: Path) -> None:
    values = np.tile(np.linspace(0, 250, SIZE[1]).astype(np.uint8), (SIZE[0], 1))
    found = map_folder.read(write(tmp_path / "a.jpg", values), SIZE)
    np.testing.assert_allclose(np.exp(found), np.exp(plain(values.astype(float))), atol=2e-4)
    for mode in ("RGB", "RGBA", "LA", "P"):
        Image.fromarray(values).convert(mode).save(tmp_path / f"{mode}.png")
        np.testing.assert_allclose(
            map_folder.read(tmp_path / f"{mode}.png", SIZE), plain(values.astype(float)), atol=1e-5
        )


def test_log_densities_are_known_by_their_sum_and_taken_as_they_are(tmp_path: Path) -> None:
    density = np.random.default_rng(1).dirichlet(np.ones(SIZE[0] * SIZE[1])).reshape(SIZE)
    for kind in (np.float64, np.float32, np.float16):
        found = map_folder.read(write(tmp_path / f"{kind.__name__}.npy", np.log(density).astype(kind)), SIZE)
        np.testing.assert_allclose(found, np.log(density), atol=0.02 if kind == np.float16 else 1e-4)
    hard = np.where(density > np.median(density), density, 0)
    with np.errstate(divide="ignore"):
        log = np.log(hard / hard.sum())
    for impossible in (-np.inf, -1e300):
        found = map_folder.read(write(tmp_path / "hard.npy", np.maximum(log, impossible)), SIZE)
        np.testing.assert_allclose(found, plain(hard), atol=1e-4)  # what is impossible is given the floor


def test_a_map_of_another_size_is_brought_to_the_pictures(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:60, :100]
    bump = np.exp(-((rows - 20) ** 2 + (columns - 70) ** 2) / 300.0)
    for name, size, values in [
        ("down.npy", SIZE, bump),
        ("up.npy", (120, 200), bump),
        ("log.npy", (120, 200), np.log(bump / bump.sum())),
    ]:
        found = np.exp(map_folder.read(write(tmp_path / name, values), size), dtype=np.float64)
        assert found.shape == size
        assert found.sum() == pytest.approx(1, abs=1e-4)
        y, x = np.unravel_index(found.argmax(), size)
        assert (y / size[0], x / size[1]) == pytest.approx((20 / 60, 70 / 100), abs=0.05)


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("a.npy", np.zeros(SIZE), "every value of the map is 0; write one above 0 somewhere"),
        ("a.npy", np.full(SIZE, -np.inf), "holds negative values and is no log density"),
        ("a.npy", np.where(np.eye(12, 20) > 0, np.nan, 1), "holds NaN or infinity; write a number of 0 or more"),
        ("a.npy", np.where(np.eye(12, 20) > 0, np.inf, 1), "holds NaN or infinity"),
        ("a.npy", np.eye(12, 20) - 0.5, "holds negative values and is no log density"),
        ("a.npy", np.eye(12, 20) - 100, "holds negative values and is no log density"),
        ("a.npy", np.zeros((3, 12, 20)), r"the map has shape \(3, 12, 20\); write one number a pixel"),
        ("a.npy", np.zeros((0, 20)), r"the map has shape \(0, 20\)"),
        ("a.npy", np.array([["a", "b"]]), "not numbers; write floats or integers"),
        ("a.npy", np.ones(SIZE, complex), "not numbers"),
        ("a.png", np.zeros((*SIZE, 3), np.uint8), "every value of the map is 0"),
        ("a.png", np.tile(np.uint8([255, 0, 0]), (*SIZE, 1)), "the map is in colour, which has no order"),
    ],
)
def test_what_is_no_map_is_refused_in_a_sentence_that_names_it(
    name: str, values: np.ndarray, problem: str, tmp_path: Path
) -> None:
    path = write(tmp_path / name, values)
    with pytest.raises(PictureError, match=problem) as refusal:
        map_folder.read(path, SIZE)
    assert str(refusal.value).startswith(f"{path}: ")
    assert str(refusal.value).endswith(".")


def test_of_several_arrays_the_one_called_density_is_the_map(tmp_path: Path) -> None:
    values = np.random.default_rng(2).random(SIZE)
    np.savez(tmp_path / "a.npz", density=values, slices=np.zeros((3, *SIZE)))
    np.testing.assert_allclose(map_folder.read(tmp_path / "a.npz", SIZE), plain(values), atol=1e-5)
    np.savez(tmp_path / "b.npz", one=values, two=values)
    with pytest.raises(PictureError, match=r"b.npz: the file holds 2 arrays, and none is called density"):
        map_folder.read(tmp_path / "b.npz", SIZE)
    np.save(tmp_path / "c.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(PictureError, match=r"c.npy: the map cannot be read"):
        map_folder.read(tmp_path / "c.npy", SIZE)


def test_maps_are_found_by_the_pictures_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("one.png", "two.jpg.npy", "deep/three.npz", "four.density.npy"):
        (tmp_path / name).write_bytes(b"x")
    pictures = ["one.jpg", "two.jpg", "deep/three.png", "four.jpg"]
    found = map_folder.find(tmp_path, pictures)
    assert [found[name].relative_to(tmp_path).as_posix() for name in pictures] == [
        "one.png",
        "two.jpg.npy",
        "deep/three.npz",
        "four.density.npy",
    ]
    with pytest.raises(PictureError, match=r"no map for 2 of 3 pictures, the first is 'x.jpg'; add x.png, .jpg"):
        map_folder.find(tmp_path, ["one.jpg", "x.jpg", "y.jpg"])
    (tmp_path / "one.npy").write_bytes(b"x")
    with pytest.raises(PictureError, match=r"one.png and one.npy are both maps of 'one.jpg'; keep one"):
        map_folder.find(tmp_path, pictures)


def test_a_picture_without_a_suffix_has_one_map(tmp_path: Path) -> None:
    (tmp_path / "one.npy").write_bytes(b"x")
    assert map_folder.find(tmp_path, ["one"]) == {"one": tmp_path / "one.npy"}


def test_suffixes_may_be_in_capitals(tmp_path: Path) -> None:
    for name in ("one.PNG", "two.Density.NPY"):
        (tmp_path / name).write_bytes(b"x")
    found = map_folder.find(tmp_path, ["one.jpg", "two.jpg"])
    assert [path.name for path in found.values()] == ["one.PNG", "two.Density.NPY"]
    write(tmp_path / "a.NPY.npy", np.eye(*SIZE)).rename(tmp_path / "a.NPY")
    np.testing.assert_allclose(map_folder.read(tmp_path / "a.NPY", SIZE), plain(np.eye(*SIZE)), atol=1e-5)
    (tmp_path / "one.png").write_bytes(b"x")
    with pytest.raises(PictureError, match=r"one.PNG and one.png are both maps of 'one.jpg'; keep one"):
        map_folder.find(tmp_path, ["one.jpg"])


def test_a_flat_map_knows_nothing(tmp_path: Path) -> None:
    pixels = SIZE[0] * SIZE[1]
    for name, value in (("a.npy", 3.0), ("log.npy", -np.log(pixels))):
        found = map_folder.read(write(tmp_path / name, np.full(SIZE, value)), SIZE)
        np.testing.assert_allclose(found, -np.log(pixels), rtol=1e-6)


def test_pictures_of_one_stem_never_share_a_map(tmp_path: Path) -> None:
    (tmp_path / "one.npy").write_bytes(b"x")
    with pytest.raises(PictureError, match="no map for 2 of 2 pictures"):
        map_folder.find(tmp_path, ["one.jpg", "one.png"])
    for name in ("one.jpg.npy", "one.png.npy"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in map_folder.find(tmp_path, ["one.jpg", "one.png"]).values()] == [
        "one.jpg.npy",
        "one.png.npy",
    ]


def files() -> dict[str, bytes]:
    """A sound file of each kind."""
    values, found = np.arange(48, dtype=np.uint8).reshape(6, 8), {}
    for suffix, format_ in ((".png", "PNG"), (".jpg", "JPEG")):
        Image.fromarray(values).save(buffer := io.BytesIO(), format_)
        found[suffix] = buffer.getvalue()
    np.save(buffer := io.BytesIO(), values)
    found[".npy"] = buffer.getvalue()
    np.savez_compressed(buffer := io.BytesIO(), values)
    found[".npz"] = buffer.getvalue()
    return found


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".npy", ".npz"])
@given(data=st.data())
def test_a_damaged_file_is_a_map_or_a_sentence(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(files()[suffix])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    said = ""
    try:
        assert map_folder.read(path, (6, 8)).shape == (6, 8)
    except GazeError as error:
        said = str(error)
    assert not said or said.startswith(str(path))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_damaged_map_that_ends_well_is_refused(suffix: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (64, 96)).astype(np.uint8)
    path = write(tmp_path / f"a{suffix}", values)
    content = path.read_bytes()
    end = b"\xff\xd9" if suffix == ".jpg" else content[-12:]
    path.write_bytes(content[: len(content) // 2] + end)
    with pytest.raises(PictureError, match=rf"a\{suffix}: the map is damaged \(.*\); write it again"):
        map_folder.read(path, values.shape)
