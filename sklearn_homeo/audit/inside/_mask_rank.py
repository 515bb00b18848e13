"""How many dimensions the masks fill: masks of low rank can be projected out."""

from time import perf_counter

import numpy as np
from sklearn.utils import Bunch

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo.audit._result import check_sides

__all__ = ["mask_rank"]

_RESAMPLES = 20


def mask_rank(Z, X, *, random_state=None):
    """Effective rank of the masks beside the dimension of what they mask.

    The mask of a row is what its masked coordinates have that is no linear function
    of the record. Effective rank is the exponential of the entropy of the masks'
    spectrum; a linear attacker projects out masks that leave dimensions free.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Masked coordinates: ciphertexts, or what leaves the locks.
    X : array-like of shape (n_samples, n_features)
        Records, or what enters the locks; fewer features than half the rows.
    random_state : int, RandomState instance or None, default=None
        Draws the noise of the reference and the rows of the interval.

    Returns
    -------
    result : Bunch
        rate : float
            Effective rank divided by `dimension`; at least 0.8 is sound. Less is
            worse for the owner of the data.
        interval : tuple of (float, float)
            Range over random halves of the rows.
        chance : float
            The same of random noise with as many rows: the best there can be.
        n : int
            Number of rows.
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time.
        effective_rank : float
            The rank itself.
        dimension : int
            Number of columns of `Z`.

    Raises
    ------
    ValueError
        If there are too few rows, shapes disagree, or `Z` is linear in `X`.

    References
    ----------
    Roy, Vetterli, "The effective rank: a measure of effective dimensionality",
    EUSIPCO 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import mask_rank
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 50))
    >>> of_one = X + 10 * np.sin(X[:, :1] * rng.normal(size=50) * 10)
    >>> of_all = X + 10 * np.sin(X @ rng.normal(size=(50, 50)))
    >>> mask_rank(of_one, X).rate < 0.6 < 0.8 < mask_rank(of_all, X).rate
    True
    """
    started = perf_counter()
    Z, X = check_sides(Z, X, 8)
    if len(X) < 2 * X.shape[1]:
        raise ValueError(f"{len(X)} rows are too few for {X.shape[1]} columns of X")
    rng = make_random_state(random_state)
    masks = _nonlinear_part(Z, X)
    if np.abs(masks).max() <= 1e-9 * np.abs(Z - Z.mean(axis=0)).max():
        raise ValueError("Z is a linear function of X: there are no masks")
    dimension = Z.shape[1]
    halves = [rng.permutation(len(Z))[: len(Z) // 2] for _ in range(_RESAMPLES)]
    ranks = [_effective_rank(masks[rows]) / dimension for rows in halves]
    rank = _effective_rank(masks)
    noise = _nonlinear_part(rng.normal(size=Z.shape), X)
    return Bunch(
        name="mask rank",
        rate=rank / dimension,
        interval=(min(ranks), max(ranks)),
        chance=_effective_rank(noise) / dimension,
        n=len(Z),
        direction="less is worse for the owner of the data; 0.8 or more is sound",
        seconds=perf_counter() - started,
        effective_rank=rank,
        dimension=dimension,
    )


def _nonlinear_part(Z, X):
    design = np.column_stack([X, np.ones(len(X))])
    return Z - design @ np.linalg.lstsq(design, Z, rcond=None)[0]


def _effective_rank(masks):
    spectrum = np.linalg.svd(masks - masks.mean(axis=0), compute_uv=False) ** 2
    share = spectrum[spectrum > 0] / spectrum.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
