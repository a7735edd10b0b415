"""Eye-tracking files in, typed gaze out: the tables of readers and recorders, and the errors that people see.

`GazeError` marks what a person can mend: a broken file, a wrong option, a missing model. Its message is
one sentence that says what is wrong, where, and what to do. Every other exception is a bug.
"""

READERS = {  # data sets, in the layout that their authors publish
    "table": "data.table:read",
    "amazon": "data.amazon:read",
    "cat2000": "data.cat2000:read",
    "coco_freeview": "data.coco_freeview:read",
    "coco_search18": "data.coco_search18:read",
    "crowd": "data.crowd:read",
    "dhf1k": "data.dhf1k:read",
    "figrim": "data.figrim:read",
    "mit1003": "data.mit1003:read",
    "osie": "data.osie:read",
    "salicon": "data.salicon:read",
    "scene": "data.scene:read",
    "ueyes": "data.ueyes:read",
}

RECORDERS = {  # eye trackers' own files
    "bids": "data.bids:read",
    "csv": "data.columns:read",
    "eyelink": "data.eyelink:read",
    "pupil": "data.pupil:read",
    "tobii": "data.tobii:read",
}


class GazeError(ValueError):
    """Something a person gave us is wrong; the message says what, where and what to do."""


class PictureError(GazeError):
    """A file that should be a picture cannot be used as one."""


class TableError(GazeError):
    """A data set's files do not have the form that their reader expects."""


class RecordingError(GazeError):
    """An eye tracker's file cannot be used as its reader expects."""


class ModelError(GazeError):
    """A model is missing, broken, or was asked for something it cannot do."""
