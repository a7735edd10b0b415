"""OAT with every mixer of the table among the objects: padding is not seen, places matter, files agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attention import MIXERS
from data.errors import GazeError
from data.gaze import Objects
from export.onnx import TOLERANCE
from export.scanpath_onnx import export
from scanpath.models.oat import OAT
from scanpath.task import ScanpathTask
from tests import scanpath_toy as toy

ORDER = torch.tensor([[[2, 1, 0]]])


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_scene_is_seen_alone_as_beside_a_larger_one(mixer: str) -> None:
    network = toy.network(mixer=mixer)
    large = toy.input_spec().inputs(replace(toy.scene(9, 1), memory_set=("cup", "lamp")), 2)
    for targets in ((0,), ()):
        small = toy.input_spec().inputs(toy.scene(4, 0, targets), 1)
        with torch.no_grad():
            alone, _ = network(toy.batch(small), ORDER)
            beside, _ = network(toy.batch(small, large), ORDER.expand(2, -1, -1))
        torch.testing.assert_close(beside[0, ..., [0, 1, 2, 3, 9]], alone[0])


def test_only_the_relational_encoder_knows_how_objects_lie_without_being_told_their_places() -> None:
    for mixer in ("interleaved", "relational"):
        network = toy.network(mixer=mixer)
        with torch.no_grad():  # the tokens' own places say nothing any more
            for layer in (network.place, network.extent):
                layer.weight.zero_()
        scene = toy.scene(5)
        moved = scene.objects.boxes.copy()
        moved[3, :2] = 0.0
        other = replace(scene, objects=Objects(moved, scene.objects.categories))
        with torch.no_grad():
            one, two = (network.encode(toy.batch(toy.input_spec().inputs(s, 1))).pointer for s in (scene, other))
        assert torch.equal(one, two) is (mixer == "interleaved")


@pytest.mark.parametrize("mixer", MIXERS)
def test_scenes_are_encoded_in_mixed_precision_as_well(mixer: str) -> None:
    network = toy.network(mixer=mixer)
    fed = toy.batch(toy.input_spec().inputs(toy.scene(4), 1), toy.input_spec().inputs(toy.scene(9, 1), 2))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits, _ = network(fed, ORDER.expand(2, -1, -1))
    assert logits.isfinite().all()


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_weight_of_the_encoder_learns(mixer: str) -> None:
    network = toy.network(mixer=mixer)
    task = ScanpathTask(network)
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    task.train()
    fed = toy.batch(toy.input_spec().inputs(toy.scene(6), 1))
    paths = {"order": ORDER, "duration": torch.full((1, 1, 3), 200.0), "ended": torch.ones(1, 1, dtype=torch.bool)}
    loss = task.training_step({**fed, **paths}, 0)
    assert loss is not None
    loss.backward()
    idle = [n for n, p in network.encoder.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not idle


@pytest.mark.slow
@pytest.mark.parametrize("mixer", MIXERS)
def test_a_model_with_any_mixer_becomes_two_checked_files(mixer: str, tmp_path: Path) -> None:
    network = toy.network(mixer=mixer)
    assert export(network, tmp_path / "tiny.onnx", toy.contract(network), toy.examples()) <= TOLERANCE


def test_the_default_is_plain_attention_over_the_objects() -> None:
    """What ships keeps its weights' names and its answers."""
    names = dict(OAT(("one",), toy.CATEGORIES, **toy.TINY).encoder[0].named_parameters())
    assert {"look.query.weight", "look.pair.weight", "look.out.weight"} <= set(names)
    assert toy.network().arguments["mixer"] == "interleaved"


def test_an_unknown_mixer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(GazeError, match=r"There is no mixer 'plain'; choose one of interleaved, relational, foveal"):
        OAT(mixer="plain")


def test_boxes_are_told_in_about_degrees_and_the_rest_has_no_place() -> None:
    from scanpath.models.oat import _degrees

    fed = toy.batch(toy.input_spec().inputs(toy.scene(4), 1))
    target_known = _degrees(fed, 7)
    np.testing.assert_allclose(target_known[0, :4], fed["boxes"][0] * 20 / 150, rtol=1e-5)
    assert (target_known[0, 4:] == 0).all()
