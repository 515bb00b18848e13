"""Scores of membership attacks, in every space and metric, and what they are worth."""

import copy
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from scipy.stats import rankdata
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_consistent_length

from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo.audit._intervals import clopper_pearson
from sklearn_homeo.audit._result import rate_result

_ACCUSED = 0.01
# Two in each half.
_FEWEST_CANDIDATES = 4
_CHUNK_ROWS = 512
# Of kernels, beside the distance of a reference row to its nearest synthetic one.
_KERNEL_WIDTH = 0.25
# Least variance of an axis when whitening, beside the median one.
_LEAST_VARIANCE = 0.1
_NAMES = "X_synthetic", "X_member", "X_non_member", "X_reference"


class Sets(NamedTuple):
    """Rows of an attack, by what they are; of one class or of all."""

    synthetic: np.ndarray
    member: np.ndarray
    non_member: np.ndarray
    reference: np.ndarray | None


class Checked(NamedTuple):
    """Views of the rows by name, and each one's classes."""

    views: dict
    labels: Sets | None


def check_sets(sets, labels, encryptor):
    """Check the rows of an attack and bring them into every space and metric.

    Parameters
    ----------
    sets : tuple of 4 array-like
        Synthetic rows, members, non-members, and reference (or None).
    labels : tuple of 4 array-like or None
    encryptor : HomeomorphicEncryptor or None

    Returns
    -------
    checked : Checked
    """
    rows = [
        # Only the reference may be left out.
        X
        if X is None and name == _NAMES[3]
        else check_real_array(X, dtype=np.float64, input_name=name)
        for X, name in zip(sets, _NAMES, strict=True)
    ]
    n_columns, whose = rows[0].shape[1], "X_synthetic has"
    if encryptor is not None:
        # Ciphertexts of few columns are wider than the records.
        check_fitted(encryptor, "encryptor")
        n_columns, whose = encryptor.n_features_in_, "the encryptor takes"
    for X, name in zip(rows, _NAMES, strict=True):
        is_record = encryptor is None or name != _NAMES[0]
        if X is not None and is_record and X.shape[1] != n_columns:
            raise ValueError(f"{name} has {X.shape[1]} columns, {whose} {n_columns}")
        least = _FEWEST_CANDIDATES if name in _NAMES[1:3] else 2
        if X is not None and len(X) < least:
            raise ValueError(f"{name} has {len(X)} rows; the attack needs {least}")
    rows = Sets(*rows)
    views = {}
    for space, there in _spaces(rows, encryptor).items():
        views[f"{space}, Euclidean"] = there
        views[f"{space}, whitened"] = _whitened(there)
    return Checked(views, _check_labels(rows, labels))


def _check_labels(rows, labels):
    if labels is None:
        return None
    if len(labels) != len(rows):
        raise ValueError(f"labels must be of 4 sets (or None), got {len(labels)}")
    labels = Sets(*(None if y is None else np.asarray(y) for y in labels))
    for X, y, name in zip(rows, labels, _NAMES, strict=True):
        if X is not None:
            if y is None:
                raise ValueError(f"labels of {name} are missing")
            check_consistent_length(X, y)
    for label in np.unique(np.append(labels.member, labels.non_member)).tolist():
        for y, name in ((labels.synthetic, _NAMES[0]), (labels.reference, _NAMES[3])):
            if y is not None and np.sum(y == label) < 2:
                raise ValueError(f"{name} has fewer than 2 rows of class {label!r}")
    return labels


def _spaces(rows, encryptor):
    if encryptor is None:
        return {"as given": rows}
    # Synthetic ciphertexts are none that the encryptor made.
    decryptor = copy.copy(encryptor).set_params(on_invalid="ignore")
    known = [None if X is None else encryptor.transform(X) for X in rows[1:]]
    decrypted = decryptor.inverse_transform(rows.synthetic)
    return {
        "encrypted": Sets(rows.synthetic, *known),
        "decrypted": Sets(decrypted, *rows[1:]),
    }


def _whitened(rows):
    known = rows.synthetic if rows.reference is None else rows.reference
    mean = known.mean(axis=0)
    covariance = np.cov(known, rowvar=False).reshape(len(mean), len(mean))
    variances, axes = np.linalg.eigh(covariance)
    least = _LEAST_VARIANCE * np.median(variances)
    least = max(least, 1e-12 * variances[-1], np.finfo(float).tiny)
    whitener = axes / np.sqrt(np.maximum(variances, 0) + least)
    return Sets(*(None if X is None else (X - mean) @ whitener for X in rows))


def _nearest(X, others):
    return pairwise_distances_argmin_min(X, others)[1]


def _near_score(X, synthetic, reference):
    return -_nearest(X, synthetic)


def _relative_score(X, synthetic, reference):
    tiny = np.finfo(float).tiny
    near, usual = _nearest(X, synthetic), _nearest(X, reference)
    return np.log(np.maximum(usual, tiny)) - np.log(np.maximum(near, tiny))


def _mean_score(X, synthetic, reference):
    centre = reference.mean(axis=0)
    return (X - centre) @ (synthetic.mean(axis=0) - centre)


def _gaussian_score(X, synthetic, reference):
    return _log_normal(X, synthetic) - _log_normal(X, reference)


def _log_normal(X, rows):
    covariance = ledoit_wolf(rows)[0]
    ridge = 1e-9 * np.trace(covariance) / len(covariance) + np.finfo(float).tiny
    covariance[np.diag_indices_from(covariance)] += ridge
    factor = np.linalg.cholesky(covariance)
    whitened = solve_triangular(factor, (X - rows.mean(axis=0)).T, lower=True)
    return -0.5 * (whitened**2).sum(axis=0) - np.log(np.diag(factor)).sum()


def _kernel_score(X, synthetic, reference):
    nearest = _nearest(reference, synthetic)
    # Copies say nothing of how wide a kernel should be.
    width = np.median(nearest[nearest > 0]) if nearest.any() else 1.0
    width = (_KERNEL_WIDTH * width) ** 2 / X.shape[1]
    return _log_kernels(X, synthetic, width) - _log_kernels(X, reference, width)


def _log_kernels(X, rows, width):
    scores = np.empty(len(X))
    for batch in gen_batches(len(X), _CHUNK_ROWS):
        distances = euclidean_distances(X[batch], rows, squared=True)
        scores[batch] = logsumexp(-distances / (2 * width), axis=1)
    return scores - np.log(len(rows))


ATTACK_SCORES = {
    "nearest neighbour": _near_score,
    "relative neighbour": _relative_score,
    "mean": _mean_score,
    "density ratio (gaussian)": _gaussian_score,
    "density ratio (kde)": _kernel_score,
}


def needs_reference(name):
    return ATTACK_SCORES[name] is not _near_score


def score_candidates(name, checked):
    """Score the candidates by one attack, in every view.

    Parameters
    ----------
    name : str
        One of `ATTACK_SCORES`.
    checked : Checked

    Returns
    -------
    pairs : dict of str to tuple of (ndarray, ndarray)
        By view, the members' scores and the non-members'.
    """
    score = ATTACK_SCORES[name]
    if needs_reference(name) and any(
        rows.reference is None for rows in checked.views.values()
    ):
        raise ValueError(f"the {name} attack needs X_reference")
    return {
        view: _score_classes(score, rows, checked.labels)
        for view, rows in checked.views.items()
    }


def best_of(pairs, by_choice, started, name, **details):
    """Rate the best of several ways to score the candidates.

    Every other candidate makes a half. The best way is chosen on one half and measured
    on the other, and the other way round, so that it is never the luckiest one.

    Parameters
    ----------
    pairs : dict of hashable to tuple of (ndarray, ndarray)
        Scores of members and of non-members, by the way.
    by_choice : callable
        Gives what the result's `choice` is, from the way's key.
    started : float
        What ``perf_counter()`` was.
    name : str
    **details : dict
        Further figures of the result.

    Returns
    -------
    result : AttackResult
        See :func:`sklearn_homeo.audit.membership_attack`. Its scores are those of the
        way that is best on all candidates.
    """
    halves = [
        {way: tuple(side[i::2] for side in pair) for way, pair in pairs.items()}
        for i in range(2)
    ]
    measured = [
        (half[_best(_auc, other)], half[_best(_share_caught, other)])
        for half, other in (halves, halves[::-1])
    ]
    areas = [_auc(*pair) for pair, _ in measured]
    caught = sum(_count_caught(*pair) for _, pair in measured)
    best = _best(_auc, pairs)
    of_members, of_others = pairs[best]
    return rate_result(
        name,
        np.mean(areas),
        _mean_interval([pair for pair, _ in measured]),
        0.5,
        len(of_members) + len(of_others),
        started,
        measure="AUC",
        choice=by_choice(best),
        tpr=caught / len(of_members),
        tpr_interval=clopper_pearson(caught, len(of_members)),
        tpr_chance=_ACCUSED,
        best_tpr_choice=by_choice(_best(_share_caught, pairs)),
        n_members=len(of_members),
        scores_member=of_members,
        scores_non_member=of_others,
        **details,
    )


def _best(measure, pairs):
    return max(pairs, key=lambda way: measure(*pairs[way]))


def _score_classes(score, rows, labels):
    """Scores of members and of non-members, class by class if labels are known."""
    # Together, so that no setting of an attack can depend on which is which.
    X = np.vstack([rows.member, rows.non_member])
    if labels is None:
        scores = score(X, rows.synthetic, rows.reference)
        return np.split(scores, [len(rows.member)])
    y = np.append(labels.member, labels.non_member)
    scores = np.empty(len(X))
    for label in np.unique(y):
        synthetic = rows.synthetic[labels.synthetic == label]
        reference = rows.reference
        if reference is not None:
            reference = reference[labels.reference == label]
        scores[y == label] = score(X[y == label], synthetic, reference)
    return np.split(scores, [len(rows.member)])


def _placements(scores, others):
    """Share of the other side's scores that lie below each one; ties count half."""
    both = rankdata(np.append(scores, others))[: len(scores)]
    return (both - rankdata(scores)) / len(others)


def _auc(of_members, of_others):
    return float(np.mean(_placements(of_members, of_others)))


def delong_interval(of_members, of_others):
    """95 % interval of the AUC, by the variance of DeLong and others (1988)."""
    return _mean_interval([(of_members, of_others)])


def _mean_interval(pairs):
    """The same of the mean AUC of independent pairs."""
    variance = sum(_delong_variance(*pair) for pair in pairs) / len(pairs) ** 2
    margin = 1.959964 * np.sqrt(variance)
    centre = np.mean([_auc(*pair) for pair in pairs])
    return float(max(centre - margin, 0.0)), float(min(centre + margin, 1.0))


def _delong_variance(of_members, of_others):
    above, below = (
        _placements(of_members, of_others),
        _placements(of_others, of_members),
    )
    return above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)


def _share_caught(of_members, of_others):
    return _count_caught(of_members, of_others) / len(of_members)


def _count_caught(of_members, of_others):
    """Members above the score that at most 1 % of the others exceed."""
    n_accused = int(_ACCUSED * len(of_others))
    threshold = np.sort(of_others)[::-1][n_accused]
    return int(np.sum(of_members > threshold))
