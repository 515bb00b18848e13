"""Unpaired alignment: no pair is known, only other records of the same kind."""

from numbers import Integral
from time import perf_counter

import numpy as np
from scipy.linalg import svd
from scipy.stats import skew
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._metrics import pooled_r2
from sklearn_homeo.audit._result import (
    check_labels,
    check_rows,
    check_sides,
    hit_outcome,
    standardise,
)

__all__ = ["unpaired_alignment_attack"]

_RANKS = (2, 8, 32, 128)
_QUANTILES = 200
_DIRECTIONS = 64
_ROUND_OFF = 1e-9


@validate_params(
    {
        "max_rows": [Interval(Integral, 10, None, closed="left")],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def unpaired_alignment_attack(
    Z,
    X,
    X_known,
    y=None,
    y_known=None,
    *,
    max_rows=2000,
    n_rounds=20,
    random_state=None,
):
    """Reconstruct records from ciphertexts and other records of the same kind.

    Starts are the ciphertexts as they are; the principal axes of both sides, of
    several ranks, their signs set by class means and skewness; and the class means
    alone as anchors. Each start is refined in two ways: by the columns' marginals
    (every column of the estimate is given the quantiles of the known records, then
    the best rotation, or linear map, to that is found: independent components with
    known densities), and by iterated closest points within the classes. The
    estimate whose distribution is nearest to that of the known records is taken.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts to attack; at least 10 rows.
    X : array-like of shape (n_samples, n_features)
        Their records, row by row; used for the score only.
    X_known : array-like of shape (n_known, n_features)
        Other records of the same distribution, in the same units as `X`; at least
        10 rows.
    y, y_known : array-like of shape (n_samples,) and (n_known,), default=None
        Public classes of the ciphertexts and of the known records; both or none.
    max_rows : int, default=2000
        Most rows to use on each side.
    n_rounds : int, default=20
        Rounds of each refinement.
    random_state : int, RandomState instance or None, default=None
        Draws the rows and the directions along which distributions are compared.

    Returns
    -------
    result : Bunch
        name, direction : str
        rate : float
            Share of ciphertexts whose estimate is nearest to their own record among
            all ciphertexts' records of the same class, in [0, 1].
        hits, n : int
        interval : tuple of (float, float)
            Clopper-Pearson 95 % interval of `rate`.
        chance : float
            Rate of a random choice within the classes.
        r2 : float
            Pooled R2 of the estimate, columns in standard deviations of `X_known`.
        class_mean_r2 : float
            The same of the known class means: what labels alone give.
        choice : str
            The estimate taken.
        attempts : dict of str to float
            Rate of each attempt.
        seconds : float
            Wall-clock time.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are fewer than 10 rows on a
        side, every record is the same, or only one of `y` and `y_known` is given.

    Notes
    -----
    A weak attack, also on rotations of data that have no structure but a
    covariance. Its failure is no evidence of safety; that an adversarial network
    could do better is to be assumed.

    References
    ----------
    Liu, Giannella, Kargupta, "An attacker's view of distance preserving maps for
    privacy preserving data mining", PKDD 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import unpaired_alignment_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.exponential(size=(1000, 3))
    >>> rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    >>> result = unpaired_alignment_attack(
    ...     X[:300] @ rotation, X[:300], X[300:], random_state=0
    ... )
    >>> bool(result.r2 > 0.9)
    True
    """
    started = perf_counter()
    rng = make_random_state(random_state)
    sides = _Sides(Z, X, X_known, y, y_known, max_rows, rng)
    attempts = {}
    for name, estimate in _starts(sides).items():
        attempts[name] = estimate
        attempts[f"{name}, marginals"] = sides.fit_marginals(estimate, n_rounds)
        attempts[f"{name}, closest points"] = sides.fit_closest(estimate, n_rounds)
    choice = min(attempts, key=lambda name: sides.misfit(attempts[name]))
    hits = {name: sides.hits(estimate) for name, estimate in attempts.items()}
    n = len(sides.X)
    return hit_outcome(
        "unpaired alignment",
        hits[choice],
        n,
        len(np.unique(sides.labels)) / n,
        started,
        r2=pooled_r2(sides.X, attempts[choice], 0.0, 1.0),
        class_mean_r2=pooled_r2(sides.X, sides.class_means()[sides.labels], 0.0, 1.0),
        choice=choice,
        attempts={name: found / n for name, found in hits.items()},
    )


class _Sides:
    """Both sides, standardised by what the attacker can compute."""

    def __init__(self, Z, X, X_known, y, y_known, max_rows, rng):
        Z, X = check_sides(Z, X, 10)
        known = check_rows(X_known, "X_known", 10)
        if known.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_known has {known.shape[1]} columns, X has {X.shape[1]}"
            )
        if (y is None) != (y_known is None):
            raise ValueError("y and y_known must both be given or both be None")
        labels, known_labels = _joint_labels(y, y_known, len(Z), len(known))
        rows = rng.permutation(len(Z))[:max_rows]
        others = rng.permutation(len(known))[:max_rows]
        self.Z, self.labels = Z[rows], labels[rows]
        self.known = standardise(known[others], known)
        self.known_labels = known_labels[others]
        self.X = standardise(X[rows], known)
        self.axes = _PrincipalAxes(self.Z), _PrincipalAxes(self.known)
        n_columns = self.known.shape[1]
        directions = rng.normal(size=(n_columns, _DIRECTIONS)) / np.sqrt(n_columns)
        self._directions = directions
        self._profile = _quantiles(self._project(self.known), _QUANTILES)

    def _project(self, rows):
        return np.hstack([rows, rows @ self._directions])

    def class_means(self):
        return _class_means(self.known, self.known_labels)

    def misfit(self, estimate):
        """Distance of the estimate's marginals from those of the known records."""
        profile = _quantiles(self._project(estimate), _QUANTILES)
        return float(np.mean(np.abs(profile - self._profile)))

    def fit_marginals(self, estimate, n_rounds):
        """Give the estimate's columns the known quantiles, and map to that."""
        scores = self.axes[0].scores
        for turn in range(n_rounds):
            wanted = _with_quantiles(estimate, self.known)
            step = _rotation_to if turn < 3 * n_rounds // 4 else _linear_to
            estimate = step(scores, self.axes[0].sizes, wanted)
        return estimate

    def fit_closest(self, estimate, n_rounds):
        """Move every row to the nearest known one of its class, and map to that."""
        scores = self.axes[0].scores
        for _ in range(n_rounds):
            wanted = np.empty_like(estimate)
            for label in np.unique(self.labels):
                own = self.labels == label
                others = self.known[self.known_labels == label]
                if len(others) == 0:
                    others = self.known
                nearest = euclidean_distances(estimate[own], others).argmin(axis=1)
                wanted[own] = others[nearest]
            estimate = _rotation_to(scores, self.axes[0].sizes, wanted)
        return estimate

    def hits(self, estimate):
        """Rows whose estimate is nearest to their own record of their class."""
        hits = 0
        for label in np.unique(self.labels):
            own = self.labels == label
            distances = euclidean_distances(estimate[own], self.X[own], squared=True)
            true = np.diag(distances)[:, None]
            hits += int(((distances < true).sum(axis=1) == 0).sum())
        return hits


class _PrincipalAxes:
    """Principal axes of rows: whitened scores, sizes and directions."""

    def __init__(self, rows):
        centred = rows - rows.mean(axis=0)
        left, values, right = svd(centred, full_matrices=False, check_finite=False)
        kept = values > _ROUND_OFF * max(values[0], np.finfo(float).tiny)
        self.scores = left[:, kept] * np.sqrt(len(rows))
        self.sizes = values[kept] / np.sqrt(len(rows))
        self.directions = right[kept]


def _starts(sides):
    starts = {}
    if sides.Z.shape[1] == sides.X.shape[1]:
        starts["as it is"] = standardise(sides.Z)
    most = min(len(axes.sizes) for axes in sides.axes)
    for rank in sorted({min(rank, most) for rank in _RANKS} | {most}):
        starts[f"{rank} principal axes"] = _on_principal_axes(sides, rank)
    if sides.labels.max() > 0:
        starts["class means"] = sides.class_means()[sides.labels]
    return starts


def _on_principal_axes(sides, rank):
    Z_axes, X_axes = sides.axes
    ours, theirs = Z_axes.scores[:, :rank], X_axes.scores[:, :rank]
    moments = [skew(rows, axis=0) for rows in (ours, theirs)]
    agreement = moments[0] * moments[1]
    if sides.labels.max() > 0:
        means = [
            _class_means(rows, labels)
            for rows, labels in (
                (ours, sides.labels),
                (theirs, sides.known_labels),
            )
        ]
        n_classes = min(len(one) for one in means)
        agreement = agreement + 4.0 * (means[0][:n_classes] * means[1][:n_classes]).sum(
            axis=0
        )
    signs = np.where(agreement < 0, -1.0, 1.0)
    return (ours * signs * X_axes.sizes[:rank]) @ X_axes.directions[:rank]


def _class_means(rows, labels):
    """Mean of each class; that of all rows for a class with none."""
    means = np.tile(rows.mean(axis=0), (labels.max() + 1, 1))
    for label in np.unique(labels):
        means[label] = rows[labels == label].mean(axis=0)
    return means


def _joint_labels(y, y_known, n_rows, n_known):
    if y is None:
        return np.zeros(n_rows, dtype=np.int64), np.zeros(n_known, dtype=np.int64)
    y, y_known = np.ravel(y), np.ravel(y_known)
    if len(y) != n_rows or len(y_known) != n_known:
        raise ValueError(
            f"y has {len(y)} labels for {n_rows} rows, "
            f"y_known {len(y_known)} for {n_known}"
        )
    codes = check_labels(np.concatenate([y, y_known]), n_rows + n_known)
    return codes[:n_rows], codes[n_rows:]


def _quantiles(rows, n_quantiles):
    return np.quantile(rows, np.linspace(0.0, 1.0, n_quantiles), axis=0)


def _with_quantiles(rows, reference):
    """Rows whose columns got the quantiles of the reference's columns."""
    places = (np.argsort(np.argsort(rows, axis=0), axis=0) + 0.5) / len(rows)
    ordered = np.sort(reference, axis=0)
    grid = (np.arange(len(reference)) + 0.5) / len(reference)
    columns = [
        np.interp(place, grid, column)
        for place, column in zip(places.T, ordered.T, strict=True)
    ]
    return np.column_stack(columns)


def _rotation_to(scores, sizes, wanted):
    """Estimate by the orthogonal map of the centred rows nearest to the wanted."""
    rows = scores * sizes
    left, values, right = svd(rows.T @ wanted, full_matrices=False)
    scale = values.sum() / max((rows**2).sum(), 1e-300)
    return scale * rows @ (left @ right)


def _linear_to(scores, sizes, wanted):
    """Estimate by the linear map of whitened rows nearest to the wanted."""
    left, values, right = svd(scores.T @ wanted / len(scores), full_matrices=False)
    # The known records' spread along each direction, so that nothing shrinks away.
    spread = np.sqrt((wanted @ right.T).var(axis=0))
    return (scores @ left * spread) @ right
