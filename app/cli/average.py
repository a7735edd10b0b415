"""`gaze average`: the mean of the weights of several runs that began from the same ones."""

from pathlib import Path

import click

from app.cli.echo import echo
from data.errors import GazeError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="WEIGHTS...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The .safetensors to write.")
def average(files: tuple[Path, ...], output: Path) -> None:
    """Write the mean of the weights (.safetensors, .ckpt) of several runs: a model soup.

    It often predicts better than each of them where they were fine-tuned from the same weights; runs that began apart
    do not average. Wortsman et al. 2022, https://arxiv.org/abs/2203.05482.
    """
    from app import tasks
    from training import weights

    if output.suffix != ".safetensors":
        raise GazeError(f"{output}: the weights are written as .safetensors; give such a name.")
    if len(files) < 2:
        raise GazeError("There is nothing to average; give two files of weights or more.")
    networks = [weights.load(path, tasks.models()) for path in files]
    weights.save(weights.average(networks), output)
    echo(f"{output}: written")
