"""How tokens look at tokens: the operators, and the blocks built around them."""

from attention.interleaved import InterleavedBlock, interleaved_attention

__all__ = ["InterleavedBlock", "interleaved_attention"]
