"""Structure leak: what ciphertexts show of the records' geometry to anybody."""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._checks import check_labels, check_sides, standardise
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult, hit_result, rate_result
from sklearn_homeo.audit.structure._invariants import whitened

_MAX_DISTANCE_ROWS = 1000
# Equal records' ciphertexts may differ by the order of summation.
_SAME = 1e-9


@register("T0", "structure", full={"max_rows": 2000}, quick={"max_rows": 600})
@validate_params(
    {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 4, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def structure_attack(
    Z: ArrayLike,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    n_neighbors: int = 10,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Measure how much of the records' geometry their ciphertexts show.

    Raw, standardised and whitened ciphertexts are looked at, against standardised
    records; the view that shows most neighbours is reported.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts; at least 4 rows.
    X : array-like of shape (n_samples, n_features)
        Their records, row by row, in any units.
    y : array-like of shape (n_samples,), default=None
        Classes, to compare clusters of ciphertexts with.
    n_neighbors : int, default=10
        Nearest neighbours to compare; fewer than rows.
    max_rows : int, default=2000
        Most rows to use.
    random_state : int, RandomState instance or None, default=None
        Draws the rows and the clusters' starts.

    Returns
    -------
    result : AttackResult
        Its rate is the mean share of a record's nearest neighbours that are its
        ciphertext's, too; its choice the view of the ciphertexts. Details:

        distance_correlation : float
            Spearman's correlation of all pairwise distances (of 1,000 rows at
            most), in [-1, 1]; 0 is none.
        cluster_agreement : float
            Adjusted Rand index of k-means on the ciphertexts with `y`; 0 is chance;
            nan without classes. The label is public, so this loses no secret.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or there are fewer than
        ``n_neighbors + 2`` rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import structure_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 3))
    >>> Z = X @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    >>> result = structure_attack(Z, X, random_state=0)
    >>> bool(result.rate > 0.8), round(result.chance, 3)
    (True, 0.101)
    """
    started = perf_counter()
    Z, X = check_sides(Z, X, n_neighbors + 2)
    labels = check_labels(y, len(Z))
    rng = make_random_state(random_state)
    rows = rng.permutation(len(Z))[: max(max_rows, n_neighbors + 2)]
    Z, X, labels = Z[rows], standardise(X[rows]), labels[rows]
    own = _neighbours(X, n_neighbors)
    views = {"raw": Z, "standardised": standardise(Z), "whitened": whitened(Z)}
    shares = {
        name: (own & _neighbours(view, n_neighbors)).sum(axis=1) / n_neighbors
        for name, view in views.items()
    }
    choice = max(shares, key=lambda name: shares[name].mean())
    rate, error = shares[choice].mean(), shares[choice].std() / np.sqrt(len(rows))
    few = slice(_MAX_DISTANCE_ROWS)
    correlation = spearmanr(pdist(views[choice][few]), pdist(X[few])).statistic
    return rate_result(
        "structure",
        rate,
        np.clip((rate - 1.96 * error, rate + 1.96 * error), 0, 1),
        n_neighbors / (len(rows) - 1),
        len(rows),
        started,
        measure="neighbours",
        distance_correlation=float(np.nan_to_num(correlation)),
        cluster_agreement=_cluster_agreement(views[choice], labels, rng),
        choice=choice,
    )


def _neighbours(rows, n_neighbors):
    """Mask of shape (n, n): which rows are among the nearest of which."""
    distances = euclidean_distances(rows, squared=True)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, n_neighbors - 1, axis=1)[:, :n_neighbors]
    mask = np.zeros(distances.shape, dtype=bool)
    np.put_along_axis(mask, nearest, True, axis=1)
    return mask


def _cluster_agreement(view, labels, rng):
    n_classes = len(np.unique(labels))
    if n_classes < 2:
        return np.nan
    clusters = KMeans(n_classes, n_init=3, random_state=rng).fit_predict(view)
    return float(adjusted_rand_score(labels, clusters))


def duplicate_detection(Z: ArrayLike, X: ArrayLike) -> AttackResult:
    """Measure how reliably equal ciphertexts show equal records.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts.
    X : array-like of shape (n_samples, n_features)
        Their records, row by row.

    Returns
    -------
    result : AttackResult
        Its rate is the share of records with an equal one whose ciphertexts show it:
        nan if no record repeats, 1 for deterministic ciphers. Its chance is the share
        of the other records whose ciphertexts look repeated.

    Raises
    ------
    ValueError
        If shapes disagree or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import duplicate_detection
    >>> X = np.array([[1.0], [2.0], [1.0], [3.0]])
    >>> result = duplicate_detection(np.tanh(X), X)
    >>> result.rate, result.chance, result.n
    (1.0, 0.0, 2)
    """
    started = perf_counter()
    Z, X = check_sides(Z, X, 2)
    repeated, looks_repeated = _repeated(X), _repeated(Z)
    n = int(repeated.sum())
    chance = looks_repeated[~repeated].mean() if n < len(X) else np.nan
    if not n:
        nothing = (np.nan, np.nan)
        return rate_result("duplicates", np.nan, nothing, chance, 0, started)
    hits = looks_repeated[repeated].sum()
    return hit_result("duplicates", hits, n, chance, started)


def _repeated(rows):
    """Which rows come again, up to round-off."""
    scale = np.abs(rows).max() or 1.0
    places = rows @ np.random.RandomState(0).normal(size=rows.shape[1])
    order = np.argsort(places, kind="stable")
    gaps = np.abs(np.diff(rows[order], axis=0)).max(axis=1) <= _SAME * scale
    repeated = np.zeros(len(rows), dtype=bool)
    repeated[order[1:][gaps]] = repeated[order[:-1][gaps]] = True
    return repeated
