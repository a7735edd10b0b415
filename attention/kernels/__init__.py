"""Triton twins of the operators: the same file names, the same results, on a GPU."""
