"""The Triton twin of `attention.operators.sigmoid`: the weights are never in memory; forward and backward."""

from torch import Tensor

from attention.kernels._fused import attend


def forward(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, mask: Tensor | None = None) -> Tensor:
    """sigmoid(s q k^T + beta) v, beta float32 (b or 1, heads or 1, n or 1); differentiable in q, k, v and beta."""
    return attend(q, k, v, mask, None, None, None, beta, None, None, "sigmoid")[0]
