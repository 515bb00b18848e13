"""How much of the records an attacker got: reconstruction and re-identification."""

from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches

from sklearn_homeo._utils.rows import check_real, check_real_array
from sklearn_homeo.audit._result import AttackResult, hit_result

# Rows of the distance matrix held at once, so that memory stays linear in n.
_CHUNK_ROWS = 1024
_SHRINKAGE = 1e-4


def pooled_r2(
    X_true: ArrayLike,
    X_pred: ArrayLike,
    X_reference_mean: ArrayLike,
    X_reference_scale: ArrayLike | None = None,
) -> float:
    """Share of the standardised variance that a reconstruction explains.

    It is one minus the sum of squared errors over the sum of squared deviations from
    the reference mean. All columns are divided by their scale and pooled, so that a
    column's unit does not matter and a nearly constant column cannot dominate.

    Parameters
    ----------
    X_true : array-like of shape (n_samples, n_features)
        The true records, in any units.
    X_pred : array-like of shape (n_samples, n_features)
        The reconstruction, in the same units.
    X_reference_mean : float or array-like of shape (n_features,)
        What a guess without any attack would say: the mean of the records that the
        attacker knows.
    X_reference_scale : float or array-like of shape (n_features,), default=None
        Standard deviations to divide by; None takes those of `X_true`. Columns
        whose scale is zero are left out.

    Returns
    -------
    r2 : float
        1 for a perfect reconstruction, 0 for the reference mean, negative for
        anything worse than it.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or every column is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import pooled_r2
    >>> X = np.array([[0.0, 100.0], [2.0, 300.0]])
    >>> pooled_r2(X, X, X.mean(axis=0))
    1.0
    >>> pooled_r2(X, [[1.0, 100.0], [1.0, 300.0]], X.mean(axis=0))
    0.5
    """
    X_true, X_pred = _check_pair(X_true, X_pred, "X_true", "X_pred")
    given = {"X_reference_mean": X_reference_mean}
    scale = X_true.std(axis=0) if X_reference_scale is None else X_reference_scale
    given["X_reference_scale"] = scale
    mean, scale = (_by_column(*one, X_true.shape[1]) for one in given.items())
    varying = scale > 0
    deviations = (X_true - mean)[:, varying] / scale[varying]
    errors = (X_true - X_pred)[:, varying] / scale[varying]
    total = np.sum(deviations**2)
    if total == 0:
        raise ValueError("R2 is undefined: no column of X_true varies")
    return float(1 - np.sum(errors**2) / total)


def _by_column(name, values, n_columns):
    """One number for each column, as a vector or as one for all."""
    check_real(values, name)
    return np.broadcast_to(np.asarray(values, float), n_columns)


def reidentification(
    X_true: ArrayLike,
    X_pred: ArrayLike,
    X_validation_true: ArrayLike,
    X_validation_pred: ArrayLike,
) -> AttackResult:
    """Rate at which reconstructions point to their own record among all targets.

    Each row of `X_pred` is matched with the nearest row of `X_true`, by the Euclidean
    distance or by the Mahalanobis distance of the attack's own validation residuals
    (covariance shrunk by 1e-4). An attack that finds a few directions exactly and
    nothing else fails by the first and succeeds by the second. The distance that does
    better on the validation rows is taken.

    Parameters
    ----------
    X_true : array-like of shape (n_targets, n_features)
        The true targets; columns should be of comparable scale (standardised).
    X_pred : array-like of shape (n_targets, n_features)
        Their reconstructions, row by row, in the same units.
    X_validation_true : array-like of shape (n_validation, n_features)
        Records that the attacker knows and did not train on.
    X_validation_pred : array-like of shape (n_validation, n_features)
        The attack's reconstructions of these.

    Returns
    -------
    result : AttackResult
        Its rate is the share of targets whose nearest record is their own, its chance
        that of blind guessing: 1 / n_targets if all targets differ. A record with
        copies is matched by any copy, which raises both. Its validation is the mean
        reciprocal rank of the validation rows, half of them by the residuals of the
        other half, its choice "euclidean" or "mahalanobis". Details:

        median_rank : float
            Median place of the own record among the targets ordered by distance;
            1 is a hit, (n_targets + 1) / 2 is blind guessing.
        rates : dict of str to float
            The rates by both distances.

    Raises
    ------
    ValueError
        If shapes differ or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import reidentification
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> result = reidentification(X, X + 0.001, X[:20], X[:20] + 0.001)
    >>> result.rate, result.chance, result.median_rank
    (1.0, 0.02, 1.0)
    """
    started = perf_counter()
    X_true, X_pred = _check_pair(X_true, X_pred, "X_true", "X_pred")
    known = _check_pair(
        X_validation_true, X_validation_pred, "X_validation_true", "X_validation_pred"
    )
    if known[0].shape[1] != X_true.shape[1]:
        raise ValueError(
            f"X_validation_true has {known[0].shape[1]} columns, "
            f"X_true has {X_true.shape[1]}"
        )
    known = np.stack(known)
    reciprocals = {
        "euclidean": mean_reciprocal_rank(_ranks(*known)),
        "mahalanobis": _cross_fitted(known),
    }
    metric = max(reciprocals, key=reciprocals.__getitem__)
    whitener = _residual_whitener(known[0] - known[1])
    ranks = {
        "euclidean": _ranks(X_true, X_pred),
        "mahalanobis": _ranks(X_true @ whitener, X_pred @ whitener),
    }
    return hit_result(
        "nearest record",
        np.sum(ranks[metric] == 1),
        len(X_true),
        guessing_rate(X_true),
        started,
        validation=reciprocals[metric],
        choice=metric,
        median_rank=float(np.median(ranks[metric])),
        rates={name: float(np.mean(found == 1)) for name, found in ranks.items()},
    )


def mean_reciprocal_rank(ranks):
    """Mean of 1 / rank: 1 if every record was found, near 0 for blind guessing."""
    return float(np.mean(1.0 / np.asarray(ranks)))


def _cross_fitted(known):
    """Mean reciprocal rank by the residuals of the other half."""
    n = known.shape[1]
    if n < 4:
        return 0.0
    ranks = np.empty(n)
    for half in (np.arange(n) % 2 == 0, np.arange(n) % 2 == 1):
        whitener = _residual_whitener(known[0, ~half] - known[1, ~half])
        true, predicted = known @ whitener
        # Among all rows, as the other distance has it.
        ranks[half] = _ranks(true, predicted)[half]
    return mean_reciprocal_rank(ranks)


def guessing_rate(X):
    """Rate of blind guesses among candidates, copies counting for each other."""
    _, own, copies = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    return float(np.mean(copies[own.reshape(-1)])) / len(X)


def own_ranks(Z, predicted, X):
    """Place of each row's own candidate by the distance of its prediction.

    Parameters
    ----------
    Z : ndarray of shape (n, n_outputs)
        Outputs seen of each row.
    predicted : ndarray of shape (n, n_outputs)
        What each candidate would show, in the same order.
    X : ndarray of shape (n, n_features)
        The candidates. Ties are lost, except those with copies.

    Returns
    -------
    ranks : ndarray of shape (n,), dtype int64
        1 is a hit.
    """
    distances = euclidean_distances(Z, predicted, squared=True)
    nearer = distances <= np.diag(distances)[:, None]
    records = np.unique(X, axis=0, return_inverse=True)[1].reshape(-1)
    return 1 + (nearer & (records[:, None] != records)).sum(axis=1)


def _check_pair(first, second, first_name, second_name):
    first = check_real_array(first, dtype=np.float64, input_name=first_name)
    second = check_real_array(second, dtype=np.float64, input_name=second_name)
    if first.shape != second.shape:
        raise ValueError(
            f"{first_name} has shape {first.shape}, "
            f"{second_name} has shape {second.shape}; they must agree"
        )
    return first, second


def _residual_whitener(residuals):
    """Matrix (n_features, n_features) after which the residuals are uncorrelated."""
    size = np.sqrt(np.mean(residuals**2))
    n_features = residuals.shape[1]
    if size == 0 or len(residuals) < 2:
        return np.eye(n_features)
    covariance = np.cov(residuals / size, rowvar=False).reshape(n_features, n_features)
    values, vectors = np.linalg.eigh(covariance)
    # Light on purpose: more shrinkage, Ledoit-Wolf's for one, drowns the directions
    # that the attack found exactly, and with them most of its matches.
    values = np.maximum(values, 0) + _SHRINKAGE * np.mean(np.abs(values))
    return vectors / np.sqrt(np.maximum(values, np.finfo(float).tiny))


def _ranks(candidates, guesses):
    """Place of each guess's own candidate by distance; copies count as one."""
    # Which of several copies is nearest is round-off.
    distinct, own, copies = np.unique(
        candidates, axis=0, return_inverse=True, return_counts=True
    )
    own = own.reshape(-1)
    ranks = np.empty(len(guesses))
    for rows in gen_batches(len(guesses), _CHUNK_ROWS):
        distances = euclidean_distances(guesses[rows], distinct, squared=True)
        true = np.take_along_axis(distances, own[rows, None], axis=1)
        ranks[rows] = 1 + (distances < true) @ copies
    return ranks
