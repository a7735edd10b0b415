"""Dense attention: every query weighs every key. What the other operators are held against, and their plain parts.

    softmax(s q k^T + bias) v,   s = d ** -0.5

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d). `mask` broadcasts to (b, heads, n, m), true where a key may
be seen; a query that may see nothing gets zeros. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

P = ParamSpec("P")
R = TypeVar("R")
Heads = Float[Tensor, "b heads n d"]
Keys = Float[Tensor, "b heads m d"]
Mask = Bool[Tensor, "#b #heads #n #m"]
Weights = Float[Tensor, "b heads r m"]
Rows = Int[Tensor, " r"]


def far(dtype: torch.dtype) -> float:
    """A logit that no softmax sees beside others, finite so that rows without any key stay numbers."""
    return torch.finfo(dtype).min / 2


def exact(how: Callable[P, R]) -> Callable[P, R]:
    """Keeps autocast out of what multiplies in float32 on purpose; the first argument is a tensor."""

    @functools.wraps(how)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        device_type = args[0].device.type  # type: ignore[attr-defined]
        if not torch.is_autocast_enabled(device_type):
            return how(*args, **kwargs)
        with torch.autocast(device_type, enabled=False):
            return how(*args, **kwargs)

    return run


def softmax(logits: Float[Tensor, "*b m"], mask: Bool[Tensor, "*#b #m"] | None = None) -> Float[Tensor, "*b m"]:
    """Softmax over the keys that may be seen; zeros where there are none.

    >>> softmax(torch.zeros(2, 2), torch.tensor([[True, False], [False, False]]))
    tensor([[1., 0.],
            [0., 0.]])
    """
    if mask is None:
        return logits.softmax(-1)
    return torch.where(mask, logits, far(logits.dtype)).softmax(-1) * mask


@exact
def scores(q: Heads, k: Keys, bias: Float[Tensor, "#b #heads #n #m"] | None = None) -> Float[Tensor, "b heads n m"]:
    """The logits s q k^T + bias, in float32 at least: all of them in memory."""
    wide = torch.promote_types(q.dtype, torch.float32)
    logits: Tensor = (q.to(wide) * q.shape[-1] ** -0.5) @ k.to(wide).transpose(-2, -1)
    return logits if bias is None else logits + bias


@exact
def gather(weights: Weights, v: Keys) -> Float[Tensor, "b heads r d"]:
    """The values weighted, summed in the weights' precision, as v's dtype."""
    out: Tensor = weights @ v.to(weights.dtype)
    return out.to(v.dtype)


def dense_attention(
    q: Heads, k: Keys, v: Keys, bias: Float[Tensor, "#b #heads #n #m"] | None = None, mask: Mask | None = None
) -> Heads:
    """Attention through torch's fused kernel, which keeps no weights; with `bias`, that is all that is n x m.

    >>> x = torch.tensor([[[[1.0], [3.0]]]])
    >>> dense_attention(torch.zeros_like(x), x, x).flatten()
    tensor([2., 2.])
    """
    if mask is not None:
        open_ = torch.zeros((), dtype=q.dtype, device=q.device) if bias is None else bias.to(q.dtype)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=torch.where(mask, open_, far(q.dtype)))
        return attended * mask.any(-1, keepdim=True)
    return scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(q.dtype))


def pick(x: Float[Tensor, "b heads n d"], rows: Rows | None) -> Float[Tensor, "b heads r d"]:
    """The queries whose weights are wanted."""
    return x if rows is None else x[:, :, rows]


def pick_mask(mask: Mask | None, rows: Rows | None) -> Mask | None:
    """The mask of those queries."""
    return mask if mask is None or rows is None or mask.shape[2] == 1 else mask[:, :, rows]
