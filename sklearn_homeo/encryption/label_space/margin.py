"""How far rows lie from the boundary of two classes, and how that is hidden."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from sklearn_homeo.ciphers.stretch import Stretch

__all__ = ["fit_stretch"]

# Standard deviations within a class on either side of the boundary that are stretched.
HALF_WIDTH = 1.0


def fit_stretch(s, labels):
    """Stretch around the boundary of two classes.

    Whatever prior probabilities a service works with, its boundary shall be inside:
    both that of a logistic regression and the middle of the classes are.

    Parameters
    ----------
    s : ndarray of shape (n_samples,)
        Coordinates, in standard deviations within a class.
    labels : ndarray of shape (n_samples,)
        0 and 1.

    Returns
    -------
    stretch : Stretch
    unit : float
        How many times as large as before the standard deviation is.
    """
    ends = np.sort([s[labels == label].mean() for label in (0, 1)])
    model = LogisticRegression().fit(s[:, None], labels)
    # Classes that are hardly apart may have their boundary anywhere.
    threshold = -model.intercept_[0] / (model.coef_[0, 0] or 1.0)
    boundaries = ends.mean(), np.clip(threshold, *ends)
    stretch = Stretch(min(boundaries) - HALF_WIDTH, max(boundaries) + HALF_WIDTH)
    unit = stretch.forward(s).std() / s.std() if s.std() > 0 else 1.0
    return stretch, float(unit)
