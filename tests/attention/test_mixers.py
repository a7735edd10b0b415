"""What every mixer of the table keeps to: sizes, padding, gradients, dtypes and ONNX."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attention import MIXERS, InterleavedBlock
from attention.mixers import build
from export.onnx import convert
from export.runtime.session import session
from tests.proof import DTYPES, draw

SIZES = [(1, 1), (1, 7), (5, 3), (12, 16), (13, 17)]
DIM = 16


def mixer(name: str, **arguments: Any) -> nn.Module:
    """With parameters that are not zero anywhere, so that every part of it counts."""
    torch.manual_seed(0)
    module = build(name, DIM, 4, **arguments)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def tokens(*size: int, seed: int = 0) -> Tensor:
    return draw(*size, DIM, seed=seed)


def some(*size: int) -> Tensor:
    """A mask with holes, and with a token in each picture."""
    mask = draw(*size, seed=5) > -0.5
    mask[:, 0, 0] = True
    return mask


def boxes(*size: int, seed: int = 0) -> Tensor:
    return torch.cat([4 * draw(*size, 2, seed=seed), draw(*size, 2, seed=seed + 1).exp()], -1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MIXERS)
def test_any_size_is_kept_and_pictures_do_not_matter_to_each_other(name: str, size: tuple[int, int]) -> None:
    module, x, mask = mixer(name), tokens(3, *size), some(3, *size)
    for given in (None, mask):
        out = module(x, given)
        assert out.shape == x.shape
        assert out.isfinite().all()
        alone = module(x[1:2], None if given is None else given[1:2])
        torch.testing.assert_close(alone, out[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 7), (5, 3), (12, 16)])
@pytest.mark.parametrize("name", MIXERS)
def test_what_lies_where_there_is_no_token_does_not_matter(name: str, size: tuple[int, int]) -> None:
    module, x, mask = mixer(name), tokens(2, *size), some(2, *size)
    changed = torch.where(mask[..., None], x, 50 * tokens(2, *size, seed=3))
    assert not torch.equal(changed, x)
    torch.testing.assert_close(module(changed, mask)[mask], module(x, mask)[mask], rtol=1e-4, atol=1e-5)
    lie, other = boxes(2, *size), torch.where(mask[..., None], boxes(2, *size), 0)
    torch.testing.assert_close(module(x, mask, lie)[mask], module(x, mask, other)[mask], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 7), (5, 3), (12, 16)])
@pytest.mark.parametrize("name", MIXERS)
def test_a_mask_that_is_true_everywhere_changes_nothing(name: str, size: tuple[int, int]) -> None:
    module, x = mixer(name), tokens(2, *size)
    whole = torch.ones(2, *size, dtype=torch.bool)
    torch.testing.assert_close(module(x, whole), module(x), rtol=1e-4, atol=1e-5)


SMALL: dict[str, dict[str, Any]] = {"dual": {"window": 3}, "routed": {"region": 2, "top": 2}}


@pytest.mark.parametrize("name", ["interleaved", "relational", "cog", "sigmoid", "mixture_of_head", *SMALL])
def test_padding_adds_nothing_unless_it_moves_what_is_near(name: str) -> None:
    module, x = mixer(name, **SMALL.get(name, {})), tokens(2, 4, 5)
    padded = torch.nn.functional.pad(x, (0, 0, 0, 3, 0, 2), value=7.0)
    mask = torch.zeros(2, 6, 8, dtype=torch.bool)
    mask[:, :4, :5] = True
    torch.testing.assert_close(module(padded, mask)[:, :4, :5], module(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MIXERS)
def test_a_picture_without_any_token_stays_finite_with_its_gradients(name: str) -> None:
    module, x = mixer(name).train(), tokens(2, 5, 3).requires_grad_()
    mask = torch.ones(2, 5, 3, dtype=torch.bool)
    mask[0] = False
    out = module(x, mask)
    assert out.isfinite().all()
    out.square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (12, 16)])
@pytest.mark.parametrize("name", MIXERS)
def test_all_parameters_get_finite_gradients(name: str, size: tuple[int, int]) -> None:
    module = mixer(name).train()
    module(tokens(2, *size), some(2, *size)).square().sum().backward()
    for which, parameter in module.named_parameters():
        assert parameter.grad is not None, which
        assert parameter.grad.isfinite().all(), which


@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize("name", MIXERS)
def test_half_precision_is_finite_and_near(name: str, dtype: torch.dtype) -> None:
    x, mask = tokens(2, 5, 6), some(2, 5, 6)
    whole, half = mixer(name)(x, mask), mixer(name).to(dtype)(x.to(dtype), mask)
    assert half.dtype is dtype
    assert half.isfinite().all()
    apart = (half.float() - whole)[mask].abs()
    assert apart.median() < 0.05 * whole[mask].abs().median()  # the median: a choice may fall otherwise for a token


@pytest.mark.parametrize("name", MIXERS)
def test_a_block_takes_any_mixer_over_pictures_and_over_slices(name: str) -> None:
    torch.manual_seed(0)
    block = InterleavedBlock(DIM, 4, "s-t", mixer=name)
    for x in (tokens(2, 5, 7), tokens(2, 3, 5, 7)):
        out = block(x)
        assert out.shape == x.shape
        torch.testing.assert_close(block(x[:1]), out[:1], rtol=1e-4, atol=1e-5)


def test_an_unknown_mixer_is_told_all_there_are() -> None:
    with pytest.raises(ValueError, match="no mixer 'dense'.*" + ".*".join(MIXERS)):
        build("dense", DIM)


@pytest.mark.parametrize("name", MIXERS)
def test_heads_that_do_not_divide_the_channels_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="dim is 7, which 2 heads do not divide"):
        build(name, 7, 2)


class Masked(nn.Module):
    """A mixer called with a mask, and with boxes where it reads them."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, mask: Tensor, boxes: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.module(x, mask, boxes),)


class Ways(Masked):
    """A mixer called in all its ways: one file shows that each of them has an ONNX form."""

    def forward(self, x: Tensor, mask: Tensor, boxes: Tensor | None = None) -> tuple[Tensor, ...]:
        ways = self.module(x, mask), self.module(x)
        return ways if boxes is None else (*ways, self.module(x, mask, boxes))


def inputs(name: str, size: tuple[int, int, int]) -> dict[str, Tensor]:
    given = {"x": tokens(*size), "mask": some(*size)}
    return {**given, "boxes": boxes(*size)} if name == "relational" else given


@pytest.mark.slow  # half a minute to export them all
@pytest.mark.parametrize("name", MIXERS)
def test_the_onnx_form_agrees_at_other_sizes(name: str, tmp_path: Path) -> None:
    fewer = {"levels": 2} if name == "foveal" else {}  # each level makes the graph longer
    check_onnx(Masked(mixer(name, **fewer)), name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXERS)
def test_every_way_to_call_a_mixer_has_an_onnx_form(name: str, tmp_path: Path) -> None:
    check_onnx(Ways(mixer(name)), name, tmp_path)


def check_onnx(graph: nn.Module, name: str, folder: Path) -> None:
    """Exports the graph of a mixer from a small example, and compares it with torch at other sizes."""
    graph = graph.eval()
    small = (2, 2, 3)  # less than one window: the exporter takes what is 1 in its example for a constant
    example = {which: value.numpy() for which, value in inputs(name, small).items()}
    sides = {i: torch.export.Dim(side, min=1, max=256) for i, side in enumerate("bhw")}
    count = len(graph(*inputs(name, small).values()))
    model = convert(graph, example, dict.fromkeys(example, sides), [f"way{i}" for i in range(count)], name)
    path = folder / "mixer.onnx"
    path.write_bytes(model.SerializeToString())
    opened = session(path, "cpu", None)
    for size in ((2, 11, 13), (1, 12, 16), (3, 1, 7), (1, 1, 1)):
        feed = inputs(name, size)
        with torch.no_grad():
            expected = graph(*feed.values())
        got = [torch.from_numpy(y) for y in opened.run(None, {which: value.numpy() for which, value in feed.items()})]
        for way, (want, have) in enumerate(zip(expected, got, strict=True)):
            compared = feed["mask"] if way != 1 else torch.ones_like(feed["mask"])  # the second has no mask
            assert (want - have)[compared].abs().max() < 1e-4, (way, size)


@pytest.mark.parametrize("name", MIXERS)
def test_mixed_precision_costs_no_more_than_its_projections(name: str) -> None:
    """Under autocast, what is summed in float32 on purpose stays so: all is as exact as rounded inputs allow."""
    module, x, mask = mixer(name).train(), tokens(2, 5, 7), some(2, 5, 7)
    with torch.autocast("cpu", torch.bfloat16):
        out = module(x, mask)
    assert out.isfinite().all()
    out.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    want = module(x, mask)[mask]
    assert (out.float()[mask] - want).abs().max() < 0.06 * want.abs().max()


def test_logits_are_float32_under_autocast() -> None:
    from attention import pointer_attention
    from attention.operators.dense import gather, scores

    q, e = draw(1, 3, 16), draw(1, 5, 16)
    want = pointer_attention(q, e)
    with torch.autocast("cpu", torch.bfloat16):
        assert scores(q[None], e[None]).dtype is torch.float32
        torch.testing.assert_close(pointer_attention(q, e), want)
        summed = gather(want[None], e[None])
    assert summed.dtype is torch.float32
    torch.testing.assert_close(summed, want[None] @ e[None])


def test_what_a_mixer_cannot_do_is_said_when_it_is_built() -> None:
    with pytest.raises(ValueError, match=r"window is 0; it must be a number from 1, or 2 of them"):
        build("neighborhood", 8, 2, window=0)
    with pytest.raises(ValueError, match=r"window is 2\.5; it must be"):
        build("neighborhood", 8, 2, window=2.5)
    with pytest.raises(ValueError, match=r"window is \(1, 2, 3\); it must be at least one token high and wide"):
        build("dual", 8, 2, window=(1, 2, 3))
    with pytest.raises(ValueError, match="over is 'x'; it must be 'space', 'time' or 'full'"):
        build("interleaved", 8, 2, over="x")
    with pytest.raises(ValueError, match="it takes no window"):
        InterleavedBlock(8, 2, "s", window=99)
    with pytest.raises(ValueError, match="no step over space for the mixer 'dual'"):
        InterleavedBlock(8, 2, "full", mixer="dual")
