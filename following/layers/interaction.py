"""The interaction of a person and a scene: a head's tokens look at all tokens of the scene, and how they do is kept.

    logits = s q k^T + a(q) . geometry        weights = softmax over the scene        tokens += weights v

A token of the head says with `a` how much directions and distances matter to it, head by head of the attention: a cone
of view, which is learned. Whatever is looked at through it adds to the token, so that the next block knows what is
there. The weights are the features that a decoder reads (`Guidance` sums those of the head's tokens).
Keys and values depend on the picture alone: they are made once for all people in it.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attention.mixers import Gated
from attention.operators.dense import far, gather, scores
from following.layers.heads import GEOMETRY

Tokens = Float[Tensor, "b p c"]
Weights = Float[Tensor, "b heads p n"]


class Interaction(nn.Module):
    """One block.

    Args:
        dim: channels.
        heads: attention heads.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.scene_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.slope = nn.Linear(dim, heads * GEOMETRY)
        self.out = nn.Linear(dim, dim)
        self.after = Gated(dim)

    def scene(self, tokens: Float[Tensor, "b n c"]) -> tuple[Tensor, Tensor]:
        """Keys and values of a picture's tokens, each (b, heads, n, d)."""
        both = self.key_value(self.scene_norm(tokens)).unflatten(-1, (2, self.heads, -1))  # b, n, 2, heads, d
        return both[:, :, 0].transpose(1, 2), both[:, :, 1].transpose(1, 2)

    def forward(
        self,
        x: Tokens,
        keys: Float[Tensor, "b heads n d"],
        values: Float[Tensor, "b heads n d"],
        lies: Float[Tensor, "b geometry n"],
        there: Bool[Tensor, "b 1 1 n"],
    ) -> tuple[Tokens, Weights]:
        """The head's tokens after their look at the scene, and how much each looked at each place.

        `lies` is how places lie to the head (`following.layers.heads.geometry`), `there` where there is picture.
        """
        y = self.norm(x)
        q = self.query(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        slope = self.slope(y).unflatten(-1, (self.heads, GEOMETRY)).transpose(1, 2)
        logits = scores(q, keys, torch.matmul(slope.float(), lies[:, None]))
        weights = torch.where(there, logits, far(logits.dtype)).softmax(-1)
        seen: Tensor = self.out(gather(weights, values).transpose(1, 2).flatten(2))
        return self.after(x + seen), weights


class Guidance(nn.Module):
    """Which of a head's tokens tell most, learned: their weights sum to one (ViTGaze's spatial guidance).

    Args:
        dim: channels.
        hidden: channels in between.
    """

    def __init__(self, dim: int, hidden: int = 8) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Conv2d(dim, hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(hidden, 1, 1))

    def forward(self, patches: Float[Tensor, "b c p p"]) -> Float[Tensor, "b 1 n"]:
        """The share of each patch, row by row."""
        found: Tensor = self.score(patches).flatten(2).float().softmax(-1)
        return found


def guided(guidance: Float[Tensor, "b 1 p"], weights: Weights) -> Float[Tensor, "b heads n"]:
    """The weights of a head's tokens, summed by their guidance."""
    return torch.matmul(guidance[:, None], weights)[:, :, 0]
