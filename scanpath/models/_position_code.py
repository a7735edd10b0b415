"""Where an object is, as numbers whose likeness falls off like a Gaussian of the distance.

    <code(a), code(b)> = exp(-|a - b|^2 / (2 sigma^2)),   |code(a)| = 1

OAT's positional encoding has this property approximately, after 10,000 steps of Adam on a table for one grid. Here it
holds in closed form: for any place (`fourier`, with a stated error) and for a grid (`grid`, exactly).

    fourier     a Gaussian on a circle longer than the picture is a Fourier series with Gaussian coefficients; the codes
                of x and y are multiplied, so that the distance is that in the plane
    grid        rows of the root of the Gram matrix of a grid's rows and columns, side by side as in the paper
    sinusoid    sines and cosines of geometric frequencies (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762)

Places are (x, y) in units of the picture's longer side, with (0, 0) in its middle.
Fang et al. 2024 (OAT), https://arxiv.org/abs/2407.13335.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from data.errors import GazeError

KINDS = ("gaussian", "grid", "sinusoid")
ERROR = 1e-3  # of `fourier`, at most, for places on the picture


def fourier(x: Float[Tensor, "*b"], sigma: float) -> Float[Tensor, "*b k"]:
    """Codes of numbers in [-0.5, 0.5]; their inner products are the Gaussian of the difference, to `ERROR`.

    >>> a, b = fourier(torch.tensor([0.1, 0.3]), 0.2)
    >>> abs((a @ b).item() - math.exp(-0.5)) < ERROR
    True
    """
    reach = sigma * math.sqrt(2 * math.log(4 / ERROR))  # where a Gaussian has fallen below a quarter of the error
    period = 1 + reach
    count = math.ceil(period / (2 * math.pi * sigma) * reach / sigma)
    frequency = 2 * math.pi / period * torch.arange(count + 1, dtype=x.dtype, device=x.device)
    weight = torch.exp(-((frequency * sigma) ** 2) / 2)
    weight[1:] *= 2
    root = (weight / weight.sum()).sqrt()
    angle = x[..., None] * frequency
    return torch.cat([root * angle.cos(), root[1:] * angle[..., 1:].sin()], -1)


def grid(count: int, sigma: float) -> Float[Tensor, "count count"]:
    """Codes of the rows of a grid, `sigma` in rows: the root of their Gaussian Gram matrix.

    >>> code = grid(5, 2.0)
    >>> torch.allclose(code[1] @ code[3], torch.tensor(math.exp(-0.5)))
    True
    """
    place = torch.arange(count, dtype=torch.float64)
    gram = torch.exp(-((place[:, None] - place) ** 2) / (2 * sigma**2))
    values, vectors = torch.linalg.eigh(gram)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()).float()
    return root


class Position(nn.Module):
    """Codes of places: `kind` is one of `KINDS`, `size` how many numbers come out.

    Args:
        kind: which code.
        sigma: of the Gaussian; for "gaussian" in units of the longer side, for "grid" in rows.
        rows: of the grid, for "grid".
        columns: of the grid, for "grid".
        spread: width and height of the grid in units of the longer side, for "grid".
    """

    tables: Tensor

    def __init__(
        self,
        kind: str = "gaussian",
        sigma: float = 0.12,
        rows: int = 6,
        columns: int = 14,
        spread: tuple[float, float] = (1.0, 0.625),
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise GazeError(f"There is no code of places {kind!r}; choose one of {', '.join(KINDS)}.")
        self.kind, self.sigma, self.rows, self.columns, self.spread = kind, sigma, rows, columns, spread
        table = grid(max(rows, columns), sigma) if kind == "grid" else torch.zeros(0)
        self.register_buffer("tables", table, persistent=False)
        self.size = int(self(torch.zeros(1, 2)).shape[-1])

    def forward(self, xy: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b k"]:
        """The codes."""
        if self.kind == "gaussian":
            x, y = fourier(xy[..., 0], self.sigma), fourier(xy[..., 1], self.sigma)
            plane: Tensor = (x[..., :, None] * y[..., None, :]).flatten(-2)
            return plane
        if self.kind == "grid":
            column = self._cell(xy[..., 0] / self.spread[0], self.columns)
            row = self._cell(xy[..., 1] / self.spread[1], self.rows)
            return torch.cat([self.tables[row], self.tables[column]], -1)
        frequency = math.pi * 2.0 ** torch.arange(0, 6, 0.5, device=xy.device)
        angle = (xy[..., None] * frequency).flatten(-2)
        return torch.cat([angle.sin(), angle.cos()], -1)

    @staticmethod
    def _cell(place: Float[Tensor, "*b"], count: int) -> Tensor:
        return ((place + 0.5) * count).floor().clamp(0, count - 1).long()
