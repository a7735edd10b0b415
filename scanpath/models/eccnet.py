"""eccNET: where to look next for a target, from ImageNet features of scene and target alone; never trained on search.

    kernel     what features the target has: their means over its picture, at 1/16 and at 1/32
    scores     how much of them there is about each place, in a window of the target's size
    attention  mean over both layers of  minmax(scores pooled over windows that grow with the distance from the gaze)

After eccNET (Gupta, Zhang, Wu, Wolfe & Kreiman 2021, https://arxiv.org/abs/2106.02887), whose parts these are: features
of the target modulate those of the scene at several layers, unnormalised; pooling grows with eccentricity, by 0.16
degrees a degree beyond 4. What differs, for the backbones `lite`:

- Features are those of EfficientNet-Lite: at 1/16 the rectified ones that enter the last stride (720 channels of
  `lite2`), at 1/32 those before the last row (208). The paper has VGG16 after its last three pools.
- The kernel knows which features the target has, not where in it, as attention to features is the same all over the
  field (Treue & Martinez-Trujillo 1999, https://doi.org/10.1038/21176). With the whole picture as a kernel, these
  sharper features find every target at once, and nothing is left to be easy or hard.
- Pooling comes last, over scores: for such a kernel it is the same as pooling features, and a step costs a
  millisecond. Windows grow cell by cell and not in rings of a degree.

`vgg16` has the paper's layout: average pools in rings, kernels with their layout read after the last three pools,
scenes before them, weights in proportion to the kernel's maximum, three differences of Gaussians. Its weights are those
of chance, and so are its searches: gaze brings none from ImageNet for it. Unlike the paper's, its scene keeps its place
under the moving eye, and what was fixated is painted over only where somebody paints, as `evaluation.search` does.

`attention.foveal` is something else: there tokens of a learned attention are read at the scale that the gaze allows,
one softmax over all of them; here a fixed kernel is compared with means of features, place by place.

Pictures are read at `pixels_per_degree`: who asks resizes them to it.
"""

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from data.errors import GazeError
from saliency.layers.cpu_convolution import ReluConvolution
from saliency.layers.efficientnet_lite import SCALING, EfficientNetLite
from saliency.layers.vgg import STAGES, VGG16
from scanpath.models._eccentric_pooling import box_means, eccentric_pooling, integral, ring_pooling

PIXELS_PER_DEGREE = 30.0
MULTIPLE = 32  # of both sides of what the backbone reads
MARGIN = (
    32  # pixels by which a picture's border goes on about it, so that its edge is no contour; twice that for a target
)
STRIDE = 8  # pixels from cell to cell of the map of attention of EfficientNet-Lite
FOVEA, SLOPE = (
    4.0,
    0.16,
)  # degrees that are seen as they are; degrees by which windows grow a degree beyond: the paper's
DEGREES = {3: (8, 0.07), 4: (4, 0.16)}  # of the paper's pool: cells a degree and the slope of its windows


class EccNet(nn.Module):
    """The searcher. It has nothing to train.

    Args:
        backbone: `lite0`, `lite1` or `lite2` with ImageNet features, or `vgg16` in the paper's layout.
        fovea: radius in degrees inside which nothing is pooled; that of `vgg16` is always 4.
        slope: degrees by which a window's side grows a degree beyond the fovea; `vgg16` has the paper's.

    Raises:
        GazeError: There is no such backbone.
    """

    conditions = ("any",)
    multiple = MULTIPLE

    def __init__(self, backbone: str = "lite2", fovea: float = FOVEA, slope: float = SLOPE) -> None:
        super().__init__()
        self.arguments = {"backbone": backbone, "fovea": fovea, "slope": slope}
        if backbone != "vgg16" and backbone not in SCALING:
            raise GazeError(f"eccNET has no backbone {backbone!r}; choose one of {', '.join(SCALING)} or vgg16.")
        self.pixels_per_degree = PIXELS_PER_DEGREE
        self.body: Any = _PaperBody() if backbone == "vgg16" else _LiteBody(backbone, fovea, slope)
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
    """Scores of the target once a picture, one integral image a layer; a step pools them."""

    stride = STRIDE
    strides = (16, 32)
    memory = ("scores_16", "scores_32")

    def __init__(self, backbone: str, fovea: float, slope: float) -> None:
        super().__init__()
        self.network = EfficientNetLite(backbone)
        self.last = self.network.taps[-2] + 1, self.network.taps[-1]  # the blocks that would go on from each layer
        del self.network.blocks[self.last[1] :]
        self.fovea, self.slope = fovea * PIXELS_PER_DEGREE, slope

    def load_pretrained(self) -> None:
        whole = EfficientNetLite(self.network.name)
        whole.load_pretrained()
        self.network.load_state_dict({n: t for n, t in whole.state_dict().items() if n in self.network.state_dict()})

    def _features(self, x: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, Tensor]:
        """Those at 1/16, widened and rectified, and those at 1/32."""
        x = self.network.stem((x - 127.0) / 128.0)
        for block in self.network.blocks[: self.last[0]]:
            x = block(x)
        widen: Any = self.network.blocks[self.last[0]]
        widened = widen.layers[:2](x)
        for block in self.network.blocks[self.last[0] :]:
            x = block(x)
        return widened, x

    def encode(self, picture: Float[Tensor, "1 3 h w"], target: Float[Tensor, "1 3 y x"]) -> tuple[Tensor, ...]:
        canvas, middle = centred(target)
        looks = zip(self.strides, self._features(filled(picture, MARGIN)), self._features(canvas), strict=True)
        scores = []
        for stride, seen, kernel in looks:
            down, across = (target.shape[axis] // (2 * stride) for axis in (2, 3))  # cells on each side of the middle
            for axis, cells in ((2, down), (3, across)):
                about = torch.arange(2 * cells + 1, device=kernel.device) + (middle[axis - 2] // stride - 1 - cells)
                kernel = kernel.index_select(axis, about)
            score = (seen * kernel.mean((2, 3), keepdim=True)).sum(1, keepdim=True)
            score = box_means(integral(score - score.mean()), down, across)
            scores.append(integral(minmax(score) - minmax(score).mean()))  # offset and scale are lost in a step anyway
        return tuple(scores)

    def step(self, gaze: Float[Tensor, "1 2"], *memory: Tensor) -> Float[Tensor, "1 g v"]:
        rows, columns = (((memory[0].shape[axis] - 1) * self.strides[0] - 2 * MARGIN) // STRIDE for axis in (0, 1))
        seen = []
        for stride, sums in zip(self.strides, memory, strict=True):
            score = eccentric_pooling(sums, gaze, stride, stride - 0.5 - MARGIN, self.fovea, self.slope)[0]
            y = _resampling(rows, score.shape[1], stride, gaze)
            x = _resampling(columns, score.shape[2], stride, gaze)
            seen.append(minmax(y @ score @ x.T))
        return torch.stack(seen).mean(0)


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


def filled(x: Float[Tensor, "1 c h w"], margin: int = 0) -> Float[Tensor, "1 c y x"]:
    """Sides of a multiple of 32: below and right the last row and column go on, and on all sides for a margin."""
    for axis in (2, 3):
        side = x.shape[axis]
        at = torch.arange(_up(side) + 2 * margin, device=x.device) - margin
        x = x.index_select(axis, at.clamp(0, side - 1))
    return x


def centred(target: Float[Tensor, "1 3 y x"]) -> tuple[Float[Tensor, "1 3 h w"], tuple[int, int]]:
    """The target about a pixel that is a cell's centre in every layer, and how far that is from the corner: n 32."""
    middle = []
    for axis in (2, 3):
        side = target.shape[axis]
        before = (side + 1) // 2
        middle.append(_up(before + 2 * MARGIN))
        at = torch.arange(2 * middle[-1], device=target.device) - (middle[-1] - before)
        target = target.index_select(axis, at.clamp(0, side - 1))
    return target, (middle[0], middle[1])


def _up(side: int) -> int:
    """The next multiple of 32."""
    return (side + MULTIPLE - 1) // MULTIPLE * MULTIPLE


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


def minmax(x: Tensor) -> Tensor:
    """From 0 to 1; a map of one number is 0."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low).clamp(min=1e-12)


def _resampling(count: int, known: int, stride: int, like: Tensor) -> Float[Tensor, "count known"]:
    """The matrix of linear interpolation from cells of EfficientNet-Lite, margin and all, to those of the map."""
    at = (torch.arange(count, device=like.device) + 0.5) * STRIDE + MARGIN
    place = ((at - (stride - 0.5)) / stride).clamp(0, known - 1)
    cells = torch.arange(known, device=like.device)
    return (1 - (place[:, None] - cells).abs()).clamp(min=0).to(like.dtype)
