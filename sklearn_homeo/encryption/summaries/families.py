"""Families of scores: linear ones, and those of random features.

A family has scores that were learnt from all rows, and for every fold scores that were
learnt from the others. Plans carry them in real numbers, and every owner rounds them to
the same integers.
"""

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP
from sklearn_homeo.encryption.label_space.feature_scores import (
    FeatureMap,
    FeatureScores,
)
from sklearn_homeo.encryption.label_space.linear_scores import LinearScores
from sklearn_homeo.encryption.label_space.projection import Projection
from sklearn_homeo.encryption.summaries.sums import FOLDS

__all__ = ["describe", "left_out_scores", "scorers_of"]


def describe(ridge, moments, features=None):
    """Return a family of scores as a tree of plain values.

    Parameters
    ----------
    ridge : Ridge
        Fold by fold the weights that never saw it; the last of all rows.
    moments : ScoreMoments
        Moments of what they predict of left-out rows.
    features : FeatureMap, default=None
        What the weights are of; by default of the columns themselves.

    Returns
    -------
    family : dict
    """
    return {
        "features": {} if features is None else features.state(),
        "weights": ridge.weights,
        "offsets": ridge.offsets,
        "error": ridge.fresh_error,
        **moments.state(),
    }


def scorers_of(family):
    """Return a family's scorers: fold by fold one that never saw it, and the last."""
    pairs = zip(family["weights"], family["offsets"], strict=True)
    if not family["features"]:
        return [
            LinearScores(Projection.from_real(weights), np.rint(offsets / SCORE_STEP))
            for weights, offsets in pairs
        ]
    features = FeatureMap.from_state(family["features"])
    return [
        FeatureScores.from_real(features, weights, offsets)
        for weights, offsets in pairs
    ]


def left_out_scores(scores, folds):
    """Return scores of rows by the scorer that never saw them.

    Parameters
    ----------
    scores : list of ndarray of shape (n_samples, n_scores), dtype float64
        What each of a family's scorers gives all rows.
    folds : ndarray of shape (n_samples,), dtype int64
    """
    return np.choose(folds[:, None], scores[:FOLDS])
