"""Where people look in a video: what predicts it, scored beside the people themselves."""
