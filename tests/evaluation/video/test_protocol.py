"""Does `gaze evaluate video` decode once, show models what they must see, leave out what is broken, and add up?"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError, ModelError
from data.synthetic import scenes as synthetic_scenes
from data.video.clips import GazeClip
from data.video.sets import VideoSet
from evaluation.report import curves
from evaluation.report.html import render_page
from evaluation.report.text import render_text
from evaluation.results import WHOLE
from evaluation.video import entries, protocol
from evaluation.video.protocol import MADE, Settings, VideoEvaluation, ranked
from evaluation.video.run import grid
from evaluation.video.scoring import CENTRE, INSTANT, ONE_MAP, RANK
from export.runtime import registry
from export.runtime.temporal_model import FRAMEWISE
from export.runtime.video import VideoPredictor
from tests import toy_model as toy
from tests.evaluation.video.toy_clip import ToyClip, apart, together

Evaluate = Callable[..., VideoEvaluation]


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Evaluates clips as if they were a set's split test."""

    def run(clips: list[GazeClip], *models: str | Path, against: str | None = None, **settings: Any) -> VideoEvaluation:
        opened = VideoSet("toys", "toy", {"train": [], "val": [], "test": clips})
        monkeypatch.setattr(protocol, "open_set", lambda root, layout: opened)
        return protocol.evaluate(Path("toys"), models, Settings(**({"every": 2} | settings)), against=against)

    return run


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What is seen from now on: how the model is run, and the time stamp; "reset" at the start of a clip."""
    seen: list[tuple[str, float]] = []

    class Seeing(VideoPredictor):
        def reset(self) -> None:
            super().reset()
            seen.append(("reset", 0.0))

        def step(self, frame: np.ndarray, time_s: float) -> Any:
            seen.append(("frame by frame" if self._weights == FRAMEWISE else "carried", time_s))
            return super().step(frame, time_s)

    monkeypatch.setattr(entries, "VideoPredictor", Seeing)
    return seen


def test_the_rows_are_the_centre_each_model_twice_and_people(evaluate: Evaluate, toy_model: Path) -> None:
    result = evaluate([ToyClip("a", together(8)), ToyClip("b", together(6, seed=1))], toy_model)
    assert [*result.values[WHOLE]] == [CENTRE, "toy", "toy (carried)", ONE_MAP, INSTANT]
    nss = {row: result.scores(row)["nss"]["mean"] for row in result.values[WHOLE]}
    assert nss[INSTANT] > nss["toy"] > 1 > nss[CENTRE]  # the toy looks at the disc, which the first viewer follows
    assert result.models == ["toy", "toy (carried)"]
    assert result.protocol["frames"] == 4 + 3
    assert result.protocol["places"] == 8 * (4 + 3)
    assert result.protocol["viewers"] == "8"
    assert result.pictures == ("a", "b")
    assert not result.protocol["caution"]


def test_what_remembers_sees_every_frame_and_what_does_not_those_that_are_scored(
    evaluate: Evaluate, toy_model: Path, steps: list[tuple[str, float]]
) -> None:
    clip = ToyClip("a", together(7))
    evaluate([clip], toy_model, every=3)
    assert [time for kind, time in steps if kind == "carried"] == pytest.approx([k / 10 for k in range(7)])
    assert [time for kind, time in steps if kind == "frame by frame"] == pytest.approx([0, 0.3, 0.6])
    assert clip.decoded == [*range(7)]  # once for all rows
    first = next(number for number, (kind, _) in enumerate(steps) if kind != "reset")
    assert [kind for kind, _ in steps[first - 2 : first]] == ["reset", "reset"]


def test_without_what_remembers_only_frames_that_are_scored_are_decoded(evaluate: Evaluate) -> None:
    clip = ToyClip("a", together(7))
    result = evaluate([clip], every=3)
    assert clip.decoded == [0, 3, 6]
    assert [*result.values[WHOLE]] == [CENTRE, ONE_MAP, INSTANT]


def test_the_order_of_frames_says_nothing_but_to_what_remembers(evaluate: Evaluate, toy_model: Path) -> None:
    gaze = together(6)
    there, back = (evaluate([ToyClip("a", each)], toy_model, every=1) for each in (gaze, gaze[::-1]))
    assert there.scores("toy")["nss"]["mean"] == pytest.approx(back.scores("toy")["nss"]["mean"], rel=1e-6)
    carried = there.scores("toy (carried)")["nss"]["mean"], back.scores("toy (carried)")["nss"]["mean"]
    assert carried[0] != pytest.approx(carried[1], rel=1e-3)


def test_a_model_of_videos_is_one_row_that_sees_every_frame(
    evaluate: Evaluate, toy_model: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, float]]
) -> None:
    contract = toy.CONTRACT.model_copy(update={"task": "video", "name": "stream"})
    monkeypatch.setattr(registry, "read_contract", lambda model: contract)
    result = evaluate([ToyClip("a", together(6))], toy_model, every=4)
    assert [*result.values[WHOLE]] == [CENTRE, "stream", ONE_MAP, INSTANT]
    assert [time for kind, time in steps if kind == "carried"] == pytest.approx([k / 10 for k in range(6)])


def test_a_broken_clip_is_named_and_the_rest_is_scored(evaluate: Evaluate, caplog: pytest.LogCaptureFixture) -> None:
    still = ToyClip("still", together(4))
    still.times = np.zeros(4)
    nobody = ToyClip("nobody", np.full((4, 2, 2), np.nan))
    clips = [still, ToyClip("cut-off", together(8), breaks=4), ToyClip("good", together(6)), nobody]
    with caplog.at_level(logging.WARNING):
        result = evaluate(clips)
    assert result.pictures == ("good",)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["still", "cut-off", "nobody"]
    assert all(record.message.endswith("The clip is left out.") for record in caplog.records)
    assert result.head()[0].startswith("toys, test: 1 of 4 clips, 3 frames")
    assert [problem.partition(":")[0] for problem in result.protocol["left_out"]] == ["still", "cut-off", "nobody"]
    assert any("Left out: still: " in sentence for sentence in result.prose())


def test_a_set_of_broken_clips_is_refused(evaluate: Evaluate) -> None:
    with pytest.raises(GazeError, match=r"toys: none of the 1 clips that were asked for can be used"):
        evaluate([ToyClip("cut-off", together(8), breaks=0)])


def test_a_model_that_breaks_is_no_broken_clip(
    evaluate: Evaluate, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: VideoPredictor, frame: np.ndarray, time_s: float) -> None:
        raise ModelError("toy cannot be run; export it again.")

    monkeypatch.setattr(VideoPredictor, "step", broken)
    with pytest.raises(ModelError, match="toy cannot be run"):
        evaluate([ToyClip("a", together(4))], toy_model)


@pytest.mark.parametrize("told", [True, False])
def test_time_begins_anew_with_each_cut_that_is_told_or_found(evaluate: Evaluate, told: bool) -> None:
    clip = ToyClip("a", np.concatenate([together(8), together(8, seed=2)]), shots=(0.8,))
    if not told:
        shots = clip.shots
        clip.frames = _told_frames(clip, shots)  # type: ignore[method-assign]
        clip.shots = None
    result = evaluate([clip], every=1)
    scored = {name: result.scores(CENTRE)[name]["pictures"] for name in ("nss 0-0.5 s", "nss 0.5-1 s", "nss 1-2 s")}
    assert scored == {"nss 0-0.5 s": 1, "nss 0.5-1 s": 1, "nss 1-2 s": 0}


def _told_frames(clip: ToyClip, shots: tuple[float, ...] | None) -> Any:
    """The frames of a clip of two shots that look unlike each other, whose cut it does not tell."""
    chance = np.random.default_rng(0)
    grounds = [np.kron(chance.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(2)]

    def frames(start: int = 0, stop: int | None = None, stride: int = 1) -> Any:
        assert (start, stop, stride) == (0, None, 1)  # a cut is found by looking at all frames
        return (grounds[int(time >= (shots or (9,))[0] - 1e-9)] for time in clip.times)

    return frames


def test_clips_that_were_made_are_called_so_in_text_and_page(tmp_path: Path) -> None:
    synthetic_scenes.write(tmp_path / "osie", 20, seed=1)
    result = protocol.evaluate(tmp_path / "osie", (), Settings(limit=1, every=40))
    assert result.protocol["caution"] == MADE
    assert MADE in " ".join(render_text(result, "table").split())
    assert MADE in render_page(result)
    assert "clip by clip" not in render_page(result)


def test_a_paired_comparison_goes_clip_by_clip(evaluate: Evaluate, toy_model: Path) -> None:
    clips = [ToyClip(str(seed), together(4, seed=seed)) for seed in range(3)]
    result = evaluate(clips, toy_model, against=CENTRE)
    assert result.compared["toy"]["nss"]["win_rate"] == 1
    assert result.compared["toy"]["nss"]["pictures"] == 3
    assert RANK not in result.compared["toy"]
    page = render_page(result)
    assert "Compared with centre, clip by clip" in page
    assert "share of clips on which" in page
    assert "3 clips" in render_text(result, "markdown")
    by_source = evaluate(clips[:2], toy_model, against=str(toy_model))
    assert by_source.against == "toy"
    with pytest.raises(ModelError, match="There is no model 'nobody'"):
        evaluate(clips, against="nobody")


def test_the_flag_changes_scores_and_is_said(evaluate: Evaluate) -> None:
    clips = [ToyClip("a", together(4))]
    plain, challenge = evaluate(clips), evaluate(clips, challenge=True)
    assert plain.scores(CENTRE)["sim"]["mean"] != challenge.scores(CENTRE)["sim"]["mean"]
    assert challenge.scores(CENTRE)["nss"]["mean"] == pytest.approx(plain.scores(CENTRE)["nss"]["mean"], abs=1e-5)
    assert "convention challenge" in challenge.head()[0]
    assert any("two slips" in sentence for sentence in challenge.prose())
    assert "convention tuebingen" in plain.head()[0]


def test_a_split_that_is_not_there_or_empty_is_refused(evaluate: Evaluate) -> None:
    clips: list[GazeClip] = [ToyClip("a", apart())]
    with pytest.raises(GazeError, match=r"no split 'dev'; choose one of: train, val, test, all"):
        evaluate(clips, split="dev")
    with pytest.raises(GazeError, match=r"the split 'val' holds no clip"):
        evaluate(clips, split="val")
    assert evaluate(clips, split="all").pictures == ("a",)


def test_a_limit_takes_clips_evenly_spread(evaluate: Evaluate) -> None:
    clips: list[GazeClip] = [ToyClip(str(number), apart(2)) for number in range(6)]
    result = evaluate(clips, limit=3)
    assert result.pictures == ("0", "2", "4")
    assert result.head()[0].startswith("toys, test: 3 of 6 clips")


def test_ranks_are_of_means_over_clips_and_people_have_none() -> None:
    def row(*nss: float) -> dict[str, np.ndarray]:
        return {name: np.array(nss) for name in ("auc", "cc", "sim", "nss")}

    values = {WHOLE: {CENTRE: row(1, 1, 4), "model": row(2, 2, 2), "other": row(3, 3, 3), INSTANT: row(9, 9, 9)}}
    ranks = ranked(values)
    assert {name: found[RANK][0] for name, found in ranks.items()} == {CENTRE: 2.5, "model": 2.5, "other": 1.0}
    low, high = ranks[CENTRE][RANK][1:]
    assert 1 <= low < 2.5 < high <= 3  # in some resamples the third clip, where it is best, counts more


def test_a_page_draws_a_line_a_row_over_the_time_and_frames_with_maps(evaluate: Evaluate, toy_model: Path) -> None:
    result = evaluate([ToyClip("a", together(12)), ToyClip("b", together(14, seed=3))], toy_model)
    page = render_page(result, 1)
    assert page.count('class="curve ') == len(result.values[WHOLE])
    assert "toy (carried), at 0.6 s" in page
    assert page.count("data:image/jpeg") == 2 * 2 * 2  # worst and best of two rows, each beside people
    assert "NSS by the seconds since the last cut" in render_text(result, "table")


def test_names_at_the_ends_of_lines_do_not_cover_each_other() -> None:
    placed = curves._spread({"a": 100.0, "b": 101.0, "c": 250.0, "d": 266.0, "e": 266.0})
    heights = sorted(placed.values())
    assert min(np.diff(heights)) >= curves.APART
    assert heights[-1] <= curves.HEIGHT - curves.BOTTOM
    assert sorted(placed, key=lambda name: placed[name]) == ["a", "b", "c", "d", "e"]


def test_lines_escape_names_and_leave_out_what_no_row_has() -> None:
    summary = {"mean": 1.0, "low": 0.5, "high": 1.5, "pictures": 2.0}
    none = {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "pictures": 0.0}
    drawn = curves.lines("NSS", ["0-1 s", "1 s on"], {"<a>": ("model", [summary, none])})
    assert "&lt;a&gt;" in drawn
    assert "nan" not in drawn
    assert curves.lines("NSS", ["0-1 s"], {"a": ("model", [none])}) == ""


def test_large_frames_are_scored_smaller_in_their_proportions() -> None:
    assert grid((2160, 3840), 640) == (360, 640)
    assert grid((1, 5000), 640) == (1, 640)


@pytest.mark.slow
def test_two_processes_give_the_same_numbers_as_one(tmp_path: Path, toy_model: Path) -> None:
    synthetic_scenes.write(tmp_path / "osie", 20, seed=1)
    settings = Settings(limit=2, every=30)
    one, two = (protocol.evaluate(tmp_path / "osie", [toy_model], settings, workers=n) for n in (1, 2))
    assert one.to_json() == two.to_json()
