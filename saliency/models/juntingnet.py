"""JuntingNet: a shallow network from pixels to a map, the quick baseline of the learned models.

    picture  -> 96 x 96, whatever its shape
    features -> three times a convolution, a ReLU and a pooling: 5 x 5 of 32 channels, 3 x 3 of 64, 3 x 3 of 64
    map      -> two dense layers with a maxout between them, 48 x 48
    finisher -> log densities

After Pan and Giro-i-Nieto 2015, End-to-end Convolutional Network for Saliency Prediction,
https://arxiv.org/abs/1507.01422 (Pan et al. 2016, https://arxiv.org/abs/1603.00845). Without slices it is the paper's
network of 34.9 million parameters, except that the finisher makes a density of its map. Nearly all of them are in the
dense layers, which see places, not patterns: that makes it quick, and quick to learn by heart. Seconds, where they are
asked for, are further maps.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from data.errors import ModelError
from data.gaze import condition_names
from saliency.layers.finalizer import Density, Finalizer, Slices

SIDE, MAP = 96, 48  # pixels of the picture that it sees, cells of the map that it gives
CELL = 4  # canvas pixels of a cell of the maps that the finisher takes
CHANNELS, KERNELS = (32, 64, 64), (5, 3, 3)
HIDDEN = 2304  # units behind the maxout, each the larger of two
WIDEST = 4  # times the paper's width: 490 million parameters
CANVAS = (96, 128)


class JuntingNet(nn.Module):
    """The network. `conditions` are the training sets; "any" and "uniform" are added around them.

    Args:
        conditions: names of the viewing conditions, in the order of the data's folders.
        slices: seconds told apart; the paper's network has 0.
        width: share of the paper's channels and hidden units.
        drop: dropout before each dense layer, while it is trained; the paper's network has none.
        canvas: height and width of the letterboxed pictures that it is trained on; others work, too.

    Raises:
        ModelError: The width leaves a layer without channels, or is beyond `WIDEST`.
    """

    multiple = 32

    def __init__(
        self,
        conditions: Sequence[str] = (),
        slices: int = 0,
        width: float = 1.0,
        drop: float = 0.0,
        canvas: Sequence[int] = CANVAS,
    ) -> None:
        super().__init__()
        self.arguments = {
            "conditions": list(conditions),
            "slices": slices,
            "width": width,
            "drop": drop,
            "canvas": list(canvas),
        }
        self.conditions = condition_names(conditions)
        self.slices, self.canvas = slices, (int(canvas[0]), int(canvas[1]))
        if not 1 / CHANNELS[0] <= width <= WIDEST:
            raise ModelError(f"JuntingNet has no width {width}; give one from {1 / CHANNELS[0]} to {WIDEST}.")
        hidden, channels = round(HIDDEN * width), [round(count * width) for count in CHANNELS]
        layers: list[nn.Module] = []
        side, inside = SIDE, 3
        for outside, kernel in zip(channels, KERNELS, strict=True):
            layers += [nn.Conv2d(inside, outside, kernel), nn.ReLU(), nn.MaxPool2d(2)]
            side, inside = (side - kernel + 1) // 2, outside
        self.features = nn.Sequential(*layers)
        self.drop = nn.Dropout(drop)
        self.pairs = nn.Linear(inside * side**2, 2 * hidden)
        self.read = nn.Linear(hidden, (1 + slices) * MAP**2)
        self.finish = Finalizer(1 + slices, len(self.conditions))

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices]:
        """Log densities per cell of `stride` canvas pixels (1 or 4): the whole viewing, and each second."""
        x = self.features(self._shrunk(picture, content))
        hidden = self.pairs(self.drop(x.flatten(1))).unflatten(1, (-1, 2)).amax(2)
        maps = self.read(self.drop(hidden)).unflatten(1, (-1, MAP, MAP))
        density, slices = self.finish(self._laid(maps, content, picture.shape[1:3]), content, condition, stride)
        return density, slices

    def _shrunk(self, picture: UInt8[Tensor, "b h w 3"], content: Float[Tensor, "b 4"]) -> Float[Tensor, "b 3 n n"]:
        """What lies on the canvas without its bars, at `SIDE` x `SIDE` pixels from -1 to 1."""
        x0, y0, x1, y1 = content.unbind(1)
        down, across = _reading(y0, y1, picture.shape[1], SIDE), _reading(x0, x1, picture.shape[2], SIDE)
        return down @ (picture.permute(0, 3, 1, 2).float() / 127.5 - 1) @ across.transpose(2, 3)

    def _laid(
        self, maps: Float[Tensor, "b m n n"], content: Float[Tensor, "b 4"], size: tuple[int, ...]
    ) -> Float[Tensor, "b m g v"]:
        """The maps where the picture lies on a canvas of `size` pixels, in cells of `CELL`; bars go on as they end."""
        x0, y0, x1, y1 = content.unbind(1)
        down, across = (
            _reading(MAP * -start / (end - start), MAP * (side - start) / (end - start), MAP, side // CELL)
            for start, end, side in ((y0, y1, size[0]), (x0, x1, size[1]))
        )
        return down @ maps @ across.transpose(2, 3)


def _reading(
    start: Float[Tensor, " b"], end: Float[Tensor, " b"], cells: int, count: int
) -> Float[Tensor, "b 1 count cells"]:
    """Weights by which `count` places, evenly spread from `start` to `end`, are read from a line of `cells` cells.

    Linear where places are denser than cells, triangles that miss no cell where they are not. What is not between
    `start` and `end` is not read; places beyond the line have what its end has.
    """
    step = ((end - start) / count)[:, None, None, None]
    first, last = (side[:, None, None, None] for side in (start.clamp(min=0), end.clamp(max=cells)))
    place = start[:, None, None, None] + (torch.arange(count, device=start.device)[:, None] + 0.5) * step
    place = torch.minimum(torch.maximum(place, first + 0.5), last - 0.5)
    centre = torch.arange(cells, device=start.device) + 0.5
    weight = (1 - (centre - place).abs() / step.clamp(min=1)).clamp(min=0) * ((centre > first) & (centre < last))
    return weight / weight.sum(3, keepdim=True)
