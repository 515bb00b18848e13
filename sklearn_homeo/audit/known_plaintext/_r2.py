"""Outcome of attacks that are scored by the variance they explain."""

from time import perf_counter

import numpy as np
from sklearn.utils import Bunch, check_random_state

from sklearn_homeo.audit._result import DIRECTION, standardise

__all__ = ["r2_outcome", "rescaled"]

_RESAMPLES = 500


def r2_outcome(name, reference, true, predicted, chance, started, **details):
    """Bunch of a pooled R2 with its bootstrap interval over the targets.

    Parameters
    ----------
    name : str
    reference : ndarray of shape (n_known, n_columns)
        Rows that the attacker knows; columns are put in their standard deviations,
        and a guess without any attack is their mean.
    true, predicted : ndarray of shape (n_targets, n_columns)
    chance : float
        R2 of an attacker who learned nothing.
    started : float
        `time.perf_counter()` at the beginning of the attack.
    **details
        Further fields.

    Returns
    -------
    result : Bunch
        name, r2, interval (95 %), chance, n, direction, seconds and the details.
    """
    deviations = standardise(true, reference)
    errors = deviations - standardise(predicted, reference)
    sums = np.column_stack([(errors**2).sum(axis=1), (deviations**2).sum(axis=1)])
    draws = check_random_state(0).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=_RESAMPLES
    )
    low, high = np.percentile(1 - _ratio(draws @ sums), [2.5, 97.5])
    return Bunch(
        name=name,
        r2=float(1 - _ratio(sums.sum(axis=0))),
        interval=(float(low), float(high)),
        chance=float(chance),
        n=len(true),
        direction=DIRECTION,
        seconds=perf_counter() - started,
        **details,
    )


def rescaled(leaked, known, target):
    """Map each column of guesses by least squares to the records' columns.

    Learnt on leaked rows and applied to targets: a column that still is masked
    becomes the mean instead of counting as worse than no guess.
    """
    centre, mean = leaked.mean(axis=0), known.mean(axis=0)
    spread = leaked - centre
    squares = np.maximum((spread**2).sum(axis=0), np.finfo(float).tiny)
    return mean + (spread * (known - mean)).sum(axis=0) / squares * (target - centre)


def _ratio(sums):
    return sums[..., 0] / np.maximum(sums[..., 1], np.finfo(float).tiny)
