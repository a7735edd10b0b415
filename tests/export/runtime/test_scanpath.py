"""What runs without torch walks as torch would, and says what is wrong with files and requests."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from scipy.stats import chisquare

from data.errors import GazeError, ModelError, PictureError
from data.gaze import Objects, Picture, Scene
from export.onnx import TOLERANCE
from export.runtime.contract import KEY, Contract
from export.runtime.registry import models, read_contract
from export.runtime.saliency import Predictor
from export.runtime.scanpath import MAX_OBJECTS, ScanpathPredictor
from scanpath import decode
from scanpath.models.oat import OAT
from tests import scanpath_toy as toy
from tests.toy_model import sessions

NUMBER = 10_000


@pytest.fixture(scope="module")
def network() -> OAT:
    return toy.network()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.exported(tmp_path_factory.getbasetemp())[0]


@pytest.fixture(scope="module")
def finder(made: Path) -> ScanpathPredictor:
    return ScanpathPredictor(made, provider="cpu", threads=1)


def reference(network: OAT, scene: Scene, order: list[int], **seen: Any) -> np.ndarray:
    """Natural-log probabilities from the pass over whole paths; nobody ends before the first fixation."""
    with torch.no_grad():
        logits, _ = network(toy.batch(toy.input_spec().inputs(scene, **seen)), torch.tensor([[order]]))
    logits[0, 0, 0, -1] = -torch.inf
    return np.asarray(logits[0, 0].double().log_softmax(-1).numpy())


@pytest.mark.parametrize("count", [1, 5, 60])
@pytest.mark.parametrize("targets", [(0,), ()], ids=["search", "free"])
def test_likelihoods_are_those_of_the_pass_over_whole_paths(
    network: OAT, finder: ScanpathPredictor, count: int, targets: tuple[int, ...]
) -> None:
    scene = toy.scene(count, 3, targets)
    order = [int(i) for i in np.random.default_rng(0).integers(0, count, 6)]
    rows = finder.likelihood(scene, np.array(order), condition="two")
    np.testing.assert_allclose(rows, reference(network, scene, order, condition=2), atol=2 * TOLERANCE)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1)


def test_what_is_told_and_sought_reaches_the_model(network: OAT, finder: ScanpathPredictor) -> None:
    scene, order = toy.scene(5, 3), [1, 0, 4]
    target_known = finder.likelihood(scene, np.array(order), target_known=True)
    np.testing.assert_allclose(target_known, reference(network, scene, order, target_known=True), atol=2 * TOLERANCE)
    assert np.abs(target_known[1:] - finder.likelihood(scene, np.array(order))[1:]).max() > 1e-3


@pytest.mark.parametrize("targets", [(0,), ()], ids=["search", "free"])
def test_sampled_paths_come_as_often_as_torch_says(
    network: OAT, finder: ScanpathPredictor, targets: tuple[int, ...]
) -> None:
    """The first two choices of ten thousand observers."""
    scene = toy.scene(4, 5, targets)
    found = finder.sample(scene, NUMBER, seed=1, limit=2)
    counts, hopes = [], []
    for first in range(4):
        rows = np.exp(reference(network, scene, [first]))
        here = found.order[found.order[:, 0] == first]
        second = here[:, 1] if here.shape[1] > 1 else np.full(len(here), -1)
        for choice in range(5):
            counts.append(int((second == (choice if choice < 4 else -1)).sum()))
            hopes.append(NUMBER * rows[0, first] * rows[1, choice])
    often = [i for i, hope in enumerate(hopes) if hope >= 5]
    rest = NUMBER - sum(hopes[i] for i in often), NUMBER - sum(counts[i] for i in often)
    seen, wanted = [*(counts[i] for i in often), rest[1]], [*(hopes[i] for i in often), rest[0]]
    if rest[0] < 5:
        seen, wanted = [*seen[:-2], seen[-2] + seen[-1]], [*wanted[:-2], wanted[-2] + wanted[-1]]
    assert len(seen) > 5
    assert chisquare(seen, np.array(wanted) * (sum(seen) / sum(wanted))).pvalue > 1e-3


def test_the_same_seed_walks_as_torch_walks(network: OAT, finder: ScanpathPredictor) -> None:
    scene = toy.scene(6, 2)
    walk = toy.Walk(network, toy.input_spec().inputs(scene))
    for options in ({}, {"top_p": 0.9, "temperature": 0.7}, {"inhibition": 2.0}):
        ours = finder.sample(scene, 20, seed=3, decoding=options)
        theirs = decode.sample(walk, 20, seed=3, **options)
        np.testing.assert_array_equal(ours.order, theirs.order)
        np.testing.assert_allclose(ours.duration, theirs.duration, rtol=1e-4)
        np.testing.assert_allclose(ours.log_p, theirs.log_p, atol=20 * TOLERANCE)
        np.testing.assert_array_equal(ours.ended, theirs.ended)
    greedy = finder.sample(scene, 3, greedy=True, limit=4)
    np.testing.assert_array_equal(greedy.order, decode.sample(walk, 3, greedy=True, limit=4).order)


def test_the_probability_of_a_path_is_what_its_likelihood_says(finder: ScanpathPredictor) -> None:
    scene = toy.scene(5, 1)
    found = finder.sample(scene, 6, seed=2, limit=5)
    for path, total, ended in zip(found.paths(), found.log_p, found.ended, strict=True):
        rows = finder.likelihood(scene, path)
        total_ = sum(rows[i, thing] for i, thing in enumerate(path))
        assert total == pytest.approx(total_ + (rows[-1, -1] if ended else 0), abs=20 * TOLERANCE)


def test_a_path_without_fixations_has_one_row(finder: ScanpathPredictor) -> None:
    assert finder.likelihood(toy.scene(5), np.zeros(0, np.int64)).shape == (1, 6)


def test_how_observers_are_sampled_stands_in_the_contract_unless_it_is_told(
    made: Path, tmp_path: Path, network: OAT
) -> None:
    calm = rewritten(made, tmp_path, toy.contract(network).model_copy(update={"decoding": {"top_p": 1e-9}}))
    alike = ScanpathPredictor(calm, provider="cpu", threads=1).sample(toy.scene(6), 30, limit=1)
    assert len(set(alike.order[:, 0].tolist())) == 1
    free = ScanpathPredictor(calm, provider="cpu", threads=1).sample(toy.scene(6), 30, limit=1, decoding={"top_p": 1.0})
    assert len(set(free.order[:, 0].tolist())) > 1


def rewritten(made: Path, folder: Path, target_known: Contract, *names: str) -> Path:
    """The files with another contract, all of them or only those ending in one of `names`."""
    folder.mkdir(exist_ok=True)
    for file in (made, made.with_name("tiny.step.onnx")):
        model = onnx.load(file)
        if not names or file.name in names:
            model.ClearField("metadata_props")
            entry = model.metadata_props.add()
            entry.key, entry.value = KEY, target_known.to_json()
        onnx.save(model, folder / file.name)
    return folder / made.name


def refused(path: Path, *words: str) -> None:
    with pytest.raises(ModelError) as caught:
        ScanpathPredictor(path, provider="cpu", threads=1)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_missing_or_broken_or_foreign_file_is_said(made: Path, tmp_path: Path, toy_model: Path, network: OAT) -> None:
    refused(tmp_path / "nowhere.onnx", "nowhere")
    refused(toy_model, "toy predicts", "not in which order; use a model such as oat-free")
    (tmp_path / "tiny.onnx").write_bytes(made.read_bytes())
    refused(tmp_path / "tiny.onnx", "tiny.step.onnx is missing beside tiny.onnx; export the model again")
    (tmp_path / "tiny.step.onnx").write_bytes(b"nothing")
    refused(tmp_path / "tiny.onnx", "tiny.step.onnx is not a model that ONNX Runtime can open")
    foreign = onnx.load(made)
    foreign.ClearField("metadata_props")
    onnx.save(foreign, tmp_path / "tiny.step.onnx")
    refused(tmp_path / "tiny.onnx", "tiny.step.onnx is ONNX, but not of gaze: it carries no contract")
    onnx.save(foreign, tmp_path / "alien.onnx")
    refused(tmp_path / "alien.onnx", "alien.onnx is ONNX, but not of gaze")
    later = toy.contract(network).model_copy(update={"version": "0.0.2"})
    refused(rewritten(made, tmp_path / "mixed", later, "tiny.onnx"), "was exported with another tiny.onnx")


def test_a_scanpath_model_is_no_model_of_maps(made: Path) -> None:
    with pytest.raises(ModelError, match="tiny is a model of scanpath, not of saliency"):
        Predictor(made, provider="cpu")


def test_the_contract_is_read_back_and_a_step_file_is_no_model_of_its_own(
    made: Path, network: OAT, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_contract(made) == toy.contract(network)
    assert Contract.of_json(toy.contract(network).to_json(), "tiny") == toy.contract(network)
    monkeypatch.setattr("export.runtime.registry.folder", lambda: made.parent)
    assert [path.name for path in models()] == ["tiny.onnx"]


def test_each_file_is_opened_once(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = sessions(monkeypatch)
    ScanpathPredictor(made, provider="cpu", threads=1)
    assert opened == ["tiny.onnx", "tiny.step.onnx"]


def test_its_saliency_model_is_opened_once_for_all_threads(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, opened = ScanpathPredictor(made, provider="cpu", threads=1), []

    def slow(self: ScanpathPredictor) -> object:
        opened.append(self)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(ScanpathPredictor, "_opened", slow)
    with ThreadPoolExecutor(4) as pool:
        given = set(pool.map(lambda _: predictor.saliency, range(4)))
    assert (len(given), len(opened)) == (1, 1)


def test_the_provider_is_named(finder: ScanpathPredictor) -> None:
    assert finder.provider == "cpu"


def test_requests_that_cannot_be_met_are_answered_in_one_sentence(finder: ScanpathPredictor) -> None:
    scene = toy.scene(4)
    nothing = replace(scene, objects=Objects(np.zeros((0, 4))), targets=())
    for attempt, problem in (
        (lambda: finder.sample(scene, condition="cinema"), "'cinema'; choose one of: any, one, two"),
        (lambda: finder.sample(nothing), "there is no object to look at"),
        (lambda: finder.sample(toy.scene(4, 0, ()), target_known=True), "the target is not among the objects"),
        (lambda: finder.sample(scene, 0), "observers must be at least 1, but it is 0"),
        (lambda: finder.likelihood(scene, np.array([4])), r"object 4, but the scene has 4 objects \(0 to 3\)"),
        (lambda: finder.sample(scene, 1, limit=300, decoding={"temperature": 1.0}), "limit must be"),
        (lambda: finder.likelihood(scene, np.zeros(300, np.int64)), "300 fixations"),
    ):
        with pytest.raises(GazeError, match=problem) as caught:
            attempt()
        assert str(caught.value).endswith(".")


def test_a_model_whose_numbers_are_not_finite_is_refused(made: Path, tmp_path: Path) -> None:
    model = onnx.load(made)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2:
            values = np.full(tensor.dims, np.nan, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / "tiny.onnx")
    (tmp_path / "tiny.step.onnx").write_bytes(made.with_name("tiny.step.onnx").read_bytes())
    with pytest.raises(ModelError, match="numbers that are not finite; export the model again"):
        ScanpathPredictor(tmp_path / "tiny.onnx", provider="cpu", threads=1).sample(toy.scene(3))


def test_walking_needs_no_torch() -> None:
    code = "import sys, export.runtime.scanpath, scanpath.decode; "
    code += "sys.exit('torch' in sys.modules or 'onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0


def test_a_model_that_was_trained_without_durations_tells_none(finder: ScanpathPredictor) -> None:
    encode = finder.encode(toy.scene(4))
    assert np.isfinite(decode.sample(encode, 5).duration[:, 0]).all()
    encode._contract = finder.contract.model_copy(update={"durations": False})
    rollouts = decode.sample(encode, 5)
    assert (rollouts.order[:, 0] >= 0).all()
    assert np.isnan(rollouts.duration).all()


def test_more_objects_than_memory_holds_are_refused(finder: ScanpathPredictor) -> None:
    count = MAX_OBJECTS + 1
    scene = Scene(Picture("a.png", 100, 100), Objects(np.tile([0.0, 0.0, 9.0, 9.0], (count, 1))))
    with pytest.raises(
        PictureError, match=r"a\.png: 5,001 objects are more than the 5,000 that are looked at together"
    ):
        finder.sample(scene, 2)
