"""The parts of the page Models: cards, charts, measuring on this machine, and what is brought."""
