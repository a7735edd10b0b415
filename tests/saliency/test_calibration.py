"""The gain and the weight of the centre bias under which fixations on unknown pictures are likeliest."""

import math

import pytest
import torch

from saliency.calibration import GAINS, WEIGHTS, best, calibrated, surface
from saliency.models.tempsal import TempSAL

CANVAS = (64, 96)
CONTENT = torch.tensor([[0.0, 8.0, 96.0, 56.0]]).expand(3, 4)


def network() -> TempSAL:
    torch.manual_seed(0)
    made = TempSAL(("a",), slices=2, width=8, fine=4, blocks=1, heads=2, canvas=CANVAS).eval()
    with torch.no_grad():
        made.finish.log_gain.normal_(0, 0.2)
        made.whole.weight.mul_(30)
    return made


def batch(made: TempSAL, gain: float = 1.0, weight: float = 1.0) -> dict[str, torch.Tensor]:
    """Pictures of noise, and as many looks at each cell as a network of this gain and weight expects."""
    picture = torch.randint(0, 256, (3, *CANVAS, 3), dtype=torch.uint8)
    condition = torch.ones(3, dtype=torch.int64)
    told = calibrated(made, gain, weight)
    with torch.inference_mode():
        density, _ = told(picture, CONTENT, condition * 0, 4)
    counts = torch.cat([(density.exp() * 1000)[:, None], torch.zeros(3, 2, *density.shape[1:])], 1)
    return {"picture": picture, "content": CONTENT, "condition": condition, "counts": counts}


def test_the_surface_is_the_likelihood_of_fixations_over_a_uniform_density() -> None:
    made = network()
    given = batch(made)
    bits = surface(made, [given])
    assert set(bits) == {(gain, weight) for gain in GAINS for weight in WEIGHTS}
    with torch.inference_mode():
        density, _ = made(given["picture"], CONTENT, given["condition"] * 0, 4)
    fixated = given["counts"][:, 0]
    likely = (density * fixated).sum((1, 2)) / fixated.sum((1, 2)) + math.log(96 * 48 / 16)
    assert bits[1.0, 1.0] == pytest.approx(likely.mean().item() / math.log(2), abs=1e-4)


@pytest.mark.parametrize(("gain", "weight"), [(1.0, 1.0), (0.7, 1.4), (1.3, 0.4)])
def test_what_fixations_were_drawn_with_is_found(gain: float, weight: float) -> None:
    made = network()
    found = best([surface(made, [batch(made, gain, weight)])])
    assert (found.gain, found.weight) == (gain, weight)
    assert found.bits >= found.plain_bits


def test_a_network_is_left_as_it_was_and_its_copy_differs_under_any_alone() -> None:
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    given = batch(made)
    bits = surface(made, [given])
    assert made.finish.gate.tolist() == [1, 1, 0]
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    copy = calibrated(made, 0.7, 0.4)
    assert copy.arguments["any_bias"] == pytest.approx(0.4)
    assert surface(copy, [given])[1.0, 1.0] == pytest.approx(bits[0.7, 0.4], abs=1e-4)
    for condition in (1, 2):
        numbers = torch.full((3,), condition)
        with torch.inference_mode():
            one, other = (each(given["picture"], CONTENT, numbers, 4)[0] for each in (made, copy))
        # "uniform" is as sharp as "any"
        assert torch.equal(one, other) == (condition == 1)


def test_the_best_is_that_of_the_mean_over_sets() -> None:
    one = {(1.0, 1.0): 1.0, (0.8, 1.0): 1.2, (0.6, 1.0): 1.3}
    other = {(1.0, 1.0): 2.0, (0.8, 1.0): 1.95, (0.6, 1.0): 1.5}
    assert best([one, other])[:2] == (0.8, 1.0)
