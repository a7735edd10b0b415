"""Public eye-tracking data sets, one a file, in the layout that their authors publish.

Each file has the entries of its sets in the catalogue, `CATALOG`, and a reader of pictures, `read(root)`, of videos,
`sniff(root)` and `clips(root)`, or both; of sets of what people in pictures look at `sniff(root)` and `people(root)`.
Nothing else names a set: `data.datasets.catalog.PUBLISHED`, `READERS`, `CLIPS` and `PEOPLE` are made of the files that
are in this folder.
"""

from collections.abc import Mapping

READERS: Mapping[str, str]  # of each data set of pictures, and of the table format ("table"), what reads a folder
CLIPS: Mapping[str, str]  # of each data set of videos, what reads the clips of a folder
PEOPLE: Mapping[str, str]  # of each data set of what people in pictures look at, what reads the people of a folder


def __getattr__(name: str) -> Mapping[str, str]:
    tables = {"READERS": "readers", "CLIPS": "video_readers", "PEOPLE": "people_readers"}
    if name not in tables:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from data.datasets import catalog  # imports every reader, so only when the table is asked for

    readers: Mapping[str, str] = getattr(catalog, tables[name])()
    return readers
