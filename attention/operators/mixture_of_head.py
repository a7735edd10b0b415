"""Mixture of heads: a gate for each head of each token; where it is 0 the head is not computed for that token.

    gate[i, h] * softmax(s q k^T) v,   s = d ** -0.5

The mixer's router makes the gates. Shared heads serve every token, of the others each token takes the likeliest:

    shared    2 a_1 * heads of that kind * softmax(W_s x)
    routed    2 a_2 * p / (sum of p over the chosen) * heads of that kind, p = softmax(W_r x), 0 for those not chosen
    (a_1, a_2) = softmax(W_h x)

The factors 2 and "heads of that kind" (for routed ones, how many are chosen) are those of the authors' program, not of
the paper's equations: a router that knows nothing gives 1, ordinary attention, to every head that serves.

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d), `gates` (b, n, heads). The plain form computes every head
through torch's fused kernel: it saves no time; its memory, as the Triton twin's, grows with n + m. Keys and values are
made for all tokens by all heads. Jin et al. 2024 (MoH), https://arxiv.org/abs/2410.11842.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attention import _checks
from attention._checks import Impl
from attention.mixers import Boxes, Grid, Mixer, TokenMask, flat, keys
from attention.operators.dense import (
    Heads,
    Keys,
    Mask,
    Rows,
    Weights,
    dense_attention,
    pick,
    pick_mask,
    scores,
    softmax,
)

Gates = Float[Tensor, "b n heads"]


def mixture_of_head(
    q: Heads,
    k: Keys,
    v: Keys,
    gates: Gates,
    mask: Mask | None = None,
    *,
    impl: Impl = "auto",
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Weights]:
    """What each head gives each token; with `return_weights`, also the gated weights of the `rows`.

    `mask` is true where a key may be seen; a query that may see nothing gets zeros. No gradient passes a gate of 0.

    >>> x, gates = torch.tensor([[[[1.0], [3.0]]]]), torch.tensor([[[0.0], [2.0]]])
    >>> mixture_of_head(torch.zeros_like(x), x, x, gates).flatten()
    tensor([0., 4.])
    """
    _checks.fit({**_checks.sequences(q, k, v), "gates": (gates, "b n heads")}, mask=(mask, "#b #heads #n #m"))
    attended = _attend(q, k, v, gates, mask, impl)
    if not return_weights:
        return attended
    plain = softmax(scores(pick(q, rows), k), pick_mask(mask, rows))
    return attended, _gated(plain, gates if rows is None else gates[:, rows]).to(q.dtype)


def _gated(x: Float[Tensor, "b heads n c"], gates: Gates) -> Float[Tensor, "b heads n c"]:
    own = gates.transpose(1, 2)[..., None]
    return torch.where(own != 0, x * own, 0)


def _attend(q: Heads, k: Keys, v: Keys, gates: Gates, mask: Mask | None, impl: Impl) -> Heads:
    if _checks.triton(impl, q):
        from attention.kernels.mixture_of_head import forward

        fast: Tensor = forward(q, k, v, gates, mask)
        return fast
    return _gated(dense_attention(q, k, v, mask=mask), gates)


class MixtureOfHeadMixer(Mixer):
    """Tokens of a grid that choose their heads: the first `shared` serve all, of the others each token takes `active`.

    After a forward pass in training, `balance` is the loss that keeps the routed heads equally busy: the sum over them
    of (share of tokens that chose it) * (its mean probability), for the caller to weigh and add. Else it is None.
    """

    def __init__(self, dim: int, heads: int = 4, shared: int = 1, active: int | None = None) -> None:
        super().__init__(dim, heads)
        if not 0 <= shared <= heads:
            raise ValueError(f"shared is {shared}; it must be 0 to {heads}, the number of heads.")
        self.shared, self.routed = shared, heads - shared
        self.active = (self.routed + 1) // 2 if active is None else active
        if not min(1, self.routed) <= self.active <= self.routed:
            raise ValueError(f"active is {active}; it must be 1 to {self.routed}, the heads that are not shared.")
        self.router = nn.Linear(dim, heads + 2, bias=False)
        self.balance: Tensor | None = None

    def gates(self, x: Grid, mask: TokenMask | None = None) -> Float[Tensor, "b h w heads"]:
        """How much each head serves each token: 0 where it is not chosen, and where there is no token."""
        gates = self._route(x)[0]
        return gates if mask is None else gates * mask[..., None]

    def _route(self, x: Grid) -> tuple[Float[Tensor, "b h w heads"], Tensor, Tensor]:
        """Gates, which routed heads are chosen (1 or 0), and the probabilities."""
        shared, routed, kinds = self.router(x).float().split([self.shared, self.routed, 2], -1)
        probabilities = routed.softmax(-1)
        chosen = torch.zeros_like(routed).scatter(-1, probabilities.topk(self.active, -1).indices, 1.0)
        taken = probabilities * chosen
        if not self.shared or not self.routed:  # one kind only
            kinds = torch.zeros_like(kinds)
        a = 2 * kinds.softmax(-1)
        first = a[..., :1] * self.shared * shared.softmax(-1)
        others = a[..., 1:] * self.active * taken / taken.sum(-1, keepdim=True)
        return torch.cat([first, others], -1).to(x.dtype), chosen, probabilities

    def attend(self, q: Tensor, k: Tensor, v: Tensor, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Tensor:
        """What each head gives each token."""
        gates, chosen, probabilities = self._route(x)
        self.balance = _balance(chosen, probabilities, mask) if self.training else None
        q, k, v = flat(q, k, v)
        attended = _attend(q, k, v, gates.flatten(1, 2), keys(mask), "auto")
        return attended.reshape(*q.shape[:2], *x.shape[1:3], -1)


def _balance(
    chosen: Float[Tensor, "b h w routed"],
    probabilities: Float[Tensor, "b h w routed"],
    mask: Bool[Tensor, "b h w"] | None,
) -> Float[Tensor, ""]:
    there = chosen.new_ones(chosen.shape[:-1]) if mask is None else mask.to(chosen.dtype)
    share = there / there.sum().clamp(min=1)
    return (torch.einsum("bhwe,bhw->e", chosen, share) * torch.einsum("bhwe,bhw->e", probabilities, share)).sum()
