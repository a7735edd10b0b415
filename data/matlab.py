"""MATLAB files in, without MATLAB: variables, fields of structs, columns of numbers; what is wrong in one sentence.

Files of the versions 4 to 7.2 are read by scipy, which is part of the extra `train`; 7.3 (HDF5) is refused.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data import TableError
from data.check import reason


def load(path: Path, name: str) -> np.ndarray:
    """One variable of a .mat file, flattened; structs and cells come as arrays of records and of objects."""
    from scipy.io import loadmat  # of the extra `train`: predicting does without

    try:
        return np.ravel(loadmat(path, variable_names=name)[name])
    except FileNotFoundError as error:
        raise TableError(f"{path}: the file is missing; give the whole folder of the release.") from error
    except NotImplementedError as error:
        raise TableError(f"{path}: a MATLAB 7.3 file; save it in MATLAB with the option -v7.") from error
    except KeyError as error:
        raise TableError(f"{path}: it holds no variable {name}; download the file of the release again.") from error
    except Exception as error:  # scipy raises nearly anything on a broken file
        raise TableError(f"{path}: damaged or cut off ({reason(error)}); download it again.") from error


def field(struct: Any, name: str) -> np.ndarray:
    """A field of a MATLAB struct, which scipy loads as an array of one record; LookupError without it."""
    return np.asarray(np.ravel(struct)[0][name])


def numbers(struct: Any, name: str) -> Float[np.ndarray, " l"]:
    """A field of a MATLAB struct as a row of numbers."""
    return field(struct, name).astype(float).ravel()
