"""OAT: in which order people fixate the objects of a scene, when they stop, and for how long each fixation lasts.

    tokens    one an object: what it looks like beside where it is; one for each thing looked for; one for the end
    encoder   the tokens look at each other, once a scene
    decoder   reads the objects fixated so far; step by step, with a memory of what it has computed
    pointer   log softmax over the encoder's own tokens: the next object, or the end; with what a saliency model says
              of the second in question: the log mass of each object, with a weight that is learned for each step
    log duration   mean and log deviation of the natural logarithm of the duration on each object

After OAT (Fang et al. 2024, https://arxiv.org/abs/2407.13335), re-thought: places are continuous boxes and their code
is closed (`scanpath.models._position_code`), the end has a token of its own, what is looked for is known by what it
looks like and not by where it lies (unless the target is known), the pointer knows how two objects lie to each other
and how often one was fixated, what objects look like is read off the outputs of a saliency model, and everything about
the scene is computed once for all observers. It does not predict where on an object. Pointer and log durations are
computed in float32 under every precision: bfloat16 blurs log durations by some hundredths. Parameters keep the names
that shipped weights have (`told`, `found`, `pace`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from attention import MIXERS
from attention.operators.dense import exact
from data.errors import GazeError
from data.gaze import condition_names
from scanpath.inputs import APPEARANCES, MAX_STEPS, looks_at
from scanpath.models._oat_transformer import Decoder, Encoder, sinusoid
from scanpath.models._object_crops import Crops
from scanpath.models._position_code import Position
from scanpath.models._visit_history import update, visit_history
from scanpath.object_features import FeatureSizes

NEVER = -1e9  # the logit of what cannot be chosen
STEPS = 12  # fixations of a path that have a weight of their own for the log masses of objects
FIXATION = (
    0.33  # seconds that a fixation and its saccade take: in which second a step begins, before anything is learned
)
MASS = 0.5  # the weight of that second's log mass at first
RELATION, HISTORY, DURATION_KEY = (
    12,
    4,
    16,
)  # sizes: of a pair of objects, of an object's history, of the duration's key


class Memory(NamedTuple):
    """What is computed once a scene; the exported file names it as `export.runtime.scanpath.MEMORY` does."""

    tokens: Float[Tensor, "b n_1 d"]  # what the decoder reads of a fixated object; the last is the start
    keys: Float[Tensor, "b layers h k e"]
    values: Float[Tensor, "b layers h k e"]
    pointer: Float[Tensor, "b n_1 d"]  # the last is the end
    place: Float[Tensor, "b n_1 4"]  # middle and log extent of each object; the last is the start
    target_relation: Float[Tensor, "b n r"]  # how each object lies to the target, where that is known
    duration_key: Float[Tensor, "b n a"]
    valid: Bool[Tensor, "b k"]  # which keys are no padding
    mass: Float[Tensor, "b n m"]  # log share of the looks at objects, of each map of the saliency model; else zeros


class OAT(nn.Module):
    """The network. `conditions` are the training sets; "any" is for unknown scenes.

    Args:
        conditions: names of the viewing conditions, in the order of the data's folders.
        categories: names of the objects' categories that it tells apart.
        appearance: one of `scanpath.inputs.APPEARANCES`.
        saliency: where that is looked at, `training.weights.fingerprint` of the model whose outputs it reads.
        features: the same: how many maps, kinds of objects, fine and coarse features that model gives.
        crop: side of a crop in pixels.
        position: the code of places, of `scanpath.models._position_code.KINDS`.
        sigma: its Gaussian.
        rows: rows of the grid, for position "grid".
        columns: its columns.
        width: of the tokens.
        heads: attention heads.
        encoder: layers over objects.
        mixer: how the encoder's tokens look at each other, of `attention.MIXERS`.
        decoder: layers over fixations.
        hidden: width inside a layer.
        drop: dropout.
        before: normalise before each layer instead of after it.
        pointers: scores that the pointer mixes.
        relation: the pointer knows how the objects lie to the last one.
        trace: the pointer knows how often and how long ago each object was fixated.
        durations: it predicts how long each fixation lasts; false where the data do not say it.
    """

    multiple = 0  # it takes no canvas
    order_code: Tensor
    row_of: Tensor

    def __init__(  # noqa: PLR0913 - the options of a recipe
        self,
        conditions: Sequence[str] = (),
        categories: Sequence[str] = (),
        appearance: str = "none",
        saliency: str | None = "",
        features: Sequence[int] = (),
        crop: int = 32,
        position: str = "gaussian",
        sigma: float = 0.12,
        rows: int = 6,
        columns: int = 14,
        width: int = 96,
        heads: int = 4,
        encoder: int = 2,
        mixer: str = "interleaved",
        decoder: int = 2,
        hidden: int = 192,
        drop: float = 0.2,
        before: bool = True,
        pointers: int = 1,
        relation: bool = True,
        trace: bool = True,
        durations: bool = True,
    ) -> None:
        super().__init__()
        if width % (2 * heads):
            raise GazeError(f"OAT: the width {width} must be a multiple of twice its {heads} heads.")
        if mixer not in MIXERS:
            raise GazeError(f"There is no mixer {mixer!r}; choose one of {', '.join(MIXERS)}.")
        given = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.arguments = {**given, "conditions": list(conditions), "categories": list(categories)}
        self.arguments["features"] = list(features)
        self._check_features(appearance, features, saliency)
        self.conditions = condition_names(conditions)[:-1]
        self.categories = ("", *categories)
        self.crop, self.heads, self.related, self.traced, self.durations = crop, heads, relation, trace, durations
        self.saliency, self.crops = saliency or "", None
        self.seen = FeatureSizes(*features) if features else None
        if looks_at(appearance, "crops"):
            self.crops, self.alike = Crops(crop, width // 2), nn.Linear(3, width)
        self._tokens(width, drop, Position(position, sigma, rows, columns))
        self.encoder = nn.ModuleList(Encoder(width, heads, hidden, drop, before, mixer) for _ in range(encoder))
        self.enter = nn.Linear(width, width)
        self.decoder = nn.ModuleList(Decoder(width, heads, hidden, drop, before) for _ in range(decoder))
        self.norms = nn.ModuleList(nn.LayerNorm(width) if before else nn.Identity() for _ in range(2))
        self.drop = nn.Dropout(drop)
        self._pointers(width, pointers)
        self.register_buffer("order_code", sinusoid(MAX_STEPS, width), persistent=False)
        self.register_buffer("row_of", torch.arange(MAX_STEPS).clamp(max=STEPS - 1), persistent=False)
        self._reset_parameters()

    def _tokens(self, width: int, drop: float, position: Position) -> None:
        """What the tokens are made of."""
        half = width // 2
        if self.seen is not None:
            size = self.seen.total
            self.look = nn.Sequential(nn.LayerNorm(size), nn.Dropout(drop), nn.Linear(size, half))
        self.category = nn.Embedding(len(self.categories), half)
        self.position = position
        self.place, self.extent = nn.Linear(position.size, half), nn.Linear(2, half)
        self.unknown = nn.Parameter(torch.zeros(half))  # the place of what is looked for
        self.kind = nn.Embedding(3, width)  # object, looked for, end
        self.condition = nn.Embedding(len(self.conditions), width)
        self.told, self.found, self.start = (nn.Parameter(torch.randn(width) * 0.1) for _ in range(3))

    def _pointers(self, width: int, pointers: int) -> None:
        """The layers from which the next object, the end and the durations are predicted."""
        self.query, self.key = (nn.Linear(width, width * pointers) for _ in range(2))
        self.pointers, self.mix = pointers, nn.Linear(pointers, 1)
        self.pair = nn.Sequential(nn.Linear(11, 48), nn.ReLU(), nn.Linear(48, RELATION))
        self.weigh, self.weigh_aim = (nn.Linear(width, RELATION) for _ in range(2))
        self.weigh_trace = nn.Linear(width, HISTORY)
        self.pace_key, self.pace_query = nn.Linear(width, DURATION_KEY), nn.Linear(width, DURATION_KEY)
        self.pace = nn.Linear(width, 2)
        self.second = nn.Parameter(torch.zeros(STEPS, self.seen.maps)) if self.seen is not None else None

    def _reset_parameters(self) -> None:
        for parameter in (*self.encoder.parameters(), *self.decoder.parameters()):
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        for layer in (self.category, self.condition, self.kind):
            nn.init.normal_(layer.weight, std=0.1)
        if self.second is not None:
            last = self.second.shape[1] - 1
            with torch.no_grad():
                for step in range(STEPS):
                    self.second[step, min(last, 1 + int(step * FIXATION))] = MASS
        for linear in (self.weigh, self.weigh_aim, self.weigh_trace, self.pace):
            nn.init.zeros_(linear.weight)

    def _check_features(self, appearance: str, features: Sequence[int], saliency: Any) -> None:
        if appearance not in APPEARANCES:
            raise GazeError(f"There is no appearance {appearance!r}; choose one of {', '.join(APPEARANCES)}.")
        if saliency and not isinstance(saliency, str):
            raise GazeError(
                "This OAT holds a copy of TempSAL, as those of gaze 0.2 did; it reads the outputs of one now: train it "
                "again (gaze train oat)."
            )
        if looks_at(appearance, "saliency") != (len(features) == len(FeatureSizes.__dataclass_fields__)):
            raise GazeError(
                f"OAT with the appearance {appearance} was given {len(features)} sizes of features; with saliency give "
                "those of data.saliency, else none."
            )

    def _place(self, boxes: Float[Tensor, "b n 4"], size: Float[Tensor, "b 2"]) -> tuple[Tensor, Tensor]:
        """Centres and log extents in units of the longer side; (0, 0) is the middle."""
        longer = size.amax(1)[:, None, None]
        centre = (boxes[..., :2] + boxes[..., 2:] / 2 - size[:, None] / 2) / longer
        return centre, (boxes[..., 2:] / longer).clamp(min=1e-4).log()

    def _relations(self, origin: Float[Tensor, "b q 4"], places: Float[Tensor, "b n 4"]) -> Float[Tensor, "b q n r"]:
        """How `places` lie to each `origin`; a place is a middle and a log extent."""
        step = places[:, None, :, :2] - origin[:, :, None, :2]
        far = step.square().sum(-1, keepdim=True).sqrt()
        widths = torch.tensor([0.04, 0.1, 0.2, 0.4], device=far.device)
        near = torch.exp(-((far / widths) ** 2) / 2)
        other = places[:, None, :, 2:].sum(-1, keepdim=True).expand(-1, origin.shape[1], -1, -1)
        own = origin[:, :, None, 2:].sum(-1, keepdim=True).expand(-1, -1, places.shape[1], -1)
        lies = torch.cat([step, far, (far + 0.02).log(), near, other, own, step[..., :1].abs()], -1)
        y: Tensor = exact(self.pair)(lies)
        return y

    def _appear(self, scene: Mapping[str, Tensor]) -> Float[Tensor, "b n c"]:
        x: Tensor = self.category(scene["category"])
        if self.seen is not None:
            x = x + self.look(scene["features"])
        return x if self.crops is None else x + self.crops(scene["crops"])

    def _sought(self, scene: Mapping[str, Tensor]) -> Float[Tensor, "b m d"]:
        x: Tensor = self.category(scene["sought"])
        if self.crops is not None:
            x = x + self.crops(scene["sought_crops"])
        return torch.cat([x, self.unknown.expand_as(x)], -1) + self.kind.weight[1]

    def _mass(self, scene: Mapping[str, Tensor]) -> Float[Tensor, "b n m"]:
        """The log share of the looks at objects that falls on each, of every map."""
        if self.seen is None:
            return torch.zeros_like(scene["boxes"][..., :1])
        mass = torch.where(scene["present"][..., None], scene["features"][..., : self.seen.maps], NEVER)
        return torch.where(scene["present"][..., None], mass - mass.logsumexp(1, keepdim=True), 0.0)

    def encode(self, scene: Mapping[str, Tensor]) -> Memory:
        """Everything about the scenes that does not depend on what was fixated.

        `scene` holds boxes (b, n, 4; x, y, width, height in pixels), size (b, 2; width, height), present (b, n),
        target (b, n), told (b), category (b, n), sought (b, m), sought_present (b, m), condition (b), and as the
        appearance asks crops (b, n, k, k, 3), sought_crops and likeness (b, n), or features (b, n, f).
        """
        centre, extent = self._place(scene["boxes"], scene["size"])
        where = self.place(self.position(centre)) + self.extent(extent)
        condition = self.condition(scene["condition"])[:, None]
        objects = torch.cat([self._appear(scene), where], -1) + self.kind.weight[0] + condition
        if self.crops is not None:
            like = scene["likeness"][..., None]
            objects = objects + self.alike(torch.cat([like, like**2, (like - 0.8).clamp(min=0) * 5], -1))
        aimed = (scene["target"] & scene["told"][:, None])[..., None].float()
        tokens = [objects + aimed * self.told, self._sought(scene) + condition]
        x = self.drop(torch.cat([*tokens, self.kind.weight[2].expand_as(objects[:, :1]) + condition], 1))
        mask, boxes, own = _valid(scene), _degrees(scene, x.shape[1]), _own(scene)
        for layer in self.encoder:
            x = layer(x, mask, boxes, own)
        x = self.norms[0](x).float()
        start = (self.start + condition).expand_as(objects[:, :1])
        inside = torch.cat([objects + scene["target"][..., None] * self.found, start], 1)
        pairs = [layer.look.remember(x) for layer in self.decoder]  # type: ignore[union-attr, operator]
        count = objects.shape[1]
        ends = torch.cat([x[:, :count], x[:, -1:]], 1)
        place = torch.cat([centre, extent], -1)
        middle = torch.tensor([0.0, 0.0, math.log(0.1), math.log(0.1)], device=x.device).expand_as(place[:, :1])
        known_targets = aimed.sum(1, keepdim=True)
        target = (aimed * place).sum(1, keepdim=True) / known_targets.clamp(min=1)
        return Memory(
            self.enter(inside),
            torch.stack([keys for keys, _ in pairs], 1),
            torch.stack([values for _, values in pairs], 1),
            exact(self.key)(ends),
            torch.cat([place, middle], 1),
            self._relations(target, place)[:, 0] * known_targets.clamp(max=1),
            exact(self.pace_key)(x[:, :count]),
            mask[:, 0, 0],
            self._mass(scene),
        )

    def forward(
        self, scene: Mapping[str, Tensor], order: Int[Tensor, "b p l"]
    ) -> tuple[Float[Tensor, "b p l_1 n_1"], Float[Tensor, "b p l_1 n 2"]]:
        """Before each fixation of given paths: logits of every object and the end, and each object's log duration.

        The log duration is mean and log deviation of the natural logarithm of milliseconds. -1 pads `order`.
        """
        memory = self.encode(scene)
        batch, paths, length = order.shape
        count = memory.target_relation.shape[1]
        last = torch.cat([order.new_full((*order.shape[:2], 1), count), order], -1)
        last = torch.where(last < 0, count, last).flatten(1)
        x = _rows(memory.tokens, last).unflatten(1, (paths, -1)).flatten(0, 1)  # type: ignore[no-untyped-call]
        x = self.drop(x + self.order_code[: length + 1])
        for place, layer in enumerate(self.decoder):
            x = layer(x, memory.keys[:, place], memory.values[:, place], memory.valid[:, None, None])
        x = x.unflatten(0, (batch, paths)).flatten(1, 2)
        relation = self._relations(memory.place, memory.place[:, :-1]).flatten(2)
        lies = _rows(relation, last).unflatten(-1, (-1, RELATION))  # type: ignore[no-untyped-call]
        history = visit_history(order, count).flatten(1, 2)
        second = None if self.second is None else self.second[self.row_of[: length + 1]].repeat(paths, 1)
        logits, log_duration = exact(self._point)(x.float(), memory, lies, history, second)
        allowed = torch.cat([scene["present"], torch.ones_like(scene["told"])[:, None]], 1)
        logits = torch.where(allowed[:, None], logits, NEVER).unflatten(1, (paths, -1))  # type: ignore[no-untyped-call]
        return logits, log_duration.unflatten(1, (paths, -1))  # type: ignore[no-untyped-call]

    def step(
        self,
        memory: Memory,
        last: Int[Tensor, " s"],
        trace: Float[Tensor, "s n 2"],
        past: Float[Tensor, "layers 2 s h t e"],
    ) -> tuple[
        Float[Tensor, "s n_1"], Float[Tensor, "s n 2"], Float[Tensor, "s n 2"], Float[Tensor, "layers 2 s h u e"]
    ]:
        """One step of many observers of one scene (`b` = 1).

        Args:
            memory: Of the scene.
            last: The object that each observer fixates; the number of objects before the first fixation.
            trace: The history of visits, as `scanpath.models._visit_history` says.
            past: Keys and values of the decoder's layers for the `t` earlier fixations.

        Returns:
            Logits of every object and the end, log durations as in `forward`, the grown trace and past.
        """
        trace, history = update(trace, last)
        x = (memory.tokens[0][last] + self.order_code[past.shape[4]])[:, None]
        grown = []
        for place, layer in enumerate(self.decoder):
            keys, values = memory.keys[:, place], memory.values[:, place]
            x, more = layer.step(x, past[place], keys, values, memory.valid[:, None, None])  # type: ignore[operator]
            grown.append(more)
        lies = self._relations(memory.place[:, last], memory.place[:, :-1])
        second = None if self.second is None else self.second[self.row_of[past.shape[4]]].expand(last.shape[0], -1)
        logits, log_duration = exact(self._point)(x.transpose(0, 1).float(), memory, lies, history[None], second)
        return logits[0], log_duration[0], trace, torch.stack(grown)

    def _point(
        self,
        x: Float[Tensor, "b q d"],
        memory: Memory,
        lies: Float[Tensor, "b q n r"],
        history: Float[Tensor, "b q n f"],
        second: Float[Tensor, "q m"] | None,
    ) -> tuple[Float[Tensor, "b q n_1"], Float[Tensor, "b q n 2"]]:
        """The pointer: logits of objects and end, and the log duration on each object."""
        x = self.norms[1](x)
        width = x.shape[-1]
        query = self.query(x).unflatten(-1, (self.pointers, width)).transpose(1, 2)
        key = memory.pointer.unflatten(-1, (self.pointers, width)).permute(0, 2, 3, 1)  # type: ignore[no-untyped-call]
        logits = self.mix((query @ key / math.sqrt(width)).permute(0, 2, 3, 1))[..., 0]
        bias = self.weigh_aim(x) @ memory.target_relation.transpose(1, 2)
        if self.related:
            bias = bias + (lies @ self.weigh(x)[..., None])[..., 0]
        if self.traced:
            bias = bias + (history @ self.weigh_trace(x)[..., None])[..., 0]
        if second is not None:
            bias = bias + second @ memory.mass.transpose(1, 2)
        logits = torch.cat([logits[..., :-1] + bias, logits[..., -1:]], -1)
        mean = self.pace_query(x) @ memory.duration_key.transpose(1, 2) / math.sqrt(DURATION_KEY)
        centre, spread = self.pace(x).unbind(-1)
        mean = mean + centre[..., None] + 5.5
        return logits, torch.stack([mean, (spread[..., None] - 0.7).expand_as(mean)], -1)


def _valid(scene: Mapping[str, Tensor]) -> Bool[Tensor, "b 1 1 k"]:
    """Which of the encoder's tokens are no padding: objects, what is looked for, the end."""
    end = torch.ones_like(scene["told"])[:, None]
    return torch.cat([scene["present"], scene["sought_present"], end], 1)[:, None, None]


def _own(scene: Mapping[str, Tensor]) -> Bool[Tensor, "b k"]:
    """Which of the encoder's tokens a scene has when it is fed alone: one for what is sought, even if nothing is."""
    sought = scene["sought_present"] | (torch.arange(scene["sought"].shape[1], device=scene["told"].device) == 0)
    return torch.cat([scene["present"], sought, torch.ones_like(scene["told"])[:, None]], 1)


def _degrees(scene: Mapping[str, Tensor], count: int) -> Float[Tensor, "b k 4"]:
    """Boxes of the encoder's tokens in about degrees: pictures are taken to be 20 wide; what has no place is empty."""
    boxes = scene["boxes"] * (20 / scene["size"].amax(1))[:, None, None]
    return torch.cat([boxes, torch.zeros_like(boxes[:, :1]).expand(-1, count - boxes.shape[1], -1)], 1)


def _rows(table: Float[Tensor, "b n d"], index: Int[Tensor, "b q"]) -> Float[Tensor, "b q d"]:
    return table.gather(1, index[..., None].expand(-1, -1, table.shape[-1]))
