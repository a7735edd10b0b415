"""Mixed attention: what is searched looks at what is sought, and not the other way round.

    search    softmax(s q [k', k]^T) [v', v]      the target's keys and values k' v' before the search picture's own
    target    softmax(s q' k'^T) v'               the target sees itself only, so it is encoded once for many scenes

Shapes: `q k v` are (b, heads, n, d), the target's keys and values (b or 1, heads, m, d). Memory grows with n + m: the
weights are never stored. Cui et al. 2022 (MixFormer, the asymmetric form), https://arxiv.org/abs/2203.11082.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attention import _checks
from attention.operators.dense import Rows, dense_attention, pick, scores, softmax

Tokens = Float[Tensor, "b heads n d"]
Target = Float[Tensor, "#b heads m d"]
TokenMask = Bool[Tensor, "#b n"]


def mixed_attention(
    q: Tokens,
    k: Tokens,
    v: Tokens,
    target_k: Target,
    target_v: Target,
    mask: Bool[Tensor, "b n"] | None = None,
    target_mask: Bool[Tensor, "#b m"] | None = None,
    *,
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Tokens | tuple[Tokens, Float[Tensor, "b heads r m_n"]]:
    """What the search tokens see; with `return_weights`, how much of it at the target (first m) and at themselves.

    The masks are true where there is a token. A query with no token anywhere to see gets zeros.

    >>> one = torch.ones(1, 1, 1, 1)
    >>> mixed_attention(one, one, one, one, 3 * one).item()
    2.0
    """
    target = _checks.same("#b heads m d", target_k=target_k, target_v=target_v)
    _checks.fit(
        _checks.same("b heads n d", q=q, k=k, v=v) | target, mask=(mask, "b n"), target_mask=(target_mask, "#b m")
    )
    keys = torch.cat([target_k.expand(q.shape[0], -1, -1, -1), k], 2)
    values = torch.cat([target_v.expand(q.shape[0], -1, -1, -1), v], 2)
    allowed = _allowed(k, target_k, mask, target_mask)
    attended = dense_attention(q, keys, values, mask=allowed)
    if not return_weights:
        return attended
    return attended, softmax(scores(pick(q, rows), keys), allowed).to(q.dtype)


def _allowed(
    k: Tokens, target_k: Target, mask: TokenMask | None, target_mask: TokenMask | None
) -> Bool[Tensor, "b 1 1 m_n"] | None:
    """Both masks as one over the keys."""
    if mask is None and target_mask is None:
        return None
    here = torch.ones_like(k[:, 0, :, 0], dtype=torch.bool) if mask is None else mask
    there = torch.ones_like(target_k[:, 0, :, 0], dtype=torch.bool) if target_mask is None else target_mask
    return torch.cat([there.expand(k.shape[0], -1), here], 1)[:, None, None]


class MixedBlock(nn.Module):
    """A residual step in which search tokens read the target and themselves; the target's part is computed once."""

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim is {dim}, which {heads} heads do not divide.")
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def remember(
        self, target: Float[Tensor, "b m c"], mask: Bool[Tensor, "b m"] | None = None
    ) -> tuple[Float[Tensor, "b m c"], Target, Target]:
        """The target after it looked at itself, and the keys and values that search tokens will read."""
        q, k, v = self._split(target)
        attended = dense_attention(q, k, v, mask=None if mask is None else mask[:, None, None])
        return target + self._join(attended), k, v

    def forward(
        self,
        search: Float[Tensor, "b n c"],
        target_k: Target,
        target_v: Target,
        mask: Bool[Tensor, "b n"] | None = None,
        target_mask: Bool[Tensor, "#b m"] | None = None,
    ) -> Float[Tensor, "b n c"]:
        """The search tokens, having looked; keys and values of one target (batch 1) serve all scenes."""
        attended = mixed_attention(*self._split(search), target_k, target_v, mask, target_mask)
        return search + self._join(attended)  # type: ignore[arg-type]  # no weights were asked for

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def _join(self, attended: Tokens) -> Tensor:
        y: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return y
