"""Mixed attention against a loop, and what the target may and may not know."""

from typing import Any

import pytest
import torch
from torch import Tensor

from attention import MixedBlock, mixed_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw


def formula(q: Tensor, k: Tensor, v: Tensor, target_k: Tensor, target_v: Tensor, mask: Tensor) -> Tensor:
    keys, values = torch.cat([target_k, k], 2), torch.cat([target_v, v], 2)
    logits = q @ keys.mT / q.shape[-1] ** 0.5
    allowed = torch.cat([torch.ones(q.shape[0], target_k.shape[2], dtype=torch.bool), mask], 1)[:, None, None]
    return logits.masked_fill(~allowed, -torch.inf).softmax(-1) @ values


def test_it_is_what_a_loop_computes() -> None:
    q, k, v, tk, tv = (draw(2, 2, n, 4, seed=i).double() for i, n in enumerate((3, 3, 3, 2, 2)))
    got = mixed_attention(q, k, v, tk, tv)
    for b in range(2):
        for h in range(2):
            for i in range(3):
                seen = [*tk[b, h], *k[b, h]]
                logits = torch.stack([q[b, h, i] @ one / 2 for one in seen])
                values = torch.stack([*tv[b, h], *v[b, h]])
                torch.testing.assert_close(got[b, h, i], logits.softmax(0) @ values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_it_errs_no_more_than_twice_the_plain_formula(size: int, dtype: torch.dtype) -> None:
    names = ("q", "k", "v", "target_k", "target_v")
    inputs = {name: draw(2, 2, 5 if "_" in name else size, 8, seed=i) for i, name in enumerate(names)}
    assert_errs_little(mixed_attention, formula, inputs, {"mask": draw(2, size, seed=9) < 0.5}, dtype)


def test_one_target_serves_many_scenes() -> None:
    q, k, v = (draw(3, 2, 4, 8, seed=i) for i in range(3))
    tk, tv = draw(1, 2, 5, 8, seed=3), draw(1, 2, 5, 8, seed=4)
    many = mixed_attention(q, k, v, tk.expand(3, -1, -1, -1), tv.expand(3, -1, -1, -1))
    torch.testing.assert_close(mixed_attention(q, k, v, tk, tv), many)


def test_weights_are_those_that_made_the_output() -> None:
    q, k, v, tk, tv = (draw(2, 2, n, 4, seed=i) for i, n in enumerate((6, 6, 6, 2, 2)))
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    rows = torch.tensor([4, 1])
    out, weights = mixed_attention(q, k, v, tk, tv, mask, return_weights=True, rows=rows)
    assert weights.shape == (2, 2, 2, 8)
    torch.testing.assert_close(weights @ torch.cat([tv, v], 2), out[:, :, rows])
    assert (weights[1, :, :, 6:] == 0).all()


def test_with_nothing_to_see_there_are_zeros() -> None:
    q, k, v, tk, tv = (draw(1, 1, n, 4, seed=i).requires_grad_() for i, n in enumerate((3, 3, 3, 2, 2)))
    none, no = torch.zeros(1, 3, dtype=torch.bool), torch.zeros(1, 2, dtype=torch.bool)
    out = mixed_attention(q, k, v, tk, tv, none, no)
    out.sum().backward()  # type: ignore[union-attr]
    assert (out == 0).all()  # type: ignore[union-attr]
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v, tk, tv))


@pytest.fixture
def block() -> MixedBlock:
    torch.manual_seed(0)
    return MixedBlock(8, heads=2).eval()


def test_the_target_never_sees_the_scene_and_the_scene_sees_the_target(block: MixedBlock) -> None:
    target, scenes = draw(1, 3, 8), draw(2, 5, 8)
    _, k, v = block.remember(target)
    _, other_k, other_v = block.remember(target + 1.5 * draw(1, 3, 8, seed=5))
    seen, other = block(scenes, k, v), block(scenes, other_k, other_v)
    assert not torch.allclose(seen, other, atol=1e-3)
    torch.testing.assert_close(block(scenes[1:], k, v), seen[1:])


def test_padding_of_scene_and_target_changes_nothing(block: MixedBlock) -> None:
    target, scene = draw(1, 3, 8), draw(1, 5, 8)
    kept, k, v = block.remember(target)
    mask, target_mask = torch.tensor([[True] * 5 + [False]]), torch.tensor([[True] * 3 + [False]])
    padded, pk, pv = block.remember(torch.cat([target, torch.full((1, 1, 8), 9.0)], 1), target_mask)
    torch.testing.assert_close(padded[:, :3], kept)
    got = block(torch.cat([scene, draw(1, 1, 8)], 1), pk, pv, mask, target_mask)
    torch.testing.assert_close(got[:, :5], block(scene, k, v))


@pytest.mark.slow
def test_the_block_exports(block: MixedBlock, tmp_path: Any) -> None:
    import onnxruntime

    from export.onnx import convert

    class Search(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = block

        def forward(self, search: Tensor, target: Tensor) -> Tensor:
            kept, k, v = self.block.remember(target)
            return torch.cat([kept.expand(search.shape[0], -1, -1), self.block(search, k, v)], 1)

    b, n, m = torch.export.Dim("b", min=1, max=64), torch.export.Dim("n", min=1), torch.export.Dim("m", min=1)
    example = {"search": draw(2, 5, 8).numpy(), "target": draw(1, 3, 8).numpy()}
    model = convert(Search(), example, {"search": {0: b, 1: n}, "target": {1: m}}, ["out"], "mixed")
    ran = onnxruntime.InferenceSession(model.SerializeToString())
    for batch, tokens, sought in ((1, 1, 1), (3, 17, 6)):
        search, target = draw(batch, tokens, 8), draw(1, sought, 8)
        got = ran.run(None, {"search": search.numpy(), "target": target.numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(got), Search()(search, target), rtol=0, atol=1e-4)


def test_errors_name_the_argument() -> None:
    q = draw(2, 2, 3, 4)
    with pytest.raises(ValueError, match=r"target_v is \(1, 2, 6, 4\); it must be \(b or 1, heads, m, d\)"):
        mixed_attention(q, q, q, draw(1, 2, 5, 4), draw(1, 2, 6, 4))
    with pytest.raises(ValueError, match="dim is 7, which 2 heads do not divide"):
        MixedBlock(7, 2)
