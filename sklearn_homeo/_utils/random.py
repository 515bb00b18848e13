"""Random numbers that leave NumPy's global state alone."""

import numpy as np
from sklearn.utils import check_random_state

from sklearn_homeo._utils.messages import shown

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
    try:
        return check_random_state(random_state)
    except (ValueError, TypeError):
        # scikit-learn's own message shows what it is.
        raise ValueError(
            "random_state must be an integer from 0 to 2**32 - 1, a RandomState or "
            f"None, got {shown(random_state)}."
        ) from None
