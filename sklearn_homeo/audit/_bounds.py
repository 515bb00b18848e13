"""The linkage bound: how often noise lets a ciphertext be told from others.

Maximal leakage (Issa, Wagner, Kamath 2020): an attacker who sees y and guesses which of
N equally likely records it is of succeeds with at most ``sum_y max_x p(y | x) / N``.
"""

from numbers import Real
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr
from sklearn.utils import Bunch

from sklearn_homeo._utils.messages import shown
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo.audit._checks import check_labels, check_rows
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor

_CHUNK_ROWS = 256


def preserved_linkage_bound(
    S: ArrayLike, linkage_noise: float, y: ArrayLike | None = None
) -> Bunch:
    """Bound on linking noisy preserved coordinates to their records.

    The noise on a preserved coordinate is normal. Let f be its density and x_i the
    candidates' values of a coordinate. ``L = integral of max_i f(t - x_i) dt`` is then
    the sum of the noise's mass in every value's own cell. Over coordinates L
    multiplies, and over groups of candidates it adds up. An attacker links a target,
    drawn evenly among N candidates, to its record with a probability of at most the
    product of L over N. No clipping is needed: a value far from all others counts as
    given away.

    Parameters
    ----------
    S : array-like of shape (n_candidates, n_preserved)
        The candidates' preserved coordinates, without noise: what
        :meth:`sklearn_homeo.HomeomorphicEncryptor.preserve` returns.
    linkage_noise : float
        Standard deviation of the noise on a coordinate, in the units of `S`; at
        least 0.
    y : array-like of shape (n_candidates,), default=None
        Groups, such as classes, to be bounded one by one; the smaller bound counts.

    Returns
    -------
    result : Bunch
        bound : float
            Probability, in [0, 1]; 1 without noise.
        range_bound : float
            The same from the coordinates' ranges alone:
            product of (1 + range x peak of f), over N.
        leakage : ndarray of shape (n_preserved,), dtype float64
            L of each coordinate over all candidates: how many values can be told.
        chance : float
            1 / n_candidates.
        n : int
            Number of candidates.

    Raises
    ------
    ValueError
        If a value is not finite or out of its range, or numbers of rows disagree.

    Notes
    -----
    The noise is a pseudorandom function of the row, which only the key tells from
    random, and the residues of a ciphertext tell nothing. So the bound holds whatever
    the attacker knows but the key, known pairs included. It is on the expected rate,
    with every target matched by itself; who matches all at once, one to one, can do
    better, and so can who sees a record under several fits.

    References
    ----------
    Issa, Wagner, Kamath, "An operational approach to information leakage", IEEE
    Transactions on Information Theory 66 (2020) 1625-1657, arXiv:1807.07878.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import preserved_linkage_bound
    >>> S = np.random.default_rng(0).normal(size=(1000, 1))
    >>> [round(preserved_linkage_bound(S, noise).bound, 3) for noise in (0, 0.1, 0.3)]
    [1.0, 0.026, 0.01]
    """
    S = check_rows(S, "S", 1)
    if not isinstance(linkage_noise, Real) or not 0 <= linkage_noise < 1e300:
        raise ValueError(
            f"linkage_noise must be a number >= 0, got {shown(linkage_noise)}"
        )
    labels = check_labels(y, len(S))
    n = len(S)
    if linkage_noise == 0:
        nothing = np.full(S.shape[1], np.nan)
        return _bound(1.0, 1.0, nothing, n)
    groups = [S[labels == label] for label in np.unique(labels)]
    leakage = _leakage(S, linkage_noise)
    each = [np.prod(_leakage(group, linkage_noise)) for group in groups]
    counts = np.prod(leakage), sum(each)
    peak = 1.0 / (linkage_noise * np.sqrt(2.0 * np.pi))
    by_range = np.prod(1 + np.ptp(S, axis=0) * peak)
    return _bound(min(counts) / n, by_range / n, leakage, n)


def _bound(bound, range_bound, leakage, n):
    return Bunch(
        bound=float(min(1.0, bound)),
        range_bound=float(min(1.0, range_bound)),
        leakage=leakage,
        chance=1 / n,
        n=n,
    )


def _leakage(S, noise):
    """Integral of the greatest density over all values, for each coordinate.

    The density falls with the distance, so the greatest is that of the nearest
    value: its mass between the midpoints to its neighbours.
    """
    values = np.sort(S, axis=0)
    half_gaps = np.diff(values, axis=0) / 2
    # Each gap belongs half to either side; equal values share one cell.
    return 1.0 + (2 * ndtr(half_gaps / noise) - 1).sum(axis=0)


def linkage_bound(
    encryptor: HomeomorphicEncryptor, X: ArrayLike, y: ArrayLike | None = None
) -> Bunch:
    """Bound on linking ciphertexts of a fitted encryptor to their records.

    See :func:`preserved_linkage_bound` for what it says and what it assumes.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted.
    X : array-like of shape (n_candidates, n_features)
        The candidates: records one of which the attacker must pick.
    y : array-like of shape (n_candidates,), default=None
        Their classes.

    Returns
    -------
    result : Bunch
        As that of :func:`preserved_linkage_bound`. Ciphers without noise have the
        bound 1.

    Raises
    ------
    NotFittedError
        If the encryptor is not fitted.
    ValueError
        As `encryptor.transform`, or if `y` has another length.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import linkage_bound
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> encryptor = HomeomorphicEncryptor(leakage="scores", linkage_noise=0.3).fit(X, y)
    >>> bool(linkage_bound(encryptor, X).bound < 0.1)
    True
    """
    check_fitted(encryptor, "encryptor")
    if not _has_noise(encryptor):
        n = len(check_real_array(X, input_name="X"))
        return _bound(1.0, 1.0, np.full(encryptor.n_preserved_, np.nan), n)
    S = encryptor.preserve(X)
    return preserved_linkage_bound(S, encryptor.linkage_noise_, y)


def measured_linkage(encryptor: HomeomorphicEncryptor, X: ArrayLike) -> AttackResult:
    """Link ciphertexts to their records with the keyed homeomorphism given away.

    The strongest attacker that the bound is about: he knows every candidate's
    preserved coordinates and every target's noisy ones, and takes the candidate of
    greatest likelihood. Only the noise is in the way. For the owner, who has the key.
    With a single preserved coordinate his expected rate is the bound itself, so that
    a measured one scatters around it.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with noise.
    X : array-like of shape (n_candidates, n_features)
        The candidates, all of which are targets.

    Returns
    -------
    result : AttackResult
        Its rate is the share of targets linked to their own record.

    Raises
    ------
    NotFittedError
        If the encryptor is not fitted.
    ValueError
        If the encryptor has no noise to measure.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
    >>> from sklearn_homeo.audit import linkage_bound, measured_linkage
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> key = SecretKey.from_bytes(bytes(range(32)))
    >>> encryptor = HomeomorphicEncryptor(
    ...     leakage="scores", linkage_noise=0.3, key=key
    ... ).fit(X, y)
    >>> lowest, _ = measured_linkage(encryptor, X).interval
    >>> bool(lowest <= linkage_bound(encryptor, X).bound)
    True
    """
    started = perf_counter()
    check_fitted(encryptor, "encryptor")
    if not _has_noise(encryptor):
        raise ValueError(
            'encryptor has no linkage noise to measure: it needs leakage="scores" and '
            "linkage_noise > 0"
        )
    S = encryptor.preserve(X)
    noisy = _noisy_coordinates(encryptor, X)
    hits = sum(
        _hits(noisy[rows], S, rows)
        for rows in np.array_split(np.arange(len(S)), -(-len(S) // _CHUNK_ROWS))
    )
    return hit_result("linkage", hits, len(S), 1 / len(S), started)


def _hits(noisy, S, rows):
    # The noise has the same spread in all coordinates: the nearest is the likeliest.
    distances = sum(
        (seen[:, None] - values) ** 2 for seen, values in zip(noisy.T, S.T, strict=True)
    )
    return int((distances.argmin(axis=1) == rows).sum())


def _has_noise(encryptor):
    return getattr(encryptor, "linkage_noise_", 0.0) > 0


def _noisy_coordinates(encryptor, X):
    cipher = encryptor._cipher
    X = np.asarray(X, dtype=np.float64)
    return cipher.view.noisy_coordinates(cipher.lattice.round(X, Workspace()))
