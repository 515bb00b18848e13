"""Wording that errors and warnings share."""

__all__ = ["listed", "one_line"]

_MAX_LISTED = 10


def listed(items):
    """Join the first ten items for a message; "..." stands for the rest.

    Examples
    --------
    >>> from sklearn_homeo._utils.messages import listed
    >>> listed([3, 5]), listed(range(12))
    ('3, 5', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...')
    """
    shown = ", ".join(map(str, items[:_MAX_LISTED]))
    return shown + (", ..." if len(items) > _MAX_LISTED else "")


def one_line(error):
    """The message of an error in one line, or the name of its type."""
    return " ".join(str(error).split()) or type(error).__name__
