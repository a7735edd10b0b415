"""How good predictions are: protocols, scores beside chance and people, tests, reports."""
