"""Eye trackers' files read one after another: whose each is, what of, and what is told of those that give nothing.

What `gaze data recording` and the page Recording share. A file's format is guessed or given; its name says the person,
and the picture where the file itself does not. A broken file ends in a sentence, and the others are read.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.errors import GazeError, RecordingError
from data.gaze import Fixations, Samples
from data.recorders import detect_format
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import UnlikeError, Warn
from data.recorders.stages.units import Setup

Trial = Samples | Fixations


@dataclass(frozen=True)
class Reading:
    """What a person says of the files; what is empty is left to them.

    `names` is a pattern of what the files' names say, as in {subject}_{stimulus}; `stimulus` names what was shown where
    neither file nor name does; `reader` holds options of some formats' readers (`detect_format.reader_options`), those
    that are None are left to the reader.
    """

    setup: Setup = field(default_factory=Setup)
    format_name: str = ""
    names: str = ""
    stimulus: str = ""
    stimulus_column: str = ""
    reader: Mapping[str, Any] = field(default_factory=dict)


def read_recordings(
    names: Mapping[Path, str],
    reading: Reading,
    given: Collection[Path],
    tell: Warn,
    skip: Callable[[Path, GazeError], None],
) -> Iterator[Trial]:
    """All trials of the files whose names (`stages.recording_names`) are given.

    `skip` is told of a broken file; `tell` of what was guessed, and of a file that is not among those `given` by a
    person, lies beside them in a folder, and is no recording: that is `skip`ped as an `UnlikeError`.

    Raises:
        RecordingError: The pattern of names is none.
    """
    pattern = name_pattern(reading.names)
    owners: dict[str, Path] = {}
    for path, name in names.items():
        try:
            words = _words(path, pattern, reading, name)
            trials = _trials(path, words or (name, ""), reading, tell)
            trials = [replace(trial, recording=_below(path, given)) for trial in trials]
            if not words:
                raise RecordingError(f"{path}: its name does not fit --names {reading.names}; mend one of them.")
            if any(trial.subject == name for trial in trials) and "{subject}" not in reading.names:
                first = owners.setdefault(name, path)
                if first != path:
                    raise RecordingError(f"{path}: named like {first}, so whose it is cannot be told; rename one.")
        except GazeError as error:
            if isinstance(error, UnlikeError) and path not in given:
                tell(f"{error} It is left out.")
            skip(path, error)
        else:
            yield from trials
            del trials  # before the next file is read


def _below(path: Path, given: Collection[Path]) -> str:
    """A file's name with the folders between it and the folder that a person gave."""
    folder = next((folder for folder in given if folder in path.parents), path.parent)
    return path.relative_to(folder).as_posix()


def _words(path: Path, pattern: re.Pattern[str] | None, reading: Reading, label: str) -> tuple[str, str] | None:
    """Subject and stimulus, as far as the name of a file says them; None where it does not fit the pattern."""
    named = pattern.fullmatch(stem(path)) if pattern else None
    if pattern and not named:
        return None
    words = named.groupdict() if named else {}
    return words.get("subject") or label, words.get("stimulus") or reading.stimulus


def _trials(path: Path, words: tuple[str, str], reading: Reading, tell: Warn) -> list[Trial]:
    name = reading.format_name or detect_format.detect(path)
    options = reading.reader
    own = {key: options[key] for key in detect_format.reader_options(name) if options.get(key) is not None}
    # Where the file's name says the person, several files of sub-01 are one person's.
    subject = "" if detect_format.recorder(name).subject_in_name and words[0] == stem(path) else words[0]
    own |= {"subject": subject, "stimulus": words[1], "stimulus_column": reading.stimulus_column}
    read = detect_format.modules()[name].read
    trials = list(read(path, reading.setup, tell=tell, **own))
    if reading.stimulus and words[1] == reading.stimulus:
        _tell_named(path, [trial.stimulus for trial in trials], reading.stimulus, tell)
    return trials


def _tell_named(path: Path, stimuli: list[str], given: str, tell: Warn) -> None:
    """Tells where a file names what was shown, so that it is not all on the picture that was given for it."""
    named = Counter(stimulus for stimulus in stimuli if stimulus not in ("", given))
    if not named:
        return
    few = ", ".join(map(repr, list(named)[:3])) + ", ..." * (len(named) > 3)
    rest = len(stimuli) - named.total()
    tell(
        f"{path}: it names itself what {named.total()} trials were of ({few}), so --stimulus is not used for them"
        + (f", but for {rest} others." if rest else ".")
    )


def name_pattern(names: str) -> re.Pattern[str] | None:
    r"""The regular expression of a pattern of names; words other than subject and stimulus stand for anything.

    >>> name_pattern("img__{subject}_img_{stimulus}").fullmatch("img__TH34_img_vy").groupdict()
    {'subject': 'TH34', 'stimulus': 'vy'}
    >>> name_pattern("{subject}_block{number}").fullmatch("anna_block2").groupdict()
    {'subject': 'anna'}
    """
    if not names:
        return None
    parts = re.split(r"\{(\w+)\}", names)
    said = [part for part in parts[1::2] if part in ("subject", "stimulus")]
    if not said or len(set(said)) < len(said):
        raise RecordingError(
            f"--names is {names!r}; write {{subject}} and {{stimulus}} once, as in {{subject}}_{{stimulus}}."
        )
    groups = [f"(?P<{part}>.+?)" if part in said else ".+?" for part in parts[1::2]] + [""]
    return re.compile("".join(re.escape(part) + group for part, group in zip(parts[::2], groups, strict=True)))
