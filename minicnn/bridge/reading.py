"""What goes wrong when a file of somebody else is read, in one line."""

import contextlib
from collections.abc import Iterator

from minicnn.errors import CheckpointError, MinicnnError, one_line
from minicnn.files import StrPath


@contextlib.contextmanager
def reading(path: StrPath, kind: str) -> Iterator[None]:
    """Turn whatever is raised inside the block into a `CheckpointError` that begins with the path.

    - `kind`: what the file should have been.

    >>> with reading("model.h5", "a Keras .h5 file"):
    ...     raise KeyError("model_config")
    Traceback (most recent call last):
    minicnn.errors.CheckpointError: model.h5: not a Keras .h5 file, or damaged or cut off: \
'model_config'
    """
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: there is no such file") from error
    except MinicnnError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # what h5py, zipfile and a damaged description lead to
        raise CheckpointError(
            f"{path}: not {kind}, or damaged or cut off: {one_line(error)}"
        ) from error
