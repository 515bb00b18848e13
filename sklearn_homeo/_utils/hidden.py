"""Values that tracebacks do not show."""

from typing import Generic, TypeVar

__all__ = ["Hidden", "HiddenDict"]


T = TypeVar("T")


class Hidden(Generic[T]):
    """A secret in a local variable, which error reporters would print.

    ``traceback`` with ``capture_locals=True``, ``pytest -l`` and services that
    collect errors show the local variables of every frame by their reprs. A function
    that takes a secret puts it into one of these and deletes its own name for it.

    Parameters
    ----------
    value : object

    Examples
    --------
    >>> from sklearn_homeo._utils.hidden import Hidden
    >>> passphrase = Hidden("correct horse battery staple")
    >>> passphrase
    <secret>
    """

    __slots__ = ("value",)

    def __init__(self, value: T):
        self.value = value

    def __repr__(self):
        return "<secret>"


class HiddenDict(dict):
    """A dictionary with secrets in it, which tracebacks do not show.

    Examples
    --------
    >>> from sklearn_homeo._utils.hidden import HiddenDict
    >>> HiddenDict(passphrase="correct horse battery staple")
    <secret>
    """

    def __repr__(self):
        return "<secret>"
