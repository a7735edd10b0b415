import re
from errno import ENOSPC
from io import BytesIO, FileIO
from os import strerror
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.predict.files import alike, find_pictures, output_names
from app.predict.saliency import Output, run
from data.draw.heatmap import heatmap
from data.draw.timeline import panel_size, timeline
from data.errors import GazeError
from data.picture import read, save
from export.runtime.saliency import Predictor

SAMPLE = Path(__file__).parents[3] / "data" / "samples" / "street.jpg"


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, np.full((20, 30, 3), 100, np.uint8))
    return path


@pytest.fixture(scope="module")
def toy(toy_model: Path) -> Predictor:
    return Predictor(toy_model, provider="cpu", threads=1)


def test_a_folder_gives_all_pictures_below_it_and_nothing_else(tmp_path: Path) -> None:
    pictures = [photo(tmp_path / "in" / part) for part in ("B.JPG", "a.png", "deep/er/c.jpeg")]
    for other in ("notes.txt", ".hidden.png", ".cache/d.png"):
        (tmp_path / "in" / other).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / other).write_bytes(b"x")
    assert find_pictures([str(tmp_path / "in")], tmp_path / "out") == pictures


def test_a_pattern_gives_what_it_matches(tmp_path: Path) -> None:
    first, second, third = (photo(tmp_path / part) for part in ("a.png", "b.png", "deep/c.png"))
    assert find_pictures([str(tmp_path / "?.png")], tmp_path / "out") == [first, second]
    assert find_pictures([str(tmp_path / "**" / "*.png")], tmp_path / "out") == [first, second, third]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = photo(tmp_path / "a[1].png")
    assert find_pictures([str(path)], tmp_path / "out") == [path]


def test_a_picture_that_is_named_twice_comes_once(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    twice = [str(path), str(tmp_path), str(tmp_path / "sub" / ".." / "a.png")]
    (tmp_path / "sub").mkdir()
    assert find_pictures(twice, tmp_path / "out") == [path]


def test_what_an_earlier_run_wrote_is_no_input(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    for part in ("out/a.heat.png", "out/a.slices.png", "a.heat.png"):
        photo(tmp_path / part)
    assert find_pictures([str(tmp_path)], tmp_path / "out") == [tmp_path / "a.heat.png", path]
    assert find_pictures([str(tmp_path)], tmp_path) == [path]
    assert find_pictures([str(tmp_path / "*.png")], tmp_path) == [path]


def test_a_missing_file_is_kept_to_be_reported_unless_there_is_nothing_else(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.jpg")
    assert len(find_pictures([missing, str(photo(tmp_path / "a.png"))], tmp_path / "out")) == 2
    for sources in ([missing], [str(tmp_path / "*.bmp")]):
        with pytest.raises(GazeError, match="No pictures found in"):
            find_pictures(sources, tmp_path / "out")


def test_names_are_stems_where_these_are_unique() -> None:
    paths = [Path("a/x.jpg"), Path("b/y.png")]
    assert list(output_names(paths).values()) == ["x", "y"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.jpg", "a/x.png"], ["x.jpg", "x.png"]),
        (["a/x.jpg", "b/x.png", "b/y.png"], ["x.jpg", "x.png", "y"]),
        (["a/x.jpg", "b/x.jpg"], ["a-x.jpg", "b-x.jpg"]),
        (["1/a/x.jpg", "2/a/x.jpg"], ["1-a-x.jpg", "2-a-x.jpg"]),
        (["a/x.jpg", "b/X.jpg"], ["a-x.jpg", "b-X.jpg"]),
        (["a/x.jpg", "a/x.png", "a/x.jpg.png"], ["a-x.jpg", "x.png", "x.jpg"]),
    ],
)
def test_names_that_would_clash_grow_until_they_differ(paths: list[str], names: list[str]) -> None:
    assert list(output_names([Path(path) for path in paths]).values()) == names


def test_paths_that_differ_only_in_a_dash_have_different_names() -> None:
    paths = [Path("/a/x.jpg"), Path("/a-x.jpg"), Path("/b/x.jpg"), Path("/b-x.jpg"), Path("/b-x.png")]
    names = [value.casefold() for value in output_names(paths).values()]
    assert len(set(names)) == len(paths)


SPELT = st.text("aA\u0131I-~.\u00e9e\u0301\u00dfsS\u1e9e", min_size=1, max_size=4).filter(lambda part: part.strip("."))
PATHS = st.lists(SPELT, min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(st.lists(PATHS, unique=True, max_size=12), st.randoms())
def test_names_are_apart_and_depend_on_no_order(paths: list[Path], random: Random) -> None:
    names = output_names(paths)
    assert list(names) == paths
    assert len({alike(value) for value in names.values()}) == len(paths)
    assert not any("/" in value for value in names.values())
    random.shuffle(paths)
    assert output_names(paths) == names


@given(st.lists(PATHS, unique=True, min_size=1, max_size=12), st.data())
def test_a_picture_keeps_its_name_when_others_come(paths: list[Path], data: st.DataObject) -> None:
    before = output_names(paths[: data.draw(st.integers(0, len(paths)))])
    after = output_names(paths, {path.resolve(): value for path, value in before.items()})
    assert {path: after[path] for path in before} == before
    assert len({alike(value) for value in after.values()}) == len(paths)


@pytest.mark.parametrize(
    ("paths", "bases"),
    [
        (["/a/IMG_1.JPG", "/a/img_1.jpg", "/a/b.jpg"], ["IMG_1~", "img_1~", "b"]),
        (["/A/1.jpg", "/a/1.jpg"], ["A-1.jpg~", "a-1.jpg~"]),
        (["/a/ma\u00dfe.png", "/a/MASSE.png"], ["ma\u00dfe~", "MASSE~"]),
    ],
)
def test_pictures_that_only_capitals_tell_apart_are_told_apart(paths: list[str], bases: list[str]) -> None:
    names = list(output_names([Path(path) for path in paths]).values())
    assert [re.sub("~[0-9a-f]{8}$", "~", value) for value in names] == bases
    assert len({alike(value) for value in names}) == len(paths)


def test_a_name_that_two_pictures_were_given_is_kept_by_one_of_them() -> None:
    both = {Path("/a/x.jpg"): "x", Path("/b/x.jpg"): "X"}
    assert list(output_names(list(both), both).values()) == ["x", "x.jpg"]


def test_each_format_has_its_files(toy: Predictor, tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    expected = {
        "png": {"a.heat.png", "a.slices.png"},
        "npy": {"a.density.npy", "a.slices.npy"},
        "json": {"a.json"},
        "jpg": {"a.heat.jpg", "a.slices.jpg"},
        "webp": {"a.heat.webp", "a.slices.webp"},
    }
    for kind, files in expected.items():
        output = Output(tmp_path / kind, output_names([path]), (kind,))
        assert {file.name for file in output.files(path)} == files
        assert list(run(toy, [path], output)) == [(path, None)]
        assert {file.name for file in (tmp_path / kind).iterdir()} == files


def test_a_model_without_slices_promises_no_files_for_them(tmp_path: Path) -> None:
    output = Output(tmp_path, {Path("a.png"): "a"}, slices=False)
    assert [file.name for file in output.files(Path("a.png"))] == ["a.heat.png", "a.density.npy", "a.json"]


def test_mistakes_are_told_before_any_picture_is_read(toy: Predictor, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match="no viewing condition 'cinema'"):
        run(toy, [], Output(tmp_path / "out", {}), condition="cinema")
    with pytest.raises(GazeError, match="no palette 'mud'"):
        run(toy, [], Output(tmp_path / "out", {}, palette="mud"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_or_written_is_named(toy: Predictor, tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    with pytest.raises(GazeError, match="cannot be made"):
        run(toy, [path], Output(path, output_names([path])))
    (tmp_path / "out" / "a.json").mkdir(parents=True)
    with pytest.raises(GazeError, match=r"a\.json cannot be written"):
        list(run(toy, [path], Output(tmp_path / "out", output_names([path]), ("json",))))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.json"]


def test_maps_one_after_another_are_saved_as_numpy_saves_them(toy: Predictor, tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    assert list(run(toy, [path], Output(tmp_path, output_names([path]), ("npy",)))) == [(path, None)]
    prediction = toy(read(path))
    for what, values in (("density", prediction.density), ("slices", prediction.slices)):
        file = BytesIO()
        np.save(file, values)
        assert (tmp_path / f"a.{what}.npy").read_bytes() == file.getvalue()


def test_drawings_are_alike_in_every_format_and_the_numbers_beside_them(toy: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(SAMPLE.read_bytes())
    output = Output(tmp_path / "out", output_names([path]), ("png", "jpg", "webp", "json"))
    assert list(run(toy, [path], output)) == [(path, None)]
    prediction = toy(picture := read(path))
    drawn = {
        "heat": heatmap(picture, prediction.density),
        "slices": timeline(picture, prediction.sampled_slices(panel_size(picture.shape)), prediction.times),
    }
    for what, expected in drawn.items():
        np.testing.assert_array_equal(read(tmp_path / "out" / f"a.{what}.png"), expected)
        for kind, tolerance in (("jpg", 2), ("webp", 6)):
            there = read(tmp_path / "out" / f"a.{what}.{kind}").astype(int)
            assert np.abs(there - expected).mean() < tolerance
    assert (tmp_path / "out" / "a.json").read_text() == prediction.to_json(str(path))


def test_a_picture_too_long_for_the_format_is_named_and_the_rest_is_done(toy: Predictor, tmp_path: Path) -> None:
    save(long := tmp_path / "long.png", np.zeros((1, 16_384, 3), np.uint8))
    paths = [long, photo(tmp_path / "a.png")]
    outcomes = dict(run(toy, paths, Output(tmp_path / "out", output_names(paths), ("webp",))))
    assert str(outcomes[long]) == (
        f"{long}: A picture of 16384 x 1 cannot be written as .webp, which ends at 16383 pixels a side; choose .png."
    )
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.heat.webp", "a.slices.webp"]


@pytest.mark.parametrize("kind", ["png", "jpg", "npy", "json", "parquet"])
def test_a_full_disk_is_told_in_one_sentence_and_leaves_no_half_a_file(
    toy: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    class Full(FileIO):
        def write(self, data: Any) -> int:
            raise OSError(ENOSPC, strerror(ENOSPC))

    path, opened = photo(tmp_path / "a.png"), Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, *mode, **more: Full(path, "wb") if "wb" in mode else opened(path, *mode, **more)
    )
    output = Output(tmp_path / "out", output_names([path]), (kind,))
    with pytest.raises(
        GazeError, match=r"out/a\.\S+ cannot be written \(No space left on device\); check folder and di"
    ):
        list(run(toy, [path], output))
    assert list((tmp_path / "out").iterdir()) == []
