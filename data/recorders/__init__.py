"""Eye trackers' own files, one maker a file: samples in, and from them the scanpaths of a data set."""

RECORDERS = {  # eye trackers' own files
    "bids": "data.recorders.bids:read",
    "csv": "data.recorders.delimited:read",
    "eyelink": "data.recorders.eyelink:read",
    "pupil": "data.recorders.pupil_labs:read",
    "tobii": "data.recorders.tobii:read",
}
