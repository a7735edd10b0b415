"""What the page Order is made of: what is looked at and looked for, who looks, numbers, words, charts and films."""
