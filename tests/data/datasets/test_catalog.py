from dataclasses import fields
from urllib.parse import urlsplit

import pytest

from data.datasets import READERS
from data.datasets.catalog import PUBLISHED, File, Published


def test_every_reader_of_a_public_set_is_in_the_catalogue_and_the_other_way_round() -> None:
    assert {it.reader for it in PUBLISHED.values()} == set(READERS) - {"table"}
    assert set(READERS) - {"table"} <= set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_entry_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    it = PUBLISHED[name]
    assert all(getattr(it, key) for key in ("title", "what", "licence", "citation"))
    assert it.commercial in ("yes", "no", "unclear")
    assert (it.commercial == "unclear") == it.licence.startswith("unknown")
    assert urlsplit(it.url).scheme in ("http", "https")
    assert bool(it.files) != bool(it.access)
    numbers = [
        getattr(it, field.name) for field in fields(Published) if field.name in ("pictures", "people", "seconds")
    ]
    assert all(number is None or number > 0 for number in numbers)


def test_files_have_names_of_their_own_and_checksums_of_the_right_length() -> None:
    for it in PUBLISHED.values():
        names = [file.name for file in it.files]
        assert len(set(names)) == len(names)
        for file in it.files:
            assert len(file.md5) in (0, 32)
            assert urlsplit(file.url).scheme in ("http", "https")
            assert file.md5 or "/archive/" in file.url  # of what GitHub packs no checksum is published


def test_a_file_is_named_by_its_address() -> None:
    assert File("https://zenodo.org/api/records/1/files/a.zip/content").name == "a.zip"
    assert File("http://example.org/b.mat?raw=true").name == "b.mat"
