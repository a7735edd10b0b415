"""ViTGaze: what a person looks at, read from how the patches of the head look at all patches of the picture.

    encode    once a picture: tokens of the scene, and what a head's tokens will look at
    decode    once a person: tokens of the head -> how they look at the scene -> one small decoder -> log density
              and from what they saw whether the target is in the frame at all

After ViTGaze (Song et al. 2024, https://arxiv.org/abs/2403.12778): the self-attention of a vision transformer is taken
for the interaction of person and scene, summed over the head's patches by a learned guidance, and decoded by less than
a hundredth of the parameters; an auxiliary loss asks of each patch whether a head is there. Two forms of it:

    backbone `hf:...`     the paper's, on a DINOv2: the softmax weights of chosen blocks, for queries within the head
    backbone `lite...`    ours, for CPUs: features of a convolutional network become tokens at 1/16, which a few blocks
                          of `following.layers.interaction` let the tokens of a head look at; the weights of these are
                          read, and learned cones of view. `interactions: 0` leaves all but the cones out

Other than in the paper, one picture is looked at once for all people in it, heads are read at 7 x 7 places of their box
rather than by whole patches, and the answer is a density (`saliency.layers.finalizer`), which has no centre bias here.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from data.errors import GazeError
from following.layers.convolutional import Convolutional
from following.layers.decoder import MapDecoder
from following.layers.heads import SCALE, grown
from following.layers.interaction import Guidance
from following.layers.vit import AttendingViT, Transformer
from saliency.layers.backbone import build
from saliency.layers.efficientnet_lite import EfficientNetLite
from saliency.layers.finalizer import Finalizer
from saliency.models.tempsal import MEAN, STD

CANVAS = (288, 384)

Memory = tuple[Tensor, ...]


class ViTGaze(nn.Module):
    """The network.

    Args:
        backbone: `lite0`, `lite1` or `lite2` (ImageNet's features where it is trained), `small`, or
            `hf:<model id or folder>` of a DINOv2.
        width: channels of the tokens of a convolutional network.
        fine: channels of the features in which its heads are read.
        blocks: of attention among the tokens of a scene, before any head is asked.
        interactions: blocks in which a head's tokens look at those of the scene.
        heads: attention heads of both.
        attention_blocks: numbers of a transformer's blocks whose attention is read; null: four, evenly spread.
        canvas: height and width of the letterboxed pictures that it is trained on; others work, too.
        path_drop: stochastic depth of a `lite` backbone's last block, while it is trained.
        backbone_config: configuration of an `hf:` backbone whose weights follow from a file, which tells it.

    Raises:
        GazeError: There is no such backbone, or a side of the canvas does not suit it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: str = "lite2",
        width: int = 96,
        fine: int = 48,
        blocks: int = 1,
        interactions: int = 3,
        heads: int = 4,
        attention_blocks: Sequence[int] | None = None,
        canvas: Sequence[int] = CANVAS,
        path_drop: float = 0.0,
        backbone_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        given = {n: value for n, value in locals().items() if n not in ("self", "__class__", "backbone_config")}
        chosen = None if attention_blocks is None else list(attention_blocks)
        self.arguments = given | {"canvas": list(canvas), "attention_blocks": chosen}
        self.conditions, self.slices, self.canvas = ("any",), 0, (int(canvas[0]), int(canvas[1]))
        self.form: Convolutional | Transformer
        self.encoder: nn.Module
        if backbone.startswith("hf:"):
            self.encoder = AttendingViT(backbone[3:], backbone_config, chosen)
            self.arguments["backbone_config"] = self.encoder.config
            self.form = Transformer(self.encoder)
        else:
            self.encoder = build(backbone, None, path_drop)
            self.form = Convolutional(self.encoder.widths, width, fine, blocks, interactions, heads)
        self.multiple = self.form.multiple
        self._check(*self.canvas)
        self.spot = nn.Conv2d(self.form.dim, 1, 1)
        self.guide = Guidance(self.form.dim)
        self.decoder = MapDecoder(self.form.maps, self.form.extra)
        self.inside = nn.Sequential(nn.Linear(self.form.dim, self.form.dim), nn.ReLU(), nn.Linear(self.form.dim, 1))
        self.finish = Finalizer(1, len(self.conditions), SCALE)
        mean, std = torch.tensor([MEAN, STD]) * 255
        if isinstance(self.encoder, EfficientNetLite):
            mean, std = torch.tensor([self.encoder.mean, self.encoder.std])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    @property
    def memory(self) -> tuple[str, ...]:
        """What the parts that `encode` gives are called, in order."""
        return self.form.memory

    def encode(self, picture: UInt8[Tensor, "b h w 3"], content: Float[Tensor, "b 4"]) -> Memory:
        """What is remembered of pictures: all that does not depend on who is asked about; float32, named by `memory`.

        Raises:
            GazeError: A side of the canvas is not a multiple of `multiple`.
        """
        self._check(picture.shape[1], picture.shape[2])
        x = (picture.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return tuple(part.float() for part in self.form.encode(self.encoder, x, content))

    def _check(self, height: int, width: int) -> None:
        if height % self.multiple or width % self.multiple:
            wanted = f"its sides must be multiples of {self.multiple} (--data.canvas)"
            raise GazeError(f"The canvas is {height} x {width} pixels; {wanted}.")

    def decode(
        self, head: Float[Tensor, "b 4"], content: Float[Tensor, "_ 4"], *features: Tensor, stride: int = 1
    ) -> tuple[Float[Tensor, "b h w"], Float[Tensor, " b"]]:
        """Where the person of each head looks, and how sure it is that this is in the frame.

        Args:
            head: boxes x0, y0, x1, y1 in canvas pixels.
            content: where the pictures lie on their canvas, likewise.
            features: what `encode` gave: of as many pictures as heads, or of one for all.
            stride: canvas pixels a cell of the answer, 1 or 4.

        Returns:
            Log densities (natural logarithm), each of which sums to one over the picture; and logits.
        """
        content = content.expand(head.shape[0], -1)
        box = grown(head, content)
        patches = self.form.patches(box, *features)
        guidance = self.guide(patches)
        maps, tokens = self.form.look(patches, guidance, box, content, *features)
        size, extra = self.form.answer(*features)
        logits = self.decoder(maps, size, extra)
        anywhere = torch.zeros(head.shape[0], dtype=torch.long, device=head.device)
        density, _ = self.finish(logits, content, anywhere, stride)
        token = torch.matmul(guidance.to(tokens.dtype), tokens)[:, 0]
        return density, self.inside(token)[:, 0].float()

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        head: Float[Tensor, "b 4"],
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b h w"], Float[Tensor, " b"]]:
        """The same from pictures, with one head each."""
        return self.decode(head, content, *self.encode(picture, content), stride=stride)

    def head_patches(self, *features: Tensor) -> Float[Tensor, "b g v"]:
        """Of each patch a logit that a head is there: what the auxiliary loss asks for."""
        found: Tensor = self.spot(features[0])[:, 0]
        return found
