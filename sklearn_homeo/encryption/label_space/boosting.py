"""How far boosting goes: as probes, and as scores in which cells are cut."""

import numpy as np

__all__ = ["MOST_ROUNDS", "growth", "rounds_and_step"]

# A tree for each class and round, but for two classes.
MOST_TREES, FEWEST_ROUNDS, MOST_ROUNDS = 280, 20, 40
# With larger steps boosting of many classes diverges.
LARGEST_STEP, STEP_TIMES_ROUNDS = 0.2, 8.0
# From so many rows on, twice as many trees that are twice as large.
MANY_ROWS = 5000


def growth(n_rows):
    """Return how many times as many trees, and leaves, so many rows bear."""
    return 2 if n_rows >= MANY_ROWS else 1


def rounds_and_step(n_trees, n_rows):
    """Return rounds of `n_trees` each, and the step: if many, fewer and larger ones.

    Parameters
    ----------
    n_trees, n_rows : int

    Returns
    -------
    n_rounds : int
    step : float
        The learning rate.
    """
    more = growth(n_rows)
    n_rounds = more * MOST_TREES // n_trees
    n_rounds = int(np.clip(n_rounds, FEWEST_ROUNDS, more * MOST_ROUNDS))
    return n_rounds, min(LARGEST_STEP, STEP_TIMES_ROUNDS / n_rounds)
