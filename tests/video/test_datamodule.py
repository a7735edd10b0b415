"""Windows of clips: gaze moves with the frames, chance is the same in every run, broken clips are left out."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float, Float32, UInt8

from data.errors import GazeError, VideoError
from data.synthetic import scenes as synthetic_scenes
from data.video.clips import GazeClip, usable
from training.augment import Augment, Moved
from video.datamodule import ClipData
from video.dataset import ClipDataset, Render

SIZE = (48, 64)


class Drawn(GazeClip):
    """Frames whose number is their grey, with one place to look at that goes to the right."""

    def __init__(self, name: str = "a", frames: int = 12, rate: float = 10, mapped: bool = False) -> None:
        super().__init__(name, SIZE, np.arange(frames) / rate, 3.0)
        self.mapped, self.lost = mapped, False

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        if self.lost:
            raise VideoError(f"{self.name}: no frame can be decoded; download it again.")
        for number in range(start, len(self) if stop is None else stop, stride):
            frame = np.full((*SIZE, 3), 5 * number, np.uint8)
            x, y = self.points(number)[0].astype(int)
            frame[y - 2 : y + 3, x - 2 : x + 3] = 255
            yield frame

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        return np.array([[10.5 + 3 * index, 20.5]])

    def density(self, index: int) -> Float32[np.ndarray, "h w"] | None:
        if not self.mapped:
            return None
        told = np.zeros(SIZE, np.float32)
        told[18:23, 8 + 3 * index : 13 + 3 * index] = 7
        return told


class Mirror(Augment):
    """All frames mirrored."""

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "l 2"], seed: int) -> Moved:
        turned = np.stack([image.shape[1] - xy[:, 0], xy[:, 1]], 1)
        matrix = np.array([[-1.0, 0, image.shape[1]], [0, 1, 0]])
        return Moved(np.ascontiguousarray(image[:, ::-1]), turned, np.arange(len(xy)), matrix)


def dataset(*clips: GazeClip, **options: Any) -> ClipDataset:
    render = Render(**{"canvas": (96, 128), "stride": 4, "frames": 4, "frame_strides": (1,), **options})
    return ClipDataset(clips, [1] * len(clips), render)


def bright(sample: dict[str, Any]) -> np.ndarray:
    """The cell in the middle of what is bright in each frame."""
    found = []
    for frame in sample["picture"][..., 0]:
        y, x = np.nonzero(frame > 240)
        found.append((y.mean() // 4, x.mean() // 4))
    return np.array(found)


@pytest.mark.parametrize("mapped", [False, True], ids=["places", "maps"])
@pytest.mark.parametrize("augment", [None, Mirror()], ids=["as it is", "mirrored"])
def test_gaze_lies_on_what_is_looked_at_in_every_frame(mapped: bool, augment: Augment | None) -> None:
    sample = dataset(Drawn(mapped=mapped), augment=augment)[0, 0]
    assert sample["valid"].all()
    np.testing.assert_allclose(sample["density"].sum((1, 2)), 1, rtol=1e-5)
    for maps in (sample["density"], sample["counts"]):
        peaks = np.array([np.unravel_index(each.argmax(), each.shape) for each in maps])
        assert np.abs(peaks - bright(sample)).max() <= 1


def test_frames_follow_each_other_by_one_of_the_strides_with_their_times() -> None:
    made, seen = dataset(Drawn(frames=40, rate=25), frame_strides=(1, 3)), set()
    for epoch in range(12):
        sample = made[epoch, 0]
        steps = np.diff(sample["picture"][:, 50, 64, 0].astype(int)) // 5
        assert len(set(steps)) == 1
        np.testing.assert_allclose(sample["step_s"], steps[0] / 25, rtol=1e-5)
        seen.add(int(steps[0]))
    assert seen == {1, 3}


def test_a_window_is_the_same_in_every_run_and_another_in_each_epoch() -> None:
    first, again = dataset(Drawn(frames=40)), dataset(Drawn(frames=40))
    starts = [first[epoch, 0]["picture"][0, 50, 64, 0] for epoch in range(8)]
    assert starts == [again[epoch, 0]["picture"][0, 50, 64, 0] for epoch in range(8)]
    assert len(set(starts)) > 3


class Cut(Drawn):
    """One with a cut in the middle."""

    @property
    def cuts(self) -> tuple[float, ...]:
        return (float(self.times[len(self) // 2]),)


def test_half_of_the_windows_of_a_clip_with_cuts_hold_one() -> None:
    made = dataset(Cut(frames=48))
    held = 0
    for epoch in range(60):
        numbers = made[epoch, 0]["picture"][:, 50, 64, 0].astype(int) // 5
        held += bool(numbers[0] < 24 <= numbers[-1])
    assert 20 <= held <= 45  # .5, and .07 of the others by chance


def test_a_clip_that_is_shorter_than_a_window_stands_still_and_does_not_count() -> None:
    sample = dataset(Drawn(frames=3), frames=6, frame_strides=(2,))[0, 0]
    assert sample["picture"].shape[0] == 6
    assert sample["valid"].tolist() == [True] * 3 + [False] * 3
    assert (sample["picture"][3:] == sample["picture"][2]).all()


def test_a_clip_that_breaks_is_named_once_and_the_next_one_takes_its_place(caplog: pytest.LogCaptureFixture) -> None:
    lost, sound = Drawn("lost"), Drawn("sound")
    lost.lost = True
    made = dataset(lost, sound)
    with caplog.at_level(logging.WARNING):
        samples = [made[epoch, 0] for epoch in range(3)]
    assert all(sample["valid"].all() for sample in samples)
    assert [record.message for record in caplog.records].count(
        "lost: no frame can be decoded; download it again. The clip is left out."
    ) == 1
    sound.lost = True
    with pytest.raises(GazeError, match="None of the clips can be used"):
        made[9, 1]


class Stamped(Drawn):
    """One with other times."""

    def __init__(self, name: str, times: list[float]) -> None:
        super().__init__(name)
        self.times = np.array(times)


def test_clips_without_frames_or_with_times_that_do_not_go_on_are_named_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = [Stamped("empty", []), Stamped("still", [0, 0, 0]), Stamped("back", [0, 2, 1]), Stamped("none", [np.nan])]
    with caplog.at_level(logging.WARNING):
        assert [clip.name for clip in usable([broken[0], Drawn("sound"), *broken[1:]], "a set")] == ["sound"]
    for clip in broken:
        assert sum(clip.name in record.message for record in caplog.records) == 1
    with pytest.raises(GazeError, match="a set: none of its 4 clips can be used"):
        usable(broken, "a set")
    with pytest.raises(GazeError, match="a set: it holds no clip"):
        usable([], "a set")


def test_a_still_set_gives_made_clips_that_take_the_still_networks_conditions(tmp_path: Path) -> None:
    root = tmp_path / "osie"
    synthetic_scenes.write(root, count=20, size=(64, 48), viewers=3)
    data = ClipData(str(root), frames=3, batch_size=2, workers=0)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["picture"].shape == (2, 3, 192, 256, 3)
    assert batch["condition"].max() <= 1 + data.network_conditions.index("osie")
    assert ClipData(str(root), still=None).network_conditions == ["osie"]
    names = {split: [clip.name for clip in part.clips] for split, part in data.sets.items()}
    assert not {*names["train"]} & {*names["test"]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 1}, "data.frames"),
        ({"canvas": (100, 128)}, "data.canvas"),
        ({"frame_strides": (0,)}, "data.frame_strides"),
        ({"any_share": 2}, "data.any_share"),
    ],
)
def test_what_makes_no_window_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GazeError, match=message):
        ClipData("somewhere", **options)
