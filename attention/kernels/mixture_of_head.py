"""The Triton twin of `attention.operators.mixture_of_head`: a head computes only the tokens whose gate is open.

Each head sorts its open tokens to the front; blocks beyond their number end at once. The weights are never in memory.
"""

import torch
from torch import Tensor

from attention.kernels._fused import attend


def forward(q: Tensor, k: Tensor, v: Tensor, gates: Tensor, mask: Tensor | None = None) -> Tensor:
    """gates[i, h] softmax(s q k^T) v, zeros where a gate is 0; differentiable in q, k, v and gates (b, n, heads)."""
    gate = gates.transpose(1, 2)
    shut = gate.detach() == 0
    index = torch.sort(shut.to(torch.uint8), dim=-1, stable=True).indices.int()
    count = (~shut).sum(-1, dtype=torch.int32)
    out = attend(q, k, v, mask, None, None, None, None, index, count, "softmax")[0]
    return (out * gate[..., None]).to(q.dtype)
