import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import onnx
import pytest

from data.errors import ModelError, PictureError
from export.runtime import providers, registry
from export.runtime.contract import KEY
from export.runtime.registry import find_model, models
from export.runtime.saliency import OnCanvas, Prediction, Predictor, entropy, peak
from tests.toy_model import CONTRACT, sessions, spoil, write

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "export" / "schema.json").read_text())


def spot(height: int, width: int, y: int, x: int, radius: int = 10) -> np.ndarray:
    """A dark picture with a bright square around (x, y)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[max(0, y - radius) : y + radius, max(0, x - radius) : x + radius] = 200
    return picture


@pytest.fixture(scope="module")
def toy(toy_model: Path) -> Predictor:
    return Predictor(toy_model, provider="cpu", threads=1)


@pytest.mark.parametrize("size", [(96, 128), (300, 200), (61, 500), (1, 1), (3, 700)])
def test_a_prediction_is_a_density_at_the_pictures_own_size(toy: Predictor, size: tuple[int, int]) -> None:
    prediction = toy(spot(*size, size[0] // 2, size[1] // 2))
    assert prediction.density.shape == size
    assert prediction.slices.shape == (2, *size)
    assert prediction.density.dtype == prediction.slices.dtype == np.float32
    assert np.exp(prediction.density, dtype=np.float64).sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(np.exp(prediction.slices, dtype=np.float64).sum((1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize(("height", "width", "y", "x"), [(300, 200, 250, 50), (100, 400, 20, 380), (96, 128, 48, 64)])
def test_the_peak_is_where_the_picture_is_bright(toy: Predictor, height: int, width: int, y: int, x: int) -> None:
    prediction = toy(spot(height, width, y, x))
    assert math.dist(prediction.peak, (x, y)) < 15
    assert all(math.dist(peak(plane), (x, y)) < 15 for plane in prediction.slices)


def test_entropy_falls_from_flat_to_peaked(toy: Predictor) -> None:
    flat = toy(np.full((60, 80, 3), 90, np.uint8))
    assert flat.entropy == pytest.approx(math.log2(60 * 80), abs=1e-3)
    assert toy(spot(60, 80, 30, 40)).entropy < flat.entropy - 1
    assert entropy(np.array([[0.0, -1e4]], np.float32)) == 0


def test_peaks_of_equals_are_the_first_and_lie_on_pixel_centres() -> None:
    assert peak(np.zeros((2, 3), np.float32)) == (0.5, 0.5)
    assert peak(np.array([[0, 0, 0], [0, 0, 1]], np.float32)) == (2.5, 1.5)


def test_a_batch_equals_its_pictures_one_by_one(toy: Predictor) -> None:
    pictures = [spot(60, 80, 10, 10), spot(200, 50, 150, 30), spot(10, 300, 5, 100)]
    together = toy.batch(pictures)
    for picture, prediction in zip(pictures, together, strict=True):
        alone = toy(picture)
        assert np.allclose(prediction.density, alone.density, atol=1e-5)
        assert np.allclose(prediction.slices, alone.slices, atol=1e-5)
    assert toy.batch([]) == []


def test_the_canvas_can_be_chosen_in_steps_of_the_contract(toy: Predictor) -> None:
    picture = spot(300, 200, 250, 50)
    fine = toy(picture, canvas=(320, 320))
    assert math.dist(fine.peak, (50, 250)) < 15
    assert not np.allclose(fine.density, toy(picture).density, atol=1e-3)
    for canvas in ((100, 128), (96, 0), (-32, 32)):
        with pytest.raises(ModelError, match="multiples of 32"):
            toy(picture, canvas=canvas)


def test_an_unknown_condition_is_answered_with_those_there_are(toy: Predictor) -> None:
    with pytest.raises(ModelError, match="'cinema'; choose one of: any, osie, uniform"):
        toy(spot(60, 80, 30, 40), condition="cinema")
    assert toy(spot(60, 80, 30, 40), condition="osie").condition == "osie"


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 4), (0, 30, 3)])
def test_what_is_no_rgb_array_is_refused(toy: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="uint8 of shape"):
        toy(np.zeros(shape, np.uint8))
    with pytest.raises(PictureError, match="float32"):
        toy(np.zeros((20, 30, 3), np.float32))


def test_the_callers_picture_is_not_written_to(toy: Predictor) -> None:
    picture = spot(60, 80, 30, 40)
    picture.setflags(write=False)
    toy(picture)


def test_a_model_without_slices_predicts_none(tmp_path: Path) -> None:
    path = write(tmp_path / "still.onnx", CONTRACT.model_copy(update={"slices": ()}))
    prediction = Predictor(path, provider="cpu")(spot(60, 80, 30, 40))
    assert prediction.slices.shape == (0, 60, 80)
    assert prediction.times == ()
    jsonschema.validate(prediction.record(), SCHEMA)


def test_a_prediction_as_json_obeys_the_schema(toy: Predictor) -> None:
    prediction = toy(spot(60, 80, 30, 40))
    record = json.loads(prediction.to_json())
    jsonschema.validate(record, SCHEMA)
    assert (record["schema"], record["width"], record["height"]) == ("gaze/saliency/4", 80, 60)
    assert (record["peak"]["x"], record["peak"]["y"]) == prediction.peak
    assert [(s["start_s"], s["end_s"]) for s in record["slices"]] == [(0, 1), (1, 2)]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "width": "80"}, SCHEMA)


def test_models_are_found_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    assert models() == []
    with pytest.raises(ModelError, match="no model 'nova'; available: none yet"):
        find_model("nova")
    b, a = write(tmp_path / "b.onnx"), write(tmp_path / "a.onnx")
    assert models() == [a, b]
    assert find_model("a") == find_model(a) == a
    assert Predictor("a", provider="cpu").contract == CONTRACT
    with pytest.raises(ModelError, match="no model 'nova'; available: a, b"):
        Predictor("nova")
    with pytest.raises(ModelError, match="available: a, b"):
        Predictor(tmp_path / "none.onnx")


def test_a_contract_is_read_without_a_session_and_a_predictor_opens_one(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = sessions(monkeypatch)
    monkeypatch.setenv("GAZE_MODELS", str(toy_model.parent))
    assert registry.read_contract(toy_model) == registry.contracts()[toy_model] == CONTRACT
    assert opened == []
    Predictor(toy_model, provider="cpu")
    assert opened == [toy_model.name]


def test_a_broken_model_leaves_the_others_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    broken = spoil(tmp_path)
    sound = write(tmp_path / "sound.onnx")
    found = registry.contracts()
    assert list(found) == models()
    assert found[sound] == CONTRACT
    assert {path.stem for path, told in found.items() if isinstance(told, ModelError)} == {*broken}
    for name, words in broken.items():
        assert words in str(found[tmp_path / f"{name}.onnx"])
    assert Predictor("sound", provider="cpu").contract == CONTRACT


def test_a_name_that_is_no_unicode_is_escaped(toy: Predictor) -> None:
    record = json.loads(toy(spot(60, 80, 30, 40)).to_json("a\udcff.png").encode())
    assert record["picture"] == "a\\xff.png"


def test_broken_and_foreign_files_are_told_apart(tmp_path: Path) -> None:
    for name, data in (
        ("empty", b""),
        ("text", b"not a model"),
        ("cut", write(tmp_path / "x.onnx").read_bytes()[:400]),
    ):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        with pytest.raises(ModelError, match=rf"{name}\.onnx is not a model that ONNX Runtime can open"):
            Predictor(path, provider="cpu")
        with pytest.raises(ModelError, match=rf"{name}\.onnx is not a model that ONNX Runtime can open"):
            Predictor(path, provider="cuda")
    with pytest.raises(ModelError, match="carries no contract"):
        Predictor(write(tmp_path / "foreign.onnx", metadata={}), provider="cpu")
    still = CONTRACT.model_copy(update={"slices": ()})
    lying = write(tmp_path / "lying.onnx", still, metadata={KEY: CONTRACT.to_json()})
    with pytest.raises(ModelError, match=r"lying\.onnx: the graph lacks slices"):
        Predictor(lying, provider="cpu")


def test_numbers_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "nan.onnx")
    model = onnx.load(path)
    (scale,) = [tensor for tensor in model.graph.initializer if tensor.name == "scale"]
    scale.raw_data = np.array(np.nan, np.float32).tobytes()
    onnx.save(model, path)
    with pytest.raises(ModelError, match="not finite"):
        Predictor(path, provider="cpu")(spot(60, 80, 30, 40))


def test_the_provider_is_told_and_auto_always_finds_one(toy_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert Predictor(toy_model, provider="cpu").provider == "cpu"
    assert Predictor(toy_model).provider in ("cpu", "cuda")
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ModelError, match=r"no provider 'tpu'; choose one of: auto, cuda, tensorrt, .*, cpu"):
        Predictor(toy_model, provider="tpu")


def test_cuda_that_is_asked_for_is_used_or_refused(toy_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        assert Predictor(toy_model, provider="cuda").provider == "cuda"
    except ModelError as error:
        assert "take the provider 'cpu'" in str(error)  # noqa: PT017 - which of the two holds depends on the machine
    assert capfd.readouterr() == ("", "")


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(toy_model: Path, toy: Predictor) -> None:
    if providers.driver():
        pytest.skip("no CUDA device")
    picture = spot(300, 200, 250, 50)
    on_cuda: Prediction = Predictor(toy_model, provider="cuda")(picture)
    assert on_cuda.provider == "cuda"
    assert np.allclose(on_cuda.density, toy(picture).density, atol=1e-4)


@pytest.mark.slow
def test_the_import_takes_neither_torch_nor_half_a_second() -> None:
    code = (
        "import sys, time; start = time.process_time(); import export.runtime.saliency;"
        "took = time.process_time() - start;"
        "assert not {'torch', 'onnxruntime', 'scipy', 'streamlit'} & set(sys.modules); print(took)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(runs) < 0.5


def test_a_model_that_ships_is_found_where_other_models_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    assert registry.find_model("tempsal") == registry.WEIGHTS / "tempsal.onnx"
    own = tmp_path / "tempsal.onnx"
    own.write_bytes(b"")
    assert registry.find_model("tempsal") == own
    with pytest.raises(ModelError, match="There is no model 'other'"):
        registry.find_model("other")


def test_slices_are_made_when_they_are_asked_for(toy: Predictor) -> None:
    prediction = toy(spot(90, 200, 30, 40))
    assert isinstance(prediction.timed, OnCanvas)
    record = prediction.record()
    assert "slices" not in vars(prediction)
    assert "slices" not in vars(replace(prediction, damaged="half"))
    np.testing.assert_array_equal(prediction.slices, [plane.copy() for plane in prediction.each_slice()])
    assert prediction.slices is prediction.slices
    full = replace(prediction, timed=prediction.slices)
    assert full.record() == record
    assert full.sampled_slices((3, 4)) is full.slices


@pytest.mark.parametrize("size", [(1, 1), (90, 200), (700, 300)])
def test_numbers_are_those_of_the_plain_formula(toy: Predictor, size: tuple[int, int]) -> None:
    prediction = toy(spot(*size, size[0] // 3, size[1] // 3))
    record = prediction.record()
    for plane, told in zip((prediction.density, *prediction.slices), (record, *record["slices"]), strict=True):
        values = plane.astype(np.float64)
        bits = -(np.exp(values) * values).sum() / math.log(2)
        assert told["entropy_bits"] == pytest.approx(bits, abs=6e-5)  # of which 5e-5 is for four digits
        y, x = np.unravel_index(np.argmax(plane), plane.shape)
        assert (told["peak"]["x"], told["peak"]["y"]) == (x + 0.5, y + 0.5)
