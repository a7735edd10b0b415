"""How much quicker a training step of each `lite` backbone is with the gradients of `saliency.layers.cpu_convolution`.

    python tests/bench/bench_depthwise.py [--batch 8] [--threads 1]

Forward and backward in bfloat16 on a CPU, with plain convolutions and with ours in turn; the ratio of the medians.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

sys.path.insert(0, str(Path(__file__).parents[2]))

from saliency.layers import efficientnet_lite
from saliency.layers.efficientnet_lite import EfficientNetLite

CASES = {"lite0": (192, 256), "lite2": (256, 352)}
ROUNDS = 5


def plain(x: Tensor, weight: Tensor, *options: int) -> Tensor:
    """The convolution as torch differentiates it."""
    return conv2d(x, weight, None, *options)


def step(network: nn.Module, x: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = sum(m.float().mean() for m in network(x))
    total.backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name, canvas in CASES.items():
        network = EfficientNetLite(name).train().to(memory_format=torch.channels_last)
        network.freeze_norms()
        x = torch.randn(args.batch, 3, *canvas).contiguous(memory_format=torch.channels_last)
        times: dict[str, list[float]] = {"plain": [], "ours": []}
        for turn in range(ROUNDS + 1):
            for kind, seconds in times.items():
                if kind == "plain":
                    with patch.object(efficientnet_lite, "convolution", plain):
                        taken = step(network, x)
                else:
                    taken = step(network, x)
                seconds.extend([taken] if turn else [])  # the first warms up
        plainly, ours = (statistics.median(seconds) for seconds in times.values())
        each = 1000 * ours / args.batch
        print(f"{name} {canvas[0]} x {canvas[1]}: {plainly / ours:.2f} times as quick, {each:.0f} ms a picture")


if __name__ == "__main__":
    main()
