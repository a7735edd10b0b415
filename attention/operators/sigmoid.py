"""Sigmoid attention: each key is weighed by itself, so that several can be fully attended at once, or none.

    sigmoid(s q k^T + beta) v,   s = d ** -0.5,   beta = -log(number of keys that the query may see) unless given

With that beta the weights of a query that knows nothing sum to about 1. They need not sum to anything: no key is
attended only because another must not be, and explanation maps show no sinks.

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d), `beta` is (b or 1, heads or 1, n or 1). The plain form
keeps the weights: its memory grows with n * m, the Triton twin's with n + m. It does not normalise what comes out.
Ramapuram et al. 2024, https://arxiv.org/abs/2409.04431.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Mixer, TokenMask, flat, keys
from attention.operators.dense import Heads, Keys, Mask, Rows, Weights, gather, pick, pick_mask, scores

Beta = Float[Tensor, "#b #heads #n"]


def sigmoid_attention(
    q: Heads,
    k: Keys,
    v: Keys,
    beta: Beta | None = None,
    mask: Mask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Weights]:
    """What each query sees; with `return_weights`, also the weights of the `rows`.

    `mask` is true where a key may be seen; a query that may see nothing gets zeros. `beta` is in float32 or q's dtype.

    >>> q, v = torch.zeros(1, 1, 1, 1), torch.tensor([[[[3.0], [5.0]]]])
    >>> sigmoid_attention(q, v, v, torch.zeros(1, 1, 1)).item()  # half of each
    4.0
    """
    _checks.fit(_checks.sequences(q, k, v), {"beta": (beta, "#b #heads #n")}, mask=(mask, "#b #heads #n #m"))
    beta = usual(k, mask) if beta is None else beta
    attended = _attend(q, k, v, beta, mask, impl)
    if not return_weights:
        return attended
    those = beta if rows is None or beta.shape[2] == 1 else beta[:, :, rows]
    return attended, weights(pick(q, rows), k, those, pick_mask(mask, rows)).to(q.dtype)


def usual(k: Keys, mask: Mask | None) -> Beta:
    """Minus the logarithm of how many keys a query may see (of 1 where it may see none), in float32."""
    if mask is None:
        return -torch.ones_like(k[:1, :1, :, 0], dtype=torch.float32).sum(-1, keepdim=True).clamp(min=1).log()
    count = mask.sum(-1) if mask.shape[-1] == k.shape[2] else mask.sum(-1) * k.shape[2]
    return -count.float().clamp(min=1).log()


def weights(q: Heads, k: Keys, beta: Beta, mask: Mask | None = None) -> Weights:
    """The weights, in float32 at least."""
    found = scores(q, k, beta[..., None]).sigmoid()
    return found if mask is None else found * mask


def _attend(q: Heads, k: Keys, v: Keys, beta: Beta, mask: Mask | None, impl: Impl) -> Heads:
    if _checks.triton(impl, q):
        from attention.kernels.sigmoid import forward

        fast: Tensor = forward(q, k, v, beta.float(), mask)
        return fast
    return gather(weights(q, k, beta, mask), v)


class SigmoidMixer(Mixer):
    """Tokens of a grid that see others without competition; all see all: cost grows with the square of the grid."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Tensor:
        """What each head of each token sees."""
        q, k, v = flat(q, k, v)
        allowed = keys(mask)
        return _attend(q, k, v, usual(k, allowed), allowed, "auto").reshape(*q.shape[:2], *x.shape[1:3], -1)
