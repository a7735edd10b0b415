"""ViTGaze: densities, heads by themselves and together, and how large its parts are."""

import functools
from pathlib import Path
from typing import Any

import pytest
import torch

from app import tasks
from data.errors import GazeError
from following import MODELS
from following.models.vitgaze import ViTGaze
from training import weights

CANVAS = (64, 96)
CONTENT = torch.tensor([[8.0, 0.0, 88.0, 64.0]])
HEADS = torch.tensor([[20.0, 10.0, 40.0, 34.0], [60.0, 30.0, 70.0, 44.0], [9.0, 1.0, 11.0, 3.0]])
SMALL: dict[str, Any] = {"backbone": "small", "width": 16, "fine": 8, "interactions": 2, "heads": 2, "canvas": CANVAS}


def dino(**options: Any) -> ViTGaze:
    transformers = pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    config = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=3, image_size=32, patch_size=8
    ).to_dict()
    network = ViTGaze("hf:made/up", canvas=CANVAS, backbone_config=config, **options)
    with torch.no_grad():  # random attention is nearly even: make it choose
        for name, parameter in network.encoder.named_parameters():
            if "q_proj" in name or "query" in name:
                parameter.mul_(100)
    return network


@functools.cache
def shared(form: str) -> ViTGaze:
    """One that no test trains."""
    return made(form)


def made(form: str) -> ViTGaze:
    torch.manual_seed(0)
    return (dino() if form == "transformer" else ViTGaze(**SMALL)).eval()


def picture(seed: int = 0, count: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (count, *CANVAS, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


FORMS = pytest.mark.parametrize("form", ["convolutional", "transformer"])


@FORMS
@pytest.mark.parametrize("stride", [1, 4])
def test_a_map_is_a_density_over_the_picture(form: str, stride: int) -> None:
    with torch.no_grad():
        log_p, inside = shared(form)(picture().expand(3, -1, -1, -1), CONTENT.expand(3, -1), HEADS, stride)
    assert log_p.shape == (3, CANVAS[0] // stride, CANVAS[1] // stride)
    assert inside.shape == (3,)
    torch.testing.assert_close(log_p.exp().sum((1, 2)), torch.ones(3), atol=1e-4, rtol=0)
    assert log_p[:, :, : 8 // stride].exp().sum() < 1e-6
    assert inside.isfinite().all()


@FORMS
def test_people_of_one_picture_are_answered_together_as_one_by_one(form: str) -> None:
    network = shared(form)
    with torch.no_grad():
        features = network.encode(picture(), CONTENT)
        assert len(features) == len(network.memory)
        together = network.decode(HEADS, CONTENT, *features)
        for number in range(3):
            alone = network.decode(HEADS[number : number + 1], CONTENT, *features)
            torch.testing.assert_close(alone[0][0], together[0][number], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(alone[1][0], together[1][number], atol=1e-4, rtol=1e-4)


@FORMS
def test_a_picture_is_answered_alike_whatever_is_in_its_batch(form: str) -> None:
    network, both = shared(form), torch.cat([picture(1), picture(2)])
    with torch.no_grad():
        together = network(both, CONTENT.expand(2, -1), HEADS[:2])
        alone = network(both[1:], CONTENT, HEADS[1:2])
    torch.testing.assert_close(together[0][1:], alone[0], atol=1e-4, rtol=1e-4)


@FORMS
def test_heads_and_pictures_matter(form: str) -> None:
    network = shared(form)
    with torch.no_grad():
        one, other = (network(picture(), CONTENT, HEADS[k : k + 1])[0] for k in (0, 1))
        third = network(picture(5), CONTENT, HEADS[:1])[0]
    assert (one - other).abs().max() > 1e-3
    assert (one - third).abs().max() > 1e-3


@FORMS
def test_everything_that_is_trained_has_a_gradient(form: str) -> None:
    network = made(form).train()
    features = network.encode(picture(count=2), CONTENT.expand(2, -1))
    log_p, inside = network.decode(HEADS[:2], CONTENT.expand(2, -1), *features, stride=4)
    (log_p[:, 5, 7].sum() + inside.sum() + network.head_patches(*features).sum()).backward()
    unused = ("finish.bias", "finish.log_sigma", "mask_token", "finish.log_gain")
    missing = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None and not name.endswith(unused) and "body" not in name
    ]
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["lite0", "lite2"])
def test_the_decoder_is_less_than_a_hundredth_of_the_parameters(backbone: str) -> None:
    network = ViTGaze(backbone)
    parts = [*network.decoder.parameters(), *network.guide.parameters()]
    share = sum(p.numel() for p in parts) / sum(p.numel() for p in network.parameters())
    assert 0 < share < 0.01


def test_without_interactions_a_cone_is_left() -> None:
    network = ViTGaze(**SMALL | {"interactions": 0}).eval()
    with torch.no_grad():
        log_p, inside = network(picture(), CONTENT, HEADS[:1])
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-4)
    assert inside.isfinite().all()
    assert len(network.form.interactions) == 0  # type: ignore[arg-type]


@FORMS
def test_weights_give_the_network_back(form: str, tmp_path: Path) -> None:
    network = shared(form)
    weights.save(network, tmp_path / "v.safetensors")
    again: Any = weights.load(tmp_path / "v.safetensors", tasks.models()).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(picture(), CONTENT, HEADS[:1]), network(picture(), CONTENT, HEADS[:1]))
    assert again.arguments == network.arguments


def test_a_canvas_that_does_not_suit_the_network_is_refused() -> None:
    with pytest.raises(GazeError, match="The canvas is 60 x 96 pixels; its sides must be multiples of 32"):
        shared("convolutional").encode(torch.zeros(1, 60, 96, 3, dtype=torch.uint8), CONTENT)
    with pytest.raises(GazeError, match="The canvas is 60 x 96 pixels"):
        ViTGaze(**SMALL | {"canvas": (60, 96)})


def test_the_table_says_that_no_weights_ship() -> None:
    assert MODELS["vitgaze"].load() is ViTGaze
    assert not MODELS["vitgaze"].ships
