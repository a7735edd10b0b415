"""MSI-Net: features of three levels, seen in wide and in narrow surroundings, tell where people look.

    encoder  -> features after three levels, joined at 1/8 of the picture
    context  -> each place with its surroundings at four widths, and with the whole picture (atrous spatial pyramid)
    decoder  -> three times: twice as large, then a 3 x 3 convolution
    finisher -> log densities

After Kroner, Senden, Driessens and Goebel 2020, Contextual encoder-decoder network for visual saliency prediction,
https://arxiv.org/abs/1902.06634. With the encoder `vgg16` and without slices it is the paper's network of 25 million
parameters, except that the finisher makes a density of its map. The recipe's encoder is `lite1`, which begins with
ImageNet's weights. Seconds, where they are asked for, are further channels of the last convolution.
"""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from data.errors import ModelError
from data.gaze import condition_names
from saliency.layers.cpu_convolution import ReluConvolution
from saliency.layers.efficientnet_lite import SCALING, EfficientNetLite
from saliency.layers.finalizer import Density, Finalizer, Slices
from saliency.layers.scales import resized
from saliency.layers.vgg import VGG16

RATES = (4, 8, 12)  # cells of 1/8 of the picture between the taps of a dilated convolution
CELL = 4  # pixels of the maps that the finisher takes
CANVAS = (256, 352)


class AtrousPyramid(nn.Module):
    """What is around each place: at a point, at the three `RATES`, and over the whole picture (ASPP).

    Chen et al. 2017, https://arxiv.org/abs/1706.05587.
    """

    def __init__(self, inside: int, width: int) -> None:
        super().__init__()
        self.point = ReluConvolution(inside, width, 1)
        self.around = nn.ModuleList(ReluConvolution(inside, width, 3, rate) for rate in RATES)
        self.whole = ReluConvolution(inside, width, 1)
        self.join = ReluConvolution((2 + len(RATES)) * width, width, 1)

    def forward(self, x: Float[Tensor, "b c g v"], inside: Float[Tensor, "b 1 g v"]) -> Float[Tensor, "b width g v"]:
        """`inside` is the share of each cell that is picture: the bars of the canvas do not belong to the whole."""
        mean = (x * inside).sum((2, 3), keepdim=True) / inside.sum((2, 3), keepdim=True)
        whole = self.whole(mean).expand(-1, -1, *x.shape[-2:])
        y: Tensor = self.join(torch.cat([self.point(x), *(layer(x) for layer in self.around), whole], 1))
        return y


class MSINet(nn.Module):
    """The network. `conditions` are the training sets; "any" and "uniform" are added around them.

    Args:
        conditions: names of the viewing conditions, in the order of the data's folders.
        slices: seconds told apart; the paper's network has 0.
        backbone: `lite0`, `lite1` or `lite2` (ImageNet's features where it is trained), or the paper's `vgg16`, which
            begins with chance.
        width: channels of the context; each step of the decoder halves them. The paper's network has 256.
        path_drop: stochastic depth of a `lite` encoder's last block, while it is trained.
        canvas: height and width of the letterboxed pictures that it is trained on; others work, too.

    Raises:
        ModelError: There is no such encoder.
    """

    multiple = 32
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        conditions: Sequence[str] = (),
        slices: int = 5,
        backbone: str = "lite1",
        width: int = 128,
        path_drop: float = 0.0,
        canvas: Sequence[int] = CANVAS,
    ) -> None:
        super().__init__()
        self.arguments = {
            "conditions": list(conditions),
            "slices": slices,
            "backbone": backbone,
            "width": width,
            "path_drop": path_drop,
            "canvas": list(canvas),
        }
        self.conditions = condition_names(conditions)
        self.slices, self.canvas = slices, (int(canvas[0]), int(canvas[1]))
        self.encoder: VGG16 | EfficientNetLite
        if backbone == "vgg16":
            self.encoder = VGG16()
        elif backbone in SCALING:
            self.encoder = EfficientNetLite(backbone, path_drop, dilated=True)
        else:
            raise ModelError(f"MSI-Net has no encoder '{backbone}'; use {', '.join(SCALING)} or vgg16.")
        self.context = AtrousPyramid(sum(self.encoder.widths[-3:]), width)
        widths = [width, width // 2, width // 4, width // 8]
        self.decoder = nn.ModuleList(ReluConvolution(*pair) for pair in itertools.pairwise(widths))
        self.read = nn.Conv2d(widths[-1], 1 + slices, 3, padding=1)
        self.finish = Finalizer(1 + slices, len(self.conditions))
        mean, std = torch.tensor([self.encoder.mean, self.encoder.std])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices]:
        """Log densities per cell of `stride` canvas pixels (1 or 4): the whole viewing, and each second."""
        x = (picture.permute(0, 3, 1, 2).float() - self.mean) / self.std
        eighth, *others = self.encoder(x)[-3:]
        joined = torch.cat([eighth, *(resized(level, eighth) for level in others)], 1)
        y = self.context(joined, _share(content, x.shape[-2:], joined))
        for layer in self.decoder:
            y = layer(interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False))
        density, slices = self.finish(avg_pool2d(self.read(y), CELL), content, condition, stride)
        return density, slices


def _share(
    content: Float[Tensor, "b 4"], canvas: tuple[int, ...], cells: Float[Tensor, "_ _ g v"]
) -> Float[Tensor, "b 1 g v"]:
    """Of each cell the share of it that is picture, of its height times that of its width."""
    x0, y0, x1, y1 = (side[:, None] for side in content.to(cells.dtype).unbind(1))
    parts = []
    for begin, end, side, count in ((y0, y1, canvas[0], cells.shape[-2]), (x0, x1, canvas[1], cells.shape[-1])):
        size = side / count
        start = torch.arange(count, device=cells.device, dtype=cells.dtype) * size
        parts.append((torch.minimum(end, start + size) - torch.maximum(begin, start)).clamp(min=0) / size)
    return parts[0][:, None, :, None] * parts[1][:, None, None, :]
