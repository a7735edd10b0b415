"""FBLNet: where drivers look; what is known of the road grows from look to look and from frame to frame.

    encoder     -> CNN features at 1/4, 1/8, 1/16, 1/32
    blocks      -> transformer features: tokens at 1/16 that look at each other
    loop        -> `iterations` times a frame, with the same weights:
                     fuse     CNN and transformer features of each place, weighed by the incremental knowledge
                     look     the fused tokens look at each other
                     glance   a coarse map of where the driver looks
                     learn    the fused features and that map are fed back into the knowledge
    decoder     -> fine features at 1/4, told what was fused and what is known
    finisher    -> one log density a frame

The paper's (Chen, Nan and Xiang 2023, FBLNet: FeedBack Loop Network for Driver Attention Prediction, ICCV,
https://arxiv.org/abs/2212.02096), as its abstract tells them: features of a CNN and of a transformer, an incremental
knowledge that comes about by iterations of a feedback loop and holds what was seen long before, and that it guides the
fusion of both features. Its layers were not at hand, and no code of it is used. Ours is all the rest: one encoder whose
features the transformer goes on from, a gate for each channel and place as the guide, a gated recurrent unit as what
learns, knowledge that fades with the seconds since the frame before, and the finisher.

Nothing that comes later is asked for, so that a stream is predicted frame by frame. Knowledge of zeros is that of a
driver who has seen nothing yet.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from attention import MIXERS, InterleavedBlock
from data.errors import GazeError
from data.gaze import condition_names
from saliency.layers.backbone import InvertedResidual, Pretrained, build
from saliency.layers.efficientnet_lite import EfficientNetLite
from saliency.layers.finalizer import Density, Finalizer
from saliency.layers.scales import projection, resized
from saliency.models.tempsal import MEAN, STD
from video.layers.memory import ConvGRU, State, empty, separable

CANVAS = (192, 352)
FADES = (0.5, 20.0)  # seconds in which knowledge fades to 1/e, at first; one of each channel, learned
KEEP = -2.0  # bias of what is replaced at an iteration, at first
LONG = 10.0  # seconds: a longer step is as this one

Features = Float[Tensor, "b d h w"]  # at 1/16


class Seen(NamedTuple):
    """What is seen of a frame before anything is known."""

    fine: Float[Tensor, "b f g v"]  # at 1/4
    eighth: Float[Tensor, "b e p q"]
    cnn: Features
    transformer: Features


class Learned(NamedTuple):
    """What the loop has made of a frame, at 1/16."""

    fused: Features
    glance: Float[Tensor, "b 1 h w"]  # logits of a coarse map of where the driver looks
    knowledge: Features


class Fusion(nn.Module):
    """CNN and transformer features become one; at each place and channel the knowledge says how much of either.

        a = sigmoid(conv([cnn, transformer, knowledge]))      fused = a cnn + (1 - a) transformer + conv(knowledge)

    Args:
        width: channels of each of the three.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.share = separable(3 * width, width)
        self.known = separable(width, width)

    def forward(self, cnn: Features, transformer: Features, knowledge: Features) -> Features:
        """The fused features."""
        share = torch.sigmoid(self.share(torch.cat([cnn, transformer, knowledge], 1)))
        fused: Tensor = share * cnn + (1 - share) * transformer + self.known(knowledge)
        return fused


class FBLNet(nn.Module):
    """The network. `conditions` are the training sets; "any" and "uniform" are added around them.

    Args:
        conditions: names of the viewing conditions, in the order of the data's folders.
        backbone: `lite0`, `lite1` or `lite2` (ImageNet's features where it is trained), `small`, or
            `hf:<model id or folder>`.
        width: channels of the tokens and of the knowledge.
        fine: channels of the fine features.
        blocks: attention blocks of the transformer features.
        heads: attention heads.
        mixer: how tokens look at each other over space, of `attention.MIXERS`.
        iterations: of the feedback loop in each frame.
        carry: whether the knowledge is carried from frame to frame; else each frame is a first one.
        canvas: height and width of the letterboxed frames that it is trained on; others work, too.
        path_drop: stochastic depth of a `lite` backbone's last block, while it is trained.
        backbone_config: configuration of an `hf:` backbone whose weights follow from a file, which tells it.

    Raises:
        GazeError: There is no such encoder or mixer, or no iteration.
    """

    multiple = 32
    mean: Tensor
    std: Tensor

    def __init__(  # noqa: PLR0913 - the options of a recipe
        self,
        conditions: Sequence[str] = (),
        backbone: str = "lite0",
        width: int = 64,
        fine: int = 24,
        blocks: int = 2,
        heads: int = 4,
        mixer: str = "interleaved",
        iterations: int = 3,
        carry: bool = True,
        canvas: Sequence[int] = CANVAS,
        path_drop: float = 0.0,
        backbone_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if mixer not in MIXERS:
            raise GazeError(f"There is no mixer {mixer!r}; choose one of {', '.join(MIXERS)}.")
        if iterations < 1:
            raise GazeError(f"FBLNet with {iterations} iterations predicts nothing; give 1 or more.")
        given = {
            name: value for name, value in locals().items() if name not in ("self", "__class__", "backbone_config")
        }
        self.arguments = given | {"conditions": list(conditions), "canvas": list(canvas)}
        self.conditions, self.slices = condition_names(conditions), 0
        self.canvas = (int(canvas[0]), int(canvas[1]))
        self.width, self.iterations, self.carry = width, iterations, carry
        self.encoder = build(backbone, backbone_config, path_drop)
        if isinstance(self.encoder, Pretrained):
            self.arguments["backbone_config"] = self.encoder.config
        quarter, eighth, sixteenth, last = self.encoder.widths
        self.top, self.coarse = projection(last, width), projection(sixteenth, width)
        self.blocks = nn.Sequential(*(InterleavedBlock(width, heads, "s", mixer) for _ in range(blocks)))
        self.fuse = Fusion(width)
        self.look = InterleavedBlock(width, heads, "s", mixer)
        self.glance = nn.Conv2d(width, 1, 1)
        self.learn = ConvGRU(width + 1, width)
        with torch.no_grad():  # knowledge grows little by little: what is new at first replaces an eighth of it
            bias = self.learn.gates[1].bias
            assert isinstance(bias, nn.Parameter)
            bias[:width] = KEEP
        self.fades = nn.Parameter(torch.linspace(math.log(FADES[0]), math.log(FADES[1]), width))
        self.down8, self.down4 = projection(eighth, 48), projection(quarter, fine)
        self.up8 = nn.Sequential(projection(2 * width + 48, 48), InvertedResidual(48, 48), nn.ReLU())
        self.up4 = nn.Sequential(
            projection(48 + fine, fine), InvertedResidual(fine, fine, expand=3, fused=True), nn.ReLU()
        )
        self.read = nn.Conv2d(fine, 1, 1)
        self.finish = Finalizer(1, len(self.conditions))
        mean, std = torch.tensor([MEAN, STD]) * 255
        if isinstance(self.encoder, EfficientNetLite):
            mean, std = torch.tensor([self.encoder.mean, self.encoder.std])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    @property
    def memory(self) -> dict[str, tuple[int, int]]:
        """What is carried from frame to frame: of each map its channels, and canvas pixels a cell; zero at first."""
        return {"knowledge": (self.width, 16)} if self.carry else {}

    def start(self, picture: UInt8[Tensor, "b *f h w 3"]) -> State:
        """What is known before the first of these frames: nothing."""
        return empty(self.memory, len(picture), picture.shape[-3:-1], picture.device)

    def encode(self, picture: UInt8[Tensor, "b h w 3"]) -> Sequence[Float[Tensor, "b _ _ _"]]:
        """The encoder's features of frames."""
        features: Sequence[Tensor] = self.encoder((picture.permute(0, 3, 1, 2).float() - self.mean) / self.std)
        return features

    def see(self, features: Sequence[Float[Tensor, "b _ _ _"]]) -> Seen:
        """CNN and transformer features of frames, each on its own."""
        quarter, eighth, sixteenth, last = features
        cnn = torch.relu(self.coarse(sixteenth) + resized(self.top(last), sixteenth))
        tokens = self.blocks(cnn.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return Seen(self.down4(quarter), self.down8(eighth), cnn, tokens)

    def loop(
        self, cnn: Features, transformer: Features, step_s: Float[Tensor, " b"], state: State
    ) -> tuple[Learned, State]:
        """What the feedback loop makes of a frame, and what is then known."""
        knowledge = torch.zeros_like(cnn, dtype=torch.float32)
        if self.carry:
            faded = torch.exp(-step_s.float().clamp(0, LONG)[:, None] * torch.exp(-self.fades))
            knowledge = state["knowledge"] * faded[:, :, None, None]
        for _ in range(self.iterations):
            fused = self.fuse(cnn, transformer, knowledge)
            fused = self.look(fused.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            glance = self.glance(fused)
            knowledge = self.learn(torch.cat([fused, torch.tanh(glance)], 1), knowledge).float()
        return Learned(fused, glance, knowledge), {"knowledge": knowledge} if self.carry else {}

    def decode(self, seen: Seen, learned: Learned) -> Float[Tensor, "b 1 g v"]:
        """What the finisher makes log densities of."""
        x = torch.cat([learned.fused, learned.knowledge.to(learned.fused.dtype)], 1)
        x = self.up8(torch.cat([resized(x, seen.eighth), seen.eighth], 1))
        x = self.up4(torch.cat([resized(x, seen.fine), seen.fine], 1))
        logits: Tensor = resized(learned.glance, x) + self.read(x)
        return logits

    def step(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, " b"],
        state: State,
        stride: int = 1,
    ) -> tuple[Density, State]:
        """The log density of a frame per cell of `stride` canvas pixels (1 or 4), and what is then known.

        `step_s` is the seconds since the frame before; of a first frame it does not matter.
        """
        seen = self.see(self.encode(picture))
        learned, state = self.loop(seen.cnn, seen.transformer, step_s, state)
        density, _ = self.finish(self.decode(seen, learned), content, condition, stride)
        return density, state

    def forward(
        self,
        clip: UInt8[Tensor, "b f h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, "b f"],
        state: State | None = None,
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b f y x"], State]:
        """The same for frames that follow each other; the same numbers as step by step.

        All frames are seen at once, which is quicker where there is memory for it; the loop goes through them in order.
        """
        state = self.start(clip) if state is None else state
        seen = self.see(self.encode(clip.flatten(0, 1)))
        return self.follow(seen, content, condition, step_s, state, stride)

    def follow(
        self,
        seen: Seen,
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, "b f"],
        state: State,
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b f y x"], State]:
        """The same from what was seen of all frames, those of a clip one after the other."""
        count, frames = step_s.shape
        cnn, transformer = (part.unflatten(0, (count, frames)) for part in (seen.cnn, seen.transformer))  # type: ignore[no-untyped-call]
        found = []
        for index in range(frames):
            learned, state = self.loop(cnn[:, index], transformer[:, index], step_s[:, index], state)
            found.append(learned)
        joined = Learned(*(torch.stack(parts, 1).flatten(0, 1) for parts in zip(*found, strict=True)))
        clips = torch.arange(count, device=step_s.device).repeat_interleave(frames)
        density, _ = self.finish(self.decode(seen, joined), content[clips], condition[clips], stride)
        return density.unflatten(0, (count, frames)), state
