"""VGG16's convolutions with a dilated last stage: features at 1/8 after each of its last three poolings.

Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556; its fourth and fifth pooling keep the size and its fifth
stage is dilated by 2, as in Kroner et al. 2020, https://arxiv.org/abs/1902.06634. It begins with chance: gaze brings no
ImageNet weights for it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from saliency.layers.cpu_convolution import ReluConvolution

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # channels of each convolution
KEPT = 3  # stages from this one on keep their size


class VGG16(nn.Module):
    """Five stages of 3 x 3 convolutions, 14.7 million parameters; pictures are RGB less the means of ImageNet."""

    mean = (123.68, 116.779, 103.939)
    std = (1.0, 1.0, 1.0)
    widths = tuple(stage[-1] for stage in STAGES[2:])

    def __init__(self) -> None:
        super().__init__()
        stages, inside = [], 3
        for number, channels in enumerate(STAGES):
            layers: list[nn.Module] = []
            dilation = 2 if number > KEPT else 1
            for outside in channels:
                layers.append(ReluConvolution(inside, outside, 3, dilation))
                inside = outside
            layers.append(nn.MaxPool2d(2) if number < KEPT else nn.MaxPool2d(3, 1, 1))
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ g v"]]:
        """Features of 256, 512 and 512 channels, all at 1/8."""
        features: list[torch.Tensor] = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features[2:]
