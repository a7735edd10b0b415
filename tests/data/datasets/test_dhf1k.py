from pathlib import Path

import cv2
import numpy as np
import pytest

from data.datasets import dhf1k
from data.errors import GazeError, TableError
from data.picture import read as decode
from tests.data.datasets import tiny


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.dhf1k(tmp_path)
    return tmp_path


def video(path: Path, count: int = 4) -> None:
    """Frames of rising grey, in the codec of the published files."""
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 30, (64, 36))
    for index in range(count):
        writer.write(np.full((36, 64, 3), 40 * index, np.uint8))
    writer.release()


def test_the_release_reads_as_frames_with_the_places_of_everybody(root: Path) -> None:
    items = list(dhf1k.read(str(root)))
    assert [picture.name for picture, _ in items] == [
        "0001/0001.jpg",
        "0001/0002.jpg",
        "0001/0003.jpg",
        "0601/0001.jpg",
    ]
    picture, (path,) = items[0]
    assert (picture.width, picture.height, picture.path) == (64, 36, root / "frames" / "0001" / "0001.jpg")
    assert path.subject == "all"
    assert path.xy.tolist() == [[0.5, 0.5], [32.5, 18.5], [63.5, 35.5]]
    assert np.isnan([path.onset, path.duration]).all()
    assert items[2][1] == ()  # nobody looked at the third frame


def test_every_nth_frame_is_read(root: Path) -> None:
    assert [p.name for p, _ in dhf1k.read(root, every=2)] == ["0001/0001.jpg", "0001/0003.jpg", "0601/0001.jpg"]
    with pytest.raises(TableError, match="every is 0, but must be 1 or more"):
        dhf1k.read(root, every=0)


def test_frames_of_a_video_are_optional_but_all_or_none(root: Path) -> None:
    (root / "frames" / "0001" / "0002.jpg").unlink()
    with pytest.raises(TableError, match=r"0002\.jpg: the frame is missing; extract all with"):
        list(dhf1k.read(root))
    assert len(list(dhf1k.read(root, every=2))) == 3  # which needs the first and the third
    for path in (root / "frames" / "0001").iterdir():
        path.unlink()
    (root / "frames" / "0001").rmdir()
    picture, _ = next(dhf1k.read(root))
    assert (picture.name, picture.width, picture.height, picture.path) == ("0001/0001.png", 64, 36, None)


@pytest.mark.parametrize("place", ["annotation/0001/images", "video/0001"])
def test_frames_are_found_where_others_put_them(root: Path, place: str) -> None:
    (root / "frames" / "0001").rename(root / "0001")
    (root / place).parent.mkdir(exist_ok=True)
    (root / "0001").rename(root / place)
    picture, _ = next(dhf1k.read(root))
    assert picture.path == root / place / "0001.jpg"


def test_frames_of_another_size_are_refused_since_fixations_would_be_misplaced(root: Path) -> None:
    tiny.picture(root / "frames" / "0001" / "0001.jpg", 32, 18)
    with pytest.raises(TableError, match=r"0001\.jpg: not 64 x 36 pixels"):
        list(dhf1k.read(root))


@pytest.mark.parametrize("every", [1, 2])
def test_the_splits_are_the_authors_and_name_what_is_read(root: Path, every: int) -> None:
    tiny.picture(root / "frames" / "0701" / "0001.jpg", 64, 36)  # to test on, without annotation
    found = dhf1k.splits(root, every)
    assert found["train"] == ["0001/0001.jpg", "0001/0002.jpg", "0001/0003.jpg"][::every]
    assert (found["val"], found["test"]) == (["0601/0001.jpg"], [])
    assert [*found["train"], *found["val"]] == [picture.name for picture, _ in dhf1k.read(root, every)]


def test_a_folder_that_is_no_video_is_refused(root: Path) -> None:
    (root / "annotation" / "0001").rename(root / "annotation" / "1001")
    for function in (dhf1k.splits, lambda where: list(dhf1k.read(where))):
        with pytest.raises(TableError, match="1001 is none of the videos 0001 to 1000"):
            function(root)


def test_a_map_that_was_cut_off_is_named(root: Path) -> None:
    path = root / "annotation" / "0001" / "fixation" / "0001.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(GazeError, match=r"fixation/0001\.png: .*; "):
        list(dhf1k.read(root))


def test_the_matrices_of_the_first_release_read_alike(root: Path) -> None:
    pytest.importorskip("scipy")
    expected = [(picture, [path.xy.tolist() for path in paths]) for picture, paths in dhf1k.read(root)]
    for path in sorted((root / "annotation").glob("*/fixation/*.png")):
        matrix = path.parent / "maps" / f"{path.stem}.mat"
        tiny.savemat(matrix, {"I": (decode(path)[..., 0] > 0).astype(float)})
        path.unlink()
    assert [(picture, [path.xy.tolist() for path in paths]) for picture, paths in dhf1k.read(root)] == expected
    assert len(dhf1k.splits(root)["train"]) == 3
    for shape in ((2, 3), (64, 36)):
        tiny.savemat(matrix, {"I": np.zeros(shape)})
        with pytest.raises(TableError, match=r"0001\.mat: I has not the form of the release \(not 36 x 64 numbers\)"):
            list(dhf1k.read(root))


def test_a_blurred_map_is_no_map_of_fixations(root: Path) -> None:
    maps = root / "annotation" / "0001" / "maps" / "0001.png"
    maps.rename(root / "annotation" / "0001" / "fixation" / "0001.png")
    with pytest.raises(TableError, match=r"fixation/0001\.png: not black and one grey alone"):
        list(dhf1k.read(root))


def test_a_folder_without_the_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="give the folder of DHF1K, which holds annotation/"):
        dhf1k.read(tmp_path)
    with pytest.raises(TableError, match=r"video: no video 001\.AVI is there"):
        list(dhf1k.extract(tmp_path))


def test_frames_are_extracted_once(tmp_path: Path) -> None:
    video(tmp_path / "video" / "001.AVI")
    video(tmp_path / "video" / "700.AVI", 1)
    assert list(dhf1k.extract(tmp_path, suffix=".png")) == [tmp_path / "frames" / name for name in ("0001", "0700")]
    frames = sorted((tmp_path / "frames" / "0001").iterdir())
    assert [path.name for path in frames] == ["0001.png", "0002.png", "0003.png", "0004.png"]
    np.testing.assert_allclose([decode(path).mean() for path in frames], [0, 40, 80, 120], atol=4)
    frames[0].unlink()  # what is there is not made again
    assert len(list(dhf1k.extract(tmp_path))) == 2
    assert not frames[0].exists()
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["0001", "0700"]


def test_a_video_that_cannot_be_decoded_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "002.AVI").write_bytes(b"RIFF and no video")
    with pytest.raises(TableError, match=r"002\.AVI: no frame can be decoded"):
        list(dhf1k.extract(tmp_path))
    assert list((tmp_path / "frames").iterdir()) == []
    with pytest.raises(TableError, match=r"suffix \.png or \.jpg; not 1, \.gif"):
        list(dhf1k.extract(tmp_path, suffix=".gif"))


def test_a_video_that_is_cut_off_is_named_and_its_decoder_says_nothing_by_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    whole = tmp_path / "video" / "001.AVI"
    video(whole, 6)
    content = whole.read_bytes()
    whole.write_bytes(content[: content.index(b"idx1") - 100])
    list(dhf1k.extract(tmp_path))
    assert f"{whole}: only " in caplog.text
    assert "of its 6 frames can be decoded; download the video again." in caplog.text
    assert all(str(whole) in line for line in capfd.readouterr().err.splitlines())  # nothing but that sentence
