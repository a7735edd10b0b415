"""What the training of every task shares: the Lightning base, data module, augmentation, weights."""
