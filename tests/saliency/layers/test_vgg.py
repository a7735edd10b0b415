"""VGG16's convolutions: the paper's numbers, three levels at an eighth, and a last stage that sees twice as far."""

import pytest
import torch
from torch import nn

from saliency.layers.vgg import VGG16


def test_it_has_the_13_convolutions_and_14_7_million_parameters_of_the_paper() -> None:
    network = VGG16()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 13
    assert sum(p.numel() for p in network.parameters()) == 14_714_688
    assert [c.dilation[0] for c in convolutions] == [1] * 10 + [2] * 3


@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_the_last_three_levels_lie_at_an_eighth(size: tuple[int, int]) -> None:
    network = VGG16().eval()
    with torch.no_grad():
        maps = network(torch.randn(1, 3, *size))
    assert [tuple(m.shape) for m in maps] == [(1, c, size[0] // 8, size[1] // 8) for c in network.widths]
    assert network.widths == (256, 512, 512)


def test_features_neither_fade_nor_grow_over_its_depth() -> None:
    """It begins with chance: with He's scale thirteen layers keep the size of what they are given."""
    torch.manual_seed(0)
    with torch.no_grad():
        maps = VGG16().eval()(50 * torch.randn(1, 3, 64, 64))
    assert all(5 < float(m.square().mean().sqrt()) < 1000 for m in maps)
