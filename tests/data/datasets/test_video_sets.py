"""Every public set of videos: its tiny copy is found by its folder, read by its splits, and broken clips are named."""

import json
import pickle
import pkgutil
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.datasets import CLIPS, READERS, avimos, bdda, catalog, convert, dada2000, dhf1k, dreyeve
from data.errors import GazeError, VideoError
from data.video.clips import GazeClip, usable
from data.video.recorded import Part
from data.video.sets import VideoSet, layouts, open_set
from tests.data.datasets import tiny_videos
from tests.data.datasets.tiny_videos import COUNT, blurred, peak

PUBLIC = sorted(set(tiny_videos.WRITERS) - {"video"})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tiny set in a folder of its name."""
    root = tmp_path_factory.mktemp("sets")
    for name, write in tiny_videos.WRITERS.items():
        (root / name).mkdir()
        write(root / name)
    return root


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a set, to be broken."""

    def copy(name: str) -> Path:
        return shutil.copytree(written / name, tmp_path / name)

    return copy


def named(found: VideoSet) -> dict[str, list[str]]:
    return {split: [clip.name for clip in clips] for split, clips in found.splits.items()}


def clip_of(root: Path, name: str) -> GazeClip:
    return next(clip for clips in open_set(root).splits.values() for clip in clips if clip.name == name)


def test_every_set_of_videos_has_a_tiny_one_and_what_reads_it() -> None:
    assert sorted(CLIPS) == PUBLIC
    assert set(CLIPS) <= set(catalog.PUBLISHED)
    assert set(layouts()) == {"video", "table", *CLIPS}
    for place in CLIPS.values():
        assert callable(pkgutil.resolve_name(place))
        assert callable(pkgutil.resolve_name(f"{place.partition(':')[0]}:sniff"))


@pytest.mark.parametrize("name", sorted(set(CLIPS) - set(READERS)))
def test_a_set_of_videos_alone_is_not_converted_and_says_what_reads_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"is a set of videos, which are not converted; .*`gaze train tempsal-video`"):
        convert.read(name, tmp_path)


@pytest.mark.parametrize("name", tiny_videos.WRITERS)
def test_a_layout_is_found_by_looking_at_the_folder_alone(name: str, written: Path) -> None:
    found = open_set(written / name)
    assert (found.name, found.layout) == (name, name)
    assert [other for other, layout in layouts().items() if layout.sniff(written / name)] == [name]
    assert [*found.splits] == ["train", "val", "test"]


@pytest.mark.parametrize("name", tiny_videos.WRITERS)
def test_clips_have_frames_times_and_gaze_and_travel_to_other_processes(name: str, written: Path) -> None:
    clips = [clip for clips in open_set(written / name).splits.values() for clip in clips]
    for clip in pickle.loads(pickle.dumps(clips)):
        if isinstance(clip, Part) and clip.start:
            continue  # beyond the end of so short a drive
        clip.check()
        frames = list(clip.frames())
        assert len(frames) == len(clip.times) == len(clip) > 0
        assert {frame.shape for frame in frames} == {(*clip.size, 3)}
        assert clip.times[0] == 0
        assert clip.sigma > 0
        assert any(len(clip.points(index)) or clip.density(index) is not None for index in range(len(clip)))
        for index in range(len(clip)):
            points, density = clip.points(index), clip.density(index)
            assert points.shape == (len(points), 2)
            assert (points >= 0).all()
            assert (points < clip.size[::-1]).all()
            assert density is None or (
                density.shape == clip.size and density.min() >= 0 and density.dtype == np.float32
            )


def test_places_of_avimos_are_rows_before_columns_and_maps_are_its_videos(written: Path) -> None:
    found = open_set(written / "avimos")
    assert named(found) == {"train": ["a"], "val": ["b"], "test": ["c"]}
    clip = found.splits["train"][0]
    assert len(clip.points(0)) == 0
    for index in (1, COUNT - 1):
        row, column = peak(index)
        assert clip.points(index).tolist() == [[column + 0.5, row + 0.5], [63.5, 47.5]]
        density = clip.density(index)
        assert density is not None
        assert np.abs(density - blurred(index)).max() < 3 / 876  # levels of ten bits in a video


def test_avimos_is_read_from_other_ways_of_unpacking_it(copied: Callable[[str], Path]) -> None:
    root = copied("avimos")
    (root / "Videos" / "all").mkdir()
    for path in list((root / "Videos").glob("*.mp4")):
        path.rename(root / "Videos" / "all" / path.name)
    shutil.move(root / "FixationsTrain" / "Train" / "a", root / "FixationsTrain" / "a")
    (root / "FixationsTrain" / "Train").rmdir()
    shutil.rmtree(root / "SaliencyTrain")
    for index in range(COUNT):
        tiny_videos.grey_picture(root / "SaliencyTrain" / "a" / f"{index + 1:03d}.png", blurred(index))
    clip = clip_of(root, "a")
    clip.check()
    density = clip.density(3)
    assert density is not None
    assert np.abs(density - blurred(3)).max() < 1 / 255


def fixations(content: object) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (root / "FixationsTrain" / "Train" / "a" / "fixations.json").write_text(text)

    return write


def film(**options: object) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        tiny_videos.video(root / "Videos" / "a.mp4", **options)  # type: ignore[arg-type]

    return write


def removed(*places: str) -> Callable[[Path], None]:
    def remove(root: Path) -> None:
        for place in places:
            path = root / place
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def cut(place: str, share: float = 0.5) -> Callable[[Path], None]:
    def cut_off(root: Path) -> None:
        content = (root / place).read_bytes()
        (root / place).write_bytes(content[: int(len(content) * share)])

    return cut_off


PLACE = [[[10, 10]]]
SAME_MAPS = "SaliencyTrain/Train/a.mp4"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (fixations(PLACE * (COUNT + 16)), "gaze of 22 frames, but the video has 6; give what belongs to it"),
        (fixations([]), "nobody looked at any frame"),
        (fixations("[[[1, 2]"), "not JSON at letter"),
        (fixations("[" * 9000), "not JSON"),
        (fixations({"0": PLACE}), "no list of frames"),
        (fixations([[[1, 2, 3]]] * COUNT), r"frame 0 has the shape 1 x 3, not n x 2"),
        (fixations([[["a", "b"]]] * COUNT), "frame 0 is no matrix of numbers"),
        (fixations("[[[NaN, 2], [3, 4]]]"), "coordinates that are no pixels"),
        (fixations([[[1e300, 2], [3, 4]]]), "coordinates that are no pixels"),
        (fixations([[[0.2, 0.5], [0.3, 0.9]]] * COUNT), "all coordinates lie in 0 to 1"),
        (fixations([[[63, 10]] * 10] * COUNT), "y seems to come before x"),
        (removed("FixationsTrain", "SaliencyTrain"), "nothing tells where people looked in it"),
        (removed("Videos/a.mp4"), ""),
        (film(count=30), r"6 maps for 30 frames; give the video that belongs to the clip"),
        (cut("Videos/a.mp4"), r"Videos/a\.mp4: "),
        (lambda root: (root / "Videos" / "a.mp4").write_bytes(b""), "the file is empty"),
        (cut(SAME_MAPS), r"Train/a\.mp4: "),
        (lambda root: tiny_videos.videos.write_changing(root / "Videos" / "a.mp4"), "make all of one size"),
        (lambda root: tiny_videos.videos.write_sound(root / "Videos" / "a.mp4"), "there is only sound in it"),
    ],
)
def test_a_broken_clip_is_named_and_the_others_are_kept(
    spoil: Callable[[Path], None], words: str, copied: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    root = copied("avimos")
    spoil(root)
    if not words:  # of a video that was not downloaded nothing is said
        assert named(open_set(root)) == {"train": [], "val": ["b"], "test": ["c"]}
        return
    found = open_set(root)
    clips = [*found.splits["train"], *found.splits["val"]]
    assert [clip.name for clip in usable(clips, "avimos")] == ["b"]
    assert len(caplog.records) == 1
    with pytest.raises(GazeError, match=words) as refusal:
        clips[0].check()
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_places_beside_the_frame_are_left_out_and_half_a_second_too_much_of_them(copied: Callable[[str], Path]) -> None:
    root = copied("avimos")
    fixations([[[-5, 10], [20, 30]]] + [[[20, 64]] + [[20, 30]] * 30] * (COUNT + 14))(root)
    clip = clip_of(root, "a")
    clip.check()
    assert clip.points(0).tolist() == [[30.5, 20.5]]
    assert len(clip.points(5)) == 30
    fixations(PLACE)(root)  # gaze that ends early
    clip.check()
    assert len(clip.points(5)) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "not a JSON object"),
        ('{"train": "a"}', "is no list of names"),
        ('{"other": ["a"]}', "'other' is no list of names of train, public_test"),
        ('{"train": ["zzz", "../a"]}', "no video that TrainTestSplit.json names is in a folder Videos"),
    ],
)
def test_a_broken_list_of_splits_is_a_sentence(content: str, words: str, copied: Callable[[str], Path]) -> None:
    root = copied("avimos")
    (root / "TrainTestSplit.json").write_text(content)
    with pytest.raises(GazeError, match=words):
        open_set(root)


def test_a_drive_of_dreyeve_is_divided_and_its_maps_count_from_1(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named(open_set(written / "dreyeve")) == {"train": ["01-0", "01-4000"], "val": ["01-3500"], "test": ["38"]}
    monkeypatch.setattr(dreyeve, "VAL", (2, 4))
    found = open_set(written / "dreyeve")
    (first, last), (middle,), (film,) = (found.splits[split] for split in ("train", "val", "test"))
    assert [len(first), len(middle), len(last), len(film)] == [2, 2, 2, COUNT]
    for clip, start in ((first, 0), (middle, 2), (last, 4), (film, 0)):
        clip.check()
        assert clip.times[:2].tolist() == pytest.approx([0, 0.04])
        for index in (0, 1):
            density = clip.density(index)
            assert density is not None
            assert np.abs(density - blurred(start + index)).max() < 3 / 219  # levels of eight bits in a video
    assert not len(film.points(0))
    assert np.array_equal(next(middle.frames(1)), next(middle.whole.frames(3)))  # type: ignore[attr-defined]
    with pytest.raises(VideoError, match="frames 0 to 3 are asked for, but there are 2"):
        next(middle.frames(0, 3))


def test_gaze_of_a_drive_is_read_where_it_is_on_the_frames(copied: Callable[[str], Path]) -> None:
    root = copied("dreyeve")
    (root / "gaze_data").mkdir()
    table = root / "gaze_data" / "38.txt"
    head = "frame_etg\tframe_gar\tX\tY\tX_gar\tY_gar\tevent_type\tcode\tloc\n"
    rows = ["0\t0\t1\t1\t10.5\t20.5\tFixation\t1\tscene", "1\t2\t1\t1\t11\t21\tSaccade\t2\tNA"]
    rows += ["2\t2\t1\t1\t500\t21\tFixation\t3\tout-of-frame", "3\t2\t1\t1\t12\t22\tfixation\t3\tscene"]
    table.write_text(head + "\n".join([*rows, "4\t3\t1\t1\t\t\tFixation\t\t"]) + "\n")
    clip = clip_of(root, "38")
    clip.check()
    assert [clip.points(index).tolist() for index in range(4)] == [[[10.5, 20.5]], [], [[12.0, 22.0]], []]
    for text, words in (
        (head.replace("X_gar", "Z"), "no column X_gar; give the tables that SCOUT publishes"),
        (f"{head}0\tx\t1\t1\t1\t1\tFixation\t1\tscene\n", r"38\.txt, line 2: no numbers in it"),
        (f"{head}0\t1e300\t1\t1\t1\t1\tFixation\t1\tscene\n", "but the video has 6"),
        ("", "the file is empty"),
    ):
        table.write_text(text)
        with pytest.raises(GazeError, match=words):
            clip_of(root, "38").check()


def test_maps_of_bdda_are_the_middle_of_their_video_at_the_time_of_the_frame(written: Path) -> None:
    found = open_set(written / "bdda")
    assert named(found) == {"train": ["1"], "val": ["2"], "test": ["3"]}
    clip = found.splits["test"][0]
    for index in (0, 1, 4, 5):
        density = clip.density(index)
        assert density is not None
        assert np.abs(density - blurred(index - index % 2)).max() < 3 / 219  # levels of eight bits in a video


def test_a_drive_without_maps_is_named(copied: Callable[[str], Path]) -> None:
    root = copied("bdda")
    (root / "training" / "gazemap_videos" / "1_pure_hm.mp4").unlink()
    with pytest.raises(GazeError, match=r"1_pure_hm\.mp4: cannot be read"):
        clip_of(root, "1").check()


def test_dada_is_read_from_its_lists_and_from_the_folders_that_its_script_makes(copied: Callable[[str], Path]) -> None:
    pytest.importorskip("scipy")
    root = copied("dada2000")
    found = open_set(root)
    assert named(found) == {"train": ["1/001"], "val": ["1/002"], "test": ["10/001"]}
    row, column = peak(4)
    assert found.splits["train"][0].points(4).tolist() == [[column + 0.5, row + 0.5]]
    assert not len(found.splits["test"][0].points(4))
    linked = root.parent / "linked"
    for split, place in (("train", "1/001"), ("val", "1/002"), ("test", "10/001")):
        (linked / split).mkdir(parents=True)
        shutil.move(root / place, linked / split / "0001")
    again = open_set(linked)
    assert named(again) == {"train": ["0001"], "val": ["0001"], "test": ["0001"]}
    again.splits["val"][0].check()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (removed("1/001/maps/0003.png"), "the map of frame 2 is missing"),
        (removed("1/001/fixation/maps/0003.mat"), "the file of places of frame 2 is missing"),
        (cut("1/001/maps/0001.png", 0.3), r"0001\.png: "),
        (cut("1/001/fixation/maps/0001.mat"), r"0001\.mat: "),
        (lambda root: tiny_videos.tiny.picture(root / "1/001/images/0006.png", 32, 24), "make all of one size"),
        (lambda root: tiny_videos.tiny.savemat(root / "1/001/fixation/maps/0001.mat", {"I": np.eye(3)}), "not 48 x 64"),
        (lambda root: [path.unlink() for path in (root / "1/001/images").iterdir()], "there are no frames|no frames"),
    ],
)
def test_a_broken_clip_of_frames_is_named(
    spoil: Callable[[Path], object], words: str, copied: Callable[[str], Path]
) -> None:
    pytest.importorskip("scipy")
    root = copied("dada2000")
    spoil(root)
    clips = open_set(root).splits
    assert [clip.name for clip in usable([*clips["train"], *clips["val"]], "dada")] == ["1/002"]
    with pytest.raises(GazeError, match=words):
        clips["train"][0].check()


@pytest.mark.parametrize("content", ["[1]", '[[["1", "001"]]]', '[[["..", "1/001"], "x"]]', "{}", '[[[{}, 1], "x"]]'])
def test_a_broken_list_of_dada_is_a_sentence(content: str, copied: Callable[[str], Path]) -> None:
    root = copied("dada2000")
    for split in ("train", "val", "test"):
        (root / f"{split}_file.json").write_text(content)
    with pytest.raises(GazeError, match=r"has not the form of the release|no folder of frames such as"):
        open_set(root)


def test_clips_of_dhf1k_are_frames_or_videos_at_30_a_second_with_both_maps(copied: Callable[[str], Path]) -> None:
    root = copied("dhf1k")
    found = open_set(root)
    assert named(found) == {"train": ["0001"], "val": ["0601"], "test": []}
    clip, film = found.splits["train"][0], found.splits["val"][0]
    assert clip.times.tolist() == pytest.approx([0, 1 / 30, 2 / 30])
    assert clip.points(0).tolist() == [[0.5, 0.5], [32.5, 18.5], [63.5, 35.5]]
    assert (clip.sigma, film.sigma) == (12.74, 12.74)
    assert len(clip.points(2)) == 0
    assert len(film.points(0)) == 3
    density = clip.density(0)
    assert density is not None
    assert np.unravel_index(density.argmax(), clip.size) in {(0, 0), (18, 32), (35, 63)}
    (root / "frames" / "0001" / "0002.jpg").unlink()  # every second frame was extracted
    sparse = clip_of(root, "0001")
    sparse.check()
    assert sparse.times.tolist() == pytest.approx([0, 2 / 30])
    assert len(sparse.points(1)) == 0


@pytest.mark.parametrize("module", [avimos, bdda, dada2000, dhf1k, dreyeve])
def test_the_folder_of_something_else_is_refused_by_every_reader(module: object, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    assert not module.sniff(tmp_path)  # type: ignore[attr-defined]
    with pytest.raises(GazeError, match="; "):
        module.clips(tmp_path)  # type: ignore[attr-defined]
