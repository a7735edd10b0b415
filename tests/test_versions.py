"""The versions that are asked for leave out those with known holes, agree with what was tested, and are installed."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(
        Requirement,
        [*PROJECT["dependencies"], *(line for lines in PROJECT["optional-dependencies"].values() for line in lines)],
    )
    if requirement.name != "gaze" and (requirement.marker is None or requirement.marker.evaluate())
}
TESTED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}
HOLES = {  # versions that must not be taken, and why
    "jinja2": (["3.1.5", "3.1.0"], "CVE-2025-27516"),
    "onnx": (["1.20.1", "1.19.0"], "CVE-2026-27489, CVE-2026-28500, CVE-2026-34445"),
    "pillow": (["12.3.0", "12.2.0", "11.0.0"], "memory safety, decompression bombs; mended in 12.3.0 and 13.0.0"),
    "pyarrow": (["23.0.0", "21.0.0"], "CVE-2026-25087"),
    "pytorch-lightning": (
        ["2.6.0", "2.6.1", "2.6.2", "2.6.3", "2.6.5"],
        "2.6.2 and 2.6.3 were malware (GHSA-w37p-236h-pfx3); code in checkpoints, CVE-2026-58659, until 2.6.6",
    ),
    "transformers": (["4.57.0", "5.2.0", "5.4.0", "5.8.0"], "CVE-2026-4372, CVE-2026-5241, CVE-2026-9856"),
}


@pytest.mark.parametrize("name", HOLES)
def test_no_version_with_a_known_hole_is_asked_for(name: str) -> None:
    versions, why = HOLES[name]
    assert not [version for version in versions if version in ASKED[name].specifier], why


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_was_tested_is_what_is_asked_for(name: str) -> None:
    assert name in TESTED, f"{name} is not in constraints.txt"
    assert TESTED[name] in ASKED[name].specifier


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_is_installed_is_what_is_asked_for(name: str) -> None:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed")
    assert SpecifierSet(str(ASKED[name].specifier)).contains(version, prereleases=True)
