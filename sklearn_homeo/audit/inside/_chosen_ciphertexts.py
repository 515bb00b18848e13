"""Attacks by ciphertexts of the attacker's choice: decryption, and forgery."""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.audit.inside._cipher import RIGHT_BITS, CipherOnDemand, join_numbers
from sklearn_homeo.ciphers.lattice import GRID_BITS
from sklearn_homeo.ciphers.view_cipher import ViewCipher
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor

_LEFT_STEP = 1 << RIGHT_BITS


@validate_params(
    {
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def chosen_ciphertext_attack(
    encryptor: HomeomorphicEncryptor | ViewCipher,
    *,
    n_trials: int = 200,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Predict halves of a decrypted ciphertext from other answers.

    The attack on Feistel nets of three rounds [1]_: rows (L, R) and (L + d, R) are
    encrypted to (S, T) and (S', T'). If nothing but a function of T is added to S in
    the end, (S + d, T) decrypts to the right half R + T - T'.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or ViewCipher
        Fitted; decrypts anything, as with ``on_invalid="ignore"``.
    n_trials : int, default=200
        Predictions.
    random_state : int, RandomState instance or None, default=None
        Draws rows and differences.

    Returns
    -------
    result : AttackResult
        Its rate is the share of trials in which the right half was predicted in all
        columns beyond the first half of them, to which hashes are added.

    Raises
    ------
    ValueError
        If the encryptor has no locks.

    References
    ----------
    .. [1] M. Luby, C. Rackoff, "How to construct pseudorandom permutations from
       pseudorandom functions", SIAM Journal on Computing 17(2), 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import chosen_ciphertext_attack
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> chosen_ciphertext_attack(encryptor, n_trials=20, random_state=0).rate
    0.0
    """
    started = perf_counter()
    oracle = CipherOnDemand(encryptor)
    rng = make_random_state(random_state)
    shape = (n_trials, oracle.n_features)
    u = np.rint(rng.normal(size=shape) * 2**GRID_BITS).astype(np.int64)
    shift = rng.randint(1, 2**8, size=shape).astype(np.int64) * _LEFT_STEP
    hits = _count_predicted(oracle, u, shift)
    return hit_result(
        "chosen ciphertexts", hits, n_trials, 0.0, started, measure="found"
    )


def _left(numbers):
    return (numbers >> RIGHT_BITS) & 0xFFFFFF


def _right(numbers):
    return numbers & (_LEFT_STEP - 1)


def _joined(left, right):
    return ((left & 0xFFFFFF) << RIGHT_BITS) | (right & (_LEFT_STEP - 1))


def _count_predicted(oracle, u, shift):
    codes, first = oracle.encrypt(u)
    _, second = oracle.encrypt(u + shift)
    wide = np.zeros_like(first)
    wide[:, : shift.shape[1]] = shift
    asked = _joined(_left(first) + (wide >> RIGHT_BITS), _right(first))
    found, _ = oracle.decrypt(codes, asked)
    n = oracle.n_features
    wanted = _right(_right(u) + _right(first)[:, :n] - _right(second)[:, :n])
    half = n // 2
    return int((_right(found)[:, half:] == wanted[:, half:]).all(axis=1).sum())


@validate_params(
    {
        "n_attempts": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def forgery_attack(
    encryptor: HomeomorphicEncryptor | ViewCipher,
    X: ArrayLike,
    *,
    n_attempts: int = 100_000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Make rows that decryption accepts, out of ciphertexts of given records.

    One bit changed, in the view or in the residue; columns swapped; columns of two
    ciphertexts mixed; views of two exchanged; sums and differences of ciphertexts;
    uniform numbers; and once each zeros and multiples.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or ViewCipher
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Records whose ciphertexts the attacker has; at least 2 different ones.
    n_attempts : int, default=100000
        Forged rows.
    random_state : int, RandomState instance or None, default=None
        Draws bits and columns.

    Returns
    -------
    result : AttackResult
        Its rate is the share of forged rows that are accepted, its chance the claim:
        ``2 ** (-6 * width)``. Details:

        accepted : dict of str to int
            By kind of forgery.

    Raises
    ------
    ValueError
        If the encryptor has no locks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import forgery_attack
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> forgery_attack(encryptor, X, n_attempts=700, random_state=0).hits
    0
    """
    started = perf_counter()
    oracle = CipherOnDemand(encryptor)
    rng = make_random_state(random_state)
    X = check_real_array(X, input_name="X")
    codes, residues = oracle.encrypt_records(X)
    accepted, n_total = {}, 0
    for kind, forge in _FORGERIES.items():
        n = -(-n_attempts // len(_FORGERIES))
        rows = rng.randint(len(codes), size=n)
        # A row that is forged to itself, or to another's ciphertext, is no forgery.
        others = (rows + rng.randint(1, len(codes), size=n)) % len(codes)
        pair = (codes[rows], residues[rows]), (codes[others], residues[others])
        numbers = join_numbers(*forge(rng, *pair))
        new = (numbers != join_numbers(codes[rows], residues[rows])).any(axis=1)
        new &= (numbers != join_numbers(codes[others], residues[others])).any(axis=1)
        numbers = numbers[new]
        accepted[kind] = int(oracle.decrypt_numbers(numbers)[1].sum())
        n_total += len(numbers)
    plain = join_numbers(codes, residues)
    for kind, numbers in {"zeros": 0 * plain, "doubled": 2 * plain}.items():
        accepted[kind] = int(oracle.decrypt_numbers(numbers)[1].sum())
        n_total += len(numbers)
    return hit_result(
        "forgery",
        sum(accepted.values()),
        n_total,
        2.0 ** (-6 * oracle.width),
        started,
        measure="found",
        accepted=accepted,
    )


def _flip_residue(rng, one, other):
    codes, residues = one[0], one[1].copy()
    rows = np.arange(len(codes))
    residues[rows, rng.randint(codes.shape[1], size=len(rows))] ^= 1 << rng.randint(
        47, size=len(rows)
    ).astype(np.int64)
    return codes, residues


def _flip_view(rng, one, other):
    codes, residues = one[0].copy(), one[1]
    rows = np.arange(len(codes))
    columns = rng.randint(codes.shape[1], size=len(rows))
    bits = 1 << rng.randint(6, size=len(rows)).astype(np.int64)
    codes[rows, columns] = ((codes[rows, columns] + 32) ^ bits) - 32
    return codes, residues


def _swap_columns(rng, one, other):
    order = rng.permutation(one[0].shape[1])
    return one[0][:, order], one[1][:, order]


def _mix_columns(rng, one, other):
    taken = rng.uniform(size=one[0].shape) < 0.5
    return tuple(np.where(taken, a, b) for a, b in zip(one, other, strict=True))


def _exchange_views(rng, one, other):
    return other[0], one[1]


def _add(rng, one, other):
    return one[0], one[1] + other[1]


def _draw(rng, one, other):
    return one[0], rng.randint(2**47, size=one[1].shape, dtype=np.int64)


_FORGERIES = {
    "bit of a residue": _flip_residue,
    "bit of a view": _flip_view,
    "swapped columns": _swap_columns,
    "mixed columns": _mix_columns,
    "exchanged views": _exchange_views,
    "sums": _add,
    "uniform residues": _draw,
}
