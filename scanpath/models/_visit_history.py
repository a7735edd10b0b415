"""The history of visits to each object: was it fixated, how often, how recently, is it fixated now.

Shapes: `b` scenes, `p` paths, `l` fixations, `s` observers, `n` objects. A history is two numbers an object, visits and
recency (1 at a fixation, times `FADE` after each further one); four features are made of it.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

FADE = 0.7  # what is left of an object's recency after the next fixation


def update(
    history: Float[Tensor, "*b n 2"], last: Int[Tensor, "*b"]
) -> tuple[Float[Tensor, "*b n 2"], Float[Tensor, "*b n 4"]]:
    """The history after a fixation on `last`, and its features; a `last` that is no object counts for none."""
    fixated = (last[..., None] == torch.arange(history.shape[-2], device=last.device)).float()
    visits, recency = history[..., 0] + fixated, history[..., 1] * FADE + fixated
    features = torch.stack([visits.clamp(max=1), visits.log1p(), recency, fixated], -1)
    return torch.stack([visits, recency], -1), features


def visit_history(order: Int[Tensor, "b p l"], count: int) -> Float[Tensor, "b p l_1 n 4"]:
    """The features of each of `count` objects before each fixation of given paths, and after the last."""
    history = torch.zeros(*order.shape[:2], count, 2, device=order.device)
    rows = [torch.zeros(*order.shape[:2], count, 4, device=order.device)]
    for step in range(order.shape[2]):
        history, features = update(history, order[:, :, step])
        rows.append(features)
    return torch.stack(rows, 2)
