"""A model of videos remembers by itself: from frame to frame, within a video, and no more than it did at first."""

import json
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError, ModelError
from export.runtime import video_step
from export.runtime.saliency import Predictor
from export.runtime.video import VideoPrediction, VideoPredictor
from export.runtime.video_step import StepPredictor, Stream
from tests import toy_model as toy
from tests import videos
from tests.contracts import glowing
from tests.export.runtime.test_frame_changes import noisy, texture

CANVAS = (96, 128)
BOX = np.array([0, 0, 128, 96], np.float32)


@pytest.fixture(scope="module")
def glow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of videos that looks at what is bright, and at what was: that fades by a factor of e each second."""
    return toy.write(tmp_path_factory.mktemp("weights") / "toy-video.onnx", glowing())


def frame(x: int, y: int, value: int = 200, size: tuple[int, int] = CANVAS) -> np.ndarray:
    """A dark frame with a bright square."""
    pixels = np.full((*size, 3), 10, np.uint8)
    pixels[y : y + 16, x : x + 16] = value
    return pixels


def scores(*seen: tuple[np.ndarray, float]) -> np.ndarray:
    """What the toy should say: log densities of brightness / 16 of all frames, each faded since it was seen."""
    total = np.zeros(CANVAS)
    for pixels, step_s in seen:
        total = total * math.exp(-step_s) + pixels.mean(2) / 16
    return np.asarray(total - np.log(np.exp(total).sum()))


def test_a_stream_tells_what_the_formula_says_and_begins_anew_when_it_is_told(glow: Path) -> None:
    stream = StepPredictor(glow, provider="cpu", threads=1).stream()
    shown = [(frame(8 * number, 40), step) for number, step in enumerate((9.0, 0.5, 0.04, 2.0))]
    for _ in range(2):
        for number, (pixels, step_s) in enumerate(shown):
            density = stream.step(pixels, BOX, step_s)
            np.testing.assert_allclose(density, scores(*shown[: number + 1]), atol=1e-3)
        stream.forget()


def test_frames_of_a_file_and_frame_by_frame_are_the_same_numbers(glow: Path, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "clip.mp4", 9)
    predictor = VideoPredictor(glow, provider="cpu", threads=1)
    whole = list(predictor.frames(path))
    predictor.reset()
    each = [predictor.step(seen.pixels, seen.time_s) for seen in whole]
    again = list(predictor.frames(path))
    for one, other, third in zip(whole, each, again, strict=True):
        assert (one.index, one.time_s, one.cut) == (other.index, other.time_s, other.cut)
        assert np.array_equal(one.small, other.small)
        assert np.array_equal(one.small, third.small)
    assert [seen.predicted for seen in whole] == [True] * 9
    assert not np.array_equal(whole[0].small, whole[1].small)


def test_a_first_frame_is_answered_as_a_model_of_pictures_would(glow: Path, toy_model: Path) -> None:
    picture = texture(3, (300, 400))
    seen = VideoPredictor(glow).step(picture, 0)
    np.testing.assert_allclose(seen.density, Predictor(toy_model)(picture).density, atol=1e-4)
    assert (seen.cut, seen.since_cut_s, seen.objects) == (True, 0.0, None)
    assert float(np.exp(seen.density.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-3)


def test_a_frame_is_letterboxed_and_its_bars_get_nothing(glow: Path) -> None:
    predictor = VideoPredictor(glow)
    for number in range(3):
        seen = predictor.step(frame(60, 10, size=(40, 200)), number / 10)
        assert seen.small.shape == (26, 128)
        assert seen.density.shape == (40, 200)
        assert seen.peak[0] == pytest.approx(68, abs=9)
        assert float(np.exp(seen.small.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-4)


def steps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a model is told from now on."""
    told: list[float] = []
    whole = Stream.step

    def step(self: Stream, picture: np.ndarray, content: np.ndarray, step_s: float) -> np.ndarray:
        told.append(round(step_s, 3))
        return whole(self, picture, content, step_s)

    monkeypatch.setattr(Stream, "step", step)
    return told


def test_the_model_looks_at_every_nth_frame_and_at_the_first_of_a_shot(
    glow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = steps(monkeypatch)
    predictor = VideoPredictor(glow, every=5)
    frames = noisy([texture(1)] * 7 + [texture(2)] * 7)
    seen = [predictor.step(pixels, number / 10) for number, pixels in enumerate(frames)]
    assert [each.index for each in seen if each.predicted] == [0, 5, 7, 12]
    assert [each.index for each in seen if each.cut] == [0, 7]
    assert told == [0.0, 0.5, 0.2, 0.5]  # since the look before
    assert [round(each.since_cut_s, 1) for each in seen[5:9]] == [0.5, 0.6, 0, 0.1]


def test_between_looks_the_answer_moves_with_what_it_lies_on(glow: Path) -> None:
    wide = texture(3, (96, 300))
    wide[40:56, 90:106] = 255
    predictor = VideoPredictor(glow, every=20)
    seen = [predictor.step(wide[:, 3 * number : 3 * number + 128], number / 20) for number in range(12)]
    assert [each.index for each in seen if each.predicted] == [0]
    columns = np.indices(CANVAS)[1]
    first, last = (float((np.exp(seen[number].small) * columns).sum()) for number in (0, -1))
    assert last - first == pytest.approx(-33, abs=8)
    assert float(np.exp(seen[-1].small.astype(np.float64)).sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", ["same", "back", "nan"])
def test_stamps_that_stand_still_or_go_back_are_steps_as_long_as_usual(
    kind: str, glow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = steps(monkeypatch)
    stamps = {
        "same": [0.0, 0.1, 0.2, 0.2, 0.2],
        "back": [0.0, 0.1, 0.2, 0.1, 0.0],
        "nan": [0.0, 0.1, 0.2, *[math.nan] * 2],
    }
    predictor = VideoPredictor(glow)
    for pixels, stamp in zip(noisy([texture(1)] * 5), stamps[kind], strict=True):
        assert np.isfinite(predictor.step(pixels, stamp).small).all()
    assert told == [0.0, 0.1, 0.1, 0.1, 0.1]


def test_frames_that_change_their_size_begin_anew(glow: Path) -> None:
    predictor = VideoPredictor(glow)
    sizes = [(72, 128), (71, 128), (300, 20), (20, 300), (1, 1), (1, 1)]
    seen: list[VideoPrediction] = []
    for number, size in enumerate(sizes):
        pixels = texture(number, size) if min(size) > 3 else np.zeros((*size, 3), np.uint8)
        seen.append(predictor.step(pixels, number / 10))
        assert seen[-1].density.shape == size
        if size != (1, 1):
            np.testing.assert_array_equal(seen[-1].small, VideoPredictor(glow).step(pixels, 0).small)
    assert [each.cut for each in seen] == [True] * 5 + [False]
    assert [each.index for each in seen] == list(range(6))


def test_two_streams_of_one_model_know_nothing_of_each_other(glow: Path) -> None:
    model = StepPredictor(glow, threads=1)
    shown = {name: [(frame(8 * number, y), 0.1) for number in range(30)] for name, y in (("one", 10), ("two", 70))}
    found: dict[str, np.ndarray] = {}

    def run(name: str) -> None:
        stream = model.stream()
        for pixels, step_s in shown[name]:
            found[name] = stream.step(pixels, BOX, step_s)

    threads = [threading.Thread(target=run, args=(name,)) for name in shown]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, frames in shown.items():
        np.testing.assert_allclose(found[name], scores(*frames), atol=1e-3)


def test_a_density_that_was_given_is_not_written_over(glow: Path) -> None:
    stream = StepPredictor(glow).stream()
    first = stream.step(frame(0, 0), BOX, 0)
    kept = first.copy()
    stream.step(frame(100, 70), BOX, 0.1)
    assert np.array_equal(first, kept)


@pytest.mark.slow
def test_a_stream_takes_no_more_memory_after_two_thousand_frames(glow: Path) -> None:
    predictor = VideoPredictor(glow, threads=1)
    held = []
    for number in range(2000):
        predictor.step(frame(number % 100, 40), number / 25)
        if number in (499, 1999):
            held.append(resident())
    assert held[1] - held[0] < 4 << 20


def resident() -> int:
    """Bytes of memory that this process has."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096
    except OSError:
        pytest.skip("this system does not tell how much memory a process has")


def test_what_is_no_model_of_videos_says_what_to_take(glow: Path, toy_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="toy is a model of saliency, not of videos; take one such as tempsal-video"):
        StepPredictor(toy_model)
    with pytest.raises(ModelError, match="toy-video is a model of video, not of saliency"):
        Predictor(glow)
    with pytest.raises(ModelError, match="knows no viewing condition 'asleep'"):
        VideoPredictor(glow, condition="asleep")
    with pytest.raises(GazeError, match="give 1 or more"):
        VideoPredictor(glow, every=0)
    other = toy.write(tmp_path / "paths.onnx", glowing(task="scanpath"))
    with pytest.raises(ModelError, match="is a model of scanpath, not of saliency"):
        VideoPredictor(other)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another name": ({"memory": {"ash": (1, 1)}}, "the graph lacks ash, next_ash, which its contract promises"),
    "another size": ({"memory": {"glow": (1, 2)}}, "cannot be run"),
    "more channels": ({"memory": {"glow": (3, 1)}}, "cannot be run"),
    "too much": ({"memory": {"glow": (4096, 1)}, "canvas": (2048, 2048)}, "it remembers more than 256 MB of a video"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_breaks_its_promise_is_refused_in_one_sentence(kind: str, glow: Path, tmp_path: Path) -> None:
    fields, said = BROKEN[kind]
    content = {**json.loads(glowing().to_json()), **json.loads(json.dumps(fields))}
    path = toy.write(tmp_path / "odd.onnx", glowing(), metadata={toy.KEY: json.dumps(content)})
    with pytest.raises(ModelError, match=f"{said}.*; export .*\\.$") as caught:
        StepPredictor(path).stream().step(frame(0, 0), BOX, 0)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_are_refused(glow: Path) -> None:
    stream = StepPredictor(glow).stream()
    with pytest.raises(ModelError, match="gave numbers that are not finite"):
        stream.step(frame(0, 0), BOX, -math.inf)


def test_what_is_remembered_at_first_is_nothing() -> None:
    held = video_step.beginning(glowing(memory={"a": (3, 8), "b": (1, 4)}), (96, 128), 2)
    assert {name: values.shape for name, values in held.items()} == {"a": (2, 3, 12, 16), "b": (2, 1, 24, 32)}
    assert not any(values.any() for values in held.values())
