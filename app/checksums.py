"""Write the checksums of the models of a folder, into `SHA256SUMS` and their cards: `make checksums`.

`gaze export` does it after each export into such a folder; a test holds that lists and cards are true.
"""

from pathlib import Path

import click

from data import checksums
from evaluation import model_card
from export.runtime.registry import STEP, WEIGHTS

SUFFIXES = (".onnx", ".safetensors")


def write(folder: Path) -> None:
    """The list of a folder of models anew, and the sums in the cards that are there.

    A card whose model is not there, as it does not ship, gets no list of nothing.
    """
    sums = checksums.write(folder, (path.name for path in folder.iterdir() if path.suffix in SUFFIXES))
    for card in sorted(folder.glob("*.md")):
        names = [card.stem + ending for ending in (".onnx", STEP, ".safetensors")]
        own = {name: sums[name] for name in names if name in sums}
        if own or model_card.SUMS in card.read_text():
            model_card.write_checksums(card, own)


def update(folder: Path) -> None:
    """The same for a folder that has such a list, after a file of it has changed."""
    if (folder / checksums.FILE).is_file():
        write(folder)


def main() -> None:
    """Write those of the models that ship."""
    write(WEIGHTS)
    click.echo(WEIGHTS / checksums.FILE)


if __name__ == "__main__":
    main()
