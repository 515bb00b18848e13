"""The known-plaintext attacks together, at one leak and over many."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import Interval, StrOptions, validate_params
from sklearn_homeo.audit._checks import check_names, check_sides
from sklearn_homeo.audit._registry import attacks_of
from sklearn_homeo.audit._result import AttackResult, make_frame, rate_result
from sklearn_homeo.audit._scale import MODERATE
from sklearn_homeo.audit.known_plaintext._pairs import MIN_LEAKED

_RANDOM_STATE = {"random_state": ["random_state"]}
_FIRST_LEAK = 32


@dataclass(frozen=True)
class KnownPlaintextCurve:
    """What an attacker gets as more and more records leak.

    Made by :func:`known_plaintext_curve`.

    Parameters
    ----------
    n_leaked : ndarray of shape (n_points,), dtype int64
        Numbers of known pairs.
    r2, rate, low, high : ndarray of shape (n_points,), dtype float64
        R2, re-identification rate and its Clopper-Pearson 95 % interval.
    chance : float
        Rate of blind guessing.
    n : int
        Number of targets.
    results : tuple of AttackResult
        The whole result of each point.
    seconds : float
        Wall-clock time of all.
    """

    n_leaked: np.ndarray
    r2: np.ndarray
    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: float
    n: int
    results: tuple[AttackResult, ...]
    seconds: float

    @property
    def n_broken(self):
        """Fewest known pairs that re-identify more than 20 % of targets, or None."""
        broken = self.n_leaked[self.rate > MODERATE]
        return int(broken[0]) if len(broken) else None

    def to_frame(self):
        """Return the points as a frame, one a row.

        Returns
        -------
        frame : pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return make_frame(
            [{"n_leaked": one.n_leaked} | one.to_row() for one in self.results]
        )


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
    Z: ArrayLike,
    X: ArrayLike,
    *,
    leak: float = 0.9,
    attacks: str | Sequence[str] = "all",
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
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
    attacks : "all" or sequence of str, default="all"
        Attacks to run: "ridge", "kernel ridge", "extra trees", "Procrustes",
        "forward ridge" and "two-sided ridge". The last two link and reconstruct
        nothing.
    n_jobs : int or None, default=None
        Processors for the extra trees; -1 means all. Does not change the result.
    random_state : int, RandomState instance or None, default=None
        Draws the leaked rows and everything random in the attacks.

    Returns
    -------
    result : AttackResult
        That of the attack whose validation is best, with the r2 of the attack that
        rebuilds held-out leaked records best. Details:

        attacks : dict of str to AttackResult
            The result of each attack.
        best_attack, best_r2_attack : str
            The two that were chosen.
        n_leaked : int
            Number of known pairs.

    Raises
    ------
    ValueError
        If `Z` and `X` have different numbers of rows, a value is not finite, an
        attack is unknown, or fewer than 10 rows are leaked or 2 are left.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import known_plaintext_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    >>> broken = known_plaintext_attack(X @ rotation, X, random_state=0)
    >>> f"{broken.r2:.3f} {broken.rate:.2f}"
    '1.000 1.00'
    >>> noise = rng.normal(size=(200, 5))
    >>> bool(known_plaintext_attack(noise, X, random_state=0).r2 < 0.1)
    True
    """
    started = perf_counter()
    names = check_names(attacks, attacks_of("T4"))
    Z = check_real_array(Z, dtype=np.float64, input_name="Z")
    X = check_real_array(X, dtype=np.float64, input_name="X")
    check_consistent_length(Z, X)
    rng = make_random_state(random_state)
    order = rng.permutation(len(X))
    n_leaked = int(leak * len(X))
    known, hidden = order[:n_leaked], order[n_leaked:]
    results = _run(names, Z[known], X[known], Z[hidden], X[hidden], n_jobs, rng)
    return _summary(results, n_leaked, started)


@validate_params(
    _RANDOM_STATE
    | {
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "n_leaked": ["array-like", None],
        "attacks": [StrOptions({"all"}), list, tuple, None],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def known_plaintext_curve(
    Z: ArrayLike,
    X: ArrayLike,
    *,
    n_leaked: ArrayLike | None = None,
    leak: float = 0.9,
    attacks: str | Sequence[str] | None = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> KnownPlaintextCurve:
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
    attacks : "all", sequence of str or None, default=None
        As in :func:`known_plaintext_attack`; None takes the fast ones.
    n_jobs : int or None, default=None
        Processors for the extra trees.
    random_state : int, RandomState instance or None, default=None
        Draws the order in which rows leak and everything random in the attacks.

    Returns
    -------
    curve : KnownPlaintextCurve

    Raises
    ------
    ValueError
        As :func:`known_plaintext_attack`, or if more rows are to leak than `leak`
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
    known_attacks = attacks_of("T4")
    if attacks is None:
        attacks = [name for name, one in known_attacks.items() if one.in_curve]
    names = check_names(attacks, known_attacks)
    Z, X = check_sides(Z, X, MIN_LEAKED + 2)
    rng = make_random_state(random_state)
    order, most = rng.permutation(len(X)), int(leak * len(X))
    sizes = _check_sizes(n_leaked, most)
    hidden = order[most:]
    points = []
    for size in sizes:
        began, known = perf_counter(), order[:size]
        results = _run(names, Z[known], X[known], Z[hidden], X[hidden], n_jobs, rng)
        points.append(_summary(results, size, began))
    low, high = np.transpose([point.interval for point in points])
    return KnownPlaintextCurve(
        n_leaked=np.array(sizes),
        r2=np.array([point.r2 for point in points]),
        rate=np.array([point.rate for point in points]),
        low=low,
        high=high,
        chance=points[-1].chance,
        n=len(hidden),
        results=tuple(points),
        seconds=perf_counter() - started,
    )


def _check_sizes(n_leaked, most):
    if n_leaked is None:
        sizes = [_FIRST_LEAK]
        while 2 * sizes[-1] < most:
            sizes.append(2 * sizes[-1])
        return sorted({min(size, most) for size in sizes} | {most})
    given = np.ravel(np.asarray(n_leaked, dtype=object)).tolist()
    whole = all(isinstance(size, Integral) for size in given)
    sizes = sorted(set(given)) if whole else []
    if not sizes or sizes[0] < MIN_LEAKED or sizes[-1] > most:
        raise ValueError(
            f"n_leaked must be whole numbers of rows from {MIN_LEAKED} to {most}, the "
            "share leak of all rows"
        )
    return [int(size) for size in sizes]


def _run(names, Z_leak, X_leak, Z_target, X_target, n_jobs, rng):
    results = {}
    for name in names:
        seed = int(rng.randint(np.iinfo(np.int32).max))
        options = {"n_jobs": n_jobs} if name == "extra trees" else {}
        results[name] = attacks_of("T4")[name].function(
            Z_leak, X_leak, Z_target, X_target, random_state=seed, **options
        )
    return results


def _summary(results, n_leaked, started):
    best = max(results, key=lambda name: results[name].validation)
    rebuilding = [name for name, one in results.items() if np.isfinite(one.r2)]
    best_r2 = max(
        rebuilding, key=lambda name: results[name].validation_r2, default=None
    )
    one = results[best]
    return rate_result(
        "known plaintexts",
        one.rate,
        one.interval,
        one.chance,
        one.n,
        started,
        hits=one.hits,
        r2=np.nan if best_r2 is None else results[best_r2].r2,
        validation=one.validation,
        choice=best,
        median_rank=one.median_rank,
        attacks=results,
        best_attack=best,
        best_r2_attack=best_r2,
        n_leaked=n_leaked,
    )
