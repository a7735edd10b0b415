"""Mixers: tokens on a grid in, tokens on the same grid out, with an operator between two projections.

A mixer is built by name (`attention.MIXERS`) as `(dim, heads, **its own)` and called as

    mixer(x, mask=None, boxes=None)     (b, h, w, c) -> (b, h, w, c)

`mask` (b, h, w) is true where there is a token; the others (any finite numbers) are never looked at, and what comes out
there means nothing.
`boxes` (b, h, w, 4) are x, y, width, height of each token, one unit for all: the cells of the grid unless given. Only
mixers that ask how tokens lie to each other read them. Objects are a row of tokens: h is 1.
"""

from pkgutil import resolve_name
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import silu

MIXERS = {
    "interleaved": "attention.operators.interleaved:InterleavedMixer",
    "relational": "attention.operators.relational:RelationalMixer",
    "foveal": "attention.operators.foveal:FovealMixer",
    "neighborhood": "attention.operators.neighborhood:NeighborhoodMixer",
    "dual": "attention.operators.dual:DualMixer",
    "routed": "attention.operators.routed:RoutedMixer",
    "agent": "attention.operators.agent:AgentMixer",
    "cog": "attention.operators.cog:CogMixer",
    "sigmoid": "attention.operators.sigmoid:SigmoidMixer",
    "mixture_of_head": "attention.operators.mixture_of_head:MixtureOfHeadMixer",
}
Grid = Float[Tensor, "b h w c"]
Heads = Float[Tensor, "b heads h w d"]
TokenMask = Bool[Tensor, "b h w"]
Boxes = Float[Tensor, "b h w 4"]


class Mixer(nn.Module):
    """Queries, keys and values of all heads from one projection, the operator, and a projection of its output."""

    position_dependent = False  # whether it matters where in the grid a token is: then padding changes the output

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim is {dim}, which {heads} heads do not divide.")
        self.dim, self.heads = dim, heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Grid, mask: TokenMask | None = None, boxes: Boxes | None = None) -> Grid:
        """The tokens, each changed by those it looked at."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5).unbind(0)
        attended = self.attend(q, k, v, x, mask, boxes)
        out: Tensor = self.out(attended.permute(0, 2, 3, 1, 4).flatten(-2))
        return out

    def attend(self, q: Heads, k: Heads, v: Heads, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Heads:
        """The operator: what each head of each token sees."""
        raise NotImplementedError(f"{type(self).__name__} has no operator.")


def flat(*grids: Heads) -> list[Float[Tensor, "b heads n d"]]:
    """Tokens of a grid as a sequence, row by row."""
    return [x.flatten(2, 3) for x in grids]


def keys(mask: TokenMask | None) -> Bool[Tensor, "b 1 1 n"] | None:
    """A grid's mask as one over the keys of `attention.operators.dense`."""
    return None if mask is None else mask.flatten(1)[:, None, None]


def cells(x: Grid) -> Boxes:
    """The boxes of a grid's tokens: unit squares, from the top left corner."""
    h, w = x.shape[1:3]
    row = torch.arange(h, device=x.device, dtype=torch.float32)[:, None].expand(h, w)
    column = torch.arange(w, device=x.device, dtype=torch.float32).expand(h, w)
    one = torch.ones_like(row)
    return torch.stack([column, row, one, one], -1).expand(x.shape[0], h, w, 4)


def cover(size: int, by: int) -> int:
    """How many stretches of `by` tokens cover a side of `size`.

    At least two where the size is left open (export), and the second may be empty: the exporter takes what is 1 in its
    example for a constant.

    >>> cover(7, 7), cover(8, 7)
    (1, 2)
    """
    many = (size + by - 1) // by
    return many if isinstance(size, int) else torch.sym_max(many, 2)


def build(name: str, dim: int, heads: int = 4, **arguments: Any) -> nn.Module:
    """The mixer of this name.

    Raises:
        ValueError: There is no such mixer.
    """
    if name not in MIXERS:
        raise ValueError(f"There is no mixer {name!r}; choose one of {', '.join(MIXERS)}.")
    mixer: nn.Module = resolve_name(MIXERS[name])(dim, heads, **arguments)
    return mixer


class Gated(nn.Module):
    """A residual gated unit: silu(W x) * (V x), projected back (SwiGLU, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, dim: int, expand: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.wide = nn.Linear(dim, 2 * expand * dim)
        self.out = nn.Linear(expand * dim, dim)

    def forward(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        """Tokens, each changed on its own."""
        gate, value = self.wide(self.norm(x)).chunk(2, -1)
        change: Tensor = self.out(silu(gate) * value)
        return x + change
