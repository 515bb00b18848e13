"""Linkability: whether ciphertexts under two keys show whose they are."""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._checks import check_labels, check_sides, standardise
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult, rate_result
from sklearn_homeo.audit.structure._invariants import INVARIANTS

_MIN_ROWS = 20
_BIN_ROWS = 25
# Edges in any case: mated scores may all be zero.
_EDGES = (0.01, 0.05, 0.2, 0.5)
_RESAMPLES = 200


@register("T2b", "linkability", full={"max_rows": 2000}, quick={"max_rows": 600})
@validate_params(
    {
        "max_rows": [Interval(Integral, _MIN_ROWS, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def linkability_attack(
    Z: ArrayLike,
    Z_other: ArrayLike,
    y: ArrayLike | None = None,
    *,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Tell whether two ciphertexts under different keys are of the same record.

    Two ciphertexts of a class are compared by features that do not depend on the key
    if the cipher leaves structure: see
    :func:`sklearn_homeo.audit.unordered_matching_attack`. The score of a pair is the
    share of the class whose features are nearer. D_sys is the
    global linkability of Gomez-Barrero et al.: 0 if the scores of mated pairs (same
    record) and of any pairs are distributed alike, 1 if they do not overlap. The kind
    of feature, the score bins, and which of them count come from one half of the rows,
    the measure from the other, so that overfitting does not pass for linkability.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts under one key; at least 20 rows.
    Z_other : array-like of shape (n_samples, n_other_outputs)
        Ciphertexts of the same records, row by row, under another key.
    y : array-like of shape (n_samples,), default=None
        Public classes; only pairs of one class are compared.
    max_rows : int, default=2000
        Most rows to use.
    random_state : int, RandomState instance or None, default=None
        Draws the rows, the halves and the resamples of the interval.

    Returns
    -------
    result : AttackResult
        Its rate is D_sys, at most 1, with the basic bootstrap interval over records
        (200 resamples); its choice the kind of feature. Where nothing is linked, the
        rate falls below 0 as often as it lies above: its mean over keys is unbiased.

    Raises
    ------
    ValueError
        If numbers of rows disagree, a value is not finite or there are fewer than
        20 rows.

    Notes
    -----
    D_sys says how well pairs of one record are told from other pairs of its class, not
    how many records are found: any public label of two equal classes has a D_sys of
    one third among all pairs, however many records there are.
    :func:`unordered_matching_attack` on the ciphertexts under both keys says how many
    records are found. That is what an audit judges.

    References
    ----------
    Gomez-Barrero, Galbally, Rathgeb, Busch, "General framework to evaluate
    unlinkability in biometric template protection systems", IEEE Transactions on
    Information Forensics and Security 13 (2018) 1406-1420.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import linkability_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.exponential(size=(300, 4))
    >>> one, other = X @ rng.normal(size=(4, 4)), X @ rng.normal(size=(4, 4))
    >>> bool(linkability_attack(one, other, random_state=0).rate > 0.8)
    True
    >>> noise = rng.normal(size=(300, 4))
    >>> bool(linkability_attack(one, noise, random_state=0).rate < 0.1)
    True
    """
    started = perf_counter()
    Z, Z_other = check_sides(Z, Z_other, _MIN_ROWS)
    labels = check_labels(y, len(Z))
    rng = make_random_state(random_state)
    rows = rng.permutation(len(Z))[:max_rows]
    Z, Z_other, labels = Z[rows], Z_other[rows], labels[rows]
    first = np.arange(len(rows)) < len(rows) // 2
    ties = rng.uniform(size=len(rows))
    scores = {
        name: _scores(describe(Z, labels), describe(Z_other, labels), labels, ties)
        for name, describe in INVARIANTS.items()
        if name != "label coordinates" or labels.max() > 0
    }
    choice = max(scores, key=lambda name: _Bins(scores[name][first]).own)
    bins = _Bins(scores[choice][first])
    counts = bins.count(scores[choice][~first])
    measure, n = bins.linkability(counts), int(counts.sum())
    draws = bins.linkability(rng.multinomial(n, counts / n, size=_RESAMPLES))
    # The measure is convex: it lies above what it estimates as much as resamples lie
    # above it.
    interval = 2 * measure - np.percentile(draws, [97.5, 2.5])
    return rate_result(
        "linkability",
        min(2 * measure - draws.mean(), 1.0),
        np.minimum(interval, 1),
        0.0,
        n,
        started,
        measure="D_sys",
        choice=choice,
    )


def _scores(ours, theirs, labels, ties):
    """Share of the class that is nearer to a row than its own counterpart.

    Rows that are as near count by the share `ties`, in [0, 1), the counterpart itself
    included: of a random row's counterpart the score is then uniform on [0, 1),
    whatever the size of the class.
    """
    places = np.zeros(len(ours))
    ours, theirs = standardise(ours), standardise(theirs)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        distances = euclidean_distances(ours[own], theirs[own])
        mated = np.diag(distances)[:, None]
        nearer, as_near = (distances < mated).sum(1), (distances == mated).sum(1)
        places[own] = (nearer + ties[own] * as_near) / len(own)
    return places


class _Bins:
    """Bins of scores, and which of them speak for the same record.

    Parameters
    ----------
    places : ndarray of shape (n_samples,)
        Mated scores in [0, 1); those of any pairs are uniform.
    """

    def __init__(self, places):
        n_bins = max(2, len(places) // _BIN_ROWS)
        edges = np.quantile(places, np.linspace(0, 1, n_bins // 2 + 1))
        edges = np.unique(np.append(edges, _EDGES))
        self._edges = edges[(edges > 0) & (edges < 1)]
        self._others = np.diff(np.concatenate([[0.0], self._edges, [1.0]]))
        counts = self.count(places)
        self._favoured = counts / len(places) > self._others
        self.own = self.linkability(counts)

    def count(self, places):
        bins = np.searchsorted(self._edges, places, side="right")
        return np.bincount(bins, minlength=len(self._others))

    def linkability(self, counts):
        """D_sys for equal priors: the mean of (LR - 1) / (LR + 1) where LR > 1."""
        mated = counts / counts.sum(axis=-1, keepdims=True)
        local = mated * (mated - self._others) / (mated + self._others)
        return np.where(self._favoured, local, 0.0).sum(axis=-1)
