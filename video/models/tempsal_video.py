"""TempSAL for videos: what a still network sees of each frame, and what is remembered of the frames before.

    still     -> the maps and features of a TempSAL, frame by frame; its weights stay as they were learned from stills
    motion    -> how each place moved since the frame before, by block matching
    window    -> coarse tokens of the last frames look at each other: at each place over time, then over space
    memory    -> a gated recurrent memory at 1/8 of the canvas; it moves with what it lies on
    read      -> how much of the whole viewing and of each second the moment is, place by place, and what is added
    finisher  -> one log density a frame

A first frame has nothing before it: its answer is that of the still network (the bypass of UNISAL: Droste,
Jiao and Noble 2020, https://arxiv.org/abs/2003.05477). Nothing that comes later is asked for, so that a stream is
predicted frame by frame: `step` takes what is remembered and gives it back. Time comes as seconds since the frame
before; frames may follow each other at any rate.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from attention import InterleavedBlock
from attention.operators.dense import exact
from attention.operators.interleaved import Attend
from saliency.layers.finalizer import Density
from saliency.layers.scales import resized
from saliency.models.tempsal import TempSAL
from video.layers.block_matching import BlockMatching, carried, structure
from video.layers.memory import ConvGRU, State, empty, separable

USUAL_S = 0.08  # seconds between two frames: what steps are relative to


class Look(NamedTuple):
    """What is seen of frames before anything is remembered; of clips there are `b f` in place of `b`."""

    maps: Float[Tensor, "b m g v"]  # logits: the whole viewing, then each second
    tokens: Float[Tensor, "b c h w"]  # of the whole viewing, at 1/16
    eighth: Float[Tensor, "b e p q"]  # of its decoder, at 1/8
    structure: Float[Tensor, "b 1 g v"]  # of the frame itself (`video.layers.block_matching`)


def _standard(maps: Float[Tensor, "b m g v"]) -> Float[Tensor, "b m g v"]:
    """Each map with a mean of 0 and a variance of 1; a flat one is zero."""
    maps = maps - maps.mean((2, 3), keepdim=True)
    return maps / (maps.square().mean((2, 3), keepdim=True) + 1e-4).sqrt()


class TempSALVideo(nn.Module):
    """The network. `conditions` and all of the still network's arguments are those of `saliency.models.tempsal`.

    Args:
        conditions: names of the still network's viewing conditions.
        still: the other arguments of the still network, as its file tells them.
        width: channels of the memory.
        window: frames whose coarse tokens look at each other, the present one with them; 1: none but the present.
        heads: attention heads.
        motion: whether the memory is told how places move, and moves with them.
        memory: whether anything is remembered but the window's tokens and the frame before.
    """

    multiple = 32

    def __init__(
        self,
        conditions: Sequence[str] = (),
        still: Mapping[str, Any] | None = None,
        width: int = 48,
        window: int = 4,
        heads: int = 4,
        motion: bool = True,
        memory: bool = True,
    ) -> None:
        super().__init__()
        options = {name: value for name, value in dict(still or {}).items() if name != "conditions"}
        self.still = TempSAL(conditions, **options)
        self.conditions, self.slices = self.still.conditions, 0
        self.arguments = {
            "conditions": list(conditions),
            "still": {name: value for name, value in self.still.arguments.items() if name != "conditions"},
            "width": width,
            "window": window,
            "heads": heads,
            "motion": motion,
            "memory": memory,
        }
        self.width, self.window, self.with_motion, self.with_memory = width, window, motion, memory
        self.canvas = self.still.canvas
        coarse, maps = self.still.width, 1 + self.still.slices
        self.matching = BlockMatching()
        self.frames = nn.Parameter(torch.randn(window, coarse) * 0.1)
        self.across = Attend(coarse, heads, "time")
        self.around = InterleavedBlock(coarse, heads, "s")
        self.near = nn.Sequential(nn.Conv2d(64 + coarse, width, 1), nn.ReLU())
        self.told = nn.Sequential(separable(6 + 4 + maps, width), nn.ReLU())
        self.gru = ConvGRU(2 * width, width)
        self.read = nn.Sequential(separable(3 * width, width), nn.ReLU(), nn.Conv2d(width, maps + 1, 1))
        last = self.read[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    @property
    def memory(self) -> dict[str, tuple[int, int]]:
        """What is carried from frame to frame: of each map its channels, and canvas pixels a cell; zero at first."""
        return {
            "hidden": (self.width, 8),  # the memory
            "past": (self.still.width * max(1, self.window - 1), 16),  # tokens of the last frames, the latest first
            "before": (1, 4),  # the structure of the frame before
            "shown": (2, 8),  # its answer, and ones: that there was a frame before
        }

    def start(self, picture: UInt8[Tensor, "b *f h w 3"]) -> State:
        """What is remembered before the first of these frames: nothing."""
        return empty(self.memory, len(picture), picture.shape[-3:-1], picture.device)

    def step(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, " b"],
        state: State,
        stride: int = 1,
    ) -> tuple[Density, State]:
        """The log density of a frame per cell of `stride` canvas pixels (1 or 4), and what is then remembered.

        `step_s` is the seconds since the frame before; of a first frame it does not matter.
        """
        logits, state = self._moment(self.look(picture), step_s, state)
        density, _ = self.still.finish(logits, content, condition, stride)
        return density, state

    def look(self, picture: UInt8[Tensor, "b h w 3"]) -> Look:
        """What is seen of frames; without a gradient where the still network learns nothing."""
        learns = any(parameter.requires_grad for parameter in self.still.parameters())
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            seen = self.still.see(picture)
            coarse = seen.tokens[:, 0].permute(0, 3, 1, 2)
            return Look(seen.maps, coarse, seen.eighth, exact(structure)(picture.permute(0, 3, 1, 2).float()))

    def _moment(self, seen: Look, step_s: Float[Tensor, " b"], state: State) -> tuple[Float[Tensor, "b 1 g v"], State]:
        """What the finisher makes the log density of a frame of, and what is then remembered."""
        shown, begun = state["shown"].chunk(2, 1)
        known = begun.mean((2, 3), keepdim=True)  # 1, or 0 for a first frame
        flow, motion = self._motion(seen.structure, state["before"], known)
        hidden = carried(state["hidden"], flow) if self.with_motion else state["hidden"]
        moved = carried(shown, flow) if self.with_motion else shown
        tokens, past = self._window(seen.tokens.float(), state["past"], known)
        maps = avg_pool2d(seen.maps.float(), 2)
        step = (step_s.float().clamp(1e-3, 10.0) / USUAL_S).log()[:, None, None, None] * known
        told = torch.cat([motion, shown, moved, begun, step.expand_as(shown), _standard(maps)], 1)
        x = torch.cat([self.near(torch.cat([seen.eighth, resized(tokens, seen.eighth)], 1)), self.told(told)], 1)
        hidden = self.gru(x, hidden).float() if self.with_memory else hidden
        y = resized(self.read(torch.cat([x, hidden], 1)).float(), seen.maps)
        change = (y[:, :-1] * seen.maps).sum(1, keepdim=True) + y[:, -1:]
        logits = seen.maps[:, :1] + known * change
        answer = _standard(avg_pool2d(logits.detach(), 2)) if self.with_memory else torch.zeros_like(shown)
        return logits, {
            "hidden": hidden,
            "past": past,
            "before": seen.structure,
            "shown": torch.cat([answer, torch.ones_like(answer)], 1),
        }

    def _motion(
        self, now: Float[Tensor, "b 1 g v"], before: Float[Tensor, "b 1 g v"], known: Float[Tensor, "b 1 1 1"]
    ) -> tuple[Float[Tensor, "b 2 p q"], Float[Tensor, "b 6 p q"]]:
        """The flow in cells of 1/8, and all that is known of motion there; nothing of a first frame."""
        if not self.with_motion:
            none = avg_pool2d(now * 0, 2)
            return none.expand(-1, 2, -1, -1), none.expand(-1, 6, -1, -1)
        flow, error = exact(self.matching)(now, before)
        flow = avg_pool2d(flow, 2) / 2 * known
        against = flow - flow.mean((2, 3), keepdim=True)
        changed = torch.cat([error, (now - before).abs()], 1)
        return flow, torch.cat([flow, against, avg_pool2d(changed, 2) * known], 1)

    def _window(
        self, now: Float[Tensor, "b c h w"], past: Float[Tensor, "b pc h w"], known: Float[Tensor, "b 1 1 1"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b pc h w"]]:
        """The present tokens after a look at the last frames', and the tokens that the next frame may look at."""
        count = past.shape[1] // now.shape[1]
        past = known * past + (1 - known) * now.repeat(1, count, 1, 1)
        both = torch.cat([now, past], 1)
        slices = both.unflatten(1, (1 + count, now.shape[1]))[:, : self.window]  # type: ignore[no-untyped-call]
        slices = slices.permute(0, 1, 3, 4, 2) + self.frames[: self.window, None, None, :]
        tokens = self.across(slices)[:, 0]
        return self.around(tokens).permute(0, 3, 1, 2), both[:, : past.shape[1]]

    def forward(
        self,
        clip: UInt8[Tensor, "b f h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, "b f"],
        state: State | None = None,
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b f y x"], State]:
        """The same for frames that follow each other; the same numbers as step by step."""
        looks = Look(*(part.unflatten(0, clip.shape[:2]) for part in self.look(clip.flatten(0, 1))))  # type: ignore[no-untyped-call]
        return self.remember(looks, content, condition, step_s, self.start(clip) if state is None else state, stride)

    def remember(
        self,
        looks: Look,
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        step_s: Float[Tensor, "b f"],
        state: State,
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b f y x"], State]:
        """The same from what is seen of each frame."""
        found, count = [], looks.maps.shape[1]
        for index in range(count):
            logits, state = self._moment(Look(*(part[:, index] for part in looks)), step_s[:, index], state)
            found.append(logits)
        each = (content.repeat_interleave(count, 0), condition.repeat_interleave(count, 0))
        density, _ = self.still.finish(torch.cat(found, 1).flatten(0, 1)[:, None], *each, stride)
        return density.unflatten(0, (-1, count)), state
