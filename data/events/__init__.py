"""From gaze samples to fixations: detection, its algorithms, velocity, and the agreement of raters."""
