"""Matching attacks: ciphertexts and records are known, which is whose is not.

The attacker of NeuraCrypt's first challenge: features that the cipher leaves as they
are give a few right matches, a regression on these gives more, and so on.
"""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve
from sklearn.utils import Bunch

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._checks import check_labels, check_sides, standardise
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.audit.structure._invariants import (
    INVARIANTS,
    assign_within_class,
    whitened,
)

# Ridge penalties of the rounds, relative to the greatest variance: loose at first,
# when most matches are wrong.
_PENALTIES = {
    "standardised": (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6, 1e-6),
    "whitened": (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-3),
}
_FIRST_SHARE, _LAST_SHARE = 0.5, 0.92
_MIN_ROWS = 8
_HELD_OUT = 0.3
# Share of held-out matches' variance explained that leaves nothing to improve.
_CERTAIN = 0.95
# More than blind refinement explains, from which on a map counts as found.
_MARGIN = 0.1
_LABEL = "label coordinates"

_PARAMETERS = {
    "max_rows": [Interval(Integral, _MIN_ROWS, None, closed="left")],
    "random_state": ["random_state"],
}


@validate_params(_PARAMETERS, prefer_skip_nested_validation=True)
def unordered_matching_attack(
    Z: ArrayLike,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    max_rows: int = 3000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Match ciphertexts with their records, all known but in no order.

    Features that survive affine maps (hat matrix), rotations (distances) or any
    cipher that keeps labels learnable (coordinates on the label's directions) give
    a first one-to-one assignment within each class. Eight rounds of ridge
    regression on the most consistent matches and of reassignment, on standardised
    and on whitened ciphertexts, refine it. The attempt whose map generalises best
    to matches that it was not fitted on is taken; if none does better than from
    random matches, the label's directions. No true pair is used.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts; at least 8 rows.
    X : array-like of shape (n_samples, n_features)
        The records, in any units. Row i belongs to row i of `Z`; the attack
        shuffles them and uses the order for the score only.
    y : array-like of shape (n_samples,), default=None
        Public classes; None is one class for all.
    max_rows : int, default=3000
        Most rows to use; time grows with their cube. The hat matrix needs more rows
        than columns.
    random_state : int, RandomState instance or None, default=None
        Draws the rows, their order, and the held-out matches.

    Returns
    -------
    result : AttackResult
        Its rate is the share of ciphertexts matched with their own record, its chance
        that of a random assignment within the classes. Its choice is the features and
        view of the attempt taken, its validation the share of variance of held-out
        matches that this explains. Details:

        attempts : dict of str to float
            Rate of each attempt, as far as made: one that explains its held-out
            matches is the last.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are fewer than 8 rows, or
        every record is the same.

    References
    ----------
    Carlini, Garg, Jha, Mahloujifar, Mahmoody, Tramer, "NeuraCrypt is not private",
    2021, arXiv:2108.07256.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import unordered_matching_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.exponential(size=(200, 5))
    >>> Z = X @ rng.normal(size=(5, 5))
    >>> result = unordered_matching_attack(Z, X, random_state=0)
    >>> result.rate, result.chance
    (1.0, 0.005)
    """
    started = perf_counter()
    problem = _Matching(Z, X, y, max_rows, 0, make_random_state(random_state))
    starts = {
        name: assign_within_class(
            describe(problem.Z, problem.z_labels),
            describe(problem.X, problem.x_labels),
            problem.z_labels,
            problem.x_labels,
        )
        for name, describe in INVARIANTS.items()
        if name != _LABEL or problem.n_classes > 1
    }
    return _best_attempt("unordered matching", problem, starts, started)


@validate_params(
    _PARAMETERS | {"n_known": [Interval(Integral, 2, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def seeded_matching_attack(
    Z: ArrayLike,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    n_known: int = 64,
    max_rows: int = 3000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Match ciphertexts with their records from a few known pairs.

    The known pairs give the first map, by ridge regression on standardised and on
    whitened ciphertexts, or anchors: rows are described by their distances to the
    known ones. Refined as in :func:`unordered_matching_attack`, the known pairs
    always kept.

    Parameters
    ----------
    Z, X, y : array-like
        As in :func:`unordered_matching_attack`, with at least ``n_known + 8`` rows.
    n_known : int, default=64
        Known pairs; they are not counted in the rate.
    max_rows : int, default=3000
        Most rows to use.
    random_state : int, RandomState instance or None, default=None
        Draws the rows, their order, the known pairs and the held-out matches.

    Returns
    -------
    result : AttackResult
        As that of :func:`unordered_matching_attack`, over the rows not known.

    Raises
    ------
    ValueError
        As :func:`unordered_matching_attack`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import seeded_matching_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 5))
    >>> Z = np.tanh(X @ np.linalg.qr(rng.normal(size=(5, 5)))[0])
    >>> result = seeded_matching_attack(Z, X, n_known=16, random_state=0)
    >>> bool(result.rate > 0.8), result.n
    (True, 284)
    """
    started = perf_counter()
    rng = make_random_state(random_state)
    problem = _Matching(Z, X, y, max_rows, n_known, rng)
    starts = {
        "standardised pairs": problem.first_match("standardised"),
        "whitened pairs": problem.first_match("whitened"),
        "anchors": problem.assign(*problem.anchor_distances()),
    }
    if problem.n_classes > 1:
        describe = INVARIANTS[_LABEL]
        starts[_LABEL] = problem.assign(
            describe(problem.Z, problem.z_labels), describe(problem.X, problem.x_labels)
        )
    return _best_attempt(f"{n_known} known pairs", problem, starts, started)


@register("T2", "unordered matching", full={"max_rows": 1200, "rows_per_feature": 2},
          quick={"max_rows": 400})  # fmt: skip
@register("T2b", "matching of two keys", full={"max_rows": 1200, "rows_per_feature": 2},
          quick={"max_rows": 400})  # fmt: skip
def _match_unordered(Z, X, y, *, max_rows, rows_per_feature=0, random_state):
    # Under two keys X are ciphertexts, too.
    # A hat matrix needs more rows than features.
    rows = max(max_rows, rows_per_feature * X.shape[1])
    return unordered_matching_attack(Z, X, y, max_rows=rows, random_state=random_state)


@register("T3", "16 known pairs", full={"n_known": 16, "max_rows": 1200})
@register("T3", "64 known pairs", full={"n_known": 64, "max_rows": 1200},
          quick={"n_known": 64, "max_rows": 400})  # fmt: skip
def _match_seeded(Z, X, y, *, n_known, max_rows, random_state):
    n_known = min(n_known, len(X) // 4)
    return seeded_matching_attack(
        Z, X, y, n_known=n_known, max_rows=max_rows, random_state=random_state
    )


class _Matching:
    """Shuffled ciphertexts and records; the first `n_known` of both are pairs."""

    def __init__(self, Z, X, y, max_rows, n_known, rng):
        Z, X = check_sides(Z, X, _MIN_ROWS + n_known)
        labels = check_labels(y, len(Z))
        rows = rng.permutation(len(Z))[: max(max_rows, n_known + _MIN_ROWS)]
        order = np.append(
            np.arange(n_known), n_known + rng.permutation(len(rows) - n_known)
        )
        self.n_known = n_known
        self.Z, self.z_labels = Z[rows], labels[rows]
        self.X, self.x_labels = standardise(X[rows])[order], labels[rows][order]
        self.truth = np.argsort(order)
        self.n_classes = len(np.unique(self.z_labels))
        self.views = {
            "standardised": _rotated(standardise(self.Z)),
            "whitened": whitened(self.Z),
        }
        self._blind = rng.permutation(len(rows) - n_known)
        self.held_out = rng.uniform(size=len(rows)) < _HELD_OUT
        self.held_out[:n_known] = False

    def assign(self, guesses, candidates):
        """One-to-one assignment that leaves the known pairs as they are."""
        matched, m = np.arange(len(guesses)), self.n_known
        found = assign_within_class(
            guesses[m:], candidates[m:], self.z_labels[m:], self.x_labels[m:]
        )
        matched[m:] = found + m
        return matched

    def first_match(self, view):
        """Assignment by a regression on the known pairs."""
        known = np.arange(self.n_known)
        rows, penalty = self.views[view], _PENALTIES[view][0]
        return self.assign(_ridge(rows, self.X, known, known, penalty), self.X)

    def anchor_distances(self):
        """Correlations with the known rows, comparable on both sides."""
        return tuple(
            standardise(rows @ rows[: self.n_known].T)
            for rows in (standardise(self.Z), self.X)
        )

    def refine(self, matched, view):
        """Regress, reassign, keep the most consistent; return the matches."""
        rows = self.views[view]
        kept, shares = np.arange(len(rows)), np.linspace(_FIRST_SHARE, _LAST_SHARE, 8)
        for penalty, share in zip(_PENALTIES[view], shares, strict=True):
            guesses = _ridge(rows, self.X, kept, matched[kept], penalty)
            matched = self.assign(guesses, self.X)
            misfit = ((guesses - self.X[matched]) ** 2).sum(axis=1)
            misfit[: self.n_known] = -1.0
            kept = np.argsort(misfit)[: max(2, int(share * len(rows)))]
        return matched

    def consistency(self, matched, view):
        """How well a map of some matches explains the others."""
        rows, out = self.views[view], self.held_out
        fitted = np.flatnonzero(~out)
        guesses = _ridge(rows, self.X, fitted, matched[fitted], _PENALTIES[view][3])
        errors = ((guesses[out] - self.X[matched[out]]) ** 2).sum()
        return 1.0 - errors / max((self.X[matched[out]] ** 2).sum(), 1e-300)

    def blind_consistency(self):
        """The consistency that refining random matches reaches by itself."""
        blind = np.arange(len(self.Z))
        blind[self.n_known :] = self.n_known + self._blind
        blind = self.assign(self.X[blind], self.X)
        return max(self.consistency(self.refine(blind, v), v) for v in self.views)

    def hits(self, matched):
        return int((matched == self.truth)[self.n_known :].sum())


def _best_attempt(name, problem, starts, started):
    n = len(problem.Z) - problem.n_known
    attempts = {}
    for label, view, found in _attempts(problem, starts):
        score = problem.consistency(found, view)
        attempts[label] = Bunch(score=score, hits=problem.hits(found))
        if score > _CERTAIN:
            break
    choice = max(attempts, key=lambda label: attempts[label].score)
    if attempts[choice].score < problem.blind_consistency() + _MARGIN:
        # No map was found. What the label itself tells is left, and refining it
        # would only spoil it.
        choice = _LABEL if _LABEL in attempts else choice
    return hit_result(
        name,
        attempts[choice].hits,
        n,
        problem.n_classes / n,
        started,
        choice=choice,
        validation=float(attempts[choice].score),
        attempts={label: one.hits / n for label, one in attempts.items()},
    )


def _attempts(problem, starts):
    for start, matched in starts.items():
        for view in problem.views:
            yield f"{start}, {view}", view, problem.refine(matched, view)
        # The first assignment counts, too: a cipher that cannot be regressed may
        # still keep the descriptor itself.
        yield start, "standardised", matched


def _rotated(rows):
    """The same rows on their principal axes: fewer columns, equal products."""
    axes = np.linalg.svd(rows, full_matrices=False)
    return axes[0] * axes[1]


def _ridge(rows, X, fitted, matched, penalty):
    """Predict records of all rows from matches of the fitted ones."""
    A, B = rows[fitted], X[matched]
    centre, mean = A.mean(axis=0), B.mean(axis=0)
    A = A - centre
    scale = max((A**2).sum(axis=0).max(initial=0.0), 1e-300)
    if A.shape[1] <= len(A):
        gram = A.T @ A + penalty * scale * np.eye(A.shape[1])
        weights = cho_solve(cho_factor(gram), A.T @ (B - mean))
    else:
        gram = A @ A.T + penalty * scale * np.eye(len(A))
        weights = A.T @ cho_solve(cho_factor(gram), B - mean)
    return (rows - centre) @ weights + mean
