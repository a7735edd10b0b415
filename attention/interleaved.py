"""Interleaved attention: slices of time look within themselves over space, and across each other at each place.

    space   softmax(s q k^T) v  among the n places of one slice
    time    softmax(s q k^T) v  among the t slices of one place
    full    softmax(s q k^T) v  among all t * n tokens

`q k v` are `(b, heads, t, n, d)` and s = d ** -0.5. Weights a head: t n^2 over space, n t^2 over time, (t n)^2 in full;
space and time together cost far less than full. The blocks are gated as in PredFormer (Tang et al. 2024,
https://arxiv.org/abs/2410.04733).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

Over = Literal["space", "time", "full"]
Order = Literal["s", "s-t", "t-s", "full"]
ORDERS: dict[str, tuple[Over, ...]] = {
    "s": ("space",),
    "s-t": ("space", "time"),
    "t-s": ("time", "space"),
    "full": ("full",),
}
Tokens = Float[Tensor, "b heads t n d"]


def interleaved_attention(q: Tokens, k: Tokens, v: Tokens, *, over: Over) -> Tokens:
    """Attention over space, over time or over both; the output has the shape of q.

    >>> q, v = torch.zeros(1, 1, 2, 2, 1), torch.tensor([[[[[0.0], [2.0]], [[4.0], [6.0]]]]])  # all look alike at all
    >>> interleaved_attention(q, q, v, over="space").flatten()
    tensor([1., 1., 5., 5.])
    >>> interleaved_attention(q, q, v, over="time").flatten()
    tensor([2., 4., 2., 4.])
    """
    shape = q.shape
    if over == "space":  # four dimensions, so that torch takes its fused kernel
        q, k, v = (x.flatten(1, 2) for x in (q, k, v))
        return scaled_dot_product_attention(q, k, v).reshape(shape)
    if over == "time":
        q, k, v = (x.transpose(2, 3) for x in (q, k, v))
        weights: Tensor = (q * shape[-1] ** -0.5 @ k.transpose(-2, -1)).softmax(-1)  # few: cheaper than a fused kernel
        return torch.matmul(weights, v).transpose(2, 3)
    if over == "full":
        q, k, v = (x.flatten(2, 3) for x in (q, k, v))
        return scaled_dot_product_attention(q, k, v).reshape(shape)
    raise ValueError(f"over is {over!r}; it must be 'space', 'time' or 'full'.")


class Attend(nn.Module):
    """One residual step of attention over space, time or both, on tokens `(b, t, n, c)`."""

    def __init__(self, dim: int, heads: int, over: Over) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim is {dim}, which {heads} heads do not divide.")
        self.heads, self.over = heads, over
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "b t n c"]) -> Float[Tensor, "b t n c"]:
        """Tokens plus what they saw."""
        heads = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5)
        seen = interleaved_attention(heads[0], heads[1], heads[2], over=self.over)
        told: Tensor = self.out(seen.permute(0, 2, 3, 1, 4).flatten(-2))
        return x + told


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


class InterleavedBlock(nn.Module):
    """A mixer `(b, t, h, w, c) -> (b, t, h, w, c)`: attention in the given order, then a gated unit.

    Each place is first told its surroundings by a depth-wise convolution, so that any picture size works
    (conditional positions, Chu et al. 2021, https://arxiv.org/abs/2102.10882).
    """

    def __init__(self, dim: int, heads: int = 4, order: Order = "s-t") -> None:
        super().__init__()
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}; it must be one of {', '.join(ORDERS)}.")
        self.place = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.steps = nn.Sequential(*(Attend(dim, heads, over) for over in ORDERS[order]), Gated(dim))

    def forward(self, x: Float[Tensor, "b t h w c"]) -> Float[Tensor, "b t h w c"]:
        """Tokens that have looked around."""
        b, t, h, w, c = x.shape
        x = x + self.place(x.flatten(0, 1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(b, t, h, w, c)
        out: Tensor = self.steps(x.flatten(2, 3)).reshape(b, t, h, w, c)
        return out
