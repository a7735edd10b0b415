"""eccNET: where to look next for a target, from ImageNet features of scene and target alone; never trained on search.

    features   of the scene at several layers, pooled over windows that grow with the distance from the gaze
    kernel     the features of the target's picture: one convolution kernel a layer
    attention  sum over layers of  weight_l * minmax(features_l * kernel_l)

After eccNET (Gupta, Zhang, Wu, Wolfe & Kreiman 2021, https://arxiv.org/abs/2106.02887). `vgg16` has the paper's layout,
without its weights: average pools with rings of one degree, targets read after the last three pools, pictures before them,
weights in proportion to the kernel's maximum, three differences of Gaussians. `lite2` differs: its features are those of
EfficientNet-Lite2, computed once a picture and pooled afterwards, so that a step costs milliseconds; windows grow
cell by cell and not in rings, and every picture keeps its place under the eye's move.

`attention.foveal` is something else: there tokens of a learned attention are read at the scale that the gaze allows, one
softmax over all of them; here a fixed kernel is compared with means of features, place by place.

Pictures are read at `pixels_per_degree`: who asks resizes them to it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, pad

from data.errors import GazeError
from saliency.layers.cpu_convolution import ReluConvolution
from saliency.layers.efficientnet_lite import SCALING, EfficientNetLite
from saliency.layers.vgg import STAGES, VGG16
from scanpath.models._eccentric_pooling import eccentric_pooling, integral, ring_pooling

PIXELS_PER_DEGREE = 30.0
MULTIPLE = 32  # of both sides of what the backbone reads
MARGIN = 32  # pixels of its border's colour about a target
TAPS = (4, 8, 16, 32)  # strides of the features of EfficientNet-Lite
DEGREES = {3: (8, 0.07), 4: (4, 0.16)}  # of the paper's pool: cells a degree and the slope of its windows


class EccNet(nn.Module):
    """The searcher. It has nothing to train.

    Args:
        backbone: `lite0`, `lite1` or `lite2` with ImageNet features, or `vgg16` in the paper's layout.
        strides: the layers that are compared, by the pixels from cell to cell; not of `vgg16`.
        fovea: radius in degrees inside which nothing is pooled; not of `vgg16`.
        slope: degrees by which a window's side grows a degree beyond the fovea; not of `vgg16`.
    """

    conditions = ("any",)
    multiple = MULTIPLE

    def __init__(
        self,
        backbone: str = "lite2",
        strides: Sequence[int] = (8, 16),
        fovea: float = 2.0,
        slope: float = 0.16,
    ) -> None:
        super().__init__()
        self.arguments = {"backbone": backbone, "strides": list(strides), "fovea": fovea, "slope": slope}
        if backbone != "vgg16" and backbone not in SCALING:
            raise GazeError(f"eccNET has no backbone {backbone!r}; choose one of {', '.join(SCALING)} or vgg16.")
        if not strides or not set(strides) <= set(TAPS):
            raise GazeError(f"eccNET compares layers of the strides {', '.join(map(str, TAPS))}; give some of them.")
        self.pixels_per_degree = PIXELS_PER_DEGREE
        self.body: Any = _PaperBody() if backbone == "vgg16" else _LiteBody(backbone, strides, fovea, slope)
        self.memory: tuple[str, ...] = self.body.memory
        self.stride: int = self.body.stride

    def load_pretrained(self) -> None:
        """Takes the ImageNet weights of the backbone's package; `vgg16` keeps its chance.

        Raises:
            ModelError: The package is not installed, or its file is another one.
        """
        self.body.load_pretrained()

    def encode(self, picture: UInt8[Tensor, "1 h w 3"], target: UInt8[Tensor, "1 y x 3"]) -> tuple[Tensor, ...]:
        """What is computed once a search, in the order of `memory`; below and right pictures are filled to 32."""
        found: tuple[Tensor, ...] = self.body.encode(planes(picture), planes(target))
        return found

    def step(self, gaze: Float[Tensor, "1 2"], *memory: Tensor) -> Float[Tensor, "1 g v"]:
        """The map of attention from a point of gaze in pixels, before inhibition; cells of `stride` pixels."""
        attention: Tensor = self.body.step(gaze, *memory)
        return attention

    def forward(
        self,
        picture: UInt8[Tensor, "1 h w 3"],
        target: UInt8[Tensor, "1 y x 3"],
        gaze: Float[Tensor, "1 2"],
    ) -> Float[Tensor, "1 g v"]:
        """The map of attention of a single step."""
        return self.step(gaze, *self.encode(picture, target))


class _LiteBody(nn.Module):
    """Features once a picture, as integral images."""

    def __init__(self, backbone: str, strides: Sequence[int], fovea: float, slope: float) -> None:
        super().__init__()
        self.network = EfficientNetLite(backbone)
        self.strides, self.stride = tuple(sorted(strides)), min(strides)
        self.memory = (*(f"features_{s}" for s in self.strides), *(f"kernel_{s}" for s in self.strides))
        self.fovea, self.slope = fovea * PIXELS_PER_DEGREE, slope

    def load_pretrained(self) -> None:
        self.network.load_pretrained()

    def _features(self, x: Float[Tensor, "1 3 h w"]) -> list[Tensor]:
        features = self.network((x - 127.0) / 128.0)
        return [features[TAPS.index(s)] for s in self.strides]

    def encode(self, picture: Float[Tensor, "1 3 h w"], target: Float[Tensor, "1 3 y x"]) -> tuple[Tensor, ...]:
        seen = self._features(filled(picture))
        sums = [integral(f) for f in seen]
        canvas, middle = centred(target)
        kernels = []
        for stride, look in zip(self.strides, self._features(canvas), strict=True):
            for axis in (2, 3):
                cells = target.shape[axis] // (2 * stride)  # on each side of the middle one
                about = torch.arange(2 * cells + 1, device=look.device) + (middle[axis - 2] // stride - 1 - cells)
                look = look.index_select(axis, about)
            kernels.append(look)
        return (*sums, *kernels)

    def step(self, gaze: Float[Tensor, "1 2"], *memory: Tensor) -> Float[Tensor, "1 g v"]:
        count = len(self.strides)
        total: Tensor | None = None
        rows, columns = memory[0].shape[0] - 1, memory[0].shape[1] - 1
        for stride, sums, kernel in zip(self.strides, memory[:count], memory[count:], strict=True):
            seen = eccentric_pooling(sums, gaze, stride, stride - 0.5, self.fovea, self.slope)
            score = correlated(seen, kernel)[0]
            y = _resampling(rows, self.stride, score.shape[1], stride, gaze)
            x = _resampling(columns, self.stride, score.shape[2], stride, gaze)
            score = y @ minmax(score) @ x.T
            total = score if total is None else total + score
        assert total is not None
        return total / count


class _PaperBody(nn.Module):
    """VGG16 with average pools; what lies behind the third is computed from every point of gaze anew."""

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


def planes(picture: UInt8[Tensor, "1 h w 3"]) -> Float[Tensor, "1 3 h w"]:
    """A picture as the networks read it."""
    return picture.permute(0, 3, 1, 2).float()


def filled(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c y x"]:
    """Sides of a multiple of 32: below and right the last row and column go on."""
    for axis in (2, 3):
        side = x.shape[axis]
        x = x.index_select(axis, torch.arange(_up(side), device=x.device).clamp(max=side - 1))
    return x


def centred(target: Float[Tensor, "1 3 y x"]) -> tuple[Float[Tensor, "1 3 h w"], tuple[int, int]]:
    """The target about a pixel that is a cell's centre in every layer, and how far from the corner: a multiple of 32."""
    middle = []
    for axis in (2, 3):
        side = target.shape[axis]
        before = (side + 1) // 2
        middle.append(_up(before + MARGIN))
        at = torch.arange(2 * middle[-1], device=target.device) - (middle[-1] - before)
        target = target.index_select(axis, at.clamp(0, side - 1))
    return target, (middle[0], middle[1])


def _up(side: int) -> int:
    """The next multiple of 32."""
    return (side + MULTIPLE - 1) // MULTIPLE * MULTIPLE


def correlated(features: Float[Tensor, "1 c g v"], kernel: Float[Tensor, "1 c y x"]) -> Float[Tensor, "1 1 g v"]:
    """The inner product of the kernel with what lies about each cell; nothing lies outside."""
    rows, columns = kernel.shape[2:]
    around = ((columns - 1) // 2, columns // 2, (rows - 1) // 2, rows // 2)
    return conv2d(pad(features, around), kernel)


def blurred(x: Float[Tensor, "1 1 g v"], side: int, sigma: float) -> Float[Tensor, "1 1 g v"]:
    """A Gaussian cut to so many cells a side, of the sum one."""
    at = torch.arange(side, device=x.device) - side // 2
    bell = torch.exp(-(at.to(x.dtype) ** 2) / (2 * sigma**2))
    kernel = (bell[:, None] * bell) / bell.sum() ** 2
    return conv2d(x, kernel[None, None], padding=side // 2)


def minmax(x: Tensor) -> Tensor:
    """From 0 to 1; a map of one number is 0."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low).clamp(min=1e-12)


def _resampling(
    count: int, stride: int, known: int, known_stride: int, like: Tensor
) -> Float[Tensor, "count known"]:
    """The matrix of linear interpolation from cells of EfficientNet-Lite to cells about their own middle."""
    at = (torch.arange(count, device=like.device) + 0.5) * stride
    place = ((at - (known_stride - 0.5)) / known_stride).clamp(0, known - 1)
    cells = torch.arange(known, device=like.device)
    return (1 - (place[:, None] - cells).abs()).clamp(min=0).to(like.dtype)
