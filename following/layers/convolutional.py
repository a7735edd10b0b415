"""Our form of ViTGaze: tokens from a convolutional network, and blocks in which a head's tokens look at them.

Transformers that were taught by themselves are large. Here the tokens are features of an ImageNet network at 1/16, told
where they lie; they look at each other first. A head is read at 1/4, where a nose still has a side, at 7 x 7 places.
Maps are those of the blocks, and of cones that the head alone opens before it has looked at anything.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attention import InterleavedBlock
from attention.operators.dense import far
from following.layers.heads import GEOMETRY, PLACES, SCALE, covers, geometry, within
from following.layers.interaction import Interaction, guided
from saliency.layers.scales import projection, resized

TOKEN = 16  # canvas pixels a token
SCENE = 8  # channels of the picture's own features in the decoder
Memory = tuple[Tensor, ...]


class Convolutional(nn.Module):
    """Our form: tokens from a convolutional network, and blocks in which a head's tokens look at them."""

    memory = ("tokens", "fine", "scene", "keys", "values")
    multiple = 32

    def __init__(self, widths: Sequence[int], dim: int, fine: int, blocks: int, interactions: int, heads: int) -> None:
        super().__init__()
        quarter, eighth, sixteenth, last = widths
        self.dim, self.heads, self.extra = dim, heads, SCENE
        self.maps = (1 + interactions) * heads
        self.top, self.coarse = projection(last, dim), projection(sixteenth, dim)
        self.place = nn.Conv2d(4, dim, 1)
        self.space = nn.Sequential(*(InterleavedBlock(dim, heads, "s") for _ in range(blocks)))
        self.down8, self.down4 = projection(eighth, fine), projection(quarter, fine)
        self.scene = nn.Sequential(nn.Conv2d(fine, SCENE, 3, padding=1), nn.ReLU())
        self.face = nn.Sequential(
            nn.Conv2d(fine + dim, dim, 3, padding=1), nn.ReLU(), nn.Conv2d(dim, dim, 3, padding=1), nn.ReLU()
        )
        self.whole = nn.Sequential(nn.Linear(PLACES**2 * dim, dim), nn.ReLU())
        self.slope = nn.Linear(dim, heads * GEOMETRY)
        self.interactions = nn.ModuleList(Interaction(dim, heads) for _ in range(interactions))

    def encode(self, encoder: nn.Module, x: Float[Tensor, "b 3 h w"], content: Float[Tensor, "b 4"]) -> Memory:
        """Tokens, fine features, and what a head's tokens will look at in each block."""
        quarter, eighth, sixteenth, last = encoder(x)
        coarse = torch.relu(self.coarse(sixteenth) + resized(self.top(last), sixteenth))
        coarse = coarse + self.place(_coordinates(content, coarse))
        tokens = self.space(coarse.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        fine = torch.relu(self.down4(quarter) + resized(self.down8(eighth), quarter))
        pairs = [block.scene(tokens.flatten(2).transpose(1, 2)) for block in self.interactions]  # type: ignore[operator]
        empty = tokens.new_zeros(len(tokens), self.heads, 1, 1)
        keys, values = (torch.cat(parts, 1) for parts in zip(*(pairs or [(empty, empty)]), strict=True))
        return tokens, fine, self.scene(fine), keys, values

    def patches(self, box: Float[Tensor, "b 4"], tokens: Tensor, fine: Tensor, *_: Tensor) -> Float[Tensor, "b c p p"]:
        """What the head looks like, at 7 x 7 places."""
        both = [within(fine, box, PLACES, SCALE), within(tokens, box, PLACES, TOKEN)]
        seen: Tensor = self.face(torch.cat(both, 1))
        return seen

    def look(
        self,
        patches: Float[Tensor, "b c p p"],
        guidance: Float[Tensor, "b 1 n"],
        box: Float[Tensor, "b 4"],
        content: Float[Tensor, "b 4"],
        tokens: Tensor,
        fine: Tensor,
        scene: Tensor,
        keys: Tensor,
        values: Tensor,
    ) -> tuple[Float[Tensor, "b m g v"], Float[Tensor, "b n c"]]:
        """How the head's tokens look at the scene, and what they are after it."""
        size = (tokens.shape[-2], tokens.shape[-1])
        lies = geometry(box, content, TOKEN, size).flatten(2)
        there = covers(content, TOKEN, size).flatten(1)[:, None, None] > 0
        x = patches.flatten(2).transpose(1, 2)
        x = x + self.whole(x.flatten(1))[:, None]
        slope = self.slope(torch.matmul(guidance.to(x.dtype), x)[:, 0]).unflatten(-1, (self.heads, GEOMETRY))
        logits = torch.matmul(slope.float(), lies)
        maps = [torch.where(there[:, 0], logits, far(logits.dtype)).softmax(-1)]  # cones, whatever is there
        for number, block in enumerate(self.interactions):
            part = slice(number * self.heads, (number + 1) * self.heads)
            k, v = (each[:, part].expand(x.shape[0], -1, -1, -1) for each in (keys, values))
            x, weights = block(x, k, v, lies, there)
            maps.append(guided(guidance, weights))
        return torch.cat(maps, 1).reshape(x.shape[0], -1, *size), x

    def answer(self, tokens: Tensor, fine: Tensor, scene: Tensor, *_: Tensor) -> tuple[tuple[int, int], Tensor]:
        """The size of the decoder's answer, and the picture's own features in it."""
        return (fine.shape[-2], fine.shape[-1]), scene


def _coordinates(content: Float[Tensor, "b 4"], like: Float[Tensor, "b _ g v"]) -> Float[Tensor, "b 4 g v"]:
    """Where on the picture a token lies: x and y from -1 to 1, and their squares."""
    g, v = like.shape[-2:]
    x = (torch.arange(v, device=like.device) + 0.5) * TOKEN
    y = (torch.arange(g, device=like.device) + 0.5) * TOKEN
    x0, y0, x1, y1 = (side[:, None] for side in content.unbind(1))
    u = ((x - x0) / (x1 - x0) * 2 - 1)[:, None, :].expand(-1, g, -1)
    w = ((y - y0) / (y1 - y0) * 2 - 1)[:, :, None].expand(-1, -1, v)
    return torch.stack([u, w, u.square(), w.square()], 1)
