"""Which object a participant of mobile eye tracking looked at: a few labels are carried through the video."""
