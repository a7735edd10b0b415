"""A still model carried through time: each part does what it says, and nothing where there is nothing to do."""

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

from data.errors import GazeError, PictureError
from export.runtime.saliency import Prediction, Predictor
from export.runtime.temporal_model import FRAMEWISE, TemporalModel, Weights
from export.runtime.video import VideoPredictor, resized
from tests import toy_model as toy
from tests import videos
from tests.contracts import bright
from tests.export.runtime.test_frame_changes import noisy, texture

SIZE = (36, 64)
TIMES = tuple((float(second), float(second + 1)) for second in range(5))


def spot(x: float, y: float, width: float = 3.0) -> Float32[np.ndarray, "h w"]:
    """The log density of a round spot."""
    rows, columns = np.indices(SIZE) + 0.5
    logs = -((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2)
    return np.asarray(logs - np.log(np.exp(logs).sum()), np.float32)


def still(density: np.ndarray, slices: list[np.ndarray] | None = None) -> Prediction:
    planes = np.stack(slices or [density] * 5)
    return Prediction(density, planes, TIMES, "made", "1", "any", "cpu")


def share(density: np.ndarray, x: int, y: int) -> float:
    """What lies within five pixels of a place."""
    return float(np.exp(density[max(0, y - 5) : y + 6, max(0, x - 5) : x + 6]).sum())


def scene(seed: int) -> np.ndarray:
    return texture(seed, (72, 128))[::2, ::2].copy()


def run(
    weights: Weights, frames: list[np.ndarray], predictions: list[Prediction], rate: float = 20
) -> list[Float32[np.ndarray, "h w"]]:
    model, found = TemporalModel(weights), []
    for number, (frame, prediction) in enumerate(zip(noisy(frames), predictions, strict=True)):
        model.see(frame, number / rate)
        model.look(prediction)
        found.append(model.density())
    return found


def test_without_any_part_each_frame_is_what_the_still_model_says() -> None:
    frames = [scene(1)] * 3 + [scene(2)] * 3
    predictions = [still(spot(10 + 5 * number, 18)) for number in range(6)]
    for density, prediction in zip(run(FRAMEWISE, frames, predictions), predictions, strict=True):
        assert np.abs(np.exp(density) - np.exp(prediction.density)).max() < 1e-5


@pytest.mark.parametrize("weights", [Weights(), FRAMEWISE, Weights(motion=5, synchrony=3, center=0.9)])
def test_every_density_sums_to_one(weights: Weights) -> None:
    frames = [scene(1)] * 4 + [scene(2)] * 4 + [np.zeros((*SIZE, 3), np.uint8)] * 2
    predictions = [still(spot(number * 6, 18)) for number in range(10)]
    for density in run(weights, frames, predictions):
        assert np.isfinite(density).all()
        assert float(np.exp(density.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-4)


def test_after_a_cut_eyes_are_still_where_they_were() -> None:
    frames = [scene(1)] * 4 + [scene(2)] * 14
    predictions = [still(spot(12, 18))] * 4 + [still(spot(50, 18))] * 14
    weights = replace(FRAMEWISE, latency_s=0.24)
    found = run(weights, frames, predictions)
    assert share(found[4], 12, 18) > 0.7
    assert share(found[6], 12, 18) > 0.6  # after 100 ms
    assert share(found[14], 50, 18) > 0.7  # after 500 ms
    assert share(found[17], 12, 18) < 0.01
    assert share(run(weights.without("latency"), frames, predictions)[4], 50, 18) > 0.7


def test_memory_carries_what_was_seen_and_fades() -> None:
    frames = [scene(1)] * 14
    predictions = [still(spot(12, 18))] * 4 + [still(spot(50, 18))] * 10
    found = run(replace(FRAMEWISE, memory_s=0.5), frames, predictions)
    shares = [share(density, 12, 18) for density in found[4:]]
    assert shares[0] > 0.6
    assert all(before > after for before, after in itertools.pairwise(shares))
    weights = np.exp(-0.05 / 0.5 * np.arange(14))[::-1]  # of the frames, the newest last
    whole = share(predictions[0].density, 12, 18)
    for number in (0, 4, 9):
        told = weights[9 - number : 13 - number].sum() / weights[9 - number :].sum()
        assert shares[number] == pytest.approx(whole * told, rel=0.05)


@pytest.mark.parametrize("step", [0.25, 0.4, 1.0, 5.0])
def test_what_is_shown_for_long_after_a_cut_is_not_taken_for_the_shot_before(step: float) -> None:
    """Slides, recordings of a screen and films at a few frames a second: most of the time eyes have moved."""
    frames = [scene(number) for number in range(1, 5)]
    predictions = [still(spot(12 + 13 * number, 18)) for number in range(4)]
    found = run(replace(FRAMEWISE, latency_s=0.24), frames, predictions, 1 / step)
    for number in range(1, 4):
        before, now = (share(found[number], 12 + 13 * n, 18) for n in (number - 1, number))
        assert before < (0.9 if step < 0.3 else 0.7 if step < 0.5 else 0.05)
        assert now > (0.05 if step < 0.3 else 0.25 if step < 0.5 else 0.7)


def test_what_was_shown_before_a_quick_cut_is_what_eyes_are_still_on() -> None:
    """The middle shot is shorter than the time eyes take: they are still on the first."""
    frames = [scene(1)] * 5 + [scene(2)] * 3 + [scene(3)] * 3
    predictions = [still(spot(x, 18)) for x in [12] * 5 + [32] * 3 + [52] * 3]
    found = run(replace(FRAMEWISE, latency_s=0.24), frames, predictions)
    assert share(found[8], 12, 18) > 0.5


@pytest.mark.parametrize("kind", ["same", "back", "nan"])
def test_stamps_that_stand_still_or_go_back_are_steps_as_long_as_usual(kind: str) -> None:
    model = TemporalModel(replace(FRAMEWISE, memory_s=1))
    frames = noisy([scene(1)] * 6 + [scene(2)] * 6)
    stamps = {"same": [5.0] * 12, "back": [5.0, 5.05, 5.1] * 4, "nan": [math.nan] * 12}[kind]
    moments = []
    for frame, stamp in zip(frames, stamps, strict=True):
        moments.append(model.see(frame, stamp))
        model.look(still(spot(12, 18)))
        assert np.isfinite(model.density()).all()
    assert [number for number, moment in enumerate(moments) if moment.cut] == [0, 6]
    assert (np.diff([moment.since_cut_s for moment in moments[6:]]) > 0.03).all()
    assert all(moment.since_cut_s >= 0 for moment in moments)


def test_memory_ends_at_a_cut() -> None:
    frames = [scene(1)] * 10 + [scene(2)] * 2
    predictions = [still(spot(12, 18))] * 10 + [still(spot(50, 18))] * 2
    assert share(run(replace(FRAMEWISE, memory_s=2), frames, predictions)[10], 12, 18) < 0.01


def test_memory_moves_with_the_picture() -> None:
    wide = texture(3, (72, 300))[::2, ::2]
    frames = [wide[:, 2 * number : 2 * number + 64] for number in range(12)]
    predictions = [still(spot(45, 18))] + [still(np.full(SIZE, -math.log(36 * 64), np.float32))] * 11
    weights = replace(FRAMEWISE, memory_s=5, follow=True)
    last = run(weights, frames, predictions)[-1]
    assert np.unravel_index(last.argmax(), SIZE)[1] == pytest.approx(45 - 22, abs=3)
    stays = run(weights.without("follow"), frames, predictions)[-1]
    assert np.unravel_index(stays.argmax(), SIZE)[1] == pytest.approx(45, abs=2)


def test_what_moves_is_looked_at_more_and_a_still_frame_as_before() -> None:
    frames = []
    for number in range(15):
        frame = scene(4)
        frame[8:14, 6 + 2 * number : 12 + 2 * number] = (250, 250, 20)
        frames.append(frame)
    flat = still(np.full(SIZE, -math.log(36 * 64), np.float32))
    weights = replace(FRAMEWISE, motion=1.0)
    moving = run(weights, frames, [flat] * 15)[-1]
    assert share(moving, 36, 11) > 1.2 * share(flat.density, 36, 11)
    quiet = run(weights, [scene(4)] * 15, [still(spot(20, 20))] * 15)[-1]
    assert np.abs(np.exp(quiet) - np.exp(spot(20, 20))).max() < 1e-5


def test_the_slice_is_that_of_the_time_since_the_cut() -> None:
    seconds = [spot(6 + 12 * number, 18) for number in range(5)]
    prediction = still(spot(32, 30), seconds)
    times = tuple((start + 0.25, end + 0.25) for start, end in TIMES)  # each frame is shown for half a second
    predictions = [replace(prediction, times=times)] * 18
    frames = [scene(1)] * 16 + [scene(2)] * 2
    found = run(replace(FRAMEWISE, slice=1.0), frames, predictions, rate=2)
    assert share(found[0], 6, 18) > 0.8
    assert share(found[5], 30, 18) > 0.8
    assert share(found[4], 18, 18) == pytest.approx(share(found[4], 30, 18), abs=0.1)  # between two slices
    assert share(found[15], 32, 30) > share(found[10], 32, 30)  # later on, the whole viewing
    assert share(found[16], 6, 18) > 0.8


def test_a_model_without_slices_is_carried_too() -> None:
    prediction = Prediction(spot(9, 9), np.empty((0, *SIZE), np.float32), (), "made", "1", "any", "cpu")
    assert share(run(Weights(), [scene(1)] * 3, [prediction] * 3)[-1], 9, 9) > 0.5


def test_synchrony_sharpens_and_the_middle_gets_its_share() -> None:
    prediction = [still(spot(12, 18, 5))] * 5
    frames = [scene(1)] * 5
    plain = run(FRAMEWISE, frames, prediction)[-1]
    assert run(replace(FRAMEWISE, synchrony=1.5), frames, prediction, 4)[-1].max() > plain.max()
    centred = run(replace(FRAMEWISE, center=0.2), frames, prediction, 4)
    assert share(centred[-1], 32, 18) > 10 * share(plain, 32, 18)
    assert share(centred[0], 32, 18) > share(centred[-1], 32, 18)  # most of all after a cut


@pytest.mark.parametrize("part", ["slice", "memory", "latency", "motion", "center", "synchrony", "follow"])
def test_each_part_can_be_left_out_alone(part: str) -> None:
    weights = Weights()
    changed = {name for name, value in vars(weights.without(part)).items() if value != getattr(weights, name)}
    assert changed == {{"memory": "memory_s", "latency": "latency_s"}.get(part, part)}


@pytest.fixture
def counted(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes of what the model is shown."""
    calls: list[tuple[int, ...]] = []
    whole = Predictor.__call__

    def call(self: Predictor, picture: np.ndarray, *rest: Any) -> Prediction:
        calls.append(picture.shape)
        return whole(self, picture, *rest)

    monkeypatch.setattr(Predictor, "__call__", call)
    return calls


def test_the_model_looks_at_every_nth_frame_and_at_the_first_of_a_shot(
    toy_model: Path, counted: list[tuple[int, ...]]
) -> None:
    predictor = VideoPredictor(toy_model, every=5)
    frames = noisy([texture(1)] * 7 + [texture(2)] * 7)
    seen = [predictor.step(frame, number / 10) for number, frame in enumerate(frames)]
    assert [each.index for each in seen if each.predicted] == [0, 5, 7, 12]
    assert [each.index for each in seen if each.cut] == [0, 7]
    assert len(counted) == 4
    assert [round(each.since_cut_s, 1) for each in seen[5:9]] == [0.5, 0.6, 0, 0.1]
    predictor.reset()
    assert predictor.step(frames[0], 0).index == 0


def test_a_prediction_has_the_size_of_its_frame_and_what_is_remembered_the_size_of_the_canvas(
    toy_model: Path, counted: list[tuple[int, ...]]
) -> None:
    frame = np.full((300, 400, 3), 20, np.uint8)
    frame[200:240, 300:340] = 250
    seen = VideoPredictor(toy_model).step(frame, 0)
    canvas = Predictor(toy_model).contract.canvas
    assert counted == [(*seen.small.shape, 3)]
    assert seen.small.shape[0] <= canvas[0]
    assert seen.small.shape[1] <= canvas[1]
    assert seen.density.shape == (300, 400)
    assert float(np.exp(seen.density.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-3)
    assert seen.peak[0] == pytest.approx(320, abs=25)
    assert seen.peak[1] == pytest.approx(220, abs=25)
    flat = -np.log(300 * 400)
    assert seen.entropy < -flat / math.log(2) + 1e-3


def test_frame_by_frame_is_the_still_model_itself(toy_model: Path) -> None:
    predictor = Predictor(toy_model)
    box = predictor.contract.canvas
    frame = texture(5, box)
    seen = VideoPredictor(predictor, weights=FRAMEWISE).step(frame, 0)
    assert np.abs(np.exp(seen.density) - np.exp(predictor(frame).density)).max() < 1e-6


def test_the_frames_of_a_file_are_predicted_one_by_one(toy_model: Path, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", 10)
    seen = list(VideoPredictor(toy_model).frames(path, 0.2, 0.6))
    assert [round(each.time_s, 2) for each in seen] == [0.2, 0.3, 0.4, 0.5]
    assert all(each.density.shape == (48, 64) for each in seen)


def test_frames_that_change_their_size_begin_anew(toy_model: Path) -> None:
    predictor = VideoPredictor(toy_model)
    for number, size in enumerate([(72, 128), (71, 128), (300, 20), (20, 300), (1, 1)]):
        seen = predictor.step(texture(number, size) if min(size) > 3 else np.zeros((*size, 3), np.uint8), number / 10)
        assert seen.density.shape == size


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_frame_is_refused(frame: np.ndarray, toy_model: Path) -> None:
    with pytest.raises(PictureError, match=r"must be uint8 of shape \(h, w, 3\)"):
        VideoPredictor(toy_model).step(frame, 0)


def test_looking_at_no_frame_is_refused(toy_model: Path) -> None:
    with pytest.raises(GazeError, match="give 1 or more"):
        VideoPredictor(toy_model, every=0)
    with pytest.raises(ValueError, match="Look with a still model"):
        TemporalModel().density()


def test_a_model_without_slices_is_a_model_for_videos(tmp_path: Path) -> None:
    path = toy.write(tmp_path / "whole.onnx", bright().model_copy(update={"slices": ()}))
    assert VideoPredictor(path).step(texture(1), 0).density.shape == (72, 128)


def test_a_density_at_another_size_sums_to_one() -> None:
    wide = resized(spot(20, 20), (101, 333))
    assert wide.shape == (101, 333)
    assert float(np.exp(wide.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-4)
