"""What a user's own pictures get: train on all sets but one, and ask under "any" on that one.

    python tests/bench/leave_one_set_out.py ../shared/data/osie ../shared/data/crowd ../shared/data/scene \\
        --seconds 3 5 3 --output runs/leave-one-out [--recipe tempsal-fast] [--epochs 6] [--only osie]

For each set a network is trained on the others (what is there already stays), and how likely people's fixations on the
left-out set's val pictures are is measured under many gains and weights of the centre bias (`saliency.calibration`).
Then the table: the left-out set's test pictures, each at its own size, as the network is, and with the gain and weight
that are best on the val pictures of the *other* left-out sets. The last line names those that are best on all.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app import export_model
from saliency import MODELS
from saliency.calibration import best, calibrated, surface
from saliency.datamodule import GazeData
from training import weights

GAZE = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from app.cli.main import main; main()"]
NAMES = ("plain", "calibrated")


def train(others: list[tuple[Path, float]], folder: Path, recipe: str, epochs: int) -> Path:
    """The weights of a run on some sets, as safetensors."""
    target = folder / "network.safetensors"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        roots = json.dumps([str(root.resolve()) for root, _ in others])
        flags = ["--data.root", roots, "--data.seconds", json.dumps([seconds for _, seconds in others])]
        flags += ["--data.objects", "false", "--trainer.max_epochs", str(epochs)]
        subprocess.run([*GAZE, "train", recipe, *flags], cwd=folder, check=True)
        newest = max(folder.glob(f"runs/{recipe}/*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
        weights.save(weights.load(newest, MODELS), target)
    return target


def measured(file: Path, root: Path, seconds: float) -> dict[tuple[float, float], float]:
    """`surface` on the val pictures of a set; remembered beside the weights."""
    known = file.with_name("surface.json")
    if not known.exists():
        network = weights.load(file, MODELS)
        data = GazeData(str(root), seconds=seconds, canvas=network.canvas, slices=network.slices, workers=0)  # type: ignore[arg-type]
        data.setup()
        found = surface(network, data.val_dataloader())  # type: ignore[arg-type]
        known.write_text(json.dumps([[*pair, bits] for pair, bits in found.items()]))
    return {(gain, weight): bits for gain, weight, bits in json.loads(known.read_text())}


def scores(root: Path, seconds: float, models: list[Path]) -> dict[str, dict[str, float]]:
    """Each model's scores on the test pictures, under "any"."""
    command = ["evaluate", "saliency", "--data", str(root), "--condition", "any", "--format", "json"]
    command += ["--seconds", str(seconds)]
    for model in models:
        command += ["--model", str(model)]
    done = subprocess.run([*GAZE, *command], check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)["scores"]["whole"]
    return {
        name: {score: value["mean"] for score, value in rows[name].items() if value} for name in ("centre bias", *NAMES)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 5.0, 3.0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--recipe", default="tempsal-fast")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", nargs="*", help="Train and measure these left-out sets, and print no table.")
    args = parser.parse_args()
    torch.set_num_threads(max(1, torch.get_num_threads()))
    pairs = list(zip(args.roots, args.seconds, strict=True))
    files, surfaces = {}, {}
    for left, seconds in pairs:
        if args.only and left.name not in args.only:
            continue
        others = [pair for pair in pairs if pair[0] != left]
        files[left.name] = train(others, args.output.resolve() / left.name, args.recipe, args.epochs)
        surfaces[left.name] = measured(files[left.name], left, seconds)
    if args.only:
        return
    print("| left out | row | gain | weight | CC | NSS | KL | IG |\n|---|---|---|---|---|---|---|---|")
    for left, seconds in pairs:
        found = best(each for name, each in surfaces.items() if name != left.name)
        network = weights.load(files[left.name], MODELS)
        exported = []
        for name, each in zip(NAMES, (network, calibrated(network, found.gain, found.weight)), strict=True):  # type: ignore[arg-type]
            folder = files[left.name].parent
            weights.save(each, folder / f"{name}.safetensors")
            export_model.export(str(folder / f"{name}.safetensors"), name, folder)
            exported.append(folder / f"{name}.onnx")
        for name, row in scores(left, seconds, exported).items():
            gain, weight = (found.gain, found.weight) if name == "calibrated" else (1.0, 1.0)
            told = " | ".join(f"{row[score]:.3f}" for score in ("cc", "nss", "kl", "ig"))
            print(f"| {left.name} | {name} | {gain} | {weight} | {told} |")
    print(f"best on all: {best(surfaces.values())}")


if __name__ == "__main__":
    main()
