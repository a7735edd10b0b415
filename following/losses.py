"""What a network that follows gaze is trained by.

    kl              sum p log(p / q): the truth's cells beside the predicted ones; of those who look into the frame
    in_frame        binary cross-entropy of in or out, which with `focus` counts sure answers less (focal loss:
                    Lin et al. 2017, https://arxiv.org/abs/1708.02002)
    head_patches    binary cross-entropy of a head on each patch, patches of either kind counting as much

The truth of a map is a mixture of Gaussians, one an annotator, whose sigma is 3/64 of the picture's width and height:
as in the published scripts, which draw one with a sigma of 3 on 64 x 64 cells.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

SIGMA = 3 / 64  # of the picture's width and height


def kl(log_p: Float[Tensor, "n g v"], truth: Float[Tensor, "n g v"]) -> Float[Tensor, " n"]:
    """Nats from the truth, whose maps sum to one over cells, to log densities per cell; 0 where both agree.

    `log_p` may be a log density of cells that holds less than one: it is made whole over them first.
    """
    q = log_p.flatten(1).log_softmax(1)
    p = truth.flatten(1)
    return (torch.xlogy(p, p) - p * q).sum(1)


def in_frame(logits: Float[Tensor, " n"], label: Float[Tensor, " n"], focus: float = 0.0) -> Float[Tensor, " n"]:
    """Nats of each head's answer; a `focus` of 2 is usual for a focal loss, 0 is the plain cross-entropy."""
    loss = binary_cross_entropy_with_logits(logits, label, reduction="none")
    if not focus:
        return loss
    return loss * (1 - torch.exp(-loss)) ** focus


def head_patches(logits: Float[Tensor, "b g v"], there: Bool[Tensor, "b g v"]) -> Float[Tensor, " b"]:
    """Nats of each picture's patches: the mean over those with a head, and over those without, halved."""
    loss = binary_cross_entropy_with_logits(logits, there.to(logits.dtype), reduction="none").flatten(1)
    heads = there.flatten(1).to(logits.dtype)
    with_head = (loss * heads).sum(1) / heads.sum(1).clamp(min=1)
    without = (loss * (1 - heads)).sum(1) / (1 - heads).sum(1).clamp(min=1)
    return (with_head + without) / 2
