"""Attention equals a loop, layers normalise where they say, and a decoder that remembers equals one that does not."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from scanpath.models._oat_transformer import Attention, Decoder, Encoder, sinusoid

WIDTH, HEADS, HIDDEN = 8, 2, 12


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def decoder(drop: float = 0.0, before: bool = True) -> Decoder:
    torch.manual_seed(0)
    return Decoder(WIDTH, HEADS, HIDDEN, drop, before).eval()


def encoder(drop: float = 0.0, before: bool = True) -> Encoder:
    torch.manual_seed(0)
    return Encoder(WIDTH, HEADS, HIDDEN, drop, before).eval()


def test_attention_is_a_softmax_of_products_head_by_head() -> None:
    torch.manual_seed(0)
    attention = Attention(WIDTH, HEADS, 0.5).eval()
    x, tokens = noise(2, 3, WIDTH), noise(2, 5, WIDTH, seed=1)
    mask = torch.tensor([[1, 1, 1, 0, 1], [0, 1, 0, 0, 1]], dtype=torch.bool)
    got = attention(x, *attention.remember(tokens), mask[:, None, None])
    query, (keys, values) = attention.query(x), attention.pair(tokens).chunk(2, -1)
    each = WIDTH // HEADS
    for b in range(2):
        for i in range(3):
            read = []
            for h in range(0, WIDTH, each):
                seen = [j for j in range(5) if mask[b, j]]
                scores = [query[b, i, h : h + each] @ keys[b, j, h : h + each] / math.sqrt(each) for j in seen]
                shares = torch.stack(scores).softmax(0)
                read.append(sum(s * values[b, j, h : h + each] for s, j in zip(shares, seen, strict=True)))
            torch.testing.assert_close(got[b, i], attention.out(torch.cat(read)))


@pytest.mark.parametrize("before", [True, False])
def test_a_layer_normalises_before_or_after_as_told(before: bool) -> None:
    layer = encoder(before=before)
    x, all_ = noise(1, 4, WIDTH), torch.ones(1, 1, 1, 4, dtype=torch.bool)

    def look(y: Tensor) -> Tensor:
        return layer.look(y, *layer.look.remember(y), all_)

    def norm(y: Tensor) -> Tensor:
        return layer_norm(y, (WIDTH,))

    if before:
        middle = x + look(norm(x))
        expected = middle + layer.think(norm(middle))
    else:
        middle = norm(x + look(x))
        expected = norm(middle + layer.think(middle))
    torch.testing.assert_close(layer(x, all_), expected)


def test_tokens_that_are_masked_change_nothing() -> None:
    layer, x = encoder(), noise(2, 5, WIDTH)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)[:, None, None]
    other = x.clone()
    other[0, 3:] = 99.0
    torch.testing.assert_close(layer(x, mask)[0, :3], layer(other, mask)[0, :3])
    torch.testing.assert_close(layer(x, mask)[0, :3], layer(x[:1, :3], mask[:1, ..., :3])[0])


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("length", [1, 7])
def test_a_decoder_that_remembers_equals_one_that_reads_whole_paths(before: bool, length: int) -> None:
    layer, x = decoder(before=before), noise(3, length, WIDTH)
    keys, values = layer.look.remember(noise(1, 6, WIDTH, seed=1))
    mask = torch.ones(1, 1, 1, 6, dtype=torch.bool)
    whole = layer(x, keys, values, mask)
    past = torch.zeros(2, 3, HEADS, 0, WIDTH // HEADS)
    for i in range(length):
        step, past = layer.step(x[:, i : i + 1], past, keys, values, mask)
        torch.testing.assert_close(step[:, 0], whole[:, i], atol=1e-6, rtol=1e-5)
    assert past.shape == (2, 3, HEADS, length, WIDTH // HEADS)


def test_what_comes_later_does_not_change_what_came_before() -> None:
    layer, x = decoder(), noise(2, 6, WIDTH)
    keys, values = layer.look.remember(noise(2, 4, WIDTH, seed=1))
    other = x.clone()
    other[:, 3:] = -5.0
    torch.testing.assert_close(layer(x, keys, values, None)[:, :3], layer(other, keys, values, None)[:, :3])


def test_paths_read_only_their_own_scene() -> None:
    layer, x, tokens = decoder(), noise(6, 4, WIDTH), noise(2, 5, WIDTH, seed=1)
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 1, 1]], dtype=torch.bool)[:, None, None]
    together = layer(x, *layer.look.remember(tokens), mask)
    for scene in range(2):
        own = slice(3 * scene, 3 * scene + 3)
        alone = layer(x[own], *layer.look.remember(tokens[scene : scene + 1]), mask[scene : scene + 1])
        torch.testing.assert_close(together[own], alone)


def test_dropout_is_chance_in_training_and_off_otherwise() -> None:
    layer, x, all_ = encoder(drop=0.5), noise(1, 4, WIDTH), torch.ones(1, 1, 1, 4, dtype=torch.bool)
    assert torch.equal(layer(x, all_), layer(x, all_))
    assert torch.equal(layer(x, all_), encoder(drop=0.0)(x, all_))
    layer.train()
    assert not torch.equal(layer(x, all_), layer(x, all_))


@pytest.mark.parametrize("width", [2, 6])
def test_places_in_a_sequence_are_sines_and_cosines(width: int) -> None:
    code = sinusoid(5, width)
    for place in range(5):
        for k in range(0, width, 2):
            angle = place / 10000 ** (k / width)
            assert code[place, k].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert code[place, k + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
