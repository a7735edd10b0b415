"""Interleaved attention: slices of time look within themselves over space, and across each other at each place.

    space   softmax(s q k^T) v  among the n places of one slice
    time    softmax(s q k^T) v  among the t slices of one place
    full    softmax(s q k^T) v  among all t * n tokens

`q k v` are `(b, heads, t, n, d)` and s = d ** -0.5. Weights a head: t n^2 over space, n t^2 over time, (t n)^2 in full;
space and time together cost far less than full. The blocks are gated as in PredFormer (Tang et al. 2024,
https://arxiv.org/abs/2410.04733).
"""

from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attention import _checks
from attention.mixers import Gated, Mixer, build
from attention.operators.dense import Rows, dense_attention, pick, scores, softmax

Over = Literal["space", "time", "full"]
Order = Literal["s", "s-t", "t-s", "full"]
ORDERS: dict[str, tuple[Over, ...]] = {
    "s": ("space",),
    "s-t": ("space", "time"),
    "t-s": ("time", "space"),
    "full": ("full",),
}
Tokens = Float[Tensor, "b heads t n d"]
TokenMask = Bool[Tensor, "b t n"]
Slices = Float[Tensor, "b t h w c"]


def interleaved_attention(
    q: Tokens,
    k: Tokens,
    v: Tokens,
    *,
    over: Over,
    mask: TokenMask | None = None,
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Tokens | tuple[Tokens, Float[Tensor, "b heads r tn"]]:
    """Attention over space, over time or over both; the output has the shape of q.

    `mask` is true where there is a token to see. With `return_weights` also the weights of the queries `rows` (of the
    t * n, slice by slice) over all t * n keys.

    >>> q, v = torch.zeros(1, 1, 2, 2, 1), torch.tensor([[[[[0.0], [2.0]], [[4.0], [6.0]]]]])  # all look alike at all
    >>> interleaved_attention(q, q, v, over="space").flatten()
    tensor([1., 1., 5., 5.])
    >>> interleaved_attention(q, q, v, over="time").flatten()
    tensor([2., 4., 2., 4.])
    """
    _checks.fit(_checks.same("b heads t n d", q=q, k=k, v=v), mask=(mask, "b t n"))
    if over not in ATTEND_OVER:
        raise ValueError(f"over is {over!r}; it must be 'space', 'time' or 'full'.")
    attended = ATTEND_OVER[over](q, k, v, mask)
    return (attended, _weights(q, k, over, mask, rows)) if return_weights else attended


def _space(q: Tokens, k: Tokens, v: Tokens, mask: TokenMask | None) -> Tokens:
    """Four dimensions, so that torch takes its fused kernel."""
    shape = q.shape
    keys = None if mask is None else mask[:, None].expand(-1, shape[1], -1, -1).flatten(1, 2)[:, :, None]
    q, k, v = (x.flatten(1, 2) for x in (q, k, v))
    return dense_attention(q, k, v, mask=keys).reshape(shape)


def _time(q: Tokens, k: Tokens, v: Tokens, mask: TokenMask | None) -> Tokens:
    """Few slices at many places: two products are cheaper than a fused kernel."""
    q, k, v = (x.transpose(2, 3) for x in (q, k, v))
    keys = None if mask is None else mask.transpose(1, 2)[:, None, :, None]
    return torch.matmul(softmax(q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1), keys), v).transpose(2, 3)


def _full(q: Tokens, k: Tokens, v: Tokens, mask: TokenMask | None) -> Tokens:
    """All tokens of all slices as one sequence."""
    shape = q.shape
    q, k, v = (x.flatten(2, 3) for x in (q, k, v))
    return dense_attention(q, k, v, mask=None if mask is None else mask.flatten(1)[:, None, None]).reshape(shape)


ATTEND_OVER = {"space": _space, "time": _time, "full": _full}


def _weights(
    q: Tokens, k: Tokens, over: Over, mask: TokenMask | None, rows: Rows | None
) -> Float[Tensor, "b heads r tn"]:
    """The weights of some queries by the plain formula, what they may not see masked away."""
    t, n = q.shape[2:4]
    token = torch.arange(t * n, device=q.device)
    here = token if rows is None else rows
    slices, places = here[:, None] // n == token // n, here[:, None] % n == token % n
    allowed = {"space": slices, "time": places, "full": torch.ones_like(places)}[over][None, None]
    if mask is not None:
        allowed = allowed & mask.flatten(1)[:, None, None]
    return softmax(scores(pick(q.flatten(2, 3), rows), k.flatten(2, 3)), allowed).to(q.dtype)


class InterleavedMixer(Mixer):
    """A mixer of pictures `(b, h, w, c)`, where every token sees every other, or of slices `(b, t, h, w, c)`.

    Args:
        dim: channels.
        heads: attention heads.
        over: what slices look over.
    """

    def __init__(self, dim: int, heads: int = 4, over: Over = "full") -> None:
        super().__init__(dim, heads)
        if over not in ATTEND_OVER:
            raise ValueError(f"over is {over!r}; it must be 'space', 'time' or 'full'.")
        self.over = over

    def forward(
        self, x: Float[Tensor, "b *t h w c"], mask: Bool[Tensor, "b *t h w"] | None = None, boxes: Tensor | None = None
    ) -> Float[Tensor, "b *t h w c"]:
        """The tokens, each changed by those it looked at."""
        slices = x.flatten(-3, -2) if x.ndim == 5 else x.flatten(1, 2)[:, None]
        there = None if mask is None else mask.flatten(-2).reshape(slices.shape[:-1])
        q, k, v = self.qkv(slices).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5).unbind(0)
        attended = interleaved_attention(q, k, v, over=self.over, mask=there)
        out: Tensor = self.out(attended.permute(0, 2, 3, 1, 4).flatten(-2))  # type: ignore[union-attr]
        return out.reshape(x.shape)


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

    def forward(self, x: Slices) -> Slices:
        """Tokens plus what they saw."""
        heads = self.qkv(self.norm(x.flatten(2, 3))).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5)
        attended = interleaved_attention(heads[0], heads[1], heads[2], over=self.over)
        out: Tensor = self.out(attended.permute(0, 2, 3, 1, 4).flatten(-2))  # type: ignore[union-attr]
        return x + out.reshape(x.shape)


class Mix(nn.Module):
    """One residual step over space by a mixer, each slice on its own."""

    def __init__(self, dim: int, heads: int, mixer: str, **arguments: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.mix = build(mixer, dim, heads, **arguments)

    def forward(self, x: Slices) -> Slices:
        """Tokens plus what they saw."""
        out: Tensor = self.mix(self.norm(x.flatten(0, 1)))
        return x + out.reshape(x.shape)


class InterleavedBlock(nn.Module):
    """Attention in the given order, then a gated unit, on slices `(b, t, h, w, c)` or one picture `(b, h, w, c)`.

    Each place is first told its surroundings by a depth-wise convolution, so that any picture size works
    (conditional positions, Chu et al. 2021, https://arxiv.org/abs/2102.10882). What looks over space may be any mixer.

    Args:
        dim: channels.
        heads: attention heads.
        order: over what slices look, one step after the other.
        mixer: of `attention.MIXERS`, for the steps over space.
        arguments: the mixer's own.
    """

    def __init__(
        self, dim: int, heads: int = 4, order: Order = "s-t", mixer: str = "interleaved", **arguments: Any
    ) -> None:
        super().__init__()
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}; it must be one of {', '.join(ORDERS)}.")
        if mixer != "interleaved" and "space" not in ORDERS[order]:
            raise ValueError(f"order is {order!r}: it has no step over space for the mixer {mixer!r}.")
        if mixer == "interleaved" and arguments:
            raise ValueError(f"The order says all of the interleaved mixer; it takes no {', '.join(arguments)}.")

        def step(over: Over) -> nn.Module:
            other = over == "space" and mixer != "interleaved"
            return Mix(dim, heads, mixer, **arguments) if other else Attend(dim, heads, over)

        self.place = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.steps = nn.Sequential(*(step(over) for over in ORDERS[order]), Gated(dim))

    def forward(self, x: Float[Tensor, "b *t h w c"]) -> Float[Tensor, "b *t h w c"]:
        """Tokens that have looked around."""
        slices = x if x.ndim == 5 else x[:, None]
        b, t, h, w, c = slices.shape
        around = self.place(slices.flatten(0, 1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out: Tensor = self.steps(slices + around.reshape(b, t, h, w, c))
        return out if x.ndim == 5 else out[:, 0]
