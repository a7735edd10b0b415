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

from data.errors import GazeError
from saliency.layers.efficientnet_lite import SCALING, EfficientNetLite
from scanpath.models._eccentric_pooling import box_means, eccentric_pooling, integral
from scanpath.models._eccnet_parts import MARGIN, MULTIPLE, centred, filled, minmax, planes
from scanpath.models._eccnet_vgg16 import Vgg16Body

PIXELS_PER_DEGREE = 30.0
STRIDE = 8  # pixels from cell to cell of the map of attention of EfficientNet-Lite
FOVEA = 4.0  # degrees about the gaze that are seen as they are: the paper's
SLOPE = 0.16  # degrees by which windows grow a degree beyond it: the paper's


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
        self.body: Any = Vgg16Body() if backbone == "vgg16" else _LiteBody(backbone, fovea, slope)
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


def _resampling(count: int, known: int, stride: int, like: Tensor) -> Float[Tensor, "count known"]:
    """The matrix of linear interpolation from cells of EfficientNet-Lite, margin and all, to those of the map."""
    at = (torch.arange(count, device=like.device) + 0.5) * STRIDE + MARGIN
    place = ((at - (stride - 0.5)) / stride).clamp(0, known - 1)
    cells = torch.arange(known, device=like.device)
    return (1 - (place[:, None] - cells).abs()).clamp(min=0).to(like.dtype)
