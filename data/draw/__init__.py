"""Predictions and scanpaths drawn: a picture in, a new picture out."""
