"""The transformer of OAT: an encoder over objects, and a decoder over fixations that remembers what it has computed.

The decoder's memory of the objects is computed once a scene (`Memory`); its own past grows by one fixation a step.

Shapes: `b` scenes, `p` paths a scene, `l` fixations, `n` tokens of a scene, `h` heads, `d` width, `e` width of a head.
Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attention.mixers import build

Heads = Float[Tensor, "b h n e"]


class Attention(nn.Module):
    """Multi-head attention; keys and values may come from an earlier call."""

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.heads, self.drop = heads, drop
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.pair = nn.Linear(width, 2 * width)

    def remember(self, x: Float[Tensor, "b n d"]) -> tuple[Heads, Heads]:
        """Keys and values of tokens."""
        keys, values = self.pair(x).chunk(2, -1)
        return self._split(keys), self._split(values)

    def forward(
        self,
        x: Float[Tensor, "b l d"],
        keys: Heads,
        values: Heads,
        mask: Bool[Tensor, "b 1 #l n"] | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "b l d"]:
        """What the tokens `x` read; `mask` is true where they may look."""
        drop = self.drop if self.training else 0.0
        read = scaled_dot_product_attention(
            self._split(self.query(x)), keys, values, attn_mask=mask, dropout_p=drop, is_causal=causal
        )
        y: Tensor = self.out(read.transpose(1, 2).flatten(2))
        return y

    def _split(self, x: Float[Tensor, "b n d"]) -> Heads:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call, no-any-return]


class _Residual(nn.Module):
    """A sum with what a layer adds, normalised before the layer or after the sum."""

    def __init__(self, width: int, drop: float, before: bool) -> None:
        super().__init__()
        self.norm, self.drop, self.before = nn.LayerNorm(width), nn.Dropout(drop), before

    def enter(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x) if self.before else x
        return y

    def leave(self, x: Tensor, added: Tensor) -> Tensor:
        total: Tensor = x + self.drop(added)
        normal: Tensor = total if self.before else self.norm(total)
        return normal


def _hidden(width: int, hidden: int, drop: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(drop), nn.Linear(hidden, width))


class Encoder(nn.Module):
    """A layer in which the tokens of a scene look at each other: plainly, or through a mixer of `attention.MIXERS`."""

    def __init__(
        self, width: int, heads: int, hidden: int, drop: float, before: bool, mixer: str = "interleaved"
    ) -> None:
        super().__init__()
        plain = mixer == "interleaved"  # one picture has no slices to interleave
        self.look = Attention(width, heads, drop) if plain else build(mixer, width, heads)
        self.think = _hidden(width, hidden, drop)
        self.first, self.second = (_Residual(width, drop, before) for _ in range(2))

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        mask: Bool[Tensor, "b 1 1 n"],
        boxes: Float[Tensor, "b n 4"] | None = None,
        own: Bool[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """The tokens, having looked at those that `mask` allows.

        `boxes` are for mixers that ask how tokens lie; `own` tells a scene's tokens from the padding of a batch, for
        mixers that ask where in the row a token is.
        """
        inside = self.first.enter(x)
        x = self.first.leave(x, self._look(inside, mask, boxes, own))
        return self.second.leave(x, self.think(self.second.enter(x)))

    def _look(self, x: Tensor, mask: Tensor, boxes: Tensor | None, own: Tensor | None) -> Tensor:
        if isinstance(self.look, Attention):
            plain: Tensor = self.look(x, *self.look.remember(x), mask)
            return plain
        if own is None or len(x) == 1 or not self.look.position_dependent:
            row: Tensor = self.look(x[:, None], mask[:, 0], None if boxes is None else boxes[:, None])
            return row[:, 0]
        seen = torch.zeros_like(x)
        for i, some in enumerate(own):  # each scene alone, as it will be asked
            alone = self._look(x[i : i + 1, some], mask[i : i + 1, ..., some], None, None)
            seen[i, some] = alone[0].to(seen.dtype)
        return seen


class Decoder(nn.Module):
    """A layer in which fixations look back at earlier ones and at the scene."""

    def __init__(self, width: int, heads: int, hidden: int, drop: float, before: bool) -> None:
        super().__init__()
        self.back, self.look = Attention(width, heads, drop), Attention(width, heads, drop)
        self.think = _hidden(width, hidden, drop)
        self.first, self.second, self.third = (_Residual(width, drop, before) for _ in range(3))

    def forward(
        self,
        x: Float[Tensor, "bp l d"],
        keys: Heads,
        values: Heads,
        mask: Bool[Tensor, "b 1 1 n"],
    ) -> Float[Tensor, "bp l d"]:
        """Whole paths at once; the `p` paths of each of `b` scenes follow each other in `x`."""
        inside = self.first.enter(x)
        x = self.first.leave(x, self.back(inside, *self.back.remember(inside), causal=True))
        return self._read(x, keys, values, mask)

    def step(
        self,
        x: Float[Tensor, "s 1 d"],
        past: Float[Tensor, "2 s h t e"],
        keys: Heads,
        values: Heads,
        mask: Bool[Tensor, "1 1 1 n"],
    ) -> tuple[Float[Tensor, "s 1 d"], Float[Tensor, "2 s h u e"]]:
        """One more fixation of each of `s` observers of one scene, and the past that has grown by it."""
        inside = self.first.enter(x)
        past = torch.cat([past, torch.stack(self.back.remember(inside))], 3)
        x = self.first.leave(x, self.back(inside, past[0], past[1]))
        return self._read(x, keys, values, mask), past

    def _read(self, x: Tensor, keys: Heads, values: Heads, mask: Tensor) -> Tensor:
        """All fixations on a scene look at it as one sequence of queries."""
        shape = x.shape
        inside = self.second.enter(x).reshape(keys.shape[0], -1, shape[-1])
        x = self.second.leave(x, self.look(inside, keys, values, mask).reshape(shape))
        return self.third.leave(x, self.think(self.third.enter(x)))


def sinusoid(length: int, width: int) -> Float[Tensor, "length width"]:
    """Codes of the places 0, 1, ... in a sequence."""
    place = torch.arange(length)[:, None]
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    return torch.stack([(place * frequency).sin(), (place * frequency).cos()], -1).flatten(1)
