"""A trained model becomes a file that runs anywhere."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # its wheels report to their maker (1.31 does), unless told before
