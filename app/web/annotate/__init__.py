"""The parts of the page Annotate: where projects lie, how they are made, questions, classes, and what was looked at."""
