"""What the page Compare is made of: two versions on one scale, their areas side by side, and a picture among others."""
