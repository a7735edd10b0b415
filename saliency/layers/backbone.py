"""A picture becomes features at several scales: EfficientNet-Lite, our own small network, or one of `transformers`.

`lite0`, `lite1` and `lite2` begin with what ImageNet taught them (`saliency.layers.efficientnet_lite`).

`small` is trained from scratch: fused inverted residuals where the maps are large, depth-wise ones where they are
small (Sandler et al. 2018, https://arxiv.org/abs/1801.04381; Tan & Le 2021, https://arxiv.org/abs/2104.00298).
`hf:<model id or folder>` takes a backbone of `transformers`, an optional extra, with weights from the Hugging Face hub.
Where weights follow from a file, it is built from its configuration, which the file holds, and the hub is not asked.
All give four maps, at 1/4, 1/8, 1/16 and 1/32 of the picture.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from data.errors import ModelError
from saliency.layers.efficientnet_lite import SCALING, EfficientNetLite

logger = logging.getLogger(__name__)

SCALES = (4, 8, 16, 32)
LABELS = ("id2label", "label2id")  # names of classes: a backbone has none
REMOTE = ("attn_implementation", "experts_implementation", "name_or_path", "auto_map")  # may name code on the hub


class InvertedResidual(nn.Module):
    """Widen, look around 3x3, narrow; fused: widen and look in one dense convolution."""

    def __init__(self, inside: int, outside: int, *, stride: int = 1, expand: int = 4, fused: bool = False) -> None:
        super().__init__()
        wide = inside * expand
        layers: list[nn.Module] = []
        if not fused:
            layers += [nn.Conv2d(inside, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        source, groups = (inside, 1) if fused else (wide, wide)
        layers += [
            nn.Conv2d(source, wide, 3, stride, 1, groups=groups, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.Conv2d(wide, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d g v"]:
        """The map, plus its input where the shapes agree."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Small(nn.Module):
    """About a million parameters; `widths` and `depths` are those of the four scales."""

    def __init__(
        self, widths: Sequence[int] = (32, 64, 112, 176), depths: Sequence[int] = (2, 3, 4, 3), stem: int = 24
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        stages, inside = [], stem
        for scale, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            fused = scale < 2
            blocks = []
            for place in range(depth):
                stride, expand = (2, 4) if place == 0 else (1, 2 if fused else 4)
                blocks.append(InvertedResidual(inside, width, stride=stride, expand=expand, fused=fused))
                inside = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features at 1/4, 1/8, 1/16 and 1/32."""
        x, features = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Pretrained(nn.Module):
    """A backbone of `transformers`; its last four feature maps, brought to our four scales.

    Args:
        name: a model id of the hub, or a folder; the weights come from there.
        config: the backbone's configuration, as `config` tells it; where it is given nothing is downloaded and the
            weights are random, for they follow.
    """

    def __init__(self, name: str, config: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        try:
            import transformers  # noqa: F401
        except ImportError as error:
            raise ModelError(
                f"Backbone 'hf:{name}' needs transformers; install it with: pip install -e '.[hf]'"
            ) from error
        self.body = _download(name) if config is None else _of_config(name, config)
        channels = list(self.body.channels)
        self.widths = tuple([channels[0]] * (4 - len(channels)) + channels)

    @property
    def config(self) -> dict[str, Any]:
        """The backbone's configuration in JSON's types, enough to build it without the hub."""
        return _local(json.loads(self.body.config.to_json_string(use_diff=False)))

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features at 1/4, 1/8, 1/16 and 1/32, resized where the backbone works at other scales."""
        size = x.shape[-2:]
        maps = list(self.body(x).feature_maps)
        maps = [maps[0]] * (4 - len(maps)) + maps
        goals = [(size[0] // s, size[1] // s) for s in SCALES]
        return [
            m if tuple(m.shape[-2:]) == g else interpolate(m, g, mode="bilinear", align_corners=False)
            for m, g in zip(maps, goals, strict=True)
        ]


def _download(name: str) -> Any:
    """What AutoBackbone does, but without its question to the hub, which refuses folders and needs the network."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        kind: Any = MODEL_FOR_BACKBONE_MAPPING[type(config)]
        return kind.from_pretrained(name, out_features=list(config.stage_names)[-4:], dtype=torch.float32)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = "it is no backbone" if isinstance(error, KeyError) else str(error).strip().splitlines()[0]
        raise ModelError(
            f"Backbone 'hf:{name}' cannot be loaded ({reason}); give the id of a model that can be downloaded, "
            "or a folder."
        ) from error


def _of_config(name: str, config: Mapping[str, Any]) -> Any:
    """The backbone without weights; only classes of transformers itself are built."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    try:
        options = _local(config)
        model = options.pop("model_type")
        if model == "timm_backbone":
            raise ValueError("timm may download what it builds")
        made = AutoConfig.for_model(model, **options)
        kind: Any = MODEL_FOR_BACKBONE_MAPPING[type(made)]
        return kind(made)
    except Exception as error:  # whatever transformers says of a configuration that somebody else wrote
        logger.debug("hf:%s: its configuration is refused", name, exc_info=True)
        raise ModelError(
            f"Backbone 'hf:{name}' cannot be built from its configuration ({type(error).__name__}); "
            "use the gaze and the transformers that wrote it."
        ) from error


def _local(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without names of classes, and without what may name code or kernels on the hub."""
    kept = {key: value for key, value in config.items() if key not in (*LABELS, *REMOTE) and not key.startswith("_")}
    return {key: _local(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def build(
    name: str, config: Mapping[str, Any] | None = None, path_drop: float = 0.0
) -> Small | EfficientNetLite | Pretrained:
    """The backbone of that name; an `hf:` one without weights where its `config` is given, a `lite` one always.

    Raises:
        ModelError: There is none, or it cannot be loaded.
    """
    if name == "small":
        return Small()
    if name in SCALING:
        return EfficientNetLite(name, path_drop)
    if name.startswith("hf:"):
        return Pretrained(name[3:], config)
    raise ModelError(f"Backbone '{name}' is unknown; use {', '.join(SCALING)}, small or hf:<model id or folder>.")
