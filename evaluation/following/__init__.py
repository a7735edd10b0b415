"""What people in pictures look at: what predicts it, scored beside priors and beside annotators."""
