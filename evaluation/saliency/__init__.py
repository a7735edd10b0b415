"""The evaluation of saliency models."""
