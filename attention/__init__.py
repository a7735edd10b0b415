"""How tokens look at tokens: the operators, and the mixers and blocks built around them."""

from attention.agent import agent_attention
from attention.cog import cog_attention
from attention.dense import dense_attention
from attention.dual import dual_attention
from attention.foveal import foveal_attention
from attention.interleaved import InterleavedBlock, interleaved_attention
from attention.mixed import MixedBlock, mixed_attention
from attention.mixer import MIXERS
from attention.mixture_of_head import mixture_of_head
from attention.neighborhood import neighborhood_attention
from attention.pointer import pointer_attention
from attention.relational import relational_attention
from attention.routed import routed_attention
from attention.sigmoid import sigmoid_attention

__all__ = [
    "MIXERS",
    "InterleavedBlock",
    "MixedBlock",
    "agent_attention",
    "cog_attention",
    "dense_attention",
    "dual_attention",
    "foveal_attention",
    "interleaved_attention",
    "mixed_attention",
    "mixture_of_head",
    "neighborhood_attention",
    "pointer_attention",
    "relational_attention",
    "routed_attention",
    "sigmoid_attention",
]
