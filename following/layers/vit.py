"""A vision transformer whose attention is read: queries and keys of chosen blocks, and the last tokens.

The model itself keeps no weights of its attention. They follow from queries and keys, for those queries that somebody
asks for: the patches of one head out of a thousand. DINOv2 (Oquab et al. 2023, https://arxiv.org/abs/2304.07193) and
networks that are built like it in `transformers` fit, with registers or without.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attention.operators.dense import scores
from data.errors import ModelError
from following.layers.heads import PLACES, SCALE, within
from following.layers.interaction import guided
from saliency.layers.backbone import Pretrained

QUERY, KEY = ("q_proj", "query"), ("k_proj", "key")  # what releases of transformers call the projections


class AttendingViT(Pretrained):
    """The network.

    Args:
        name: a model id of the hub, or a folder; the weights come from there.
        config: the backbone's configuration; where it is given nothing is downloaded and the weights are random.
        blocks: numbers of the blocks whose attention is read; None: four, evenly spread, the last among them.

    Raises:
        ModelError: It cannot be loaded, is no such transformer, or has no such block.
    """

    def __init__(self, name: str, config: Mapping[str, Any] | None = None, blocks: Sequence[int] | None = None) -> None:
        super().__init__(name, config)
        settings = self.body.config
        inner = getattr(self.body, "encoder", None)
        layers = getattr(inner, "layer", None) or getattr(inner, "layers", None) or ()
        read = [_projection(layer, names) for layer in layers for names in (QUERY, KEY)]
        parts = ("embeddings", "layernorm")
        if not layers or None in read or not all(hasattr(self.body, part) for part in parts):
            raise ModelError(
                f"Backbone 'hf:{name}' is no vision transformer whose attention can be read; give a DINOv2, such as "
                "hf:facebook/dinov2-small."
            )
        depth = len(layers)
        chosen = [math.ceil(depth * k / 4) - 1 for k in range(1, 5)] if blocks is None else list(blocks)
        self.blocks = sorted({int(number) for number in chosen})
        if not self.blocks or not all(0 <= number < depth for number in self.blocks):
            raise ModelError(f"Backbone 'hf:{name}' has blocks 0 to {depth - 1}; choose attention_blocks among them.")
        self.patch, self.heads, self.width = (
            int(settings.patch_size),
            int(settings.num_attention_heads),
            int(settings.hidden_size),
        )

    @property
    def _layers(self) -> nn.ModuleList:
        layers: nn.ModuleList = getattr(self.body.encoder, "layer", None) or self.body.encoder.layers
        return layers

    def attend(self, x: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """The last tokens (b, c, g, v), and of each chosen block and head the queries and keys, each (b, m, n, d).

        Queries are those of the patches; keys are of all tokens, the class token (and registers) first.
        """
        grid = (x.shape[-2] // self.patch, x.shape[-1] // self.patch)
        states = self.body.embeddings(x)
        before = states.shape[1] - grid[0] * grid[1]
        queries, keys = [], []
        for number, layer in enumerate(self._layers):
            if number in self.blocks:
                inside = layer.norm1(states)  # type: ignore[operator]
                query, key = (_projection(layer, names)(inside) for names in (QUERY, KEY))
                queries.append(query[:, before:].unflatten(-1, (self.heads, -1)).transpose(1, 2))
                keys.append(key.unflatten(-1, (self.heads, -1)).transpose(1, 2))
            states = layer(states)
            states = states[0] if isinstance(states, tuple) else states
        last = self.body.layernorm(states)[:, before:]
        tokens = last.transpose(1, 2).unflatten(-1, grid)
        return tokens, torch.cat(queries, 1), torch.cat(keys, 1)


def _projection(layer: nn.Module, names: tuple[str, ...]) -> Any:
    """The projection to queries or keys within a block; None: there is none."""
    attention = getattr(layer, "attention", nn.Identity())
    found = [part for name, part in attention.named_modules() if name.rpartition(".")[2] in names]
    return found[0] if len(found) == 1 and isinstance(found[0], nn.Linear) else None


class Transformer(nn.Module):
    """The paper's form: the attention of a vision transformer, as it is."""

    memory = ("tokens", "queries", "keys")
    extra = 0

    def __init__(self, encoder: AttendingViT) -> None:
        super().__init__()
        self.dim, self.patch, self.maps = encoder.width, encoder.patch, len(encoder.blocks) * encoder.heads
        self.multiple = math.lcm(encoder.patch, SCALE)

    def encode(
        self, encoder: nn.Module, x: Float[Tensor, "b 3 h w"], content: Float[Tensor, "b 4"]
    ) -> tuple[Tensor, ...]:
        """The last tokens, and queries and keys of the chosen blocks."""
        found: tuple[Tensor, ...] = encoder.attend(x)  # type: ignore[operator]
        return found

    def patches(self, box: Float[Tensor, "b 4"], tokens: Tensor, *_: Tensor) -> Float[Tensor, "b c p p"]:
        """The last tokens, at 7 x 7 places of the head."""
        return within(tokens, box, PLACES, self.patch)

    def look(
        self,
        patches: Float[Tensor, "b c p p"],
        guidance: Float[Tensor, "b 1 n"],
        box: Float[Tensor, "b 4"],
        content: Float[Tensor, "b 4"],
        tokens: Tensor,
        queries: Tensor,
        keys: Tensor,
    ) -> tuple[Float[Tensor, "b m g v"], Float[Tensor, "b n c"]]:
        """The softmax weights of queries within the head over all patches; what looks at the class token is dropped."""
        size, count = (tokens.shape[-2], tokens.shape[-1]), box.shape[0]
        maps, depth = queries.shape[1], queries.shape[-1]
        grids = queries.transpose(2, 3).reshape(queries.shape[0], maps * depth, *size)
        rows = within(grids, box, PLACES, self.patch).reshape(count, maps, depth, PLACES**2).transpose(2, 3)
        weights = scores(rows, keys.expand(count, -1, -1, -1)).softmax(-1)
        summed = guided(guidance, weights)[..., keys.shape[2] - size[0] * size[1] :]
        return summed.reshape(count, maps, *size), patches.flatten(2).transpose(1, 2)

    def answer(self, tokens: Tensor, *_: Tensor) -> tuple[tuple[int, int], None]:
        """The size of the decoder's answer; it reads attention alone."""
        height, width = (side * self.patch // SCALE for side in tokens.shape[-2:])
        return (height, width), None
