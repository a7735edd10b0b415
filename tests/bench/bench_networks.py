"""How quick the networks that ship are beside a yardstick: MobileNetV2 with a decoder like UNISAL's, at 288 x 384.

    python tests/bench/bench_networks.py [--rounds 15] [--models tempsal tempsal-fast] [--pictures FOLDER]

Each is an ONNX file, run by ONNX Runtime on the CPU on one picture at a time, all in turn, on one thread and on two:
medians in milliseconds and how many times as quick as the yardstick each is. The yardstick (Droste, Jiao & Noble 2020,
https://arxiv.org/abs/2003.05477; Sandler et al. 2018, https://arxiv.org/abs/1801.04381) has random weights: what it
computes is meaningless, how long that takes is not. `small` is the backbone of gaze 0.2 at 192 x 256, with its mirror
image as it shipped, random too. With a folder of pictures it also prints how many a second `gaze predict` would look
at, decoding included, with one thread on each core.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.picture import read
from export.onnx import convert
from export.runtime.registry import find_model, read_contract
from export.runtime.saliency import Predictor
from export.runtime.session import session
from saliency.flip_ensemble import FlipEnsemble
from saliency.models.tempsal import TempSAL

ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
YARDSTICK = (288, 384)
SMALL = (192, 256)


def conv(inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    layer = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outside), nn.ReLU6())


class Block(nn.Module):
    """An inverted residual of MobileNetV2; gives its widened map, too, which UNISAL's decoder reads."""

    def __init__(self, inside: int, outside: int, stride: int = 1, expand: int = 6) -> None:
        super().__init__()
        wide = inside * expand
        self.widen = conv(inside, wide) if expand > 1 else nn.Identity()
        self.look = conv(wide, wide, 3, stride, wide)
        self.narrow = nn.Sequential(nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside))
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
        """The map, and the widened one at the input's size."""
        wide = self.widen(x)
        y = self.narrow(self.look(wide))
        return (x + y if self.residual else y), wide


class Yardstick(nn.Module):
    """MobileNetV2 of width 1, skips from 1/8 and 1/16, 16 Gaussian prior maps, and a smoothing of 41 x 41."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, inside, blocks = conv(3, 32, 3, 2), 32, []
        for expand, outside, repeats, stride in ROWS:
            for place in range(repeats):
                blocks.append(Block(inside, outside, stride if place == 0 else 1, expand))
                inside = outside
        self.blocks, self.last = nn.ModuleList(blocks), conv(inside, 1280)
        self.prior = nn.Parameter(torch.rand(1, 16, YARDSTICK[0] // 32, YARDSTICK[1] // 32))
        self.post = Block(1280 + 16, 256, expand=1)
        self.skip16, self.up16 = conv(576, 128), Block(256 + 128, 256, expand=2)
        self.skip8, self.up8 = conv(192, 64), Block(256 + 64, 128, expand=2)
        self.read, self.smooth = nn.Conv2d(128, 1, 1), nn.Parameter(torch.rand(1, 1, 41, 41))

    def forward(self, picture: UInt8[Tensor, "1 h w 3"]) -> Float[Tensor, "1 h w"]:
        """A log density."""
        x = self.stem(picture.permute(0, 3, 1, 2).float() / 255)
        wides = []
        for block in self.blocks:
            x, wide = block(x)
            wides.append(wide)
        sixteenth = [w for w in wides if w.shape[-1] == YARDSTICK[1] // 16][-1]
        eighth = [w for w in wides if w.shape[-1] == YARDSTICK[1] // 8][-1]
        x = self.post(torch.cat([self.last(x), self.prior], 1))[0]
        x = self.up16(torch.cat([self._grown(x), self.skip16(sixteenth)], 1))[0]
        x = self.up8(torch.cat([self._grown(x), self.skip8(eighth)], 1))[0]
        x = interpolate(self.read(x), YARDSTICK, mode="bilinear", align_corners=False)
        x = conv2d(x, self.smooth, padding=20)[:, 0]
        y: Tensor = x.flatten(1).log_softmax(-1).reshape(x.shape)
        return y

    def _grown(self, x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class OneLook(nn.Module):
    """A network of ours under the condition "any", over the whole canvas."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: UInt8[Tensor, "1 h w 3"]) -> tuple[Tensor, Tensor]:
        """Log densities: the whole viewing, and each second."""
        content = torch.tensor([[0.0, 0.0, picture.shape[2], picture.shape[1]]])
        density, slices, *_ = self.network(picture, content, torch.zeros(1, dtype=torch.int64))
        return density, slices


def written(network: nn.Module, canvas: tuple[int, int], path: Path) -> Path:
    """An ONNX file of a network that takes a picture alone."""
    import onnx

    torch.manual_seed(0)
    example = {"picture": np.zeros((1, *canvas, 3), np.uint8)}
    outputs = ["density"] if isinstance(network, Yardstick) else ["density", "slices"]
    onnx.save(convert(network.eval(), example, {"picture": {}}, outputs, path.stem), path)
    return path


def feeds(path: Path, canvas: tuple[int, int]) -> dict[str, np.ndarray]:
    """A picture of noise, and what else the file asks for."""
    height, width = canvas
    given = {
        "picture": np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8),
        "content": np.array([[0, 0, width, height]], np.float32),
        "condition": np.zeros(1, np.int64),
    }
    names = {node.name for node in session(path, "cpu", 1).get_inputs()}
    return {name: value for name, value in given.items() if name in names}


def medians(files: dict[str, tuple[Path, tuple[int, int]]], threads: int, rounds: int) -> dict[str, float]:
    """Milliseconds of one look, all files in turn."""
    opened = {name: (session(path, "cpu", threads), feeds(path, canvas)) for name, (path, canvas) in files.items()}
    times: dict[str, list[float]] = {name: [] for name in files}
    for turn in range(rounds + 2):
        for name, (run, given) in opened.items():
            start = time.perf_counter()
            run.run(None, given)
            times[name].extend([1000 * (time.perf_counter() - start)] if turn > 1 else [])
    return {name: statistics.median(each) for name, each in times.items()}


def pictures_a_second(model: str, paths: list[Path]) -> float:
    """Decoded, looked at and brought back to their size, on as many threads as there are cores."""
    predictor = Predictor(model, provider="cpu", threads=1)
    predictor(read(paths[0]))
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda path: predictor(read(path)), paths):
            pass
    return len(paths) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", nargs="*", default=["tempsal", "tempsal-fast"])
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        yardstick = Yardstick()
        files = {
            "yardstick": (written(yardstick, YARDSTICK, Path(folder) / "yardstick.onnx"), YARDSTICK),
            "small, gaze 0.2": (
                written(OneLook(FlipEnsemble(TempSAL())), SMALL, Path(folder) / "small.onnx"),
                SMALL,
            ),
        }
        for model in args.models:
            files[model] = (find_model(model), read_contract(model).canvas)
        count = sum(p.numel() for p in yardstick.parameters()) / 1e6
        print(f"the yardstick has {count:.2f} M parameters")
        for threads in (1, 2):
            found = medians(files, threads, args.rounds)
            for name, milliseconds in found.items():
                ratio = found["yardstick"] / milliseconds
                print(f"{threads} thread{'s' * (threads > 1)}: {name:16} {milliseconds:6.1f} ms, {ratio:.2f} times")
    if args.pictures:
        paths = sorted(path for path in args.pictures.iterdir() if path.suffix == ".jpg")[:200]
        for model in args.models:
            print(f"{model}: {pictures_a_second(model, paths):.0f} pictures a second with decoding")


if __name__ == "__main__":
    main()
