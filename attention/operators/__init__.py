"""The operators, one a file: the formula, the plain form, the choice of implementation, and its mixer."""
