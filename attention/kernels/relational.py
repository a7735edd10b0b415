"""The Triton twin of `attention.operators.relational`: weights and bias are never in memory; forward and backward."""

from torch import Tensor

from attention.kernels._fused import attend


def forward(
    q: Tensor, k: Tensor, v: Tensor, boxes: Tensor, others: Tensor, weight: Tensor, mask: Tensor | None = None
) -> Tensor:
    """softmax(s q k^T + B) v with B made from the boxes inside the tile; differentiable in q, k, v and weight."""
    return attend(q, k, v, mask, boxes.detach(), others.detach(), weight, None, None, None, "softmax")[0]
