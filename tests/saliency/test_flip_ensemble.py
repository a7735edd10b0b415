"""Two looks believed equally."""

import torch

from saliency.flip_ensemble import FlipEnsemble
from saliency.models.center_bias import CenterBias
from saliency.models.tempsal import TempSAL


def test_the_mean_of_both_looks_is_a_density_and_mirrors_with_the_picture() -> None:
    torch.manual_seed(0)
    network = TempSAL(["a"], slices=2, width=16, fine=8, blocks=1, heads=2).eval()
    both = FlipEnsemble(network)
    picture = torch.randint(0, 255, (2, 32, 64, 3), dtype=torch.uint8)
    content = torch.tensor([[8.0, 0, 40, 32], [0, 0, 64, 32]])
    swapped = torch.tensor([[24.0, 0, 56, 32], [0, 0, 64, 32]])
    condition = torch.tensor([0, 1])
    with torch.no_grad():
        density, slices = both(picture, content, condition)
        again, others = both(picture.flip(2), swapped, condition)
        straight, _ = network(picture, content, condition)
        turned, _ = network(picture.flip(2), swapped, condition)
    torch.testing.assert_close(density.exp().sum((1, 2)), torch.ones(2))
    torch.testing.assert_close(density.exp(), again.flip(-1).exp())
    torch.testing.assert_close(slices.exp(), others.flip(-1).exp())
    torch.testing.assert_close(density.exp(), (straight.exp() + turned.flip(-1).exp()) / 2)
    assert (straight - density).abs().max() > 1e-3


def test_a_centre_bias_beside_the_centre_becomes_symmetric() -> None:
    network = CenterBias(slices=1)
    with torch.no_grad():
        network.finish.bias[:, :, 0] += 0.5
        density, _ = FlipEnsemble(network)(
            torch.zeros(1, 32, 64, 3, dtype=torch.uint8), torch.tensor([[0.0, 0, 64, 32]]), torch.tensor([0])
        )
    torch.testing.assert_close(density, density.flip(-1))
