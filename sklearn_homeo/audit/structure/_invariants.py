"""Features of rows that encryption may leave as they are, and assignments by them.

Each is computed on ciphertexts and on records alike, with no pair known: a row and
its ciphertext get similar ones if the cipher leaves that kind of structure.
"""

import numpy as np
from scipy.linalg import svd
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo.audit._checks import standardise

_QUANTILES = 24
# Condition beyond which a direction counts as round-off.
_ROUND_OFF = 1e-9
_LABEL_PENALTY = 0.1
_SHRINKAGE = 1e-3


def whitened(rows):
    """Rows on their principal axes, every axis of unit variance."""
    left, values, _ = svd(standardise(rows), full_matrices=False, check_finite=False)
    kept = values > _ROUND_OFF * max(values[0], np.finfo(float).tiny)
    # One column at least, for rows that are all the same.
    kept[0] = True
    return left[:, kept] * np.sqrt(len(rows))


def hat_matrix_profile(rows, labels):
    """Leverages and quantiles of the hat matrix: the same for every affine image.

    As long as there are more rows than columns; otherwise all leverages are one.
    """
    scores = whitened(rows)
    return _profiles(scores @ scores.T / len(rows), labels)


def distance_profile(rows, labels):
    """Quantiles of the distances to the rows of each class."""
    # One scale for all columns, so that rotations and shifts change nothing.
    centred = rows - rows.mean(axis=0)
    size = np.sqrt(np.mean(centred**2)) or 1.0
    return _profiles(euclidean_distances(centred / size), labels)


def standardised_distance_profile(rows, labels):
    """Distance quantiles after every column was standardised."""
    return distance_profile(standardise(rows), labels)


def label_ranks(rows, labels):
    """Places of the rows, within their class, on the directions of the label."""
    coordinates = label_coordinates(rows, labels)
    ranks = np.empty_like(coordinates)
    for label in np.unique(labels):
        own = labels == label
        ranks[own] = rankdata(coordinates[own], axis=0) / own.sum()
    return ranks


INVARIANTS = {
    "hat matrix": hat_matrix_profile,
    "distances": distance_profile,
    "standardised distances": standardised_distance_profile,
    "label coordinates": label_ranks,
}


def label_coordinates(rows, labels):
    """Decision values of a logistic regression on shrunk-whitened rows.

    One column a class (one in all for two classes, none for a single one): what a
    cipher must leave for the label to be learnable, found on either side.
    """
    if labels.min() == labels.max():
        return np.zeros((len(rows), 0))
    left, values, _ = svd(standardise(rows), full_matrices=False, check_finite=False)
    variances = values**2 / len(rows)
    shrinkage = _SHRINKAGE * max(variances.max(), np.finfo(float).tiny)
    scores = left * np.sqrt(len(rows) * variances / (variances + shrinkage))
    model = LogisticRegression(C=_LABEL_PENALTY, max_iter=300).fit(scores, labels)
    return model.decision_function(scores).reshape(len(rows), -1)


def _profiles(similarities, labels):
    """Standardised own value and class-wise quantiles of a square matrix's rows."""
    grid = np.linspace(0, 1, _QUANTILES)
    parts = [3.0 * np.diag(similarities)[:, None]]
    for label in np.unique(labels):
        parts.append(np.quantile(similarities[:, labels == label], grid, axis=1).T)
    return standardise(np.hstack(parts))


def assign_within_class(guesses, candidates, guess_labels, candidate_labels):
    """One-to-one assignment of least total squared distance, class by class.

    Returns
    -------
    matched : ndarray of shape (n_guesses,), dtype int64
        Row of `candidates` for each guess; -1 where a class has too few.
    """
    matched = np.full(len(guesses), -1)
    for label in np.unique(guess_labels):
        own = np.flatnonzero(guess_labels == label)
        others = np.flatnonzero(candidate_labels == label)
        if len(others) == 0:
            continue
        cost = euclidean_distances(guesses[own], candidates[others], squared=True)
        rows, columns = linear_sum_assignment(cost)
        matched[own[rows]] = others[columns]
    return matched
