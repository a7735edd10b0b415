"""MATLAB files in, without MATLAB: variables and the fields of structs; what is wrong in one sentence.

Files of the versions 4 to 7.2 are read by scipy, which is part of the extra `train`; 7.3 (HDF5) is refused.
`mat5` first makes sure that scipy survives the variable.
"""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np

from data.datasets import _mat5
from data.errors import TableError, short_reason

logger = logging.getLogger(__name__)


def load(path: Path, name: str) -> np.ndarray:
    """One variable of a .mat file in its shape; structs and cells come as arrays of records and of objects."""
    from scipy.io import loadmat  # of the extra `train`: predicting does without

    try:
        content = _mat5.variable(path.read_bytes(), name)
        return np.atleast_2d(loadmat(io.BytesIO(content), variable_names=name)[name])
    except FileNotFoundError as error:
        raise TableError(f"{path}: the file is missing; give the whole folder of the release.") from error
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); give the whole folder of the release.") from error
    except NotImplementedError as error:
        raise TableError(f"{path}: a MATLAB 7.3 file; save it in MATLAB with the option -v7.") from error
    except KeyError as error:
        raise TableError(f"{path}: it holds no variable {name}; download the file of the release again.") from error
    except Exception as error:  # scipy raises nearly anything on a broken file
        logger.debug("%s: the variable %s cannot be read", path, name, exc_info=True)
        raise TableError(f"{path}: damaged or cut off ({short_reason(error)}); download it again.") from error


def field(struct: Any, name: str) -> np.ndarray:
    """A field of a MATLAB struct, which scipy loads as an array of one record; LookupError without it."""
    return np.asarray(np.ravel(struct)[0][name])
