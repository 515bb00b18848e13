"""Random numbers that leave NumPy's global state alone."""

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["make_random_state"]


def make_random_state(random_state):
    """Turn an argument into a generator, as scikit-learn does, but for None.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None is a new generator, seeded by the operating system; scikit-learn would
        take numbers from the global one and so change it.

    Returns
    -------
    rng : RandomState

    Examples
    --------
    >>> from sklearn_homeo._utils.random import make_random_state
    >>> make_random_state(0).randint(100)
    44
    """
    if random_state is None:
        return np.random.RandomState()
    return check_random_state(random_state)
