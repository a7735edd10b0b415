"""Eye-tracking files in, typed gaze out: the table of readers, and the errors that people see.

`GazeError` marks what a person can mend: a broken file, a wrong option, a missing model. Its message is
one sentence that says what is wrong, where, and what to do. Every other exception is a bug.
"""

READERS = {
    "table": "data.table:read",
    "osie": "data.osie:read",
    "amazon": "data.amazon:read",
    "coco_search18": "data.coco_search18:read",
}


class GazeError(ValueError):
    """Something a person gave us is wrong; the message says what, where and what to do."""


class PictureError(GazeError):
    """A file that should be a picture cannot be used as one."""


class TableError(GazeError):
    """A data set's files do not have the form that their reader expects."""


class ModelError(GazeError):
    """A model is missing, broken, or was asked for something it cannot do."""
