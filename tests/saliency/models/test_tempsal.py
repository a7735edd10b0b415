"""Every model of the table: any batch, any letterbox, both strides; a density for each picture, alone or in a batch."""

import copy
import functools
import inspect
import pkgutil
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saliency import MODELS
from saliency.models._classical import Classical
from saliency.models.tempsal import TempSAL

CANVAS = (64, 96)
BOXES = [(0.0, 0.0, 96.0, 64.0), (16.0, 0.0, 80.0, 64.0), (0.0, 9.0, 96.0, 55.0), (40.0, 0.0, 56.0, 64.0)]
TINY: dict[str, dict[str, Any]] = {  # quicker, and smaller in nothing but width
    "tempsal": {"width": 16, "fine": 8, "blocks": 1, "heads": 2},
    "msinet": {"backbone": "lite0", "width": 16},
    "juntingnet": {"width": 1 / 8},
}


@functools.cache
def network(name: str) -> nn.Module:
    """A model of the table that is not as it starts: every weight has moved, so that nothing cancels by chance."""
    torch.manual_seed(0)
    made: nn.Module = MODELS[name].load()(conditions=("one", "two"), slices=2, **TINY.get(name, {}))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return made.eval()


def clutter(count: int, size: tuple[int, int] = CANVAS, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(0, 256, (count, size[0] // 8, size[1] // 8, 3), generator=generator, dtype=torch.uint8)
    return blocks.repeat_interleave(8, 1).repeat_interleave(8, 2)


def run(
    name: str,
    picture: Tensor,
    boxes: list[tuple[float, ...]],
    conditions: list[int] | None = None,
    stride: int = 1,
) -> Tensor:
    """All maps of a model in one tensor: the whole viewing, then the slices."""
    made: Any = network(name)
    condition = torch.tensor(conditions or [0] * len(boxes)).clamp(max=len(made.conditions) - 1)
    with torch.no_grad():
        density, slices = made(picture, torch.tensor(boxes), condition, stride)
    assert density.shape == (len(boxes), picture.shape[1] // stride, picture.shape[2] // stride)
    assert slices.shape == (len(boxes), made.slices, *density.shape[1:])
    assert density.dtype == slices.dtype == torch.float32
    return torch.cat([density[:, None], slices], 1)


def within(box: tuple[float, ...], shape: tuple[int, int], stride: int) -> Tensor:
    """The cells whose centre lies on the picture."""
    y, x = ((torch.arange(side) + 0.5) * stride for side in shape)
    return ((y >= box[1]) & (y < box[3]))[:, None] & ((x >= box[0]) & (x < box[2]))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("count", [1, 3])
def test_maps_sum_to_one_on_the_picture_and_to_zero_in_the_bars(name: str, stride: int, count: int) -> None:
    boxes: list[tuple[float, ...]] = [BOXES[0], *BOXES[2:]][:count]
    log = run(name, clutter(count), boxes, [0, 1, 2][:count], stride)
    assert log.isfinite().all()
    torch.testing.assert_close(log.exp().sum((2, 3)), torch.ones(log.shape[:2]), rtol=0, atol=1e-4)
    if isinstance(network(name), Classical) and stride == 4:
        return  # these average pixels, so that a cell on the border holds the share of its pixels on the picture
    for maps, box in zip(log, boxes, strict=True):
        inside = within(box, tuple(maps.shape[1:]), stride)  # type: ignore[arg-type]
        assert (maps[:, ~inside].exp() == 0).all()
        assert (maps[:, inside].exp() > 0).all()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(32, 32), (32, 160), (96, 64)])
def test_any_canvas_of_whole_multiples_will_do(name: str, size: tuple[int, int]) -> None:
    made: Any = network(name)
    assert all(side % made.multiple == 0 for side in size)
    log = run(name, clutter(1, size), [(0.0, 0.0, float(size[1]), float(size[0]))])
    torch.testing.assert_close(log.exp().sum((2, 3)), torch.ones(log.shape[:2]), rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_picture_is_seen_alone_as_in_a_batch(name: str) -> None:
    """Float32 sums are taken in another order in another batch: log densities may differ by rounding, not more."""
    pictures, conditions = clutter(4), [0, 1, 2, 3]
    together = run(name, pictures, BOXES, conditions)
    for i in range(4):
        alone = run(name, pictures[i : i + 1], BOXES[i : i + 1], [conditions[i]])
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=2e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_evaluation_gives_the_same_twice_and_leaves_its_input_alone(name: str) -> None:
    pictures = clutter(2)
    before, state = pictures.clone(), copy.deepcopy(network(name).state_dict())
    assert torch.equal(run(name, pictures, BOXES[:2]), run(name, pictures, BOXES[:2]))
    assert torch.equal(pictures, before)
    assert all(torch.equal(value, state[key]) for key, value in network(name).state_dict().items())


@pytest.mark.parametrize("name", MODELS)
def test_a_model_looks_at_the_picture_unless_it_is_the_centre_bias(name: str) -> None:
    log = run(name, clutter(2), [BOXES[0]] * 2)
    assert torch.equal(log[0], log[1]) is (name == "center_bias")


@pytest.mark.parametrize("name", MODELS)
def test_uniform_has_no_centre_bias(name: str) -> None:
    """A picture without content: what is left is the border of the network, not a hill in the middle."""
    made: Any = network(name)
    last = len(made.conditions) - 1
    assert made.conditions[0] == "any"
    assert made.conditions[last] == "uniform"
    grey = torch.full((1, *CANVAS, 3), 124, dtype=torch.uint8)
    log = run(name, grey, [BOXES[0]], [last])
    if name == "center_bias" or isinstance(made, Classical):
        torch.testing.assert_close(log.exp(), torch.full_like(log, 1 / (64 * 96)), rtol=1e-4, atol=0)
    if hasattr(made, "finish"):  # nothing of the bias is left, whatever it had learned
        changed = copy.deepcopy(made)
        with torch.no_grad():
            changed.finish.bias.normal_()
            density, slices = changed(grey, torch.tensor([BOXES[0]]), torch.tensor([last]))
        assert torch.equal(torch.cat([density[:, None], slices], 1), log)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_built_again_from_its_arguments(name: str) -> None:
    made: Any = network(name)
    again = type(made)(**made.arguments)
    assert again.conditions == made.conditions
    assert again.slices == made.slices
    again.load_state_dict(made.state_dict())


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_in_one_line_what_it_is(name: str) -> None:
    module = pkgutil.resolve_name(MODELS[name].place.split(":")[0])
    line = (inspect.getdoc(module) or "").splitlines()[0]
    assert line.endswith((".", "training."))
    assert 20 < len(line) < 120


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if not isinstance(network(name), Classical)])
def test_a_trained_model_can_learn_one_picture(name: str) -> None:
    """Eight steps towards one place raise its probability: every model of the table can be trained as it is."""
    torch.manual_seed(0)
    made = copy.deepcopy(network(name)).train()
    optimizer = torch.optim.Adam(made.parameters(), 5e-3)
    inputs = clutter(2), torch.tensor(BOXES[:2]), torch.tensor([1, 1])
    values = []
    for _ in range(8):
        density, slices = made(*inputs, 4)
        loss = -density[:, 4:7, 10:14].logsumexp((1, 2)).mean() - slices[:, :, 4:7, 10:14].logsumexp((2, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < values[0] - 0.1


def tempsal(slices: int = 3) -> TempSAL:
    torch.manual_seed(0)
    return TempSAL(("one",), slices=slices, **TINY["tempsal"]).eval()


@pytest.mark.parametrize("slices", [0, 1, 7])
def test_tempsal_tells_any_number_of_seconds_apart(slices: int) -> None:
    with torch.no_grad():
        density, parts = tempsal(slices)(clutter(1), torch.tensor(BOXES[:1]), torch.tensor([0]), 4)
    assert parts.shape == (1, slices, 16, 24)
    torch.testing.assert_close(density.exp().sum(), torch.tensor(1.0))


def test_tempsals_seconds_differ_and_each_knows_of_the_others() -> None:
    made = tempsal()
    inputs = clutter(1), torch.tensor(BOXES[:1]), torch.tensor([2])
    with torch.no_grad():
        density, slices = made(*inputs, 4)
        assert len({round(float(part.max()), 4) for part in slices[0]}) == 3
        made.seconds[3] += 1
        changed, moved = made(*inputs, 4)
    assert not torch.allclose(slices[:, 0], moved[:, 0])  # through attention over time
    assert not torch.allclose(density, changed)  # through the mixing module


def test_tempsal_has_the_arithmetic_of_its_docstring() -> None:
    """slice_s = sum over d of F_d A_sd, plus an offset, at a quarter of the canvas."""
    made, seen = tempsal(), {}
    made.finish.register_forward_hook(lambda module, inputs, output: seen.update(logits=inputs[0]))
    with torch.no_grad():
        made(clutter(2), torch.tensor(BOXES[:2]), torch.tensor([0, 1]), 4)
        features = made.encoder((clutter(2).permute(0, 3, 1, 2).float() - made.mean) / made.std)
        tokens = made._tokens(features)
        fine, _ = made._fine(features, tokens)
        weights = torch.stack([made.read(tokens[:, s]).permute(0, 3, 1, 2) for s in range(4)], 1)
        for s in range(1, 4):
            wide = nn.functional.interpolate(weights[:, s], (16, 24), mode="bilinear", align_corners=False)
            torch.testing.assert_close(
                seen["logits"][:, s], torch.einsum("bdhw,bdhw->bhw", fine, wide[:, :-1]) + wide[:, -1]
            )
    assert tokens.shape == (2, 4, 4, 6, 16)
    assert fine.shape == (2, 8, 16, 24)


def test_the_models_folder_holds_no_model_that_the_table_lacks() -> None:
    folder = Path(pkgutil.resolve_name("saliency").__file__).parent
    named = {value.place.split(":")[0].rpartition(".")[2] for value in MODELS.values()}
    for path in sorted(folder.glob("*.py")):
        module = pkgutil.resolve_name(f"saliency.{path.stem}") if path.stem != "__init__" else types.ModuleType("none")
        models = [
            kind
            for kind in vars(module).values()
            if inspect.isclass(kind)
            and issubclass(kind, nn.Module)
            and hasattr(kind, "multiple")
            and kind is not Classical
        ]
        assert all(kind.__module__.rpartition(".")[2] in named for kind in models), path.name
