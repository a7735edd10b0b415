"""Four scales from our own network and from tiny random networks of transformers; no download."""

import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from app import tasks
from data.errors import ModelError
from saliency.layers.backbone import SCALES, InvertedResidual, Pretrained, Small, build
from saliency.models.tempsal import TempSAL
from scanpath.datamodule import SceneData
from scanpath.models.oat import OAT
from training import weights

SIZES = [(32, 32), (64, 96), (96, 160)]


def features(network: nn.Module, size: tuple[int, int], count: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(0)
    with torch.no_grad():
        maps: list[torch.Tensor] = network.eval()(torch.randn(count, 3, *size))
    return maps


def has_four_scales(network: Small | Pretrained, size: tuple[int, int]) -> None:
    maps = features(network, size)
    assert len(maps) == len(network.widths) == 4
    for m, width, scale in zip(maps, network.widths, SCALES, strict=True):
        assert tuple(m.shape) == (2, width, size[0] // scale, size[1] // scale)
        assert m.isfinite().all()


@pytest.mark.parametrize("size", SIZES)
def test_small_gives_a_quarter_an_eighth_a_sixteenth_and_a_thirty_second(size: tuple[int, int]) -> None:
    has_four_scales(build("small"), size)  # type: ignore[arg-type]


def test_small_has_about_a_million_parameters() -> None:
    assert 1.2e6 < sum(p.numel() for p in build("small").parameters()) < 1.35e6


def test_large_maps_are_convolved_densely_and_small_ones_by_depth() -> None:
    network = Small()
    for number, stage in enumerate(network.stages):
        for block in stage:
            looks = [m for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
            assert [m.groups == 1 for m in looks] == [number < 2]


def test_a_block_adds_its_input_where_the_shapes_agree() -> None:
    for stride, outside, adds in ((1, 8, True), (2, 8, False), (1, 12, False)):
        block = InvertedResidual(8, outside, stride=stride).eval()
        last = list(block.layers)[-1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)
        x = torch.randn(1, 8, 6, 10)
        out = block(x)
        assert out.shape == (1, outside, 6 // stride, 10 // stride)
        assert torch.equal(out, x if adds else torch.zeros_like(out))


def test_widths_and_depths_can_be_chosen() -> None:
    network = Small(widths=(4, 6, 8, 10), depths=(1, 1, 1, 2), stem=4)
    has_four_scales(network, (64, 64))
    with pytest.raises(ValueError, match="zip"):
        Small(widths=(4, 6, 8, 10), depths=(1, 1))


def test_an_unknown_backbone_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        ModelError,
        match=r"^Backbone 'resnet50' is unknown; use lite0, lite1, lite2, small or hf:<model id or folder>\.$",
    ):
        build("resnet50")


def tiny(kind: str) -> Any:
    """A random network of transformers with a few thousand parameters."""
    import transformers as t

    torch.manual_seed(0)
    if kind == "resnet":
        widths = {"embedding_size": 8, "hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1], "layer_type": "basic"}
        return t.ResNetBackbone(t.ResNetConfig(**widths))
    if kind == "convnext":
        return t.ConvNextBackbone(t.ConvNextConfig(hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1]))
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    return t.Dinov2Backbone(t.Dinov2Config(num_hidden_layers=5, **sizes))


@pytest.fixture(scope="module", params=["resnet", "convnext", "dinov2"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    tiny(request.param).save_pretrained(folder)
    return request.param, folder


@pytest.mark.parametrize("size", SIZES)
def test_a_network_of_transformers_gives_the_same_four_scales(saved: tuple[str, Path], size: tuple[int, int]) -> None:
    has_four_scales(build(f"hf:{saved[1]}"), size)  # type: ignore[arg-type]


def test_the_weights_are_those_of_the_folder(saved: tuple[str, Path]) -> None:
    kind, folder = saved
    body = build(f"hf:{folder}").body
    original, loaded = tiny(kind).state_dict(), body.state_dict()
    assert original.keys() <= loaded.keys()
    for name, value in original.items():
        torch.testing.assert_close(loaded[name], value)


def test_tempsal_runs_and_learns_on_it(saved: tuple[str, Path]) -> None:
    network = TempSAL(["a"], slices=2, backbone=f"hf:{saved[1]}", width=8, fine=4, blocks=1, heads=2)
    picture = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    content = torch.tensor([[0.0, 0.0, 96.0, 64.0], [16.0, 0.0, 80.0, 64.0]])
    density, slices = network(picture, content, torch.tensor([0, 1]), 4)
    torch.testing.assert_close(density.exp().sum((1, 2)), torch.ones(2))
    (density.max() + slices.max()).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.encoder.parameters())


def test_a_network_that_cannot_be_loaded_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    for name in ("nobody/has-this-network", str(tmp_path), str(tmp_path / "nowhere")):
        with pytest.raises(ModelError) as caught:
            build(f"hf:{name}")
        message = str(caught.value)
        assert message.startswith(f"Backbone 'hf:{name}' cannot be loaded (")
        assert message.endswith("or a folder.")
        assert "\n" not in message


def network(folder: Path) -> TempSAL:
    return TempSAL(["a"], slices=2, backbone=f"hf:{folder}", width=8, fine=4, blocks=1, heads=2).eval()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be opened, and no model or configuration of the hub be asked for."""
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("the hub was asked")  # not an Exception, which might be caught

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", refuse)
    monkeypatch.setattr("transformers.PreTrainedModel.from_pretrained", refuse)


def test_a_file_of_weights_needs_neither_the_hub_nor_the_folder(
    saved: tuple[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(saved[1], tmp_path / "backbone")
    made, given = (
        network(folder),
        (torch.zeros(1, 64, 96, 3, dtype=torch.uint8), torch.tensor([[0.0, 0.0, 96.0, 64.0]])),
    )
    weights.save(made, tmp_path / "t.safetensors")
    shutil.rmtree(folder)
    request.getfixturevalue("offline")
    again = weights.load(tmp_path / "t.safetensors", tasks.models())
    assert weights.describe(again) == weights.describe(made)
    with torch.no_grad():
        for one, other in zip(made(*given, torch.tensor([1])), again(*given, torch.tensor([1])), strict=True):
            assert torch.equal(one, other)


def test_a_scanpath_model_reads_it_without_the_hub(
    saved: tuple[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(saved[1], tmp_path / "backbone")
    weights.save(network(folder), tmp_path / "t.safetensors")
    shutil.rmtree(folder)
    request.getfixturevalue("offline")
    data = SceneData(str(tmp_path), appearance="saliency", saliency=str(tmp_path / "t.safetensors"))
    reads: dict[str, Any] = {"appearance": "saliency", "saliency": data.fingerprint, "features": data.features}
    weights.save(OAT(["a"], width=16, **reads), tmp_path / "o.safetensors")
    again = weights.load(tmp_path / "o.safetensors", tasks.models())
    assert again.arguments["saliency"] == data.fingerprint


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("inside", [False, True])
def test_a_file_that_names_a_model_of_the_hub_alone_is_refused_without_asking(tmp_path: Path, inside: bool) -> None:
    arguments: dict[str, Any] = {"backbone": "hf:someone/model"}
    description = {"model": "saliency.models.tempsal:TempSAL", "arguments": arguments}
    if inside:
        description = {
            "model": "scanpath.models.oat:OAT",
            "arguments": {"appearance": "saliency", "saliency": arguments},
        }
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign.safetensors", {"gaze": json.dumps(description)})
    known = tasks.models()
    with pytest.raises(ModelError, match=r"The file names the backbone 'hf:someone/model' without its configuration"):
        weights.load(tmp_path / "foreign.safetensors", known)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "bert"},
        {"model_type": "nonsense", "auto_map": {"AutoConfig": "someone/model--code.Evil"}},
        {"model_type": "timm_backbone", "backbone": "hf-hub:someone/model"},
        {"model_type": "resnet", "hidden_sizes": "wide"},
    ],
)
def test_a_configuration_that_is_no_backbone_of_transformers_is_refused_in_one_sentence(config: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"^Backbone 'hf:someone/model' cannot be built from its configuration"):
        build("hf:someone/model", config)


@pytest.mark.usefixtures("offline")
def test_code_that_a_configuration_names_is_left_alone() -> None:
    theirs = ("_attn_implementation", "attn_implementation")
    config = tiny("dinov2").config.to_dict() | dict.fromkeys(theirs, "someone/kernel")
    body = build("hf:someone/model", config).body
    assert body.config._attn_implementation in ("sdpa", "eager")
    assert not [key for key in Pretrained("someone/model", config).config if key.endswith("attn_implementation")]


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"needs transformers; install it with: pip install -e '\.\[hf\]'"):
        build("hf:microsoft/resnet-18")
