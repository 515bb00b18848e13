"""The known-plaintext attacks together, at one leak and over many."""

from numbers import Integral, Real
from time import perf_counter

import numpy as np
from sklearn.utils import Bunch, check_array
from sklearn.utils.validation import check_consistent_length

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, StrOptions, validate_params
from sklearn_homeo.audit._result import DIRECTION, check_sides
from sklearn_homeo.audit.known_plaintext._forward import forward_linkage_attack
from sklearn_homeo.audit.known_plaintext._pairs import MIN_LEAKED
from sklearn_homeo.audit.known_plaintext._procrustes import procrustes_attack
from sklearn_homeo.audit.known_plaintext._regressions import (
    extra_trees_attack,
    kernel_ridge_attack,
    ridge_attack,
)
from sklearn_homeo.audit.known_plaintext._two_sided import two_sided_linkage_attack

__all__ = ["ATTACKS", "known_plaintext_attack", "known_plaintext_curve"]

_RANDOM_STATE = {"random_state": ["random_state"]}
ATTACKS = {
    "ridge": ridge_attack,
    "kernel ridge": kernel_ridge_attack,
    "extra trees": extra_trees_attack,
    "Procrustes": procrustes_attack,
    "forward ridge": forward_linkage_attack,
    "two-sided ridge": two_sided_linkage_attack,
}
_CURVE_ATTACKS = ("ridge", "Procrustes", "forward ridge")
_FIRST_LEAK = 32
_BROKEN = 0.2


@validate_params(
    _RANDOM_STATE
    | {
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "attacks": [StrOptions({"all"}), list, tuple],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def known_plaintext_attack(
    Z, X, *, leak=0.9, attacks="all", n_jobs=None, random_state=None
):
    """Attack ciphertexts after a share of the records leaked.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts.
    X : array-like of shape (n_samples, n_features)
        Their records, row by row, in any units.
    leak : float, default=0.9
        Share of the rows that the attacker knows in the clear; the other rows are
        the targets.
    attacks : "all" or sequence of {"ridge", "kernel ridge", "extra trees", \
            "Procrustes", "forward ridge", "two-sided ridge"}, default="all"
        Which attacks to run.
    n_jobs : int or None, default=None
        Processors for the extra trees; -1 means all. Does not change the result.
    random_state : int, RandomState instance or None, default=None
        Draws the leaked rows and everything random in the attacks.

    Returns
    -------
    result : Bunch
        r2 : float
            Greatest pooled R2 of all attacks.
        reidentification : Bunch
            That of the attack with the greatest rate.
            "forward ridge" and "two-sided ridge" link and reconstruct nothing:
            they have no R2.
        best_r2_attack, best_reidentification_attack : str
            Which attacks these were.
        attacks : dict of str to Bunch
            The whole result of each attack.
        n_leaked, n_targets : int
            Numbers of rows.
        chance : float
            Re-identification rate of blind guessing.
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time of all attacks.

    Raises
    ------
    ValueError
        If `Z` and `X` have different numbers of rows, a value is not finite, an
        attack is unknown, or fewer than 10 rows are leaked or 2 are left.

    Notes
    -----
    The maximum over the attacks is taken on the targets: the owner's worst case.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import known_plaintext_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    >>> broken = known_plaintext_attack(X @ rotation, X, random_state=0)
    >>> f"{broken.r2:.3f} {broken.reidentification.rate:.2f} {broken.best_r2_attack}"
    '1.000 1.00 ridge'
    >>> noise = rng.normal(size=(200, 5))
    >>> bool(known_plaintext_attack(noise, X, random_state=0).r2 < 0.1)
    True
    """
    names = _check_attacks(attacks)
    Z = check_array(Z, dtype=np.float64, input_name="Z")
    X = check_array(X, dtype=np.float64, input_name="X")
    check_consistent_length(Z, X)
    rng = make_random_state(random_state)
    order = rng.permutation(len(X))
    n_leaked = int(leak * len(X))
    known, hidden = order[:n_leaked], order[n_leaked:]
    results = _run(names, Z[known], X[known], Z[hidden], X[hidden], n_jobs, rng)
    return _summary(results, n_leaked, len(hidden))


@validate_params(
    _RANDOM_STATE
    | {
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "n_leaked": ["array-like", None],
        "attacks": [StrOptions({"all"}), list, tuple],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def known_plaintext_curve(
    Z,
    X,
    *,
    n_leaked=None,
    leak=0.9,
    attacks=_CURVE_ATTACKS,
    n_jobs=None,
    random_state=None,
):
    """Attack ciphertexts as more and more records leak; the targets stay the same.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts.
    X : array-like of shape (n_samples, n_features)
        Their records, row by row, in any units.
    n_leaked : array-like of int, default=None
        Numbers of known pairs, at least 10 each. None doubles from 32 on up to the
        share `leak` of all rows, which is always the last.
    leak : float, default=0.9
        Greatest share of rows that leak; the others are the targets.
    attacks : "all" or sequence of str, \
            default=("ridge", "Procrustes", "forward ridge")
        As in :func:`known_plaintext_attack`.
    n_jobs : int or None, default=None
        Processors for the extra trees.
    random_state : int, RandomState instance or None, default=None
        Draws the order in which rows leak and everything random in the attacks.

    Returns
    -------
    curve : Bunch
        n_leaked : ndarray of shape (n_points,), dtype int64
        r2 : ndarray of shape (n_points,), dtype float64
            Greatest pooled R2 of all attacks.
        rate, low, high : ndarray of shape (n_points,), dtype float64
            Greatest re-identification rate and its Clopper-Pearson 95 % interval.
        chance : float
            Rate of blind guessing.
        n : int
            Number of targets.
        n_broken : int or None
            Fewest known pairs, of those tried, with which more than 20 % of the
            targets are re-identified; None if none is enough.
        direction : str
        seconds : float

    Raises
    ------
    ValueError
        As :func:`known_plaintext_attack`, or if more rows shall leak than `leak`
        allows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import known_plaintext_curve
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> curve = known_plaintext_curve(np.tanh(X), X, random_state=0)
    >>> curve.n_leaked.tolist(), curve.n, curve.n_broken
    ([32, 64, 128, 180], 20, 32)
    """
    started = perf_counter()
    names = _check_attacks(attacks)
    Z, X = check_sides(Z, X, MIN_LEAKED + 2)
    rng = make_random_state(random_state)
    order, most = rng.permutation(len(X)), int(leak * len(X))
    sizes = _check_sizes(n_leaked, most)
    hidden = order[most:]
    points = []
    for size in sizes:
        known = order[:size]
        results = _run(names, Z[known], X[known], Z[hidden], X[hidden], n_jobs, rng)
        points.append(_summary(results, size, len(hidden)))
    rates = [point.reidentification for point in points]
    broken = [
        size for size, one in zip(sizes, rates, strict=True) if one.rate > _BROKEN
    ]
    return Bunch(
        n_leaked=np.array(sizes),
        r2=np.array([point.r2 for point in points]),
        rate=np.array([one.rate for one in rates]),
        low=np.array([one.interval[0] for one in rates]),
        high=np.array([one.interval[1] for one in rates]),
        chance=points[-1].chance,
        n=len(hidden),
        n_broken=broken[0] if broken else None,
        direction=DIRECTION,
        seconds=perf_counter() - started,
    )


def _check_sizes(n_leaked, most):
    if n_leaked is None:
        sizes = [_FIRST_LEAK]
        while 2 * sizes[-1] < most:
            sizes.append(2 * sizes[-1])
        return sorted({min(size, most) for size in sizes} | {most})
    sizes = sorted({int(size) for size in np.ravel(n_leaked)})
    if not sizes or sizes[0] < MIN_LEAKED or sizes[-1] > most:
        raise ValueError(
            f"n_leaked={n_leaked!r} must be numbers of rows from {MIN_LEAKED} to "
            f"{most}, the share leak of all rows"
        )
    return sizes


def _run(names, Z_leak, X_leak, Z_target, X_target, n_jobs, rng):
    results = {}
    for name in names:
        seed = int(rng.randint(np.iinfo(np.int32).max))
        options = {"n_jobs": n_jobs} if name == "extra trees" else {}
        results[name] = ATTACKS[name](
            Z_leak, X_leak, Z_target, X_target, random_state=seed, **options
        )
    return results


def _check_attacks(attacks):
    if isinstance(attacks, str):
        return list(ATTACKS)
    unknown = [name for name in attacks if name not in ATTACKS]
    if unknown or not attacks:
        raise ValueError(
            f"attacks={attacks!r} must be 'all' or names from {list(ATTACKS)}"
        )
    return list(dict.fromkeys(attacks))


def _summary(results, n_leaked, n_targets):
    by_r2 = max(results, key=lambda name: np.nan_to_num(results[name].r2, nan=-np.inf))
    by_rate = max(results, key=lambda name: results[name].reidentification.hits)
    reidentified = results[by_rate].reidentification
    return Bunch(
        r2=results[by_r2].r2,
        reidentification=reidentified,
        best_r2_attack=by_r2,
        best_reidentification_attack=by_rate,
        attacks=results,
        n_leaked=n_leaked,
        n_targets=n_targets,
        chance=reidentified.chance,
        direction=DIRECTION,
        seconds=sum(result.seconds for result in results.values()),
    )
