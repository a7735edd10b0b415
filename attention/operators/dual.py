"""Dual attention: tokens look around inside windows, and channels look at each other over the whole picture.

    windows    softmax(s q k^T) v      among the tokens of one window of rows x columns
    channels   (softmax(s q^T k) v^T)^T = v softmax(s k^T q)   among the d channels of one head, each over all n tokens

Shapes: `q k v` are (b, heads, h, w, d), n = h * w, s = d ** -0.5. In the first form of the channels the softmax is over
the last axis of (d, d), the channels of k; in the second, the same numbers transposed, over the first. Its logits are
sums over tokens: they grow with n, as in the paper. A head is the paper's group of channels.
Memory grows with n * rows * columns for the weights of windows where they are kept, with n for the rest, and with d^2
for the channels. Windows do not shift: what crosses their borders is told by the channels, or by what stands around the
mixer. Ding et al. 2022, https://arxiv.org/abs/2204.03645.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from attention import _checks
from attention.mixers import Boxes, Grid, Heads, Mixer, TokenMask, cover, flat
from attention.operators.dense import Rows, exact, far, pick, scores, softmax

Over = Literal["windows", "channels"]
Side = int | tuple[int, int]
Cut = Float[Tensor, "b heads cuts t d"]


def sides(name: str, size: Side) -> tuple[int, int]:
    """Rows and columns of a window.

    >>> sides("window", 7)
    (7, 7)
    """
    both = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(both) != 2 or not all(isinstance(side, int) and side > 0 for side in both):
        raise ValueError(f"{name} is {size}; it must be at least one token high and wide, one number or two.")
    return both[0], both[1]


def counts(h: int, w: int, size: tuple[int, int]) -> tuple[int, int]:
    """How many windows of `size` cover the grid, down and across.

    >>> counts(2, 3, (2, 2))
    (1, 2)
    """
    return cover(h, size[0]), cover(w, size[1])


def cut(x: Heads, size: tuple[int, int]) -> Cut:
    """The grid in windows of `size`, row by row; beyond the right and the bottom border are zeros.

    >>> cut(torch.arange(6.0).view(1, 1, 2, 3, 1), (2, 2)).squeeze()
    tensor([[0., 1., 3., 4.],
            [2., 0., 5., 0.]])
    """
    b, heads, h, w, d = x.shape
    tall, wide = counts(h, w, size)
    x = pad(x, (0, 0, 0, wide * size[1] - w, 0, tall * size[0] - h))
    x = x.reshape(b, heads, tall, size[0], wide, size[1], d).transpose(3, 4)
    return x.reshape(b, heads, tall * wide, size[0] * size[1], d)


def join(x: Cut, size: tuple[int, int], h: int, w: int) -> Heads:
    """The grid of h x w tokens from its windows: the reverse of `cut`."""
    b, heads, _, _, d = x.shape
    tall, wide = counts(h, w, size)
    x = x.reshape(b, heads, tall, wide, size[0], size[1], d).transpose(3, 4)
    return x.reshape(b, heads, tall * size[0], wide * size[1], d)[:, :, :h, :w]


def there(x: Heads, mask: TokenMask | None, size: tuple[int, int]) -> Bool[Tensor, "#b cuts t"]:
    """Where the windows of a grid hold tokens."""
    present = x.new_ones(1, *x.shape[2:4]) if mask is None else mask.to(x.dtype)
    return cut(present[:, None, ..., None], size)[:, 0, ..., 0] > 0


def places(h: int, w: int, size: tuple[int, int], device: torch.device) -> Int[Tensor, " n"]:
    """Which window each token of a grid lies in.

    >>> places(2, 3, (2, 2), torch.device("cpu"))
    tensor([0, 0, 1, 0, 0, 1])
    """
    row = torch.arange(h, device=device) // size[0] * counts(h, w, size)[1]
    return (row[:, None] + torch.arange(w, device=device) // size[1]).flatten()


def _windows(q: Heads, k: Heads, v: Heads, size: tuple[int, int], mask: TokenMask | None) -> Heads:
    b, heads, h, w, _ = q.shape
    present = there(q, mask, size)[:, None, :, None]
    queries, many, values = (cut(x, size) for x in (q, k, v))
    bias = ((~present).to(q.dtype) * far(q.dtype)).expand(b, heads, -1, -1, -1)
    attended = scaled_dot_product_attention(  # four dimensions: windows are heads to torch's fused kernel
        queries.flatten(0, 1), many.flatten(0, 1), values.flatten(0, 1), attn_mask=bias.flatten(0, 1)
    ).reshape(queries.shape)
    return join(attended if mask is None else attended * present.any(-1, keepdim=True), size, h, w)


def _window_weights(
    q: Heads, k: Heads, size: tuple[int, int], mask: TokenMask | None, rows: Rows | None
) -> Float[Tensor, "b heads r m"]:
    positions = places(q.shape[2], q.shape[3], size, q.device)
    same = ((positions if rows is None else positions[rows])[:, None] == positions)[None, None]
    if mask is not None:
        same = same & mask.flatten(1)[:, None, None]
    few, many = flat(q, k)
    return softmax(scores(pick(few, rows), many), same).to(q.dtype)


@exact
def _channels(q: Heads, k: Heads, v: Heads, mask: TokenMask | None) -> tuple[Heads, Float[Tensor, "b heads d d"]]:
    queries, keys, values = flat(q, k, v)
    if mask is not None:
        present = mask.flatten(1)[:, None, :, None]
        queries, keys, values = (torch.where(present, x, 0.0) for x in (queries, keys, values))
    wide = torch.promote_types(q.dtype, torch.float32)
    logits = (queries.to(wide) * q.shape[-1] ** -0.5).transpose(-2, -1) @ keys.to(wide)
    weights = logits.softmax(-1).to(q.dtype)
    return (values @ weights.transpose(-2, -1)).reshape(q.shape), weights


def dual_attention(
    q: Heads,
    k: Heads,
    v: Heads,
    over: Over,
    window: Side = 7,
    mask: TokenMask | None = None,
    *,
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Heads | tuple[Heads, Float[Tensor, "b heads r m"]]:
    """Attention inside windows of tokens or between channels; the output has the shape of q.

    Windows are cut from the top left corner; those at the right and bottom border may be smaller than `window`.
    `mask` is true where there is a token: others are not seen, and add nothing to the channels.
    The weights of windows are (b, heads, r, h * w) for the tokens `rows`, counted row by row; those of channels are
    (b, heads, d, d): how much each channel (of q) takes of each (of k). They have no `rows`.

    >>> q, v = torch.zeros(1, 1, 1, 4, 1), torch.tensor([0.0, 2.0, 4.0, 6.0]).view(1, 1, 1, 4, 1)
    >>> dual_attention(q, q, v, "windows", window=2).flatten()
    tensor([1., 1., 5., 5.])
    >>> x = torch.tensor([[99.0, 0.0], [0.0, 99.0]]).view(1, 1, 1, 2, 2)  # each channel is like itself alone
    >>> dual_attention(x, x, x, "channels").view(2, 2)
    tensor([[99.,  0.],
            [ 0., 99.]])
    """
    _checks.fit(_checks.same("b heads h w d", q=q, k=k, v=v), mask=(mask, "b h w"))
    if over == "channels":
        if rows is not None:
            raise ValueError("rows select tokens; over='channels' weighs channels: leave rows out.")
        out, weights = _channels(q, k, v, mask)
        return (out, weights) if return_weights else out
    if over != "windows":
        raise ValueError(f"over is {over!r}; it must be 'windows' or 'channels'.")
    size = sides("window", window)
    out = _windows(q, k, v, size, mask)
    return (out, _window_weights(q, k, size, mask, rows)) if return_weights else out


class DualMixer(Mixer):
    """Windows, then channels: the second looks at the tokens plus what they saw in their windows.

        y = out(windows(qkv(x)))
        z = channel_out(channels(channel_qkv(norm(x + y))))
        y + z

    Two sets of projections: `qkv` and `out` as in every mixer, and `norm`, `channel_qkv` and `channel_out`.
    """

    position_dependent = True

    def __init__(self, dim: int, heads: int = 4, window: Side = 7) -> None:
        super().__init__(dim, heads)
        self.window = sides("window", window)
        self.norm = nn.LayerNorm(dim)
        self.channel_qkv = nn.Linear(dim, 3 * dim)
        self.channel_out = nn.Linear(dim, dim)

    def forward(self, x: Grid, mask: TokenMask | None = None, boxes: Boxes | None = None) -> Grid:
        """The tokens, each changed by its window and by what the channels hold of the whole picture."""
        y = super().forward(x, mask, boxes)
        heads = self.channel_qkv(self.norm(x + y)).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5)
        attended = dual_attention(heads[0], heads[1], heads[2], "channels", mask=mask)
        assert isinstance(attended, Tensor)
        z: Tensor = self.channel_out(attended.permute(0, 2, 3, 1, 4).flatten(-2))
        return y + z

    def attend(self, q: Heads, k: Heads, v: Heads, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Heads:
        """Attention inside windows."""
        attended = dual_attention(q, k, v, "windows", self.window, mask)
        assert isinstance(attended, Tensor)
        return attended
