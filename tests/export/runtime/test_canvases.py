"""Canvases by shape: as large as the model's own, filled by odd pictures, and none of them changes an answer's form."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ModelError
from data.picture import Letterbox
from export.runtime.canvases import FILLED, bucket, buckets
from export.runtime.saliency import Predictor
from tests.toy_model import CONTRACT, Path, sessions, write

OWN = [((192, 256), 32), ((256, 352), 32), ((96, 128), 32), ((384, 512), 16), ((224, 224), 14)]


@pytest.mark.parametrize(("own", "multiple"), OWN)
def test_canvases_suit_the_model_and_have_about_as_many_pixels(own: tuple[int, int], multiple: int) -> None:
    first, *others = buckets(own, multiple)
    assert first == own
    assert len(others) == len({*others}) >= 3
    for height, width in others:
        assert height % multiple == width % multiple == 0
        assert 0.6 <= height * width / (own[0] * own[1]) <= 1.1
    assert any(height > width for height, width in others)


def filled(size: tuple[int, int], canvas: tuple[int, int]) -> float:
    *_, height, width = Letterbox.fit(size, canvas).content
    return height * width


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from(OWN))
def test_a_picture_keeps_the_own_canvas_or_is_larger_on_another(
    height: int, width: int, known: tuple[tuple[int, int], int]
) -> None:
    own, size = known[0], (height, width)
    chosen = bucket(size, buckets(*known))
    if filled(size, own) >= FILLED * own[0] * own[1]:
        assert chosen == own
    else:
        assert filled(size, chosen) >= filled(size, own)


def test_a_model_without_a_canvas_has_no_others() -> None:
    assert buckets((192, 256), 0) == ((192, 256),)


def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    sizes = ((60, 80), (200, 70), (50, 160), (60, 80), (90, 90), (200, 70), (1, 1), (1, 500))
    return [random.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


def test_a_batch_of_many_shapes_gives_what_each_gives_alone_in_the_order_given(toy_model: Path) -> None:
    by_shape = Predictor(toy_model, provider="cpu", threads=1, canvas="by-shape")
    together = by_shape.batch(pictures(), "osie")
    assert [one.density.shape for one in together] == [picture.shape[:2] for picture in pictures()]
    for picture, one in zip(pictures(), together, strict=True):
        alone = by_shape(picture, "osie")
        assert np.array_equal(one.density, alone.density)
        assert np.array_equal(one.slices, alone.slices)
        assert np.exp(one.density, dtype=np.float64).sum() == pytest.approx(1, abs=1e-5)
    own = Predictor(toy_model, provider="cpu", threads=1).batch(pictures(), "osie")
    same = [np.array_equal(a.density, b.density) for a, b in zip(own, together, strict=True)]
    assert same == [True, False, False, True, True, False, True, False]
    assert by_shape.batch([]) == []


def test_an_explicit_canvas_is_taken_for_every_picture(toy_model: Path) -> None:
    by_shape = Predictor(toy_model, provider="cpu", threads=1, canvas="by-shape")
    own = Predictor(toy_model, provider="cpu", threads=1)
    for got, wanted in zip(
        by_shape.batch(pictures(), canvas=(64, 96)), own.batch(pictures(), canvas=(64, 96)), strict=True
    ):
        assert np.array_equal(got.density, wanted.density)


def test_a_warm_up_runs_every_canvas_with_every_number_of_pictures(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []
    real = Predictor.run
    monkeypatch.setattr(
        Predictor, "run", lambda self, inputs: (seen.append(inputs["picture"].shape[:3]), real(self, inputs))[1]
    )
    by_shape = Predictor(toy_model, provider="cpu", threads=1, canvas="by-shape")
    by_shape.warm_up((1, 2))
    assert sorted(seen) == sorted((count, *canvas) for canvas in by_shape.canvases for count in (1, 2))
    seen.clear()
    Predictor(toy_model, provider="cpu", threads=1).warm_up()
    assert seen == [(1, *CONTRACT.canvas)]


def test_a_graph_for_one_canvas_takes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(write(tmp_path / "fixed.onnx"))
    picture = next(node for node in model.graph.input if node.name == "picture")
    for dimension, side in zip(picture.type.tensor_type.shape.dim[1:3], CONTRACT.canvas, strict=True):
        dimension.dim_value = side
    onnx.save(model, tmp_path / "fixed.onnx")
    sessions(monkeypatch)
    fixed = Predictor(tmp_path / "fixed.onnx", provider="cpu", threads=1, canvas="by-shape")
    assert fixed.canvases == (CONTRACT.canvas,)
    assert fixed(np.zeros((200, 70, 3), np.uint8)).density.shape == (200, 70)
    with pytest.raises(
        ModelError, match=r"64 x 96 does not suit fixed\.onnx, which was exported for 96 x 128 alone; take"
    ):
        fixed(np.zeros((20, 30, 3), np.uint8), canvas=(64, 96))


def test_a_look_is_always_taken_on_the_canvas_that_scanpath_models_learned_on() -> None:
    shaped = Predictor("tempsal-fast", provider="cpu", threads=1, canvas="by-shape", look=True)
    assert shaped.canvases == (shaped.contract.canvas,)
    assert len(Predictor("tempsal-fast", provider="cpu", threads=1, canvas="by-shape").canvases) > 3
