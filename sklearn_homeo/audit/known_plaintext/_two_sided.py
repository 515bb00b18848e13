"""Linkage of ciphertexts that lie on two sides: where on its own side each one is.

A view of two classes mostly tells which of them a row belongs to. A regression on all
ciphertexts at once learns that, and hardly where on its side a row lies. Without noise,
that is what tells rows apart.
"""

from time import perf_counter

import numpy as np
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.extmath import randomized_svd

from sklearn_homeo._utils.validation import validate_params
from sklearn_homeo.audit._metrics import own_ranks
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit.known_plaintext._pairs import LeakedPairs
from sklearn_homeo.audit.known_plaintext._ridge import LeftOutRidge

_ROUNDS = 20
# Median distances from the middle of its side within which a row is learnt from: what
# is stretched around the boundary lies beyond.
_REACH = 5.0
_KNOTS = 40
_ROUND_OFF = 1e-9


@register("T4", "two-sided ridge", quick={})
@validate_params({"random_state": ["random_state"]}, prefer_skip_nested_validation=True)
def two_sided_linkage_attack(Z_leak, X_leak, Z_target, X_target, *, random_state=None):
    """Tell which candidate record a ciphertext is of, side by side of a boundary.

    The leading principal coordinate of the ciphertexts is split in two. A ridge
    regression on the records, with an intercept for each side, learns what varies
    within the sides, and a spline what becomes of that near the boundary. The candidate
    whose predicted coordinate is nearest is taken. This is how to attack a single
    coordinate of two classes at "scores", all the more if it is bent or stretched.

    Parameters
    ----------
    Z_leak : array-like of shape (n_leaked, n_outputs)
        Ciphertexts whose records leaked; at least 10 rows.
    X_leak : array-like of shape (n_leaked, n_features)
        These records, row by row, in any units.
    Z_target : array-like of shape (n_targets, n_outputs)
        Ciphertexts to attack; at least 2 rows.
    X_target : array-like of shape (n_targets, n_features)
        The candidates: the targets' records, row by row. The order is used for the
        score only.
    random_state : int, RandomState instance or None, default=None
        Orders the leaked rows.

    Returns
    -------
    result : AttackResult
        As that of :func:`forward_linkage_attack`; its choice is the penalty, its
        validation by left-out leaked pairs.

    Raises
    ------
    ValueError
        As :func:`sklearn_homeo.audit.ridge_attack`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import two_sided_linkage_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(900, 20))
    >>> Z = rng.normal(size=(900, 20))
    >>> margins = X @ rng.normal(size=20)
    >>> Z[:, 0] = 10 * margins + 500 * np.clip(margins, -0.5, 0.5)
    >>> result = two_sided_linkage_attack(
    ...     Z[:800], X[:800], Z[800:], X[800:], random_state=0
    ... )
    >>> bool(result.rate > 0.2), result.chance
    (True, 0.01)
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state)
    t, t_target = _leading_coordinate(pairs.Z_raw, pairs.Z_raw_target)
    ranks, validation_ranks, penalty = None, None, None
    if np.ptp(t) > 0:
        model = _TwoSides(t, pairs.X)
        ranks = _ranks(t_target, model.predict(pairs.X_target), pairs.X_target)
        held = pairs.validation
        validation_ranks = _ranks(t[held], model.left_out[held], pairs.X[held])
        penalty = model.penalty
    choice = {"penalty": penalty}
    return pairs.linked("two-sided ridge", ranks, validation_ranks, choice, started)


def _leading_coordinate(Z, Z_target):
    """First principal coordinate of ciphertexts, of unit size."""
    centre = Z.mean(axis=0)
    _, values, right = randomized_svd(Z - centre, 1, random_state=0)
    if values[0] <= _ROUND_OFF * max(np.abs(Z).max(), np.finfo(float).tiny):
        return np.zeros(len(Z)), np.zeros(len(Z_target))
    size = values[0] / np.sqrt(len(Z))
    return (Z - centre) @ right[0] / size, (Z_target - centre) @ right[0] / size


def _ranks(seen, predicted, X):
    return own_ranks(seen[:, None], predicted[:, None], X)


def _split(t):
    """Which rows lie above the middle between two means (Lloyd's algorithm)."""
    above = t > np.median(t)
    for _ in range(_ROUNDS):
        if above.all() or not above.any():
            break
        above = t > (t[above].mean() + t[~above].mean()) / 2
    return above


class _TwoSides:
    """A coordinate on either side of a boundary, as records predict it."""

    def __init__(self, t, X):
        above = _split(t)
        sides = [side for side in (above, ~above) if side.any()]
        learnt = np.zeros(len(t), dtype=bool)
        T, centred = t.copy(), X.copy()
        for side in sides:
            near = side & _is_near(t, side)
            learnt |= near
            T[side] -= t[near].mean()
            centred[side] -= X[near].mean(axis=0)
        ridge = LeftOutRidge(centred[learnt])
        T = T[learnt, None]
        predicted, weights, penalties = ridge.best(T)
        self.penalty, self._weights = float(penalties[0]), weights[:, 0]
        # A learnt row's own part of its prediction is taken out again.
        slope = X @ self._weights
        own = centred[learnt] @ self._weights
        slope[learnt] += predicted[:, 0] - own
        knots = min(_KNOTS, len(np.unique(slope)))
        self._bend = SplineTransformer(
            max(2, knots), degree=1, knots="quantile", extrapolation="linear"
        ).fit(slope[:, None])
        terms = self._bend.transform(slope[:, None])
        self._heights = np.linalg.lstsq(terms, t, rcond=None)[0]
        self.left_out = terms @ self._heights

    def predict(self, X):
        """Coordinates that the ciphertexts of records would have."""
        slope = (X @ self._weights)[:, None]
        return self._bend.transform(slope) @ self._heights


def _is_near(t, side):
    distances = np.abs(t - np.median(t[side]))
    return distances <= _REACH * np.median(distances[side])
