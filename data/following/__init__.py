"""People in pictures whose gaze is known, in whichever layout a set comes."""
