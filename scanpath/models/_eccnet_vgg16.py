"""eccNET's layout as published, on VGG16: average pools whose windows grow ring by ring about the gaze.

    scene     conv3_3, conv4_3, conv5_3, brought to 1/16 by average pools; the third and fourth pool are eccentric
    kernels   the target after the third, fourth and fifth pool, brought to 1/32; unnormalised, with their layout
    map       their correlations from 0 to 1, weighted by the kernels' maxima; three times + G(3, 1) - G(5, 3)

Nothing is trained, and the weights are those of chance. The paper gives two of its paradigms Gaussians of their own;
here all have the same. Gupta et al. 2021, https://arxiv.org/abs/2106.02887.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from saliency.layers.cpu_convolution import ReluConvolution
from saliency.layers.vgg import STAGES, VGG16
from scanpath.models._eccentric_pooling import integral, ring_pooling
from scanpath.models._eccnet_parts import filled, minmax

DEGREES = {3: (8, 0.07), 4: (4, 0.16)}  # of the paper's pool: cells a degree and the slope of its windows


class Vgg16Body(nn.Module):
    """What lies behind the third pool is computed from every point of gaze anew."""

    stride = 16
    memory = ("features_4", "kernel_3", "kernel_4", "kernel_5")

    def __init__(self) -> None:
        super().__init__()
        stages, inside = [], 3
        for channels in STAGES:
            layers: list[nn.Module] = []
            for outside in channels:
                layers.append(ReluConvolution(inside, outside, 3))
                inside = outside
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def load_pretrained(self) -> None:
        """There are no weights for it."""

    def _early(self, x: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 256 g v"]:
        """Up to conv3_3, which sees the same from every point of gaze."""
        x = x - torch.tensor(VGG16.mean, device=x.device)[:, None, None]
        x = avg_pool2d(self.stages[0](x), 2)
        x = avg_pool2d(self.stages[1](x), 2)
        y: Tensor = self.stages[2](x)
        return y

    def encode(self, picture: Float[Tensor, "1 3 h w"], target: Float[Tensor, "1 3 y x"]) -> tuple[Tensor, ...]:
        third = avg_pool2d(self._early(filled(target)), 2)
        fourth = avg_pool2d(self.stages[3](third), 2)
        fifth = avg_pool2d(self.stages[4](fourth), 2)
        return self._early(filled(picture)), avg_pool2d(third, 4), avg_pool2d(fourth, 2), fifth

    def step(self, gaze: Float[Tensor, "1 2"], *memory: Tensor) -> Float[Tensor, "1 g v"]:
        third, *kernels = memory
        fourth = self.stages[3](ring_pooling(integral(third), gaze / 4, *DEGREES[3]))
        fifth = self.stages[4](ring_pooling(integral(fourth), gaze / 8, *DEGREES[4]))
        looks = avg_pool2d(third, 4), avg_pool2d(fourth, 2), fifth
        weights = torch.stack([kernel.max() for kernel in kernels])
        weights = weights / weights.sum().clamp(min=1e-12)
        scores = [minmax(correlated(look, kernel)) for look, kernel in zip(looks, kernels, strict=True)]
        attention = sum(w * s for w, s in zip(weights, scores, strict=True))
        assert isinstance(attention, Tensor)
        for _ in range(3):
            attention = attention + blurred(attention, 3, 1.0) - blurred(attention, 5, 3.0)
        return attention[0]


def correlated(features: Float[Tensor, "1 c g v"], kernel: Float[Tensor, "1 c y x"]) -> Float[Tensor, "1 1 g v"]:
    """The inner product of the kernel with what lies about each cell; the last rows and columns go on outside."""
    for axis in (2, 3):
        side, size = features.shape[axis], kernel.shape[axis]
        at = torch.arange(side + size - 1, device=features.device) - (size - 1) // 2
        features = features.index_select(axis, at.clamp(0, side - 1))
    return conv2d(features, kernel)


def blurred(x: Float[Tensor, "1 1 g v"], side: int, sigma: float) -> Float[Tensor, "1 1 g v"]:
    """A Gaussian cut to so many cells a side, of the sum one."""
    at = torch.arange(side, device=x.device) - side // 2
    bell = torch.exp(-(at.to(x.dtype) ** 2) / (2 * sigma**2))
    kernel = (bell[:, None] * bell) / bell.sum() ** 2
    return conv2d(x, kernel[None, None], padding=side // 2)
