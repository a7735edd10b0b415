"""Saliency models, one a file, named as in the literature."""
