"""FBLNet: a density for every frame, the same streamed and at once; its loop and its knowledge change the answer."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from data.errors import GazeError
from video import MODELS
from video.models.fblnet import FBLNet

CANVAS = (64, 96)
TINY: dict[str, Any] = {"backbone": "small", "width": 16, "fine": 8, "blocks": 1, "heads": 2, "canvas": CANVAS}
BOXES = torch.tensor([[0.0, 0.0, 96.0, 64.0], [16.0, 4.0, 80.0, 60.0]])


def made(**options: Any) -> FBLNet:
    """A network that is not as it starts: every weight has moved, so that nothing cancels by chance."""
    torch.manual_seed(0)
    network = FBLNet(("bdda",), **{**TINY, **options})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


@pytest.fixture(scope="module")
def network() -> FBLNet:
    return made()


def clip(count: int = 2, frames: int = 3, size: tuple[int, int] = CANVAS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Frames, contents, conditions and steps."""
    generator = torch.Generator().manual_seed(1)
    shape = (count, frames, size[0] // 8, size[1] // 8, 3)
    blocks = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    pictures = blocks.repeat_interleave(8, 2).repeat_interleave(8, 3)
    return pictures, BOXES[:count], torch.tensor([0, 1])[:count], torch.rand(count, frames, generator=generator) + 0.05


@torch.no_grad()
def run(network: FBLNet, *inputs: Tensor, stride: int = 4) -> Tensor:
    density, _ = network(*inputs, stride=stride)
    assert isinstance(density, Tensor)
    return density


@pytest.mark.parametrize("stride", [1, 4])
def test_each_frame_has_a_density_that_sums_to_one_on_the_picture(network: FBLNet, stride: int) -> None:
    pictures, boxes, condition, steps = clip()
    density = run(network, pictures, boxes, condition, steps, stride=stride)
    assert density.shape == (2, 3, CANVAS[0] // stride, CANVAS[1] // stride)
    assert density.dtype == torch.float32
    assert torch.isfinite(density).all()
    for row, (x0, y0, x1, y1) in enumerate((boxes / stride).int().tolist()):
        shares = density[row, :, y0:y1, x0:x1].exp().sum((1, 2))
        torch.testing.assert_close(shares, torch.ones(3), rtol=0, atol=1e-5)


def test_streamed_frames_are_predicted_as_those_of_a_whole_clip(network: FBLNet) -> None:
    pictures, boxes, condition, steps = clip()
    whole = run(network, pictures, boxes, condition, steps)
    state, found = network.start(pictures), []
    assert {name: tuple(map_.shape) for name, map_ in state.items()} == {"knowledge": (2, 16, 4, 6)}
    for index in range(3):
        with torch.no_grad():
            density, state = network.step(pictures[:, index], boxes, condition, steps[:, index], state, 4)
        found.append(density)
        assert {name: (map_.shape[1], CANVAS[0] // map_.shape[2]) for name, map_ in state.items()} == network.memory
    torch.testing.assert_close(torch.stack(found, 1), whole, rtol=0, atol=1e-5)


def test_a_clip_goes_on_from_where_it_was_left(network: FBLNet) -> None:
    pictures, boxes, condition, steps = clip()
    with torch.no_grad():
        first, state = network(pictures[:, :2], boxes, condition, steps[:, :2], stride=4)
        last, _ = network(pictures[:, 2:], boxes, condition, steps[:, 2:], state, 4)
    whole = run(network, pictures, boxes, condition, steps)
    torch.testing.assert_close(torch.cat([first, last], 1), whole, rtol=0, atol=1e-5)


def test_a_clip_is_predicted_alone_as_in_company(network: FBLNet) -> None:
    inputs = clip()
    together = run(network, *inputs)
    for row in range(2):
        alone = run(network, *(part[row : row + 1] for part in inputs))
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=2e-5)


def test_any_canvas_of_the_multiple_is_taken(network: FBLNet) -> None:
    pictures, _, condition, steps = clip(1, 2, (32, 160))
    density = run(network, pictures, torch.tensor([[0.0, 0.0, 160.0, 32.0]]), condition, steps)
    assert density.shape == (1, 2, 8, 40)


def test_the_seconds_before_a_first_frame_do_not_matter_but_later_ones_do(network: FBLNet) -> None:
    pictures, boxes, condition, steps = clip()
    usual = run(network, pictures, boxes, condition, steps)
    later = run(network, pictures, boxes, condition, steps + torch.tensor([5.0, 0.0, 0.0]))
    torch.testing.assert_close(later, usual, rtol=0, atol=0)
    later = run(network, pictures, boxes, condition, steps + torch.tensor([0.0, 5.0, 0.0]))
    assert (later - usual)[:, 1].abs().max() > 1e-4


def test_what_was_seen_before_changes_the_answer_unless_nothing_is_carried(network: FBLNet) -> None:
    pictures, boxes, condition, steps = clip()
    alone = run(network, pictures[:, 2:], boxes, condition, steps[:, 2:])
    assert (run(network, pictures, boxes, condition, steps)[:, 2:] - alone).abs().max() > 1e-3
    forgetful = made(carry=False)
    assert forgetful.memory == forgetful.start(pictures) == {}
    torch.testing.assert_close(run(forgetful, pictures, boxes, condition, steps)[:, 2:], alone, rtol=0, atol=1e-5)


def test_a_further_iteration_changes_the_answer(network: FBLNet) -> None:
    inputs = clip(1, 1)
    other = copy.deepcopy(network)
    other.iterations = 1
    assert (run(other, *inputs) - run(network, *inputs)).abs().max() > 1e-3


def test_the_gradient_reaches_every_parameter(network: FBLNet) -> None:
    trained = copy.deepcopy(network).train()
    pictures, boxes, condition, steps = clip()
    density, _ = trained(pictures, boxes, condition, steps, stride=4)
    density[:, -1].flatten(1)[:, 100].sum().backward()
    silent = [name for name, p in trained.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not silent


def test_it_is_built_again_from_its_arguments(network: FBLNet) -> None:
    again = MODELS["fblnet"].load()(**network.arguments)
    again.load_state_dict(network.state_dict())
    assert again.arguments == network.arguments
    assert torch.equal(run(again.eval(), *clip()), run(network, *clip()))


def test_it_learns_in_bfloat16(network: FBLNet) -> None:
    trained = copy.deepcopy(network)
    inputs = clip()
    exact = run(network, *inputs)
    with torch.autocast("cpu", torch.bfloat16):
        density, state = trained(*inputs, stride=4)
    assert density.dtype == state["knowledge"].dtype == torch.float32
    assert (density.exp() - exact.exp()).abs().sum((2, 3)).max() < 0.1
    density.mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in trained.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"mixer": "blender"}, "no mixer 'blender'"), ({"iterations": 0}, "1 or more"), ({"backbone": "x"}, "'x'")],
)
def test_what_cannot_be_built_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(GazeError, match=words):
        FBLNet(**(TINY | options))


@pytest.mark.slow
def test_the_loss_falls_on_made_drives() -> None:
    from tests.bench.bench_fblnet import learn, seen_drives

    network = FBLNet(**(TINY | {"width": 32}))
    data = seen_drives("train", 4, CANVAS, seconds=3.0)
    losses = learn(network, data, steps=40, clips_a_step=2, frames=4)
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
