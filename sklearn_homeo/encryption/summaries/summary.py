"""What one owner tells of his rows in one round, and the sum of several."""

import os
from typing import Any

import numpy as np

from sklearn_homeo._utils.messages import listed
from sklearn_homeo._utils.paths import ordinary_file
from sklearn_homeo._utils.trees import dump_checked, load_checked
from sklearn_homeo.keys._files import replace_private
from sklearn_homeo.keys._masks import MaskingKey

__all__ = ["Summary", "total_of"]

_FORMAT = "sklearn_homeo summary"
_KINDS = {
    "format": str,
    "plan": str,
    "n_owners": int,
    "masked_by": dict,
    "owners": list,
    "arrays": dict,
}


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
    masked_by : dict of str to str, default={}
        Names and public keys of all owners whose masks belong together, if it is
        masked.
    owners : list of str, default=[]
        Names of those whose masked sums are in it.

    Attributes
    ----------
    nbytes : int
        Size of the sums in memory.
    missing : list of str
        Owners whose masked sums are not in it: without them it tells nothing.

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

    def __init__(self, plan, arrays, n_owners=1, masked_by=(), owners=()):
        self.plan, self._arrays, self.n_owners = plan, arrays, n_owners
        self.masked_by, self.owners = dict(masked_by), sorted(owners)

    @property
    def missing(self) -> list[str]:
        """Owners whose masked sums are not in it."""
        return sorted(set(self.masked_by) - set(self.owners))

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
        if other.masked_by != self.masked_by:
            raise ValueError(
                "Summaries that are masked for different owners do not add up, nor "
                "masked ones and others; all owners must take the same roster."
            )
        twice = sorted(set(self.owners) & set(other.owners))
        if twice:
            raise ValueError(f"The masked sums of {listed(twice)} are there twice.")
        shapes, others = (
            {name: array.shape for name, array in one._arrays.items()}
            for one in (self, other)
        )
        if shapes != others:
            raise ValueError(
                "Summaries of other sums or sizes do not add up: an owner's summary is "
                "damaged, or of another version. Ask again."
            )
        arrays = {name: own + other._arrays[name] for name, own in self._arrays.items()}
        return Summary(
            self.plan,
            arrays,
            self.n_owners + other.n_owners,
            self.masked_by,
            self.owners + other.owners,
        )

    def __radd__(self, other):
        # What `sum` begins with.
        return self if other == 0 else NotImplemented

    def __eq__(self, other):
        if not isinstance(other, Summary):
            return NotImplemented
        mine, others = (
            (one.plan, one.n_owners, one.masked_by, one.owners) for one in (self, other)
        )
        if mine != others:
            return False
        return all(
            np.array_equal(own, other._arrays[name])
            for name, own in self._arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def masked(self, owner: str, key: MaskingKey, roster: dict[str, str]) -> "Summary":
        """Mask it, so that only the sum over all owners tells anything.

        Parameters
        ----------
        owner : str
            The name of this owner.
        key : MaskingKey
            His own.
        roster : dict of str to str
            Names of all owners, and the public keys of theirs.

        Returns
        -------
        summary : Summary
            Uniformly random on its own.

        Raises
        ------
        ValueError
            If the plan is of no masks, if there are too few owners to share its noise,
            or as `MaskingKey.mask`.
        """
        if not self.plan.masked or self.masked_by:
            raise ValueError(
                "This summary is masked already, or its plan has no masks: set "
                "masked=True in SummaryPlan."
            )
        if len(roster) < self.plan.n_sharing:
            raise ValueError(
                f"roster must name at least n_sharing={self.plan.n_sharing} owners: "
                "together they add the noise."
            )
        names = sorted(self._arrays)
        words = np.concatenate([self._arrays[name].ravel() for name in names])
        words = key.mask(words, owner, roster, self.plan.fingerprint)
        sizes = np.cumsum([self._arrays[name].size for name in names])[:-1]
        parts = zip(names, np.split(words, sizes), strict=True)
        arrays = {name: part.reshape(self._arrays[name].shape) for name, part in parts}
        return Summary(self.plan, arrays, 1, roster, [owner])

    def to_bytes(self) -> bytes:
        """Return it as bytes: what goes to the service.

        Returns
        -------
        data : bytes
            For `from_bytes`.

        Raises
        ------
        ValueError
            If the plan wants masks, and there are none.
        """
        if self.plan.masked and not self.masked_by:
            raise ValueError("The plan wants masks: call masked before.")
        return dump_checked(
            {
                "format": _FORMAT,
                "plan": self.plan.fingerprint,
                "n_owners": self.n_owners,
                "masked_by": self.masked_by,
                "owners": self.owners,
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
        if not hasattr(plan, "fingerprint"):
            raise TypeError(f"plan must be a SummaryPlan, got {type(plan).__name__}.")
        tree = load_checked(data)
        if not _is_summary(tree):
            raise ValueError("These bytes hold no summary, or a damaged one.")
        if tree["plan"] != plan.fingerprint:
            raise ValueError(
                f"This summary answers the plan {tree['plan']}, not {plan.fingerprint}."
            )
        masks = tree["masked_by"], tree["owners"]
        return cls(plan, tree["arrays"], tree["n_owners"], *masks)

    def save(self, path: str | os.PathLike) -> None:
        """Write it to a file that only you can read, but that is not encrypted.

        Parameters
        ----------
        path : str or path-like
            Where to write; what is there is replaced.
        """
        replace_private(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike, plan: Any) -> "Summary":
        """Read the file that `save` wrote; errors as in `from_bytes`.

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
        return cls.from_bytes(ordinary_file(path).read_bytes(), plan)

    def __repr__(self):
        owners = "1 owner" if self.n_owners == 1 else f"{self.n_owners} owners"
        masked = ", masked" if self.masked_by else ""
        return f"Summary({self.plan.round!r}, {owners}{masked}, {self.nbytes} bytes)"


def _is_summary(tree):
    """Whether what was read has the parts of a summary, each of its type."""
    if not isinstance(tree, dict) or not _KINDS.keys() <= tree.keys():
        return False
    if not all(isinstance(tree[name], kind) for name, kind in _KINDS.items()):
        return False
    arrays = tree["arrays"].values()
    texts = [*tree["masked_by"], *tree["masked_by"].values(), *tree["owners"]]
    return (
        tree["format"] == _FORMAT
        and tree["n_owners"] > 0
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(one, np.ndarray) and one.dtype == np.int64 for one in arrays)
    )


def total_of(summaries):
    """Return the sum of summaries, with the shape and errors of ``+``."""
    if isinstance(summaries, Summary):
        return summaries
    summaries = list(summaries)
    if not summaries or not all(isinstance(one, Summary) for one in summaries):
        raise TypeError("summaries must be a Summary or a list of at least one.")
    return sum(summaries)
