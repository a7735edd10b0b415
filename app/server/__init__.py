"""The server: what `gaze predict` answers, over HTTP (`gaze serve`). It needs the extra `serve`, never torch."""
