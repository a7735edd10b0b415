"""The cone of view on made people whose heads and targets are known: how far off it is, and if it tells in from out.

python -m tests.bench.cone
"""

import click
import numpy as np

from data.synthetic import onlookers
from export.runtime.saliency import Predictor
from following.baselines.cone import angles, cone, in_frame

ROOMS, SEED = 80, 7


def auc(inside: list[float], outside: list[float]) -> float:
    """How often a value of the first is above one of the second."""
    return float((np.array(inside)[:, None] > np.array(outside)).mean())


@click.command()
def main() -> None:
    """Print the mean and median distance to the target (x by width, y by height), and AUCs of in and out."""
    saliency, chance = Predictor("tempsal", provider="cpu", threads=1), np.random.default_rng(0)
    away: dict[str, list[float]] = {}
    frames: dict[str, tuple[list[float], list[float]]] = {"by the cone": ([], []), "and saliency": ([], [])}
    for number in range(ROOMS):
        made = onlookers.room(SEED, number)
        size = made.pixels.shape[:2]
        density = saliency(made.pixels).density
        for person in made.people:
            direction = angles(*person.forward.tolist())
            for (_, sides), map_ in zip(frames.items(), (None, density), strict=True):
                sides[person.target is None].append(in_frame(size, person.box, direction, 0, map_))
            if person.target is None:
                continue
            maps = {
                "cone x tempsal": cone(density, person.box, direction),
                "disc x tempsal": cone(density, person.box),
                "tempsal": density,
                "cone": cone(np.zeros(size), person.box, direction),
                "chance": chance.random(size),
            }
            for name, map_ in maps.items():
                y, x = np.unravel_index(map_.argmax(), size)
                miss = (x + 0.5 - person.target.x) / size[1], (y + 0.5 - person.target.y) / size[0]
                away.setdefault(name, []).append(float(np.hypot(*miss)))
    for name, values in away.items():
        click.echo(
            f"{name}: {np.mean(values):.2f} from the target, median {np.median(values):.2f} ({len(values)} people)"
        )
    for name, (inside, outside) in frames.items():
        click.echo(f"in or out {name}: AUC {auc(inside, outside):.2f} ({len(inside)} in, {len(outside)} out)")


if __name__ == "__main__":
    main()
