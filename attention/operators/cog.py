"""Cog attention: weights with a sign, so that a key can be counted against what a query sees.

    sign(l) * softmax(|l|) v,   l = s q k^T,   s = d ** -0.5

The absolute weights of a query sum to 1; a negative one is inhibition: a place already visited, a surround that
suppresses its centre. A logit of exactly 0 counts in the sum and weighs nothing; beside 0 the weight jumps from minus
to plus, so that a logit within rounding of 0 may weigh otherwise in another runtime: of two trained models, one is
refused by the exporter for that (LOG.md).

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d). The plain form keeps the weights: its memory grows with
n * m, the Triton twin's with n + m. No order of time is built in: give a mask for one. This is the SignExp form of
Lv et al. 2024, https://arxiv.org/abs/2411.07176.
"""

from torch import Tensor

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Mixer, TokenMask, flat, keys
from attention.operators.dense import Heads, Keys, Mask, Rows, Weights, gather, pick, pick_mask, scores, softmax


def cog_attention(
    q: Heads,
    k: Keys,
    v: Keys,
    mask: Mask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Weights]:
    """What each query sees, some of it negated; with `return_weights`, also the signed weights of the `rows`.

    `mask` is true where a key may be seen; a query that may see nothing gets zeros.

    >>> from torch import ones, tensor
    >>> q, k, v = ones(1, 1, 1, 1), tensor([[[[2.0], [-2.0]]]]), tensor([[[[4.0], [6.0]]]])
    >>> cog_attention(q, k, v).item()  # half of what is like it, less half of what is unlike it
    -1.0
    """
    _checks.fit(_checks.sequences(q, k, v), mask=(mask, "#b #heads #n #m"))
    attended = _attend(q, k, v, mask, impl)
    if not return_weights:
        return attended
    return attended, weights(pick(q, rows), k, pick_mask(mask, rows)).to(q.dtype)


def weights(q: Heads, k: Keys, mask: Mask | None = None) -> Weights:
    """The signed weights, in float32 at least."""
    logits = scores(q, k)
    return softmax(logits.abs(), mask) * logits.sign()


def _attend(q: Heads, k: Keys, v: Keys, mask: Mask | None, impl: Impl) -> Heads:
    if _checks.triton(impl, q):
        from attention.kernels.cog import forward

        fast: Tensor = forward(q, k, v, mask)
        return fast
    return gather(weights(q, k, mask), v)


class CogMixer(Mixer):
    """Tokens of a grid that may count against each other; all see all, so cost grows with the square of the grid."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Tensor:
        """What each head of each token sees."""
        q, k, v = flat(q, k, v)
        return _attend(q, k, v, keys(mask), "auto").reshape(*q.shape[:2], *x.shape[1:3], -1)
