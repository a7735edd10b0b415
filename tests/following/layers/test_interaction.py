"""A head's tokens look at a scene: the weights are what a loop says, and what is kept is a density."""

import pytest
import torch

from following.layers.decoder import MapDecoder
from following.layers.heads import GEOMETRY
from following.layers.interaction import Guidance, Interaction, guided


def test_weights_are_the_softmax_of_likeness_and_place() -> None:
    torch.manual_seed(0)
    block = Interaction(8, 2).eval()
    x, scene, lies = torch.randn(1, 3, 8), torch.randn(1, 5, 8), torch.randn(1, GEOMETRY, 5)
    there = torch.tensor([[[[True, True, False, True, True]]]])
    keys, values = block.scene(scene)
    with torch.no_grad():
        after, weights = block(x, keys, values, lies, there)
        query = block.query(block.norm(x)).unflatten(-1, (2, 4))
        slope = block.slope(block.norm(x)).unflatten(-1, (2, GEOMETRY))
    for head in range(2):
        for token in range(3):
            logits = [
                (query[0, token, head] @ keys[0, head, n] / 2 + slope[0, token, head] @ lies[0, :, n]).item()
                for n in range(5)
            ]
            logits[2] = -torch.inf
            torch.testing.assert_close(weights[0, head, token], torch.tensor(logits).softmax(0))
    assert after.shape == x.shape
    assert not torch.equal(after, x)


def test_what_is_no_picture_is_never_looked_at() -> None:
    block = Interaction(8, 2).eval()
    scene = torch.randn(1, 4, 8)
    there = torch.tensor([[[[True, True, False, False]]]])
    other = scene.clone()
    other[:, 2:] = 100.0
    found = []
    for tokens in (scene, other):
        found.append(block(torch.ones(1, 2, 8), *block.scene(tokens), torch.zeros(1, GEOMETRY, 4), there))
    torch.testing.assert_close(found[0][0], found[1][0])
    assert (found[0][1][..., 2:] == 0).all()


def test_guidance_sums_to_one_and_so_do_guided_weights() -> None:
    torch.manual_seed(0)
    guidance = Guidance(6)(torch.randn(2, 6, 7, 7))
    assert guidance.shape == (2, 1, 49)
    torch.testing.assert_close(guidance.sum(-1), torch.ones(2, 1))
    weights = torch.randn(2, 3, 49, 20).softmax(-1)
    summed = guided(guidance, weights)
    torch.testing.assert_close(summed, torch.einsum("bp,bhpn->bhn", guidance[:, 0], weights))
    torch.testing.assert_close(summed.sum(-1), torch.ones(2, 3))


@pytest.mark.parametrize("size", [(24, 32), (25, 31), (6, 8)], ids=["four times", "odd", "as it is"])
def test_the_decoder_answers_at_any_size_and_weights_of_zero_are_finite(size: tuple[int, int]) -> None:
    weights = torch.zeros(2, 3, 6, 8)
    weights[:, :, 2, 3] = 1
    found = MapDecoder(3, 2).eval()(weights, size, torch.randn(1, 2, *size))
    assert found.shape == (2, 1, *size)
    assert found.isfinite().all()
