"""TempSAL: where people look, second by second, from one shared look at the picture.

    encoder   -> features at 1/4, 1/8, 1/16, 1/32
    time      -> at 1/16, one token map a second; attention alternates over space and over time
    decoder   -> fine features F at 1/4; second s reads them with its own weights: slice_s = sum_d F_d * A_sd
    mixing    -> the whole viewing is read from F and all slices together
    finisher  -> log densities
    objects   -> where asked for, the boxes of objects and faces, read from F

After TempSAL (Aydemir et al. 2023, https://arxiv.org/abs/2301.02315), re-thought: one encoder instead of two, slices
that are read from shared features instead of decoded apart, any picture size, and predictions that do not depend on the
other pictures of the batch. It does not predict an order or durations.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from attention import MIXERS, InterleavedBlock
from data.errors import GazeError
from data.gaze import condition_names
from saliency.layers.backbone import InvertedResidual, Pretrained, build
from saliency.layers.efficientnet_lite import EfficientNetLite
from saliency.layers.finalizer import Density, Finalizer, Slices
from saliency.layers.medium import Medium
from saliency.layers.object_head import ObjectHead, Raw, boxes
from saliency.layers.scales import projection, resized

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, so that pretrained backbones fit as they are
STD = (0.229, 0.224, 0.225)
CANVAS = (192, 256)
NEWER = {"kinds": [], "canvas": [*CANVAS], "media": [], "any_bias": 1.0, "path_drop": 0.0}  # arguments, their defaults


def _described(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments as a file tells them; those of a network without anything new are as in files of gaze 0.2."""
    told = {name: list(value) if isinstance(value, list | tuple) else value for name, value in given.items()}
    if all(told[name] == value for name, value in NEWER.items()):
        return {name: value for name, value in told.items() if name not in NEWER}
    return told


class Seen(NamedTuple):
    """What the network sees of pictures."""

    fine: Float[Tensor, "b f g v"]
    tokens: Float[Tensor, "b s h w c"]  # of the whole viewing, then of each second
    maps: Float[Tensor, "b m g v"]  # logits of the same
    raw: Raw | None  # of boxes
    last: Float[Tensor, "b c _ _"]  # the encoder's features at 1/32
    eighth: Float[Tensor, "b e p q"]  # of the decoder, at 1/8


class TempSAL(nn.Module):
    """The network. `conditions` are the training sets; "any" and "uniform" are added around them.

    Args:
        conditions: names of the viewing conditions, in the order of the data's folders.
        slices: seconds told apart.
        backbone: `lite0`, `lite1` or `lite2` (ImageNet's features where it is trained), `small`, or
            `hf:<model id or folder>`.
        width: channels of the coarse tokens.
        fine: channels of the fine features.
        blocks: attention blocks over space before the seconds part; one interleaved block follows.
        heads: attention heads.
        mixer: how coarse tokens look at each other over space, of `attention.MIXERS`.
        fine_mixer: the same for a block at 1/8 in the decoder; there is none unless it is named.
        drop: dropout of the coarse features.
        backbone_config: configuration of an `hf:` backbone whose weights follow from a file, which tells it; without
            one the weights come from the hub.
        kinds: what it finds boxes of, among `saliency.layers.object_head.KINDS`; nothing unless named.
        canvas: height and width of the letterboxed pictures that it is trained on; others work, too.
        media: what it tells pictures apart by, `saliency.layers.medium.MEDIA`; nothing unless named.
        any_bias: weight of the centre bias under "any", as `saliency.calibration` finds it.
        path_drop: stochastic depth of a `lite` backbone's last block, while it is trained.
    """

    multiple = 32  # the canvas' sides are multiples of this
    mean: Tensor
    std: Tensor

    def __init__(  # noqa: PLR0913 - the options of a recipe
        self,
        conditions: Sequence[str] = (),
        slices: int = 5,
        backbone: str = "small",
        width: int = 96,
        fine: int = 24,
        blocks: int = 2,
        heads: int = 4,
        mixer: str = "interleaved",
        fine_mixer: str | None = None,
        drop: float = 0.1,
        backbone_config: dict[str, Any] | None = None,
        kinds: Sequence[str] = (),
        canvas: Sequence[int] = CANVAS,
        media: Sequence[str] = (),
        any_bias: float = 1.0,
        path_drop: float = 0.0,
    ) -> None:
        super().__init__()
        given = {
            name: value for name, value in locals().items() if name not in ("self", "__class__", "backbone_config")
        }
        for name in (mixer, fine_mixer or mixer):
            if name not in MIXERS:
                raise GazeError(f"There is no mixer {name!r}; choose one of {', '.join(MIXERS)}.")
        self.arguments = _described(given)
        self.conditions = condition_names(conditions)
        self.slices, self.fine, self.width = slices, fine, width
        self.kinds, self.canvas = tuple(kinds), (int(canvas[0]), int(canvas[1]))
        self.encoder = build(backbone, backbone_config, path_drop)
        if isinstance(self.encoder, Pretrained):
            self.arguments["backbone_config"] = self.encoder.config
        quarter, eighth, sixteenth, last = self.encoder.widths
        self.top = projection(last, width)
        self.coarse = projection(sixteenth, width)
        self.seconds = nn.Parameter(torch.randn(1 + slices, width) * 0.5)
        self.space = nn.Sequential(*(InterleavedBlock(width, heads, "s", mixer) for _ in range(blocks)))
        self.time = InterleavedBlock(width, heads, "s-t", mixer)
        self.drop = nn.Dropout2d(drop)
        self.down8, self.down4 = projection(eighth, 64), projection(quarter, fine)
        self.up8 = nn.Sequential(projection(width + 64, 64), InvertedResidual(64, 64), InvertedResidual(64, 64))
        self.near = InterleavedBlock(64, heads, "s", fine_mixer) if fine_mixer else None
        self.up4 = nn.Sequential(projection(64 + fine, fine), InvertedResidual(fine, fine, expand=3, fused=True))
        self.read = nn.Linear(width, fine + 1)
        self.mix = InvertedResidual(fine + slices + 1, fine, expand=1, fused=True)
        self.whole = nn.Conv2d(fine, 1, 1)
        self.finish = Finalizer(1 + slices, len(self.conditions), any_bias=any_bias)
        self.objects = ObjectHead(fine, 64, len(self.kinds)) if self.kinds else None
        mean, std = torch.tensor([MEAN, STD]) * 255
        if isinstance(self.encoder, EfficientNetLite):
            mean, std = torch.tensor([self.encoder.mean, self.encoder.std])
        self.media = tuple(media)
        self.medium = Medium(last, self.media) if self.media else None
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    def set_any_bias(self, weight: float) -> None:
        """Gives the centre bias of "any" this weight, as the argument does."""
        self.finish.gate[0] = weight
        if weight != self.arguments.get("any_bias", 1.0):
            self.arguments["any_bias"] = weight

    def _tokens(self, features: list[Tensor]) -> Float[Tensor, "b s h w c"]:
        """One coarse map for the whole viewing and one a second, each having looked at the others."""
        coarse = self.coarse(features[2]) + resized(self.top(features[3]), features[2])
        coarse = self.drop(torch.relu(coarse)).permute(0, 2, 3, 1)
        coarse = self.space(coarse)[:, None]
        tokens: Tensor = self.time(coarse + self.seconds[:, None, None, :])
        return tokens

    def _fine(
        self, features: list[Tensor], tokens: Float[Tensor, "b s h w c"]
    ) -> tuple[Float[Tensor, "b f g v"], Float[Tensor, "b e p q"]]:
        """Features at a quarter and at an eighth of the canvas, told what the whole picture is about."""
        x = tokens[:, 0].permute(0, 3, 1, 2)
        x = self.up8(torch.cat([resized(x, features[1]), self.down8(features[1])], 1))
        if self.near is not None:
            x = self.near(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y: Tensor = self.up4(torch.cat([resized(x, features[0]), self.down4(features[0])], 1))
        return y, x

    def see(self, picture: UInt8[Tensor, "b h w 3"]) -> Seen:
        """What the network sees of a picture, before anything is a density."""
        x = (picture.permute(0, 3, 1, 2).float() - self.mean) / self.std
        features = self.encoder(x)
        tokens = self._tokens(features)
        fine, eighth = self._fine(features, tokens)
        weights = self.read(tokens).flatten(0, 1).permute(0, 3, 1, 2)
        weights = resized(weights, fine).unflatten(0, (-1, 1 + self.slices))  # type: ignore[no-untyped-call]
        maps = (fine[:, None] * weights[:, :, :-1]).sum(2) + weights[:, :, -1]
        whole = maps[:, :1] + self.whole(torch.relu(self.mix(torch.cat([fine, maps], 1))))
        raw = None if self.objects is None else self.objects(fine, eighth)
        return Seen(fine, tokens, torch.cat([whole, maps[:, 1:]], 1), raw, features[3], eighth)

    def outputs(
        self, picture: UInt8[Tensor, "b h w 3"], content: Float[Tensor, "b 4"], condition: Int[Tensor, " b"]
    ) -> dict[str, Tensor]:
        """All that an exported file gives: log densities per canvas pixel, boxes, and what other models may build on.

        `density` (b, h, w), `slices` (b, t, h, w), `objects` (b, k, 5, h / 4, w / 4) where it finds any, `medium`
        (b, n) where it tells media apart, and the features `fine` (b, fine, h / 4, w / 4) and `coarse` (b, width,
        h / 16, w / 16).
        """
        seen = self.see(picture)
        density, slices = self.finish(seen.maps, content, condition, 1)
        found = {} if seen.raw is None else {"objects": boxes(seen.raw)}
        found |= {} if self.medium is None else {"medium": self.medium(seen.last, content)}
        coarse = seen.tokens[:, 0].permute(0, 3, 1, 2)
        return {"density": density, "slices": slices, **found, "fine": seen.fine, "coarse": coarse}

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices] | tuple[Density, Slices, Raw]:
        """Log densities per cell of `stride` canvas pixels (1 or 4): the whole viewing, and each second.

        A network that finds `kinds` gives their raw maps, too (`saliency.layers.object_head`).
        """
        seen = self.see(picture)
        density, slices = self.finish(seen.maps, content, condition, stride)
        return (density, slices) if seen.raw is None else (density, slices, seen.raw)
