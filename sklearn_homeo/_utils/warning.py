"""Warnings that point at the line which called the package."""

import sys
import warnings
from pathlib import Path

import sklearn

__all__ = ["warn"]

# Frames of the package, and of scikit-learn, which wraps its methods.
_INSIDE = tuple(
    str(Path(path).parent) for path in (Path(__file__).parent, sklearn.__file__)
)


def warn(message, category=UserWarning):
    """Issue a warning at the first caller outside of the package and scikit-learn.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning

    Examples
    --------
    >>> import warnings
    >>> from sklearn_homeo._utils.warning import warn
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("Columns are constant.")
    >>> str(caught[0].message)
    'Columns are constant.'
    """
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
