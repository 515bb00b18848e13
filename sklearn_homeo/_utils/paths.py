"""Paths that come from outside."""

import errno
import os
from pathlib import Path

__all__ = ["ordinary_file"]


def ordinary_file(path: str | os.PathLike) -> Path:
    """Return the path of a file that can be read more than once, and does not hang.

    Parameters
    ----------
    path : str or path-like
        ``~`` is the home folder.

    Raises
    ------
    OSError
        If nothing is there, or a folder.
    ValueError
        If it is a pipe or a device.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_homeo._utils.paths import ordinary_file
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     str(ordinary_file(file.name)) == file.name
    True
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of a file")
    if not path.is_file():
        raise ValueError(f"{path} is not an ordinary file; copy its content into one")
    return path
