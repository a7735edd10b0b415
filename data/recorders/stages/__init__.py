"""What all recorders share: text tables, units, lost eyes, clocks, trials, names of people and pictures."""
