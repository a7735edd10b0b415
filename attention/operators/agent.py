"""Agent attention: a few agents look at all keys, and every query asks the agents.

    softmax(s q a^T + q_bias) softmax(s a k^T + k_bias) v,   s = d ** -0.5

Shapes: `q` is (b, heads, n, d), `k v` are (b, heads, m, d), the agents `a` (b, heads, a, d). Cost and memory grow with
(n + m) * a, never with n * m. What passes from keys to queries has rank a: the mixer adds a depth-wise convolution of
the values, as the paper does, so that neighbours stay told apart. The operator does not make agents: the mixer pools
the queries. Han et al. 2023, https://arxiv.org/abs/2312.08874.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attention import _checks
from attention.mixers import Boxes, Grid, Heads, Mixer, TokenMask, flat, keys
from attention.operators.dense import Heads as Queries
from attention.operators.dense import Keys, Rows, Weights, dense_attention, far, pick, scores, softmax

Agents = Float[Tensor, "b heads a d"]
Table = Float[Tensor, "to parts"]
BLOCK, LINE = 7, 16  # the tables of the bias before they are resized: a block of 7 x 7 as in the paper, lines of 16


def agent_attention(
    q: Queries,
    k: Keys,
    v: Keys,
    agents: Agents,
    q_bias: Float[Tensor, "#b heads n a"] | None = None,
    k_bias: Float[Tensor, "#b heads a m"] | None = None,
    mask: Bool[Tensor, "#b 1 1 m"] | None = None,
    *,
    return_weights: bool = False,
    rows: Rows | None = None,
) -> Queries | tuple[Queries, Weights]:
    """What each query sees through the agents; the output has the shape of q.

    `mask` is true where a key may be seen, by all agents alike. The weights are the product of both softmaxes.

    >>> k, v = torch.tensor([[[[9.0], [-9.0]]]]), torch.tensor([[[[1.0], [5.0]]]])
    >>> agents = torch.tensor([[[[9.0]]]])  # one agent, which looks at the first key
    >>> agent_attention(torch.zeros(1, 1, 3, 1), k, v, agents).flatten()
    tensor([1., 1., 1.])
    """
    _checks.fit(
        {**_checks.sequences(q, k, v), "agents": (agents, "b heads a d")},
        {"q_bias": (q_bias, "#b heads n a"), "k_bias": (k_bias, "#b heads a m")},
        mask=(mask, "#b 1 1 m"),
    )
    gathered = dense_attention(agents, k, v, k_bias, mask)
    out = dense_attention(q, agents, gathered, q_bias)
    if not return_weights:
        return out
    if rows is not None and q_bias is not None:
        q_bias = q_bias[:, :, rows]
    asked = softmax(scores(pick(q, rows), agents, q_bias))
    return out, (asked @ softmax(scores(agents, k, k_bias), mask)).to(q.dtype)


def areas(parts: int, size: int, like: Tensor) -> Table:
    """The share of each of `size` cells in the mean over each of `parts` equal stretches of a line.

    >>> areas(2, 3, torch.zeros(1))
    tensor([[0.6667, 0.3333, 0.0000],
            [0.0000, 0.3333, 0.6667]])
    """
    part = torch.arange(parts, device=like.device)[:, None] * size  # in units in which every border is a whole number
    cell = torch.arange(size, device=like.device) * parts
    overlap = torch.minimum(part + size, cell + parts) - torch.maximum(part, cell)
    return overlap.clamp(min=0).to(like.dtype) / size


def stretch(parts: int, size: int, like: Tensor) -> Table:
    """Linear interpolation from `parts` values to `size` (as in `torch.nn.functional.interpolate`).

    >>> stretch(2, 4, torch.zeros(1))
    tensor([[1.0000, 0.0000],
            [0.7500, 0.2500],
            [0.2500, 0.7500],
            [0.0000, 1.0000]])
    """
    middle = (torch.arange(size, device=like.device) * 2 + 1) * parts - size
    at = (middle.to(torch.float32) / (2 * size)).clamp(0, parts - 1)
    return (1 - (at[:, None] - torch.arange(parts, device=like.device)).abs()).clamp(min=0).to(like.dtype)


class AgentBias(nn.Module):
    """How each agent likes each place: a block resized to the grid, plus a line of rows and one of columns."""

    def __init__(self, heads: int, agents: int) -> None:
        super().__init__()
        self.block = nn.Parameter(torch.empty(heads, BLOCK, BLOCK, agents))
        self.rows = nn.Parameter(torch.empty(heads, LINE, agents))
        self.columns = nn.Parameter(torch.empty(heads, LINE, agents))
        for table in (self.block, self.rows, self.columns):
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, h: int, w: int) -> Float[Tensor, "1 heads n a"]:
        """The bias of a grid of h x w tokens."""
        tall = stretch(BLOCK, h, self.block) @ self.block.flatten(2)
        bias = stretch(BLOCK, w, self.block) @ tall.reshape(-1, h, BLOCK, self.block.shape[-1])
        row = stretch(LINE, h, self.rows) @ self.rows
        column = stretch(LINE, w, self.columns) @ self.columns
        whole: Tensor = (bias + row[:, :, None] + column[:, None]).flatten(1, 2)[None]
        return whole


class AgentMixer(Mixer):
    """Agents are the queries averaged over a fixed number of rows and columns of equal parts of the grid, of any size.

    Both softmaxes have an `AgentBias`; `local` is the depth-wise 3 x 3 convolution of the values.
    """

    position_dependent = True

    def __init__(self, dim: int, heads: int = 4, agents: tuple[int, int] = (7, 7)) -> None:
        super().__init__(dim, heads)
        if min(agents) < 1:
            raise ValueError(f"agents is {agents}; it must have at least one row and one column.")
        self.agents = agents
        self.asking, self.looking = (AgentBias(heads, agents[0] * agents[1]) for _ in range(2))
        self.local = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def attend(self, q: Heads, k: Heads, v: Heads, x: Grid, mask: TokenMask | None, boxes: Boxes | None) -> Heads:
        """What the agents gathered, and the values nearby."""
        h, w = q.shape[2:4]
        q_bias, k_bias = self.asking(h, w), self.looking(h, w).transpose(2, 3)
        if mask is None:
            agents = self.pool(q)
        else:
            v = torch.where(mask[:, None, ..., None], v, 0.0)
            share = self.pool(mask.to(q.dtype)[:, None, ..., None])  # of an agent's part that holds tokens
            agents = self.pool(torch.where(mask[:, None, ..., None], q, 0.0)) / torch.where(share > 0, share, 1.0)
            q_bias = q_bias + ((share == 0).to(q.dtype) * far(q.dtype)).transpose(2, 3)
        queries, many, values = flat(q, k, v)
        attended = agent_attention(queries, many, values, agents, q_bias, k_bias, keys(mask))
        assert isinstance(attended, Tensor)
        return depthwise(self.local, v) + attended.reshape(q.shape)

    def pool(self, x: Heads) -> Agents:
        """Means over the parts of the grid, by the exact share of every token in them."""
        rows, columns = (areas(parts, size, x) for parts, size in zip(self.agents, x.shape[2:4], strict=True))
        narrow = columns @ x
        return (rows @ narrow.flatten(3)).reshape(*x.shape[:2], self.agents[0] * self.agents[1], x.shape[-1])


def depthwise(convolution: nn.Conv2d, v: Heads) -> Heads:
    """A convolution of each channel of the values, over the grid."""
    b, heads, h, w, d = v.shape
    near: Tensor = convolution(v.permute(0, 1, 4, 2, 3).reshape(b, heads * d, h, w))
    return near.reshape(b, heads, d, h, w).permute(0, 1, 3, 4, 2)
