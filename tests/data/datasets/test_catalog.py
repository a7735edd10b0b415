import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import data.datasets
from data.datasets import CLIPS, PEOPLE, READERS, catalog, convert
from data.datasets.catalog import PUBLISHED, File, Published


def test_every_public_set_has_a_reader_and_the_other_way_round() -> None:
    assert set(PUBLISHED) == (set(READERS) | set(CLIPS) | set(PEOPLE)) - {"table"}
    assert list(PUBLISHED) == sorted(PUBLISHED)


def test_a_file_in_the_folder_is_a_data_set_in_every_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = "Published('Made up', 'a set', 'MIT', 'yes', 'https://example.org', 'Nobody 2020', access='ask')"
    reader = "def read(root):\n    return iter(())\n"
    imports = "from data.datasets.catalog import Published\n"
    (tmp_path / "made_up_reader.py").write_text(f"{imports}CATALOG = {{'made_up': {entry}}}\n{reader}")
    (tmp_path / "_private.py").write_text("raise ValueError('private files are not looked at')")
    monkeypatch.setattr(data.datasets, "__path__", [*data.datasets.__path__, str(tmp_path)])
    catalog._sets.cache_clear()
    try:
        assert catalog.PUBLISHED["made_up"].title == "Made up"
        assert data.datasets.READERS["made_up"] == "data.datasets.made_up_reader:read"
        assert list(convert.read("made_up", tmp_path).items) == []
    finally:
        catalog._sets.cache_clear()
        sys.modules.pop("data.datasets.made_up_reader", None)


def test_the_catalogue_is_listed_without_torch_scipy_or_pyarrow() -> None:
    heavy = "{'torch', 'scipy', 'pyarrow', 'matplotlib'}"
    code = f"import sys; from data.datasets.catalog import PUBLISHED; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_table_that_is_not_there_is_no_attribute() -> None:
    for module in (data.datasets, catalog):
        with pytest.raises(AttributeError, match="NOTHING"):
            _ = module.NOTHING


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
