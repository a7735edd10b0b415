"""Pointer attention: the distribution over the scene's own elements is the answer, among as many as there happen to be.

    log softmax([mask(s q e^T), end]),   s = d ** -0.5

Shapes: `q` is (b, n, d), one query a step or an observer; the elements `e` are (b, m, d); the result is (b, n, m + 1),
or (b, n, m) without an end. Memory grows with n * m: that is the result itself. It gives no values: what the chosen
element looks like is for the caller to fetch. Vinyals et al. 2015 (Pointer Networks), https://arxiv.org/abs/1506.03134.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from attention import _checks
from attention.operators.dense import exact, far


@exact
def pointer_attention(
    q: Float[Tensor, "b n d"],
    elements: Float[Tensor, "b m d"],
    end: Float[Tensor, "b n"] | None = None,
    mask: Bool[Tensor, "b #n m"] | None = None,
) -> Float[Tensor, "b n m_1"]:
    """Natural-log probability of each element and, last, of the end, whose logit is `end`.

    What `mask` forbids has probability zero (-inf). Where nothing is allowed and there is no end, all are -inf.

    >>> e = torch.tensor([[[1.0], [1.0], [9.0]]])
    >>> pointer_attention(torch.ones(1, 1, 1), e, torch.ones(1, 1), torch.tensor([[[True, False, False]]])).exp()
    tensor([[[0.5000, 0.0000, 0.0000, 0.5000]]])
    """
    _checks.fit({"q": (q, "b n d"), "elements": (elements, "b m d"), "end": (end, "b n")}, mask=(mask, "b #n m"))
    wide = torch.promote_types(q.dtype, torch.float32)
    logits = (q.to(wide) * q.shape[-1] ** -0.5) @ elements.to(wide).transpose(1, 2)
    if end is not None:
        logits = torch.cat([logits, end.to(wide)[..., None]], -1)
    if mask is None:
        open_: Tensor = logits.log_softmax(-1).to(q.dtype)
        return open_
    allowed = pad(mask, (0, logits.shape[-1] - mask.shape[-1]), value=True)
    chosen = torch.where(allowed, logits, far(wide)).log_softmax(-1)
    return torch.where(allowed, chosen, -torch.inf).to(q.dtype)
