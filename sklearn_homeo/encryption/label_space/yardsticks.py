"""How well held-out labels are predicted: balanced accuracy, ROC AUC, R2."""

import numpy as np
from scipy.stats import rankdata

__all__ = [
    "chance",
    "chance_errors",
    "class_measures",
    "number_measures",
    "one_row",
    "softmax",
]

# Share of its equal part of the rows below which a class is rare.
RARE = 0.25


def class_measures(shares, outputs, sizes):
    """Return balanced accuracy and ROC AUC, means over outputs.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, sum of sizes), dtype float64
        Probabilities of the classes of each output.
    outputs : ndarray of shape (n_samples, n_outputs), dtype int64
    sizes : tuple of int

    Returns
    -------
    measures : dict of str to float
        "balanced accuracy", and "ROC AUC": of each class against the others, mean
        over the classes that occur. Where a class is rare, half of the balanced
        accuracy is that of models whose weights make classes count alike: no row's
        likeliest class may be the rare one.
    """
    accuracies, areas, start = [], [], 0
    for size, labels in zip(sizes, outputs.T, strict=True):
        block = shares[:, start : start + size]
        counts = np.bincount(labels, minlength=size)
        seen = np.flatnonzero(counts)
        decisions = [block]
        if counts[seen].min() < RARE * counts[seen].mean():
            decisions.append(np.where(counts > 0, block / np.maximum(counts, 1), 0.0))
        accuracies.append(
            np.mean(
                [
                    np.bincount(labels, one.argmax(axis=1) == labels, size)[seen]
                    / counts[seen]
                    for one in decisions
                ]
            )
        )
        if len(seen) > 1:
            areas.append(np.mean([_area(block[:, c], labels == c) for c in seen]))
        start += size
    area = float(np.mean(areas)) if areas else 0.5
    return {"balanced accuracy": float(np.mean(accuracies)), "ROC AUC": area}


def _area(scores, positive):
    n_positive = int(positive.sum())
    ranks = rankdata(scores)[positive].sum()
    beaten = ranks - n_positive * (n_positive + 1) / 2
    return beaten / (n_positive * (len(scores) - n_positive))


def number_measures(predicted, outputs):
    """Return R2, the mean over outputs.

    Parameters
    ----------
    predicted, outputs : ndarray of shape (n_samples, n_outputs), dtype float64

    Returns
    -------
    measures : dict of str to float
    """
    residual = ((outputs - predicted) ** 2).sum(axis=0)
    total = ((outputs - outputs.mean(axis=0)) ** 2).sum(axis=0)
    return {"R2": float(np.mean(1.0 - residual / np.where(total > 0, total, 1.0)))}


def chance(measure, sizes):
    """Return what a model scores that sees nothing."""
    if measure == "R2":
        return 0.0
    return 0.5 if measure == "ROC AUC" else float(np.mean([1 / n for n in sizes]))


def chance_errors(outputs, sizes):
    """Return the standard error of each measure for a model that sees nothing.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
    sizes : tuple of int or None

    Returns
    -------
    errors : dict of str to float
        The largest over outputs.
    """
    n = len(outputs)
    if sizes is None:
        # The square of a correlation of pure chance is 1 / n on average.
        return {"R2": 3.0 / n}
    accuracy, area = [], []
    for labels in outputs.T:
        counts = _rows_of_classes(labels)
        share = 1.0 / len(counts)
        accuracy.append(share * np.sqrt((share * (1.0 - share) / counts).sum()))
        # Of Mann and Whitney's statistic.
        others = np.maximum(n - counts, 1)
        area.append(np.sqrt(((1 / counts + 1 / others) / 12).mean()))
    return {"balanced accuracy": max(accuracy), "ROC AUC": max(area)}


def one_row(outputs, sizes):
    """Return what one row of the smallest class makes of balanced accuracy.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
    sizes : tuple of int or None

    Returns
    -------
    share : float
        The largest over outputs; 0 for numbers.
    """
    if sizes is None:
        return 0.0
    shares = []
    for labels in outputs.T:
        counts = _rows_of_classes(labels)
        shares.append(1.0 / (len(counts) * counts.min()))
    return float(max(shares) / len(shares))


def _rows_of_classes(labels):
    """How many rows each class has that occurs."""
    counts = np.bincount(labels)
    return counts[counts > 0]


def softmax(logits, sizes):
    """Return class probabilities of each output; shapes as in `class_measures`."""
    blocks = []
    for block in np.split(logits, np.cumsum(sizes)[:-1], axis=1):
        weights = np.exp(block - block.max(axis=1, keepdims=True))
        blocks.append(weights / weights.sum(axis=1, keepdims=True))
    return np.hstack(blocks)
