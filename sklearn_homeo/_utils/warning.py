"""Warnings that point at the line which called the package."""

import sys
import warnings

__all__ = ["warn"]

# scikit-learn wraps the package's methods.
_INSIDE = ("sklearn_homeo", "sklearn")


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
    while frame is not None and _module(frame) in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _module(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
