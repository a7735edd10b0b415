"""The codes of places keep what they promise: their likeness is a Gaussian of the distance, and each has length one."""

import math

import pytest
import torch
from torch import Tensor

from data.errors import GazeError
from scanpath.models._position_code import ERROR, KINDS, Position, fourier, grid

SIGMAS = (0.03, 0.12, 0.5)


def bell(square: Tensor, sigma: float) -> Tensor:
    return torch.exp(-square / (2 * sigma**2))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_numbers_are_alike_as_a_gaussian_of_their_difference(sigma: float, kind: torch.dtype) -> None:
    x = torch.linspace(-0.5, 0.5, 301, dtype=kind)
    code = fourier(x, sigma)
    assert code.dtype == kind
    assert (code @ code.T - bell((x[:, None] - x).square(), sigma)).abs().max() <= ERROR
    torch.testing.assert_close(code.square().sum(-1), torch.ones_like(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_places_are_alike_as_a_gaussian_of_their_distance_in_the_plane(sigma: float) -> None:
    """A product of two factors at most 1, each off by the stated error."""
    place = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    place[:4] = torch.tensor([[-0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [0.0, 0.0]])
    code = Position("gaussian", sigma)(place)
    expected = bell((place[:, None] - place).square().sum(-1), sigma)
    assert (code @ code.T - expected).abs().max() <= 2 * ERROR + 1e-5
    torch.testing.assert_close(code.norm(dim=-1), torch.ones(200), rtol=0, atol=1e-5)


def test_places_alike_along_one_side_differ_along_the_other() -> None:
    across, down = (Position("gaussian", 0.1)(torch.tensor(p)) for p in ([[0.2, 0.0]], [[0.0, 0.2]]))
    here = Position("gaussian", 0.1)(torch.zeros(1, 2))
    assert (across @ here.T).item() == pytest.approx(math.exp(-2), abs=2 * ERROR)
    assert (down @ here.T).item() == pytest.approx(math.exp(-2), abs=2 * ERROR)
    assert (across @ down.T).item() == pytest.approx(math.exp(-4), abs=2 * ERROR)


@pytest.mark.parametrize(("count", "sigma"), [(1, 1.0), (6, 2.0), (14, 3.0), (14, 0.01), (84, 5.0)])
def test_rows_of_a_grid_are_alike_exactly(count: int, sigma: float) -> None:
    """To what single precision allows."""
    code, row = grid(count, sigma), torch.arange(count)
    torch.testing.assert_close(code @ code.T, bell((row[:, None] - row).square().float(), sigma), rtol=0, atol=2e-6)


def test_a_place_on_a_grid_has_the_code_of_its_row_beside_that_of_its_column() -> None:
    position = Position("grid", 2.0, rows=3, columns=5, spread=(1.0, 0.6))
    assert position.size == 10
    middles = torch.tensor([[(c + 0.5) / 5 - 0.5, ((r + 0.5) / 3 - 0.5) * 0.6] for r in range(3) for c in range(5)])
    code, cell = position(middles), [(r, c) for r in range(3) for c in range(5)]
    for i, (r, c) in enumerate(cell):
        for j, (s, d) in enumerate(cell):
            expected = math.exp(-((r - s) ** 2) / 8) + math.exp(-((c - d) ** 2) / 8)
            assert (code[i] @ code[j]).item() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(position(middles + torch.tensor([0.09, -0.09])), code)  # elsewhere in the same cells


def test_places_beyond_a_grid_belong_to_its_outer_cells() -> None:
    position = Position("grid", 2.0, rows=3, columns=5)
    beyond, corner = torch.tensor([[0.5, 0.5], [-9.0, -0.4]]), torch.tensor([[0.45, 0.3], [-0.45, -0.3]])
    assert torch.equal(position(beyond), position(corner))


def test_sinusoids_are_sines_and_cosines_of_growing_frequency() -> None:
    code = Position("sinusoid")(torch.tensor([[0.3, -0.2]]))[0]
    angles = [x * math.pi * 2 ** (k / 2) for x in (0.3, -0.2) for k in range(12)]
    expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    torch.testing.assert_close(code, torch.tensor(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_places_has_codes_of_the_stated_size(kind: str) -> None:
    position = Position(kind, 2.0 if kind == "grid" else 0.12)
    for shape in ((), (0,), (3,), (2, 5)):
        code = position(torch.zeros(*shape, 2))
        assert code.shape == (*shape, position.size)
        assert torch.isfinite(code).all()


def test_the_tables_are_no_weights() -> None:
    assert not list(Position("grid").parameters())
    assert not Position("grid").state_dict()


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(GazeError, match="no code of places 'polar'; choose one of gaussian, grid, sinusoid"):
        Position("polar")
