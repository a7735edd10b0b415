"""Eye trackers' own files, one maker a file: samples in, and from them the scanpaths of a data set.

A maker's file declares its format, `RECORDER` (see `data.recorders.detect_format.Recorder`), and has two functions:

    sniff(path, start)      whether a file is of this format, from its path and the text that it starts with
    read(path, screen, ...) one `data.gaze.Samples` a trial (or `Fixations`, where a file holds no samples); options are
                            keywords, among them subject, stimulus, stimulus_column (that names the pictures), tell

and, where a recording is more than one file, `left_out(paths, given)`. Nothing else names a maker: `RECORDERS` is made
of the files that are in this folder.
"""

from collections.abc import Mapping

from data.recorders.stages.recording_names import recording_names, stem
from data.recorders.stages.stimuli import PictureNames, PicturesByName, read_map
from data.recorders.stages.text_table import UnlikeError
from data.recorders.stages.units import PLACES as GAZE_UNITS
from data.recorders.stages.units import TIMES as TIME_UNITS
from data.recorders.stages.units import Setup

__all__ = [
    "GAZE_UNITS",
    "RECORDERS",
    "TIME_UNITS",
    "PictureNames",
    "PicturesByName",
    "Setup",
    "UnlikeError",
    "read_map",
    "recording_names",
    "stem",
]

RECORDERS: Mapping[str, str]  # of each format the function that reads a file, in the order in which formats are tried


def __getattr__(name: str) -> Mapping[str, str]:
    if name != "RECORDERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from data.recorders import detect_format  # imports every recorder, so only when the table is asked for

    return {format_name: f"{module.__name__}:read" for format_name, module in detect_format.modules().items()}
