from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data.datasets import amazon_covers
from data.errors import TableError
from data.gaze import Scanpath
from data.table.read import read_objects, read_table
from tests.data.datasets import tiny
from tests.data.datasets.tiny import collage as entry


def release(root: Path, entries: dict[str, Any] | None = None) -> Path:
    """The layout of the release, without its pictures."""
    tiny.amazon(root, entries)
    return root


def test_the_release_reads_as_pictures_and_scanpaths(tmp_path: Path) -> None:
    items = list(amazon_covers.read(str(release(tmp_path))))
    assert [(p.name, p.width, p.height, p.path) for p, _ in items] == [
        ("1.jpg", 2559, 1600, None),
        ("10.jpg", 2559, 1600, None),
    ]
    one, two = items[0][1]  # the third viewer looked at nothing
    assert (one.subject, one.task, one.target, one.box) == ("s1", "search", "target_0", (2184, 22, 155, 240))
    assert (two.subject, two.found, len(two)) == ("s2", None, 1)
    assert one.xy.tolist() == [[1289, 770], [875, 755], [2268, 152]]
    assert np.isnan([one.onset, one.duration]).all()
    assert items[1][1][0].target == "target_3"


def test_the_folder_of_the_covers_itself_reads_too(tmp_path: Path) -> None:
    assert len(list(amazon_covers.read(release(tmp_path) / "AmazonCovers"))) == 2


def test_pictures_are_found_and_their_size_is_checked(tmp_path: Path) -> None:
    images = release(tmp_path, {"1.jpg": entry()}) / "AmazonCovers" / "images"
    images.mkdir()
    with pytest.raises(TableError, match=r"1\.jpg: the picture is missing; give all"):
        list(amazon_covers.read(tmp_path))
    Image.new("L", (2559, 1600)).save(images / "1.jpg")
    ((picture, _),) = amazon_covers.read(tmp_path)
    assert picture.path == images / "1.jpg"
    Image.new("L", (640, 400)).save(images / "1.jpg")
    with pytest.raises(TableError, match=r"1\.jpg: not 2559 x 1600 pixels"):
        list(amazon_covers.read(tmp_path))


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    for function in (amazon_covers.read, amazon_covers.objects):
        with pytest.raises(TableError, match=r"Amazon\.json: the file is missing; give the folder"):
            function(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda e: e.pop("target"), "no 'target'"),
        (lambda e: e.pop("size"), "no 'size'"),
        (lambda e: e["ground_truth"].clear(), "list index out of range"),
        (lambda e: e["ground_truth"][0].update(xmax=2000), "the box 2184, 22 to 2000, 262"),
        (lambda e: e["ground_truth"][0].update(ymax=1700), "on 2559 x 1600 pixels"),
        (lambda e: e["fixations"]["1"].append([1, 2, 3]), "inhomogeneous"),
        (lambda e: e["fixations"].update({"1": [[1, float("nan")]]}), "viewer s1 is no number"),
        (lambda e: e.update(fixations=[1]), "no attribute 'items'"),
        (lambda e: e["size"].update(width="wide"), "invalid literal"),
    ],
)
def test_an_entry_of_another_form_is_named(tmp_path: Path, spoil: Callable[[Any], Any], problem: str) -> None:
    broken = entry()
    spoil(broken)
    release(tmp_path, {"1.jpg": entry(), "7.jpg": broken})
    with pytest.raises(TableError, match=r"the entry '7\.jpg' has not the form of the release .*; download") as caught:
        list(amazon_covers.read(tmp_path))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"1.jpg": 3}', '{"1.jpg": null}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = release(tmp_path) / "AmazonCovers" / "Amazon.json"
    path.write_text(text)
    for function in (amazon_covers.read, amazon_covers.objects):
        with pytest.raises(TableError, match=r"Amazon\.json.*; "):
            list(function(tmp_path))


def test_a_collage_holds_84_covers_of_which_one_is_the_target(tmp_path: Path) -> None:
    found = amazon_covers.objects(release(tmp_path))
    assert list(found) == ["1.jpg", "10.jpg"]
    covers = found["1.jpg"]
    assert len(covers) == 84
    assert set(covers.categories) == {"book_cover"}
    (target,) = [i for i, known in enumerate(covers.attributes) if known["is_target"]]
    assert target == 12  # first row, thirteenth column
    assert covers.attributes[target] == {"row": 0, "col": 12, "is_target": 1, "from_grid": 0}
    assert covers.boxes[target].tolist() == [2184, 22, 155, 240]
    x, y, width, height = covers.boxes.T
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (x + width <= 2559).all()
    assert (y + height <= 1600).all()


def test_covers_do_not_overlap(tmp_path: Path) -> None:
    boxes = amazon_covers.objects(release(tmp_path))["1.jpg"].boxes
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    apart = ((low[:, None] >= high[None]) | (high[:, None] <= low[None])).any(2)
    assert apart.sum() == 84 * 83


def published(root: Path) -> dict[str, Any]:
    """The set in the table format, put back into the authors' form."""
    found: dict[str, Any] = {}
    for picture, paths in read_table(root):
        first: Scanpath = paths[0]
        assert first.box is not None
        x, y, width, height = first.box
        found[picture.name] = {
            "fixations": {path.subject.removeprefix("s"): path.xy.tolist() for path in paths},
            "ground_truth": [{"xmin": x, "ymin": y, "xmax": x + width, "ymax": y + height}],
            "size": {"width": picture.width, "height": picture.height},
            "target": f"{first.target}.jpg",
        }
    return found


@pytest.mark.slow
def test_the_real_recordings_read_as_the_table_says(shared: Path, tmp_path: Path) -> None:
    root = shared / "amazon_covers"
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    release(tmp_path, published(root))
    items, expected = list(amazon_covers.read(tmp_path)), list(read_table(root))
    assert len(items) == 100
    for (picture, paths), (other, others) in zip(items, expected, strict=True):
        assert (picture.name, picture.width, picture.height) == (other.name, other.width, other.height)
        for one, two in zip(paths, others, strict=True):
            assert (one.subject, one.task, one.target, one.box) == (two.subject, two.task, two.target, two.box)
            np.testing.assert_array_equal(one.xy, two.xy)


@pytest.mark.slow
def test_the_grid_is_the_fit_to_the_published_targets(shared: Path, tmp_path: Path) -> None:
    root = shared / "amazon_covers"
    if not root.is_dir():
        pytest.skip(f"no data set {root}")
    frames = {picture.name: (picture.width, picture.height) for picture, _ in read_table(root)}
    places, middles = [], []
    for _, covers in amazon_covers.objects(release(tmp_path, published(root))).items():
        (target,) = [i for i, known in enumerate(covers.attributes) if known["is_target"]]
        places.append([1, covers.attributes[target]["col"], covers.attributes[target]["row"]])
        middles.append(covers.centres[target])
    fitted, frame = np.array(places, float), np.array(list(frames.values()))
    for axis, limit in ((0, 20), (1, 5)):
        columns = fitted[:, [0, 1 + axis]]
        shares = np.array(middles)[:, axis] / frame[:, axis]
        solved = np.linalg.lstsq(columns, shares, rcond=None)[0]
        np.testing.assert_allclose(solved, [amazon_covers.FIRST[axis], amazon_covers.PITCH[axis]], atol=1e-5)
        off = abs(columns @ solved - shares) * frame[:, axis]
        assert off.max() < limit
    assert read_objects(root)["1.jpg"].attributes == amazon_covers.objects(tmp_path)["1.jpg"].attributes
    np.testing.assert_allclose(
        read_objects(root)["1.jpg"].boxes, amazon_covers.objects(tmp_path)["1.jpg"].boxes, atol=1.5
    )
