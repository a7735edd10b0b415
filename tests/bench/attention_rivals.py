"""What an operator is compared with: scaled dot product attention with and without a matrix, and flex_attention.

What a query adds to its logits, and which keys it sees, is written once an operator as functions of indices (batch,
head, query, key). They are what `flex_attention` compiles, what fills the matrix that is stored for scaled dot product
attention, and what the formula of the sampled queries reads.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

HEADS, WIDTH = 4, 32
Indices = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
Rows = Callable[[Tensor], Tensor]
Like = Callable[[], tuple[Tensor, Tensor, Tensor]]


class Place(NamedTuple):
    """So many tokens: a picture's grid, or a row of objects or fixations."""

    name: str
    b: int
    h: int
    w: int

    @property
    def n(self) -> int:
        return self.h * self.w


class Mods(NamedTuple):
    """What is added to a logit, and whether a key is seen, as functions of batch, head, query and key."""

    added: Indices | None = None
    seen: Indices | None = None


PLAIN = Mods()


class Side(NamedTuple):
    """One that computes; gradients go to `leaves`."""

    call: Callable[[], Tensor]
    leaves: list[Tensor]


class Case(NamedTuple):
    """An operator at one place."""

    operator: str
    name: str
    ours: Side
    like: Like  # q k v of attention over all tokens
    mods: Mods
    expected: Rows  # what the queries of these rows are to see
    pairs: int  # of query and key that are weighed
    stored: int = 0  # bytes of n x m matrices that the plain form keeps


class Draw:
    """Random leaves, the same in every run."""

    def __init__(self, dtype: torch.dtype, device: str) -> None:
        self.dtype, self.device = dtype, device
        self.chance = torch.Generator().manual_seed(0)

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.chance).to(self.device, self.dtype).requires_grad_()

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from 0 to 1, without gradient."""
        return torch.rand(shape, generator=self.chance).to(self.device)

    def heads(self, place: Place, count: int = 3) -> list[Tensor]:
        return [self(place.b, HEADS, place.h, place.w, WIDTH) for _ in range(count)]

    def sequences(self, place: Place, count: int = 3) -> list[Tensor]:
        return [self(place.b, HEADS, place.n, WIDTH) for _ in range(count)]


def matrix(mods: Mods, q: Tensor, rows: Tensor, m: int) -> Tensor:
    """What is added to the logits of these queries, minus infinity where a key is not seen; float32, broadcasting."""
    b, heads = (torch.arange(size, device=q.device) for size in q.shape[:2])
    at = b[:, None, None, None], heads[:, None, None], rows[:, None], torch.arange(m, device=q.device)
    added = torch.zeros((), device=q.device) if mods.added is None else mods.added(*at)
    if mods.seen is not None:
        added = torch.where(mods.seen(*at), added, -torch.inf)
    return added.reshape((1,) * (4 - added.ndim) + added.shape)


def logits(q: Tensor, k: Tensor, rows: Tensor) -> Tensor:
    return q[:, :, rows].double() @ k.double().transpose(2, 3) * q.shape[-1] ** -0.5


def attended(like: Like, mods: Mods = PLAIN) -> Rows:
    """The formula that most operators share, in float64, for some rows."""

    def rows_of(rows: Tensor) -> Tensor:
        q, k, v = like()
        return (logits(q, k, rows) + matrix(mods, q, rows, k.shape[2])).softmax(-1) @ v.double()

    return rows_of


def stored_bias(case: Case) -> Side:
    """Scaled dot product attention with the whole matrix, made beforehand: it gets the gradient that ours gives on."""
    q, k, _ = case.like()
    learned = any(x.ndim == 2 for x in case.ours.leaves)  # the weights that relational attention makes its bias of
    with torch.no_grad():
        bias = matrix(case.mods, q, torch.arange(q.shape[2], device=q.device), k.shape[2]).to(q.dtype)
    bias.requires_grad_(learned)

    def call() -> Tensor:
        q, k, v = case.like()
        given = bias if torch.is_grad_enabled() else bias.detach()  # torch's fused kernel takes no matrix that learns
        return scaled_dot_product_attention(q, k, v, attn_mask=given)

    return Side(call, [x for x in case.ours.leaves if x.ndim > 2] + [bias] * learned)


def flex(case: Case, compiled: bool = True) -> Side:
    """The same through flex_attention; the table of its blocks is made beforehand."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    torch._dynamo.config.recompile_limit = 1000  # each case is one, and past the limit nothing would be compiled
    q, k, _ = case.like()
    added, seen = case.mods
    blocks = None
    if seen is not None:
        blocks = create_block_mask(seen, q.shape[0], None, q.shape[2], k.shape[2], device=str(q.device))
    score = None if added is None else (lambda logit, b, h, i, j: logit + added(b, h, i, j))
    attend = torch.compile(flex_attention, dynamic=False) if compiled else flex_attention

    def call() -> Tensor:
        q, k, v = (x.contiguous() for x in case.like())
        out: Tensor = attend(q, k, v, score_mod=score, block_mask=blocks)
        return out

    return Side(call, case.ours.leaves)


def whole(place: Place) -> Any:
    """Dense attention over so many tokens, made once: it is the rival of many operators."""
    made: dict[tuple[int, ...], Side] = {}

    def dense(case: Case, draw: Draw) -> tuple[tuple[int, ...], Side]:
        q, k, _ = case.like()
        n, m = q.shape[2], k.shape[2]
        if case.operator in ("foveal", "mixed"):  # all tokens of the picture: no cells, no target
            m = n
        shape = (*q.shape[:2], n, m, q.shape[3])
        if shape not in made:
            leaves = [draw(*shape[:2], size, shape[4]) for size in (n, m, m)]
            made[shape] = Side(lambda: scaled_dot_product_attention(*leaves), leaves)
        return shape, made[shape]

    return dense
