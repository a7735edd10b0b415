"""How tokens look at tokens: the operators, and the mixers and blocks built around them."""

from attention.mixers import MIXERS
from attention.operators.agent import agent_attention
from attention.operators.cog import cog_attention
from attention.operators.dense import dense_attention
from attention.operators.dual import dual_attention
from attention.operators.foveal import foveal_attention
from attention.operators.interleaved import InterleavedBlock, interleaved_attention
from attention.operators.mixed import MixedBlock, mixed_attention
from attention.operators.mixture_of_head import mixture_of_head
from attention.operators.neighborhood import neighborhood_attention
from attention.operators.pointer import pointer_attention
from attention.operators.relational import relational_attention
from attention.operators.routed import routed_attention
from attention.operators.sigmoid import sigmoid_attention

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
