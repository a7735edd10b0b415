"""`gaze calibrate`: makes a trained TempSAL ready for pictures that it never saw."""

from pathlib import Path

import click

from app.cli.echo import echo
from data.errors import GazeError


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="WEIGHTS")
@click.option(
    "--photographs",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A set whose training pictures are photographs; may be repeated. Learns to tell them from screens and text.",
)
@click.option(
    "--gain",
    type=click.FloatRange(0, min_open=True),
    help='How many times as sharp "any" is to be; "uniform" is as sharp.',
)
@click.option("--bias", type=click.FloatRange(0), help='Weight of the centre bias of "any".')
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The .safetensors to write.")
def calibrate(source: Path, roots: tuple[Path, ...], gain: float | None, bias: float | None, output: Path) -> None:
    """Write a TempSAL (.safetensors, .ckpt) that knows media, and another sharpness and centre bias for "any".

    Gain and bias that suit sets which a network never saw are measured by leaving one set out
    (python tests/bench/leave_one_set_out.py); both are relative to what the network has.
    """
    from saliency import MODELS
    from saliency.calibration import calibrated
    from saliency.media import learn_media
    from saliency.models.tempsal import TempSAL
    from training import weights

    if output.suffix != ".safetensors":
        raise GazeError(f"{output}: the weights are written as .safetensors; give such a name.")
    network = weights.load(source, MODELS)
    if not isinstance(network, TempSAL):
        raise GazeError(f"{source}: {type(network).__name__} cannot be calibrated; give a tempsal.")
    if gain is None and bias is None and not roots:
        raise GazeError("There is nothing to calibrate; give --photographs, --gain or --bias.")
    if gain is not None or bias is not None:
        network = calibrated(network, 1.0 if gain is None else gain, 1.0 if bias is None else bias)
    if roots:
        network, share = learn_media(network, roots)
        echo(f"media: {share:.1%} of held-out pictures are told right")
    weights.save(network, output)
    echo(f"{output}: written")
