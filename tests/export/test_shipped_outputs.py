"""What ships fits together: objects, features and paths of the files are those of torch, and each finds the other."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app import tasks
from data.errors import ModelError
from data.gaze import Objects, Picture, Scene
from data.picture import read
from export.onnx import SAMPLES, TOLERANCE
from export.runtime import registry
from export.runtime.registry import WEIGHTS
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor
from saliency.layers.medium import MEDIA
from scanpath.datamodule import Eyes
from scanpath.inputs import InputSpec
from scanpath.object_features import object_features
from tests import scanpath_toy as toy
from training import weights

STREET = SAMPLES / "street.jpg"
BOXES = np.array([[100.0, 100, 300, 200], [600, 50, 200, 500]])
SCENE = Scene(Picture("street.jpg", 1024, 768, STREET), Objects(BOXES))
ORDER = np.array([0, 1])


@pytest.mark.parametrize("name", ["tempsal", "tempsal-fast"])
def test_objects_and_features_are_those_of_torch(name: str) -> None:
    picture = read(STREET)
    eyes = Eyes(WEIGHTS / f"{name}.safetensors")
    predictor = Predictor(WEIGHTS / f"{name}.onnx", provider="cpu", threads=1, look=True)
    contract, prediction, wanted = predictor.contract, predictor(picture), eyes(picture)
    assert contract.weights == weights.fingerprint(eyes.network)
    assert contract.features == (eyes.network.fine, eyes.network.width)
    assert contract.canvas == eyes.network.canvas
    assert (contract.kinds, contract.media) == (("object", "face"), MEDIA)
    assert {*contract.outputs} == {"density", "slices", "objects", "medium", "fine", "coarse"}
    assert prediction.look is not None
    assert prediction.look.box == wanted.box
    for part in ("log_density", "fine", "coarse", "scores"):
        values = getattr(wanted, part)
        np.testing.assert_allclose(
            getattr(prediction.look, part), values, atol=TOLERANCE * max(1, np.abs(values).max())
        )
    features = [object_features(look, BOXES) for look in (prediction.look, wanted)]
    np.testing.assert_allclose(*features, atol=10 * TOLERANCE)
    assert prediction.objects is not None
    assert prediction.medium in MEDIA
    assert sum(prediction.media.values()) == pytest.approx(1, abs=1e-5)


def test_nobody_who_did_not_ask_gets_a_look() -> None:
    assert Predictor(WEIGHTS / "tempsal-fast.onnx", provider="cpu", threads=1)(read(STREET)).look is None


def test_paths_follow_from_what_the_saliency_model_gives() -> None:
    walker = ScanpathPredictor(WEIGHTS / "oat-free.onnx", provider="cpu", threads=1)
    assert walker.saliency.path == WEIGHTS / "tempsal.onnx"
    rows = walker.likelihood(SCENE, ORDER)
    look = walker.saliency(read(STREET)).look
    np.testing.assert_allclose(rows, walker.likelihood(SCENE, ORDER, look=look))
    network = weights.load(WEIGHTS / "oat-free.safetensors", tasks.models())
    given = InputSpec(walker.contract.categories, "saliency").inputs(SCENE, look=look)
    with torch.no_grad():
        logits, _ = network(toy.batch(given), torch.tensor([[[0, 1]]]))
    np.testing.assert_allclose(rows[1:], logits[0, 0, 1:].log_softmax(-1).numpy(), atol=10 * TOLERANCE)


def test_without_its_saliency_model_it_says_which_one_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("oat-free.onnx", "oat-free.step.onnx"):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    walker = ScanpathPredictor(tmp_path / "oat-free.onnx", provider="cpu", threads=1)
    with pytest.raises(ModelError, match=r"^oat-free reads the outputs .* which is not among the models"):
        walker.sample(SCENE)


def test_a_model_without_features_cannot_be_asked_for_a_look(toy_model: Path) -> None:
    with pytest.raises(ModelError, match="gives no features that a scanpath model could read"):
        Predictor(toy_model, look=True)
