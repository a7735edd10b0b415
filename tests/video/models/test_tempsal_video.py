"""A stream is a clip, a first frame is a still, and what comes later changes nothing."""

import itertools

import pytest
import torch
from torch import Tensor

from tests.video.networks import CANVAS, network, window
from video.models.tempsal_video import State, TempSALVideo

WAYS = [{}, {"window": 1}, {"motion": False}, {"memory": False}, {"window": 1, "motion": False, "memory": False}]


def streamed(made: TempSALVideo, given: dict[str, Tensor], stride: int = 4) -> Tensor:
    state: State = made.start(given["clip"])
    found = []
    for index in range(given["clip"].shape[1]):
        picture, step = given["clip"][:, index], given["step_s"][:, index]
        density, state = made.step(picture, given["content"], given["condition"], step, state, stride)
        found.append(density)
    return torch.stack(found, 1)


@pytest.mark.slow
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_a_clip_at_once_is_the_same_as_its_stream(options: dict[str, object]) -> None:
    made, given = network(**options), window()
    with torch.no_grad():
        whole, _ = made(**given, stride=4)
        torch.testing.assert_close(streamed(made, given), whole, rtol=0, atol=1e-5)


def test_a_clip_goes_on_where_it_was_cut_in_two() -> None:
    made, given = network(), window(6)
    parts = [
        {name: v[:, some] if name in ("clip", "step_s") else v for name, v in given.items()}
        for some in (slice(0, 3), slice(3, 6))
    ]
    with torch.no_grad():
        whole, _ = made(**given, stride=4)
        first, state = made(**parts[0], stride=4)
        second, _ = made(**parts[1], state=state, stride=4)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-5)


def test_a_first_frame_is_answered_as_the_still_network_does() -> None:
    made, given = network(), window(2)
    with torch.no_grad():
        picture = given["clip"][:, 0]
        density, _ = made.step(
            picture, given["content"], given["condition"], given["step_s"][:, 0], made.start(given["clip"])
        )
        still, *_ = made.still(picture, given["content"], given["condition"])
        torch.testing.assert_close(density, still, rtol=0, atol=1e-5)
        later, _ = made(**given, stride=4)
        plain, *_ = made.still(given["clip"][:, 1], given["content"], given["condition"], 4)
    assert (later[:, 1] - plain).abs().max() > 0.01


def test_what_comes_later_changes_nothing() -> None:
    made, given = network(), window(6)
    other = {**given, "clip": given["clip"].clone()}
    other["clip"][:, 4:] = 255 - other["clip"][:, 4:]
    with torch.no_grad():
        one, two = made(**given, stride=4)[0], made(**other, stride=4)[0]
    torch.testing.assert_close(one[:, :4], two[:, :4], rtol=0, atol=1e-5)
    assert (one[:, 4] - two[:, 4]).abs().max() > 0.01


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_every_frame_is_a_density_of_the_picture_alone(options: dict[str, object]) -> None:
    made, given = network(**options), window()
    with torch.no_grad():
        density = made(**given, stride=1)[0].exp()
    assert density.shape == (2, 5, *CANVAS)
    torch.testing.assert_close(density.sum((2, 3)), torch.ones(2, 5))
    assert float(density[0, :, :8].max()) == 0
    assert float(density[1, :, :, :12].max()) == 0


def test_a_clip_is_seen_alone_as_in_a_batch() -> None:
    made, given = network(), window()
    with torch.no_grad():
        together = made(**given, stride=4)[0]
        for row in range(2):
            alone = made(**{name: values[row : row + 1] for name, values in given.items()}, stride=4)[0]
            torch.testing.assert_close(alone, together[row : row + 1], rtol=0, atol=2e-4)


def test_the_seconds_between_frames_matter_but_not_those_before_the_first() -> None:
    made, given = network(), window()
    first, later = given["step_s"].clone(), given["step_s"].clone()
    first[:, 0], later[:, 2] = 5.0, 1.0
    with torch.no_grad():
        plain = made(**given, stride=4)[0]
        assert torch.equal(made(**{**given, "step_s": first}, stride=4)[0], plain)
        assert not torch.allclose(made(**{**given, "step_s": later}, stride=4)[0][:, 2], plain[:, 2], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), [("memory", False), ("window", 1), ("motion", False)])
def test_each_part_can_be_left_out_and_then_matters_no_more(name: str, value: object) -> None:
    """Two pasts with the same last frames: what is left out cannot tell them apart, what is there can."""
    given = window(6)
    other = {**given, "clip": given["clip"].clone()}
    other["clip"][:, 0] = 255 - other["clip"][:, 0]
    with torch.no_grad():
        with_all = [network()(**each, stride=4)[0][:, 5] for each in (given, other)]
        assert not torch.equal(*with_all)
        alone = network(**{"memory": False, "window": 1, "motion": False, name: value})
        without = [alone(**each, stride=4)[0][:, 5] for each in (given, other)]
    assert torch.equal(*without)


def test_a_network_is_built_again_from_its_arguments() -> None:
    made = network(window=3, motion=False)
    again = TempSALVideo(**made.arguments)
    again.load_state_dict(made.state_dict())
    given = window(3)
    with torch.no_grad():
        assert torch.equal(again.eval()(**given, stride=4)[0], made(**given, stride=4)[0])


def test_every_part_but_the_still_network_learns_from_the_second_frame_on() -> None:
    made = network().train()
    made.still.eval().requires_grad_(False)
    made(**window(4), stride=4)[0][:, 1:].exp().square().sum().backward()
    unlearned = [
        name
        for name, parameter in made.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().max() > 0)
    ]
    assert not unlearned


def test_what_is_remembered_has_the_sizes_that_are_told() -> None:
    made, given = network(), window(3)
    with torch.no_grad():
        _, state = made(**given, stride=4)
    for kept in (state, made.start(given["clip"])):
        sizes = {name: (c, CANVAS[0] // s, CANVAS[1] // s) for name, (c, s) in made.memory.items()}
        assert {name: tuple(values.shape[1:]) for name, values in kept.items()} == sizes


@pytest.mark.slow
def test_a_long_stream_stays_finite() -> None:
    made, given = network(), window(2, batch=1)
    state = made.start(given["clip"])
    with torch.no_grad():
        for index in itertools.islice(itertools.cycle(range(2)), 60):
            picture = given["clip"][:, index] if index else torch.zeros_like(given["clip"][:, 0])
            density, state = made.step(picture, given["content"], given["condition"], given["step_s"][:, 0], state, 4)
    assert all(torch.isfinite(values).all() for values in (density, *state.values()))
