"""The parts of the page Models: words for scores, charts, measuring, and models of one session."""
