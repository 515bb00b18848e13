"""What one owner tells of his rows in one round, and the sum of several."""

import os
from typing import Any

import numpy as np

from sklearn_homeo._utils.trees import dump_tree, load_tree

__all__ = ["Summary", "total_of"]

_FORMAT = "sklearn_homeo summary"


class Summary:
    """Sums over one owner's rows, or over several owners' rows: integers only.

    `SummaryPlan.summarize` makes it. Summaries of one round add up, in any order and
    exactly.

    Parameters
    ----------
    plan : SummaryPlan
        What was asked.
    arrays : dict of str to ndarray, dtype int64
        The sums.
    n_owners : int, default=1
        How many owners' rows are in it.

    Attributes
    ----------
    nbytes : int
        Size of the sums in memory.

    See Also
    --------
    SummaryPlan : The rounds.
    HomeomorphicEncryptor.from_summaries : What the last round's summaries give.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import SummaryPlan
    >>> plan = SummaryPlan(columns=2, classes=[0, 1])
    >>> X, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
    >>> first, second = plan.summarize(X, y), plan.summarize(X + 1, y)
    >>> both = first + second
    >>> both.n_owners, both == second + first
    (2, True)
    """

    def __init__(self, plan, arrays, n_owners=1):
        self.plan, self._arrays, self.n_owners = plan, arrays, n_owners

    @property
    def nbytes(self) -> int:
        """Size of the sums in memory."""
        return sum(array.nbytes for array in self._arrays.values())

    def __add__(self, other):
        if not isinstance(other, Summary):
            return NotImplemented
        if other.plan != self.plan:
            raise ValueError(
                "Summaries of different plans or rounds do not add up; all owners must "
                "answer the same plan."
            )
        arrays = {name: own + other._arrays[name] for name, own in self._arrays.items()}
        return Summary(self.plan, arrays, self.n_owners + other.n_owners)

    def __radd__(self, other):
        # What `sum` begins with.
        return self if other == 0 else NotImplemented

    def __eq__(self, other):
        if not isinstance(other, Summary):
            return NotImplemented
        if (self.plan, self.n_owners) != (other.plan, other.n_owners):
            return False
        return all(
            np.array_equal(own, other._arrays[name])
            for name, own in self._arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def to_bytes(self) -> bytes:
        """Return it as bytes: what goes to the service.

        Returns
        -------
        data : bytes
            For `from_bytes`.
        """
        return dump_tree(
            {
                "format": _FORMAT,
                "plan": self.plan.fingerprint,
                "n_owners": self.n_owners,
                "arrays": self._arrays,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, plan: Any) -> "Summary":
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
            What an owner sent.
        plan : SummaryPlan
            What he was asked.

        Returns
        -------
        summary : Summary

        Raises
        ------
        ValueError
            If these are other bytes, or the answer to another plan.
        """
        tree = load_tree(data)
        if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
            raise ValueError("These bytes hold no summary.")
        if tree["plan"] != plan.fingerprint:
            raise ValueError(
                f"This summary answers the plan {tree['plan']}, not {plan.fingerprint}."
            )
        return cls(plan, tree["arrays"], tree["n_owners"])

    def save(self, path: str | os.PathLike) -> None:
        """Write it to a file: a JSON header and arrays, no pickle, not encrypted.

        Parameters
        ----------
        path : str or path-like
            Where to write; what is there is replaced.
        """
        with open(path, "wb") as file:
            file.write(self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike, plan: Any) -> "Summary":
        """Read the file that `save` wrote; errors as of `from_bytes`.

        Parameters
        ----------
        path : str or path-like
            Where the file is.
        plan : SummaryPlan
            What the owner was asked.

        Returns
        -------
        summary : Summary
        """
        with open(path, "rb") as file:
            return cls.from_bytes(file.read(), plan)

    def __repr__(self):
        owners = "1 owner" if self.n_owners == 1 else f"{self.n_owners} owners"
        return f"Summary({self.plan.round!r}, {owners}, {self.nbytes} bytes)"


def total_of(summaries):
    """Return the sum of summaries, of shape and errors as of ``+``."""
    if isinstance(summaries, Summary):
        return summaries
    summaries = list(summaries)
    if not summaries or not all(isinstance(one, Summary) for one in summaries):
        raise TypeError("summaries must be a Summary or a list of at least one.")
    return sum(summaries)
