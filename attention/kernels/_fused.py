"""Attention that never keeps its weights: one differentiable operator over the kernels of `_flash`.

Memory grows with n + m. Gradients are to q, k, v, weight and beta; gradients of gradients are not here. Every sum is
taken in a fixed order, so that the same numbers give the same bits.
"""

from typing import Any

import torch
import triton
from torch import Tensor

from attention.kernels import _flash
from attention.kernels._launch import on, products, strided

Some = Tensor | None


def blocks(n: int, m: int, d: int, dtype: torch.dtype, related: bool) -> dict[str, int]:
    """Block sizes for which a program fits into registers and shared memory of sm_80, no larger than needed."""
    dims = max(16, triton.next_power_of_2(d))
    most = 32 if related or dtype is torch.float32 else 64
    most = most if dims <= 128 else most // 2
    rows, keys = (min(most, max(16, triton.next_power_of_2(size))) for size in (n, m))
    warps = 8 if dims * dtype.itemsize >= 512 else 4
    return {"N": rows, "M": keys, "D": dims, "num_warps": warps, "num_stages": 2}


def _numbers(q: Tensor, k: Tensor, score: str, related: bool) -> dict[str, Any]:
    """The arguments of every kernel beside tensors."""
    _, heads, n, d = q.shape
    m = k.shape[2]
    scale = d**-0.5 if d else 1.0
    given = {"heads": heads, "n": n, "m": m, "d": d, "scale": scale, "SCORE": score}
    return given | products(q) | blocks(n, m, d, q.dtype, related)


def _tensors(**tensors: Some) -> dict[str, Any]:
    """The tensors and their strides; a mask that is the same for all queries has no stride over them."""
    arguments = strided(**tensors)
    if arguments["mask"] is not None and not arguments["mask_s"][2]:
        b, h, _, key = arguments["mask_s"]
        arguments["mask_s"] = (b, h, None, key)
    return arguments


def _spread(mask: Some, beta: Some, q: Tensor, k: Tensor) -> tuple[Some, Some]:
    """Both as if they had all axes, without a copy."""
    mask = None if mask is None else mask.view(torch.uint8).expand(*q.shape[:3], k.shape[2])
    return mask, None if beta is None else beta.expand(q.shape[:3])


def _listed(index: Some, count: Some) -> dict[str, Some]:
    """Which queries, without gaps in memory."""
    return {name: None if x is None else x.contiguous() for name, x in (("index", index), ("count", count))}


@torch.library.custom_op("gaze::flash", mutates_args=())
def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Some, boxes: Some, others: Some, weight: Some, beta: Some,
    index: Some, count: Some, score: str,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What each query gathers, and the logarithm to base 2 of the sum that its weights were divided by.

    `boxes`, `others` and `weight` belong together; so do `index`, for each head its queries' numbers, and `count`, how
    many of them there are: other queries get zeros. `score` is "softmax", "signed" or "sigmoid", which needs `beta`.
    """
    b, heads, n, _ = q.shape
    out = torch.empty_like(q) if count is None else torch.zeros_like(q)
    lse = q.new_full((b, heads, 0 if score == "sigmoid" else n), torch.inf, dtype=torch.float32)
    numbers = _numbers(q, k, score, related=boxes is not None)
    mask, beta = _spread(mask, beta, q, k)
    read = _tensors(q=q, k=k, v=v, mask=mask, boxes=boxes, others=others, weight=weight, beta=beta, out=out)
    if q.numel():
        with on(q):
            grid = (b * heads * triton.cdiv(n, numbers["N"]),)
            _flash.forward[grid](**read, **_listed(index, count), lse=lse, **numbers)
    return out, lse


@attend.register_fake
def _(q, k, v, mask, boxes, others, weight, beta, index, count, score):
    lse = q.new_empty((*q.shape[:2], 0 if score == "sigmoid" else q.shape[2]), dtype=torch.float32)
    return torch.empty_like(q), lse


@torch.library.custom_op("gaze::flash_backward", mutates_args=())
def slopes(
    d_out: Tensor, out: Tensor, lse: Tensor,
    q: Tensor, k: Tensor, v: Tensor, mask: Some, boxes: Some, others: Some, weight: Some, beta: Some,
    index: Some, count: Some, score: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """The slopes in q, k, v, weight and beta; in what is None, an empty tensor."""
    b, heads, n, _ = q.shape
    numbers = _numbers(q, k, score, related=boxes is not None)
    row_blocks, key_blocks = triton.cdiv(n, numbers["N"]), triton.cdiv(k.shape[2], numbers["M"])
    d_q = torch.empty_like(q) if count is None else torch.zeros_like(q)
    d_k, d_v, delta = torch.empty_like(k), torch.empty_like(v), torch.empty_like(lse)
    part = q.new_zeros((b, heads, row_blocks, 16) if weight is not None else 0, dtype=torch.float32)
    d_beta = q.new_zeros((b, heads, n) if beta is not None else 0, dtype=torch.float32)
    wide_mask, wide_beta = _spread(mask, beta, q, k)
    read = _tensors(
        q=q, k=k, v=v, mask=wide_mask, boxes=boxes, others=others, weight=weight, beta=wide_beta, d_out=d_out
    ) | _listed(index, count) | {"lse": lse, "delta": delta}  # fmt: skip
    with on(q):
        if q.numel():
            written = strided(out=out, d_q=d_q) | {"d_weight": part, "d_beta": d_beta}
            _flash.by_queries[(b * heads * row_blocks,)](**read, **written, **numbers)
        if k.numel():
            _flash.by_keys[(b * heads * key_blocks,)](**read, **strided(d_k=d_k, d_v=d_v), **numbers)
    d_weight = part if weight is None else part.sum((0, 2))[:, :12].contiguous().to(weight.dtype)
    return d_q, d_k, d_v, d_weight, d_beta if beta is None else d_beta.sum_to_size(beta.shape).to(beta.dtype)


@slopes.register_fake
def _(d_out, out, lse, q, k, v, mask, boxes, others, weight, beta, index, count, score):
    none = q.new_empty(0, dtype=torch.float32)
    d_weight, d_beta = (none if x is None else x.new_empty(x.shape) for x in (weight, beta))
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v), d_weight, d_beta


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.score = inputs
    ctx.save_for_backward(*output, *tensors)
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, d_out: Some, _: Some) -> tuple[Some, ...]:
    if d_out is None:
        return (None,) * 11
    out, lse, *tensors = ctx.saved_tensors
    gradients = slopes(d_out, out, lse, *tensors, ctx.score)
    d_weight, d_beta = (None if x is None else slope for x, slope in zip(tensors[6:8], gradients[3:], strict=True))
    return *gradients[:3], None, None, None, d_weight, d_beta, None, None, None


attend.register_autograd(_backward, setup_context=_keep)
