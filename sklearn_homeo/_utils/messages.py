"""Wording that errors and warnings share."""

from numbers import Integral, Real

__all__ = ["check_count", "listed", "one_line", "shown"]

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


def shown(value):
    """What a message may show of an argument: a single number, else its type.

    Anything else may be a record that was passed by mistake.

    Examples
    --------
    >>> from sklearn_homeo._utils.messages import shown
    >>> shown(0.5), shown(["Kowalska"])
    ('0.5', 'list')
    """
    is_number = value is None or isinstance(value, Real)
    return repr(value) if is_number and len(repr(value)) < 30 else type(value).__name__


def check_count(value, name, least=1):
    """Return a whole number; ValueError, naming the argument, for anything else."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not least <= value < 2**63:
        raise ValueError(f"{name} must be an integer >= {least}, got {shown(value)}.")
    return int(value)
