"""An exported TempSAL gives objects and features, too; a scanpath model finds the one that it was trained on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app import export_model, tasks
from data.errors import ModelError
from data.gaze import Objects, Picture, Scene
from data.picture import Letterbox, read
from export.onnx import SAMPLES, TOLERANCE
from export.runtime import registry
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor
from saliency.models.tempsal import TempSAL
from scanpath.datamodule import Eyes
from scanpath.models.oat import OAT
from scanpath.object_features import object_features
from tests import scanpath_toy as toy
from training import weights

pytestmark = pytest.mark.slow  # two exports; test_shipped_outputs.py asks the same of what ships
CANVAS = (64, 96)
BOXES = np.array([[100.0, 100, 300, 200], [600, 50, 200, 500]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saliency model and an OAT that reads its outputs, exported."""
    place = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    network = TempSAL(
        ("one",), slices=1, width=16, fine=8, blocks=1, heads=2, kinds=("object", "face"), canvas=CANVAS
    ).eval()
    with torch.no_grad():
        network.objects.read.bias[::5] = 3.0  # type: ignore[union-attr, index]  # what is everywhere is found
    weights.save(network, place / "eyes.safetensors")
    export_model.export(str(place / "eyes.safetensors"), "eyes", place, half=True)
    eyes = Eyes(place / "eyes.safetensors")
    reads = (weights.fingerprint(eyes.network), list(vars(eyes.sizes).values()))
    torch.manual_seed(1)
    made = OAT(("one", "two"), toy.CATEGORIES, "saliency", *reads, **toy.TINY)
    weights.save(made, place / "walker.safetensors")
    export_model.export(str(place / "walker.safetensors"), "walker", place)
    return place


@pytest.fixture(autouse=True)
def models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(folder))


def scene() -> Scene:
    return Scene(Picture("street.jpg", 1024, 768, SAMPLES / "street.jpg"), Objects(BOXES))


def test_the_contract_names_what_the_file_gives(folder: Path) -> None:
    contract = registry.read_contract("eyes")
    assert contract.canvas == CANVAS
    assert contract.kinds == ("object", "face")
    assert contract.features == (8, 16)
    assert {*contract.outputs} == {"density", "slices", "objects", "fine", "coarse"}
    assert contract.weights == weights.fingerprint(weights.load(folder / "eyes.safetensors", tasks.models()))
    assert not contract.mirror
    assert registry.read_contract("walker").saliency == contract.weights


def test_objects_and_features_are_those_of_torch(folder: Path) -> None:
    picture = read(SAMPLES / "street.jpg")
    wanted = Eyes(folder / "eyes.safetensors")(picture)
    prediction = Predictor("eyes", provider="cpu", threads=1, look=True)(picture)
    assert prediction.look is not None
    for name in ("log_density", "fine", "coarse", "scores"):
        np.testing.assert_allclose(getattr(prediction.look, name), getattr(wanted, name), atol=10 * TOLERANCE)
    assert prediction.look.box == wanted.box == Letterbox.fit(picture.shape[:2], CANVAS)
    features = (object_features(look, BOXES) for look in (prediction.look, wanted))
    np.testing.assert_allclose(*features, atol=10 * TOLERANCE)
    assert prediction.objects is not None
    assert len(prediction.objects) > 0
    low, high = prediction.objects.boxes[:, :2], prediction.objects.boxes[:, :2] + prediction.objects.boxes[:, 2:]
    assert (low >= 0).all()
    assert (high <= (1024 + 1e-6, 768 + 1e-6)).all()


def test_nobody_who_did_not_ask_gets_a_look(folder: Path) -> None:
    prediction = Predictor("eyes", provider="cpu", threads=1)(read(SAMPLES / "street.jpg"))
    assert prediction.look is None
    assert prediction.objects is not None


def test_paths_follow_from_what_the_saliency_model_gives(folder: Path) -> None:
    walker = ScanpathPredictor("walker", provider="cpu", threads=1)
    assert walker.saliency.path == folder / "eyes.onnx"
    order = np.array([0, 1])
    rows = walker.likelihood(scene(), order)
    look = walker.saliency(read(SAMPLES / "street.jpg")).look
    np.testing.assert_allclose(rows, walker.likelihood(scene(), order, look=look))
    network = weights.load(folder / "walker.safetensors", tasks.models())
    given = toy.input_spec("saliency").inputs(scene(), look=look)
    with torch.no_grad():
        logits, _ = network(toy.batch(given), torch.tensor([[[0, 1]]]))
    np.testing.assert_allclose(rows[1:], logits[0, 0, 1:].log_softmax(-1).numpy(), atol=10 * TOLERANCE)


def test_without_its_saliency_model_it_says_which_one_is_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("walker.onnx", "walker.step.onnx"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    walker = ScanpathPredictor("walker", provider="cpu", threads=1)
    sought = registry.read_contract("walker").saliency[:12]
    with pytest.raises(ModelError, match=rf"^walker reads the outputs .* {sought}, which is not among the models"):
        walker.sample(scene())
