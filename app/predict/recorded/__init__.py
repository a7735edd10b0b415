"""What recorded people looked at: their files read, their looks measured, and a prediction held against them."""
