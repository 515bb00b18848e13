"""What trees lose by the low bits of ciphertexts where columns hold few values.

A column with two values has one border for a tree to find. Its ciphertexts differ in
their low bits too, which are random, and a tree of few rows divides them all the same.
"""

import numpy as np

from sklearn_homeo._utils.warning import warn
from sklearn_homeo.encryption.label_space.probes import TREES, metrics_of, probe_rows
from sklearn_homeo.exceptions import LossOfAccuracyWarning

__all__ = ["warn_of_low_bits"]

# So few values a column; and rows and columns that the trial is made with.
FEW_VALUES, FEWEST_ROWS, MOST_ROWS, MOST_COLUMNS, TEST_SHARE = 8, 100, 5000, 256, 0.3


def warn_of_low_bits(sample, coordinates, by_column):
    """Warn if trees lose more than the tolerance by columns of few values.

    Parameters
    ----------
    sample : Sample
        Rows in random order.
    coordinates : ndarray of shape (n_samples, k), dtype float64
        Their label coordinates.
    by_column : ndarray of shape (k,), dtype bool
        Which of them are single columns.

    Warns
    -----
    LossOfAccuracyWarning
        If boosted trees or a forest surely (one standard error) lose more.
    """
    some = slice(None, None, -(-len(by_column) // MOST_COLUMNS))
    levels, by_column = coordinates[:MOST_ROWS, some].copy(), by_column[some]
    if len(levels) < FEWEST_ROWS:
        return
    few = []
    for j in np.flatnonzero(by_column):
        values, places = np.unique(levels[:, j], return_inverse=True)
        if len(values) <= FEW_VALUES:
            few.append(j)
            levels[:, j] = places
    if not few:
        return
    sealed = levels.copy()
    # As wide as the step from one value to the next.
    sealed[:, few] += np.random.RandomState(0).random_sample((len(levels), len(few)))
    target, n_test = sample.head(MOST_ROWS).target, int(TEST_SHARE * len(levels))
    parts = np.arange(n_test, len(levels)), np.arange(n_test)
    metrics = metrics_of(target)
    for kind in TREES:
        shown, hidden = (probe_rows(kind, target, S, *parts) for S in (levels, sealed))
        lost = shown - hidden
        sure = lost.mean(axis=0) - lost.std(axis=0) / np.sqrt(n_test)
        worst = int(np.argmax(sure / [metric.tolerance for metric in metrics]))
        if sure[worst] > metrics[worst].tolerance:
            warn(
                f"{len(few)} of {len(by_column)} leaked columns hold few values. Trees "
                "that learn from ciphertexts divide their low bits, which are random: "
                f"in a trial, {kind} reached a {metrics[worst].name} of "
                f"{hidden[:, worst].mean():.3f} with these bits and of "
                f"{shown[:, worst].mean():.3f} without. Let trees learn from "
                "views_of(ciphertexts).",
                LossOfAccuracyWarning,
            )
            return
