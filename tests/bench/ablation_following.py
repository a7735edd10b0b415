"""Which parts of ViTGaze's form on a convolutional network matter, on made people?

    python tests/bench/ablation_following.py [--rooms 600] [--epochs 6] [--variants full cone]

Rooms of `data.synthetic.onlookers` are looked at once by lite2, whose features stay as ImageNet left them; each variant
is then trained on them for some epochs, without augmentation, and judged on rooms that it has not seen: AUC and average
distance of those who look into the picture, in/out precision of all. One thread; minutes a variant.

    full        three blocks in which a head's tokens look at the scene
    one block   one of them
    cone        none: a learned cone of view, and the decoder's features of the picture
    no space    tokens of the scene that have not looked at each other
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.following.people import Person
from data.following.sets import open_set
from data.synthetic import onlookers
from evaluation.following import scoring
from following.dataset import PersonDataset, Render
from following.losses import head_patches, in_frame, kl
from following.metrics import average_precision
from following.models.vitgaze import ViTGaze
from following.task import head_mask
from saliency.task import begin_encoder

CANVAS = (192, 256)
BATCH = 16
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "one block": {"interactions": 1},
    "cone": {"interactions": 0},
    "no space": {"blocks": 0},
}
Features = dict[Path, list[torch.Tensor]]


class Kept(torch.nn.Module):
    """Stands for the encoder: gives the features that were kept of the pictures of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.now: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Those features, whatever the pictures are."""
        return self.now


def kept(people: list[Person], samples: list[dict[str, Any]]) -> Features:
    """What lite2 says of each picture, in half precision."""
    network = ViTGaze("lite2", canvas=CANVAS)
    begin_encoder(network, True, freeze_norms=True)
    network.eval()
    found: Features = {}
    with torch.inference_mode():
        for person, sample in zip(people, samples, strict=True):
            if person.path not in found:
                picture = torch.from_numpy(sample["picture"])[None].permute(0, 3, 1, 2).float()
                found[person.path] = [f.half() for f in network.encoder((picture - network.mean) / network.std)]
    return found


def batch(samples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Samples, stacked."""
    return {name: torch.from_numpy(np.stack([np.asarray(s[name]) for s in samples])) for name in samples[0]}


def variant(options: dict[str, Any]) -> ViTGaze:
    """A network whose encoder is what was kept; every variant begins with the same chance."""
    torch.manual_seed(1)
    network = ViTGaze("lite2", canvas=CANVAS, **options)
    network.encoder = Kept()
    return network


def run(network: ViTGaze, people: list[Person], rows: dict[str, torch.Tensor], features: Features) -> Any:
    """Log densities per cell, logits of in the frame and of heads, of some people."""
    encoder: Any = network.encoder
    each = [features[person.path] for person in people]
    encoder.now = [torch.cat(parts).float() for parts in zip(*each, strict=True)]
    seen = network.encode(rows["picture"], rows["content"])
    return *network.decode(rows["head"], rows["content"], *seen, stride=4), network.head_patches(*seen)


def train(
    network: ViTGaze, people: list[Person], samples: list[dict[str, Any]], features: Features, epochs: int
) -> None:
    """One cycle over so many epochs."""
    steps = epochs * (len(people) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    network.train()
    for step in range(steps):
        epoch, at = divmod(step, len(people) // BATCH)
        order = np.random.default_rng((0, epoch)).permutation(len(people))[at * BATCH : (at + 1) * BATCH]
        rows = batch([samples[k] for k in order])
        density, inside, patches = run(network, [people[k] for k in order], rows, features)
        valid = rows["valid"]
        loss = kl(density[valid], rows["density"][valid]).mean() + in_frame(inside, rows["in_frame"]).mean()
        loss = loss + 0.3 * head_patches(patches, head_mask(rows["head"], rows["picture"], patches)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.inference_mode()
def judged(
    network: ViTGaze, people: list[Person], samples: list[dict[str, Any]], features: Features
) -> dict[str, float]:
    """The scores on people that were not trained on."""
    network.eval()
    scores: list[dict[str, float]] = []
    sure: list[float] = []
    for start in range(0, len(people), BATCH):
        some = people[start : start + BATCH]
        density, inside, _ = run(network, some, batch(samples[start : start + BATCH]), features)
        scores += [scoring.scores(d, p, 256) for d, p in zip(density.numpy(), some, strict=True)]
        sure += inside.tolist()
    known = [each for each in scores if each]
    truth = np.array([bool(person.in_frame) for person in people])
    found = {name: float(np.mean([each[name] for each in known])) for name in (scoring.AUC, scoring.AVERAGE)}
    return found | {scoring.PRECISION: average_precision(np.array(sure), truth)}


def main() -> None:
    """Train and judge the variants; the last line is JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rooms", type=int, default=600)
    options.add_argument("--epochs", type=int, default=6)
    options.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    asked = options.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        root = Path(folder) / "rooms"
        onlookers.write(root, asked.rooms, seed=7, size=CANVAS)
        splits = open_set(root).splits
        people = {"train": splits["train"], "test": [*splits["val"], *splits["test"]]}
        data = {name: PersonDataset(each, Render(CANVAS)) for name, each in people.items()}
        samples = {name: [each[0, k] for k in range(len(each))] for name, each in data.items()}
        features = {name: kept(people[name], samples[name]) for name in people}
    print(f"{len(people['train'])} people to train on, {len(people['test'])} to judge")
    found = {}
    for name in asked.variants:
        began = time.perf_counter()
        network = variant(VARIANTS[name])
        train(network, people["train"], samples["train"], features["train"], asked.epochs)
        found[name] = judged(network, people["test"], samples["test"], features["test"])
        told = "  ".join(f"{score} {value:.3f}" for score, value in found[name].items())
        print(f"{name:10} {told}  ({time.perf_counter() - began:.0f} s)", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
