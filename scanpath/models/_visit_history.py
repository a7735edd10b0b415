"""What a path leaves on each object: was it fixated, how often, how lately, is it fixated now.

Shapes: `b` scenes, `p` paths, `l` fixations, `s` observers, `n` objects; a trace is two numbers, visits and how lately.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

FADE = 0.7  # what is left of the trace of a fixation after the next one


def update(
    trace: Float[Tensor, "*b n 2"], last: Int[Tensor, "*b"]
) -> tuple[Float[Tensor, "*b n 2"], Float[Tensor, "*b n 4"]]:
    """The traces after one more fixation, and what they tell; a `last` that is no object leaves none."""
    fresh = (last[..., None] == torch.arange(trace.shape[-2], device=last.device)).float()
    visits, lately = trace[..., 0] + fresh, trace[..., 1] * FADE + fresh
    told = torch.stack([visits.clamp(max=1), visits.log1p(), lately, fresh], -1)
    return torch.stack([visits, lately], -1), told


def visit_history(order: Int[Tensor, "b p l"], count: int) -> Float[Tensor, "b p l_1 n 4"]:
    """What is told of each of `count` objects before each fixation of known paths, and after the last."""
    now = torch.zeros(*order.shape[:2], count, 2, device=order.device)
    found = [torch.zeros(*order.shape[:2], count, 4, device=order.device)]
    for step in range(order.shape[2]):
        now, told = update(now, order[:, :, step])
        found.append(told)
    return torch.stack(found, 2)
