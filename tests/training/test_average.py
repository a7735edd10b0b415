"""The mean of several runs' weights, from the command line and alone."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError
from saliency import MODELS
from saliency.models.tempsal import TempSAL
from training import weights


def network(seed: int, width: int = 8) -> TempSAL:
    torch.manual_seed(seed)
    return TempSAL(("one",), slices=2, width=width, fine=4, blocks=1, heads=2).eval()


@pytest.mark.slow
def test_every_weight_is_the_mean_and_counts_are_the_first_one_s() -> None:
    networks = [network(seed) for seed in range(3)]
    networks[0].state_dict()["top.1.num_batches_tracked"].fill_(7)
    before = {name: value.clone() for name, value in networks[0].state_dict().items()}
    mean = weights.average(networks).state_dict()
    assert mean["top.1.num_batches_tracked"] == 7
    for name, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, sum(each.state_dict()[name] for each in networks) / 3)
        assert torch.equal(networks[0].state_dict()[name], before[name])


def test_networks_that_are_built_differently_do_not_average() -> None:
    with pytest.raises(GazeError, match="built differently"):
        weights.average([network(0), network(0, 16)])


@pytest.mark.slow
def test_the_command_writes_what_loads_and_answers_mistakes(tmp_path: Path) -> None:
    for seed in range(2):
        weights.save(network(seed), tmp_path / f"{seed}.safetensors")
    files = [str(tmp_path / f"{seed}.safetensors") for seed in range(2)]
    result = CliRunner().invoke(main, ["average", *files, "-o", str(tmp_path / "mean.safetensors")])
    assert result.exit_code == 0, result.output
    loaded = weights.load(tmp_path / "mean.safetensors", MODELS).state_dict()
    wanted = weights.average([network(seed) for seed in range(2)]).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in wanted.items())
    for arguments, said in (
        ([files[0]], "two files of weights or more"),
        ([*files, "-o", str(tmp_path / "mean.ckpt")], "written as .safetensors"),
    ):
        output = [] if "-o" in arguments else ["-o", str(tmp_path / "x.safetensors")]
        wrong = CliRunner().invoke(main, ["average", *arguments, *output])
        assert wrong.exit_code != 0
        assert said in str(wrong.output) + str(wrong.exception)
