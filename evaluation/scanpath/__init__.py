"""The evaluation of scanpath models."""
