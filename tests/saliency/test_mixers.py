"""TempSAL with every mixer of the table, in its encoder and in its decoder: it learns, is kept, and becomes a file."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attention import MIXERS
from data.errors import GazeError, ModelError
from export.onnx import TOLERANCE, export
from saliency import MODELS
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from tests.contracts import contract
from training import weights

TINY: dict[str, Any] = {"conditions": ("osie",), "slices": 2, "width": 16, "fine": 8, "blocks": 1, "heads": 2}
BOX = torch.tensor([[0.0, 0.0, 96.0, 64.0]])


def network(mixer: str, **others: Any) -> TempSAL:
    """Not as it starts: every weight has moved."""
    torch.manual_seed(0)
    made = TempSAL(**TINY, mixer=mixer, **others)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return made.eval()


def seen(made: nn.Module, count: int = 1) -> Tensor:
    picture = torch.randint(0, 256, (count, 64, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    density, slices = made(picture, BOX.expand(count, -1), torch.zeros(count, dtype=torch.long), 4)
    return torch.cat([density[:, None], slices], 1)


def batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    counts = (torch.rand(2, 3, 16, 24, generator=generator) < 0.02).float()
    density = torch.rand(2, 3, 16, 24, generator=generator).flatten(2).softmax(-1).view(2, 3, 16, 24)
    picture = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8, generator=generator)
    fed = {"picture": picture, "content": BOX.expand(2, -1), "condition": torch.tensor([0, 1])}
    return {**fed, "counts": counts, "density": density, "valid": torch.ones(2, 3, dtype=torch.bool)}


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_mixer_decides_what_is_seen_and_every_weight_learns(mixer: str) -> None:
    made = network(mixer, fine_mixer=mixer)
    with torch.no_grad():
        one = seen(made)
        torch.testing.assert_close(one[:, 0].flatten(1).logsumexp(-1), torch.zeros(1), rtol=0, atol=1e-4)
        torch.testing.assert_close(seen(made, 2)[:1], one, rtol=0, atol=1e-4)
    if mixer != "interleaved":
        kinds = {type(module).__name__ for module in made.modules()}
        assert any(MIXERS[mixer].endswith(f":{kind}") for kind in kinds)
    task = SaliencyTask(made)
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    task.train()
    task.training_step(batch(), 0).backward()
    idle = [
        n for n, p in made.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.isfinite().all())
    ]
    assert not idle


@pytest.mark.slow
@pytest.mark.parametrize("mixer", MIXERS)
def test_weights_with_a_mixer_come_back_from_their_file(mixer: str, tmp_path: Path) -> None:
    made = network(mixer)
    path = tmp_path / "net.safetensors"
    weights.save(made, path)
    back = weights.load(path, {"tempsal": MODELS["tempsal"]})
    assert back.arguments["mixer"] == mixer
    with torch.no_grad():
        torch.testing.assert_close(seen(back.eval()), seen(made))


def test_heads_that_choose_are_kept_equally_busy() -> None:
    made = network("mixture_of_head")
    task = SaliencyTask(made)
    told: dict[str, Tensor] = {}
    task.log = lambda name, value, **_: told.update({name: value.detach()})  # type: ignore[method-assign,assignment]
    task.train()
    total = task.training_step(batch(), 0).detach()
    parts = told["train/whole"] + 0.5 * told["train/slices"]
    assert 0.01 < total - parts < 0.03  # two mixers, each at least .01 * active / routed of two, and at most .01
    assert all(getattr(module, "balance", None) is None for module in made.modules())


@pytest.mark.slow
@pytest.mark.parametrize("mixer", [mixer for mixer in MIXERS if mixer != "cog"])
def test_a_model_with_any_mixer_becomes_a_checked_file(mixer: str, tmp_path: Path) -> None:
    made = network(mixer, fine_mixer=mixer)
    assert export(made, tmp_path / "tiny.onnx", contract(made)) <= TOLERANCE


@pytest.mark.slow
def test_a_model_with_cog_is_exported_or_refused_and_never_kept_where_it_differs(tmp_path: Path) -> None:
    """Beside a logit of 0 its weight jumps from minus to plus, and rounding decides (`attention.operators.cog`)."""
    made, path, refused = network("cog", fine_mixer="cog"), tmp_path / "tiny.onnx", ""
    try:
        assert export(made, path, contract(made)) <= TOLERANCE
    except ModelError as error:
        refused = str(error)
    assert path.is_file() is not bool(refused)
    assert not refused or "differs from PyTorch" in refused


def test_an_unknown_mixer_is_refused_with_the_known_ones() -> None:
    for where in ("mixer", "fine_mixer"):
        with pytest.raises(
            GazeError, match=r"There is no mixer 'plain'; choose one of interleaved, relational, foveal"
        ):
            TempSAL(**{where: "plain"})  # type: ignore[arg-type]
