"""Routed attention in one pass: a program has a block of one region's queries and reads its routes' keys in place.

Nothing is gathered: memory is that of the output. The keys of all routes are one list, `top` times the tokens of a
region, so that small regions fill a tile together. Forward only: the operator's reference computes gradients.
Dao et al. 2022 (online softmax), https://arxiv.org/abs/2205.14135.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from attention.kernels import _tiles
from attention.kernels._launch import on, products, signature, strided
from attention.kernels._regions import load, store, there


@triton.jit
def gather(
    q, k, v, routes, mask, out, q_s, k_s, v_s, routes_s, mask_s, out_s,
    heads, h, w, d, regions, wide, top, scale, ROWS: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
    WIDEN: tl.constexpr, N: tl.constexpr, M: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """What a block of one region's queries sees; `wide` regions lie side by side."""
    T: tl.constexpr = ROWS * COLUMNS
    blocks: tl.constexpr = (T + N - 1) // N
    seat = (tl.program_id(0) // blocks).to(tl.int64)
    region, b, head = seat % regions, seat // regions // heads, seat // regions % heads
    token = (tl.program_id(0) % blocks) * N + tl.arange(0, N)
    y = region // wide * ROWS + token // COLUMNS
    x = region % wide * COLUMNS + token % COLUMNS
    inside = (token < T) & (y < h) & (x < w)
    query = load(q, q_s, b, head, y, x, inside, d, D, WIDEN)
    sums = tl.zeros([N, D], tl.float32)
    total = tl.zeros([N], tl.float32)
    highest = tl.full([N], -float("inf"), tl.float32)
    for first in range(0, top * T, M):
        number = first + tl.arange(0, M)
        at = routes + b * routes_s[0] + region * routes_s[1] + number // T * routes_s[2]
        chosen = tl.load(at, mask=number < top * T, other=-1).to(tl.int64)
        key_y = chosen // wide * ROWS + number % T // COLUMNS
        key_x = chosen % wide * COLUMNS + number % COLUMNS
        visible = there(mask, mask_s, b, key_y, key_x, (chosen >= 0) & (key_y < h) & (key_x < w))
        key = load(k, k_s, b, head, key_y, key_x, visible, d, D, WIDEN)
        logits = _tiles.dot(query, tl.trans(key), PRECISION) * (scale * _tiles.LOG2E)
        p, highest, total, shrink = _tiles.weigh(logits, visible[None, :], highest, total, "softmax")
        value = load(v, v_s, b, head, key_y, key_x, visible, d, D, WIDEN)
        sums = sums * shrink[:, None] + _tiles.dot(p, value, PRECISION)
    store(out, out_s, b, head, y, x, inside, d, sums / tl.where(total > 0, total, 1.0)[:, None], D)


def blocks(t: int, top: int, d: int, dtype: torch.dtype) -> dict[str, int]:
    """Block sizes for regions of t tokens: no larger than needed, and small enough for the registers of sm_80."""
    dims = max(16, triton.next_power_of_2(d))
    most = 64 if dtype is not torch.float32 and dims <= 128 else 32 if dims <= 128 else 16
    rows, keys = (min(most, max(16, triton.next_power_of_2(size))) for size in (t, top * t))
    return {"N": rows, "M": keys, "D": dims, "num_warps": 4 if rows >= 64 else 2, "num_stages": 2}


@torch.library.custom_op("gaze::routed", mutates_args=())
def attend(q: Tensor, k: Tensor, v: Tensor, routes: Tensor, rows: int, columns: int, mask: Tensor | None) -> Tensor:
    """What each token sees of its region's routes, in regions of rows x columns tokens."""
    b, heads, h, w, d = q.shape
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    regions, top = routes.shape[1:]
    sizes = blocks(rows * columns, top, d, q.dtype)
    given = strided(q=q, k=k, v=v, routes=routes, mask=mask, out=out)
    if out.numel():
        with on(q):
            gather[(b * heads * regions * triton.cdiv(rows * columns, sizes["N"]),)](
                **given, heads=heads, h=h, w=w, d=d, regions=regions, wide=triton.cdiv(w, columns),
                top=top, scale=d**-0.5, ROWS=rows, COLUMNS=columns,
                **products(q), **sizes,
            )  # fmt: skip
    return out


@attend.register_fake
def _(q, k, v, routes, rows, columns, mask):
    return q.new_empty(q.shape)


def forward(
    q: Tensor, k: Tensor, v: Tensor, routes: Tensor, region: tuple[int, int], mask: Tensor | None = None
) -> Tensor:
    """Routed attention (b, heads, h, w, d) along the given routes (b, regions, top), where -1 is none."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
        raise RuntimeError(
            "The Triton kernel of routed attention computes no gradient: use impl='reference' or torch.no_grad()."
        )
    return attend(q, k, v, routes, *region, mask)


_KINDS = {"routes": "*i64", "routes_s": ("i32",) * 3, "mask": "*i1", "mask_s": ("i32",) * 3}
_KINDS |= dict.fromkeys(("regions", "wide", "top"), "i32")
_CONSTANTS = {"ROWS": 4, "COLUMNS": 4, "PRECISION": "ieee", "WIDEN": False, "N": 16, "M": 32, "D": 32}
KERNELS = {
    f"gather {element}": (gather, signature(gather, element, 5, **_KINDS), _CONSTANTS)
    for element in ("fp32", "fp16", "bf16")
}
