"""The rounds in which owners sum up their rows, and what all of them know by then."""

import hashlib
import os
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.messages import check_count, listed, shown
from sklearn_homeo._utils.paths import ordinary_file
from sklearn_homeo._utils.trees import dump_checked, dump_tree, load_checked
from sklearn_homeo.encryption.summaries import (
    features,
    levels,
    moments,
    ranges,
    scales,
    scores,
)
from sklearn_homeo.encryption.summaries.noise import (
    deviations,
    plan_noise,
    with_noise,
)
from sklearn_homeo.encryption.summaries.ridge import class_blocks
from sklearn_homeo.encryption.summaries.rows import own_rows
from sklearn_homeo.encryption.summaries.summary import Summary, total_of
from sklearn_homeo.keys._files import replace_private
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.privacy.box import check_bounds
from sklearn_homeo.privacy.ledger import PrivacyLedger

__all__ = ["SummaryPlan"]

_FORMAT = "sklearn_homeo plan"


def _learn_nothing(plan, totals):
    """After the last round."""
    raise ValueError(
        "This was the last round; give its summaries to "
        "HomeomorphicEncryptor.from_summaries."
    )


# What owners sum up, by how much at most a row changes it, and what is learnt of it.
_ROUNDS = {
    "ranges": (ranges, ranges.learn),
    "scales": (scales, scales.learn),
    "moments": (moments, moments.learn),
    "features": (features, features.learn),
    "features, metric": (features, features.learn),
    "features, sharper metric": (features, features.learn_last),
    "scores": (scores, scores.learn),
    "cells": (levels, _learn_nothing),
}
_NAMES = tuple(_ROUNDS)
_WHOLE = ("n_outputs", "n_random_features", "min_group_size")
_SETTINGS = {"columns", "classes", "n_cells", "masked", "noise", *_WHOLE}
# Numbers of rows and of classes are public, and with noise no scores are told.
_NOISY_NAMES = tuple(name for name in _NAMES if name not in ("ranges", "scores"))


class SummaryPlan:
    """Agreement of several owners on fitting one encryptor to all their rows.

    No row leaves its owner. In each of eight rounds every owner calls `summarize` on
    his rows and sends the `Summary`, sums of integers. The collector calls `advance`,
    and sends the plan of the next round to all. The summaries of the last one go to
    `HomeomorphicEncryptor.from_summaries`. The rounds:

    1. "ranges": counts of rows and classes, of each column how many numbers have
       which binary exponent, and how many are not whole;
    2. "scales": sums and sums of squares of the columns;
    3. "moments": second moments of the columns, with the classes and of each class;
    4. "features": second moments of random features, whose seed is a digest of what is
       agreed, and the derivatives that a step of logistic regression needs;
    5. "features, metric": the same, in a metric that was learnt from them;
    6. "features, sharper metric": the same of kernels of points that are drawn from the
       classes' moments, and of random steps in the columns that tell the label, if
       these are few;
    7. "scores": histograms of left-out rows' scores, class by class;
    8. "cells": how many rows of which class, or of which sum, lie in which cell.

    With noise there are no logistic regressions, no such points and no histograms.

    Parameters
    ----------
    columns : int or list of str
        How many columns there are, or their names.
    classes : list, or list of lists, or None
        All labels that occur; for several outputs a list for each. None for numbers.
    n_outputs : int, default=1
        Numbers to predict, if `classes` is None.
    n_cells : "auto" or int, default="auto"
        Greatest number of cells, as in `HomeomorphicEncryptor`.
    n_random_features : int, default=1536
        In the last of the rounds that have some; the others have two thirds of them.
        There are never more than rows. A summary's size grows with the square.
    min_group_size : int, default=10
        Sums over fewer rows of a class are not told: `summarize` raises, or `advance`
        after the first round if only the sum of all owners becomes known. Classes of
        which an owner has no rows do not matter.
    masked : bool, default=False
        Whether `Summary.masked` is called on every summary, so that only the sum over
        all owners becomes known.
    epsilon : float or None, default=None
        Differential privacy of each owner's rows, in all rounds together: normal noise
        on his sums. None adds no noise. Classes only, not numbers.
    delta : float, default=1e-5
        Its delta.
    bounds : tuple (low, high), default=None
        Bounds of the columns, numbers or arrays, known without looking at the rows:
        `epsilon` needs them. Numbers beyond are clipped in the sums, and nowhere else.
    n_sharing : int, default=1
        With 1, each owner adds all the noise, and his privacy depends on nobody else.
        With more, each adds so much less that as many owners together add all of it,
        which needs masks.

    Attributes
    ----------
    round : str
        The name of this round.
    is_last : bool
        Whether it is the last one.
    fingerprint : str
        Names the plan and all that was learnt: owners compare it to be sure that all
        were asked the same.
    privacy : PrivacyLedger or None
        What all rounds cost an owner's rows; None without `epsilon`.

    See Also
    --------
    HomeomorphicEncryptor.from_summaries : What the last round's summaries give.

    Notes
    -----
    Sums are integers of 64 bits, of numbers that are rounded to an agreed grid: they
    add up exactly, in any order. All owners may have 2**27 rows together.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey, SummaryPlan
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> owners = [(X[::2], y[::2]), (X[1::2], y[1::2])]
    >>> plan = SummaryPlan(columns=30, classes=[0, 1], n_random_features=64)
    >>> summaries = [plan.summarize(*rows) for rows in owners]
    >>> while not plan.is_last:
    ...     plan = plan.advance(summaries)
    ...     summaries = [plan.summarize(*rows) for rows in owners]
    >>> key = SecretKey.generate()
    >>> encryptor = HomeomorphicEncryptor.from_summaries(summaries, key=key)
    >>> encryptor.transform(X).shape
    (569, 30)
    """

    def __init__(
        self,
        columns,
        classes,
        *,
        n_outputs=1,
        n_cells="auto",
        n_random_features=1536,
        min_group_size=10,
        masked=False,
        epsilon=None,
        delta=1e-5,
        bounds=None,
        n_sharing=1,
    ):
        _check_counts(
            n_outputs=n_outputs,
            n_random_features=n_random_features,
            min_group_size=min_group_size,
            n_sharing=n_sharing,
            **({} if n_cells == "auto" else {"n_cells": n_cells}),
            **({"columns": columns} if isinstance(columns, Integral) else {}),
        )
        self._settings = {
            "columns": columns if isinstance(columns, Integral) else list(columns),
            "classes": None if classes is None else _checked_classes(classes),
            "n_outputs": n_outputs,
            "n_cells": n_cells,
            "n_random_features": n_random_features,
            "min_group_size": min_group_size,
            "masked": bool(masked),
            "noise": None,
        }
        if epsilon is not None:
            low, high = self._checked_noise(epsilon, delta, bounds, n_sharing)
            self._settings["noise"] = {
                "epsilon": float(epsilon),
                "delta": float(delta),
                "bounds": [low.tolist(), high.tolist()],
                "n_sharing": int(n_sharing),
            }
        elif bounds is not None or n_sharing > 1:
            raise ValueError("bounds and n_sharing are of noise: set epsilon as well.")
        self._take(_NAMES[0], {})

    def _take(self, round_name, known):
        self.round, self.known = round_name, known
        self.fingerprint = hashlib.sha256(self.to_bytes()).hexdigest()[:16]

    @property
    def is_last(self) -> bool:
        """Whether this is the last round."""
        return self.round == _NAMES[-1]

    @property
    def n_features(self) -> int:
        """How many columns there are."""
        columns = self._settings["columns"]
        return len(columns) if isinstance(columns, list) else int(columns)

    @property
    def columns(self) -> list | None:
        """Their names, if they have some."""
        columns = self._settings["columns"]
        return columns if isinstance(columns, list) else None

    @property
    def classes(self) -> list | None:
        """Labels of each output."""
        return self._settings["classes"]

    @property
    def n_cells(self) -> int | str:
        """How many cells there are at most."""
        return self._settings["n_cells"]

    @property
    def n_random_features(self) -> int:
        """How many random features there are."""
        return self._settings["n_random_features"]

    @property
    def min_group_size(self) -> int:
        """Sums over fewer rows of a class are not told."""
        return self._settings["min_group_size"]

    @property
    def masked(self) -> bool:
        """Whether summaries are masked before they are sent."""
        return self._settings["masked"]

    @property
    def bounds(self) -> np.ndarray | None:
        """Bounds of the columns, of shape (2, n_features); None without noise."""
        noise = self._settings["noise"]
        return None if noise is None else np.array(noise["bounds"])

    @property
    def n_sharing(self) -> int:
        """How many owners add the noise together."""
        noise = self._settings["noise"]
        return 1 if noise is None else noise["n_sharing"]

    @property
    def privacy(self) -> PrivacyLedger | None:
        """What all rounds cost one owner's rows."""
        noise = self._settings["noise"]
        if noise is None:
            return None
        budget = noise["epsilon"], noise["delta"], noise["n_sharing"]
        return plan_noise(*budget, _NOISY_NAMES)

    @property
    def n_outputs(self) -> int:
        """How many labels a row has."""
        classes = self.classes
        return self._settings["n_outputs"] if classes is None else len(classes)

    @property
    def sizes(self) -> tuple | None:
        """Number of classes of each output; None for numbers."""
        classes = self.classes
        return None if classes is None else tuple(len(one) for one in classes)

    @property
    def blocks(self) -> list:
        """Where the classes of each output lie among all classes."""
        return class_blocks(self.sizes)

    @property
    def target_bits(self) -> int:
        """Targets are integers up to two to that power."""
        return 12 if self.sizes is None else 0

    @property
    def target_step(self) -> float:
        """What the integer 1 of a target is worth."""
        return 2.0**-8 if self.sizes is None else 1.0

    @property
    def settings_digest(self) -> str:
        """Names what was agreed before the first round: the random features' seed."""
        return hashlib.sha256(dump_tree(self._settings)).hexdigest()

    def deviations(self) -> dict:
        """Return the standard deviations of an owner's noise in this round.

        Returns
        -------
        deviations : dict of str to float or ndarray
            By entry, for those sums that one row can change; empty without noise.
        """
        ledger = self.privacy
        if ledger is None:
            return {}
        sensitivities = _ROUNDS[self.round][0].sensitivities(self)
        return deviations(ledger, self.n_sharing, sensitivities)

    def noise_of(self, name: str) -> float:
        """Return the standard deviation of the noise of all owners' total.

        Parameters
        ----------
        name : str
            Which of the sums.

        Returns
        -------
        deviation : float
            The largest of all entries; 0 without noise, and in the rounds "ranges" and
            "scores", in which no sum gets any.
        """
        own = self.deviations()
        # There are rounds that draw no noise.
        if not own:
            return 0.0
        if not isinstance(name, str) or name not in own:
            raise ValueError(f"name must be one of {listed(sorted(own))}.")
        return float(np.max(own[name]) * np.sqrt(self.known["n_owners"]))

    def summarize(
        self, X: ArrayLike, y: ArrayLike, key: SecretKey | None = None
    ) -> Summary:
        """Sum up one owner's rows for this round.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The same rows, in the same order, in every round.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.
        key : SecretKey or None, default=None
            The owner's own, for noise: needed with `epsilon`.

        Returns
        -------
        summary : Summary

        Raises
        ------
        ValueError
            If rows or labels do not fit the plan, or a class has some rows, but fewer
            than `min_group_size`; the message names row and column, and no value. Or
            if there is to be noise, and no key.
        """
        rows = own_rows(self, X, y)
        if not self.masked:
            self._check_groups(rows)
        sums = _ROUNDS[self.round][0].sums(self, rows)
        sums = {"rows": np.array([len(rows.numbers)]), **sums}
        if self.privacy is not None:
            sums = with_noise(sums, self.deviations(), key, self.fingerprint)
        return Summary(self, sums)

    def advance(self, summaries: Summary | list[Summary]) -> "SummaryPlan":
        """Learn from all owners' summaries, and plan the next round.

        Parameters
        ----------
        summaries : list of Summary, or Summary
            Summaries of every owner, or their sum.

        Returns
        -------
        plan : SummaryPlan

        Raises
        ------
        ValueError
            If they answer another plan or other rows than in the first round, masked
            ones of an owner are missing, whom the message names, or this is the last
            round.
        """
        learnt = _ROUNDS[self.round][1](self, self.totals(summaries))
        plan = object.__new__(type(self))
        plan._settings = self._settings
        following = _NAMES[_NAMES.index(self.round) + 1]
        plan._take(following, {**self.known, **learnt})
        return plan

    def totals(self, summaries: Summary | list[Summary]) -> dict:
        """Return the sums over all owners.

        Parameters
        ----------
        summaries : list of Summary, or Summary
            Summaries of every owner, or their sum.

        Returns
        -------
        totals : dict of str to ndarray, dtype int64
        """
        total = total_of(summaries)
        if total.plan != self:
            raise ValueError(
                f"These summaries answer the round {total.plan.round!r} of another "
                "plan, or another round of this one."
            )
        if self.masked and total.missing != []:
            raise ValueError(
                f"The sums of {listed(total.missing)} are missing, without which the "
                "masks of the others stay. Ask them once more, or start again from the "
                "first round without them, with new masking keys."
            )
        if self.masked and not total.masked_by:
            raise ValueError("The plan wants masks: owners must call masked.")
        rows = total._arrays.get("rows", np.empty(0))
        if rows.shape != (1,):
            raise ValueError("An owner's summary has no number of rows: ask again.")
        n_rows = int(rows[0])
        if self.known.get("n_rows", n_rows) != n_rows:
            raise ValueError(
                f"Owners summed up {n_rows} rows, but {self.known['n_rows']} in the "
                "first round: an owner or some rows are missing. Ask again, or start "
                "once more from the first round."
            )
        return dict(total._arrays)

    def _checked_noise(self, epsilon, delta, bounds, n_sharing):
        """Bounds as two arrays, if privacy is possible at all."""
        for name, value, most in [("epsilon", epsilon, np.inf), ("delta", delta, 1.0)]:
            if not isinstance(value, Real) or not 0 < value < most:
                raise ValueError(
                    f"{name} must be > 0 and < {most:g}, got {shown(value)}."
                )
        if bounds is None:
            raise ValueError(
                "epsilon needs bounds=(low, high) that are known without looking at "
                "the rows: limits taken from the data would not be private."
            )
        if self.classes is None:
            raise ValueError("epsilon needs classes: sums of numbers get no noise.")
        if n_sharing > 1 and not self.masked:
            raise ValueError(
                "n_sharing needs masked=True: a single owner's sums would show, with "
                "less noise than epsilon asks for."
            )
        return check_bounds(bounds, self.n_features)

    def _check_groups(self, rows):
        least = self.min_group_size
        if self.sizes is None:
            counts = np.array([len(rows.numbers)])
        else:
            counts = rows.targets(self).sum(axis=0)
        few = (counts > 0) & (counts < least)
        if few.any():
            raise ValueError(
                f"{few.sum()} of {len(counts)} classes have fewer rows than "
                f"min_group_size={least} here, so sums over them could tell of single "
                "rows. Leave these rows out, or agree on masks (masked=True)."
            )

    def to_bytes(self) -> bytes:
        """Return the plan as bytes: what goes to every owner.

        Returns
        -------
        data : bytes
            For `from_bytes`.
        """
        return dump_checked(
            {
                "format": _FORMAT,
                "settings": self._settings,
                "round": self.round,
                "known": self.known,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "SummaryPlan":
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
            What was sent.

        Returns
        -------
        plan : SummaryPlan

        Raises
        ------
        ValueError
            If these are other bytes.
        """
        tree = load_checked(data)
        if not _is_plan(tree):
            raise ValueError("These bytes hold no plan, or a damaged one.")
        plan = object.__new__(cls)
        plan._settings = tree["settings"]
        plan._take(tree["round"], tree["known"])
        return plan

    def save(self, path: str | os.PathLike) -> None:
        """Write the plan to a file that only you can read: a JSON header and arrays.

        Parameters
        ----------
        path : str or path-like
            Where to write; what is there is replaced.
        """
        replace_private(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SummaryPlan":
        """Read the file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Where the file is.

        Returns
        -------
        plan : SummaryPlan
        """
        return cls.from_bytes(ordinary_file(path).read_bytes())

    def __eq__(self, other):
        if not isinstance(other, SummaryPlan):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self):
        return hash(self.fingerprint)

    def __repr__(self):
        return (
            f"SummaryPlan({self.round!r}, {self.n_features} columns, "
            f"fingerprint {self.fingerprint})"
        )


def _check_counts(**counts):
    for name, value in counts.items():
        check_count(value, name)


def _is_plan(tree):
    """Whether what was read has the parts of a plan, each of its type."""
    kinds = {"format": str, "settings": dict, "round": str, "known": dict}
    if not isinstance(tree, dict) or set(tree) != set(kinds):
        return False
    if not all(isinstance(tree[name], kind) for name, kind in kinds.items()):
        return False
    settings = tree["settings"]
    return (
        tree["format"] == _FORMAT
        and tree["round"] in _NAMES
        and set(settings) == _SETTINGS
        and isinstance(settings["columns"], list | int)
        and isinstance(settings["classes"], list | None)
        and all(isinstance(settings[name], int) for name in _WHOLE)
    )


def _checked_classes(classes):
    """A list of plain labels for each output."""
    classes = list(classes)
    if not classes or not isinstance(classes[0], list | tuple | np.ndarray):
        classes = [classes]
    plain = [np.asarray(one).tolist() for one in classes]
    for one in plain:
        if len(one) < 2 or len(set(one)) < len(one):
            raise ValueError(
                "classes must name at least 2 different labels of each output."
            )
    return plain
