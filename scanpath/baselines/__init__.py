"""Scanpath models without training: chance and winner-take-all."""
