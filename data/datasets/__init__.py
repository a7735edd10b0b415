"""Public eye-tracking data sets, one a file, in the layout that their authors publish.

Each file has a reader, `read(root)`, and the entries of its sets in the catalogue, `CATALOG`. Nothing else names a set:
`data.datasets.catalog.PUBLISHED` and `READERS` are made of the files that are in this folder.
"""

from collections.abc import Mapping

READERS: Mapping[str, str]  # of each data set, and of the table format ("table"), the function that reads a folder


def __getattr__(name: str) -> Mapping[str, str]:
    if name != "READERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from data.datasets import catalog  # imports every reader, so only when the table is asked for

    return catalog.readers()
