"""The Triton twin of `attention.operators.cog`: the weights are never in memory; forward and backward."""

from torch import Tensor

from attention.kernels._fused import attend


def forward(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """sign(l) softmax(|l|) v with l = s q k^T; differentiable in q, k and v."""
    return attend(q, k, v, mask, None, None, None, None, None, None, "signed")[0]
