"""Whether residues can be told from uniform ones, for rows of one's own choice."""

from numbers import Integral
from time import perf_counter

import numpy as np
from scipy.stats import chi2, norm, poisson
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, StrOptions, validate_params
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.audit.inside._cipher import RIGHT_BITS, CipherOnDemand
from sklearn_homeo.ciphers.lattice import GRID_BITS
from sklearn_homeo.ciphers.packing import RESIDUE_BITS
from sklearn_homeo.ciphers.view_cipher import ViewCipher
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor

# With a cipher that is none, all tests together raise a false alarm this often.
ALARM = 1e-4
_MOST_LAGS = 8
_BIN_BITS = 6
_MODEL_COLUMNS = 16
_MODULUS = 1 << RESIDUE_BITS


@validate_params(
    {
        "n_rows": [Interval(Integral, 1024, None, closed="left")],
        "direction": [StrOptions({"encrypt", "decrypt"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def distinguisher_attack(
    encryptor: HomeomorphicEncryptor | ViewCipher,
    *,
    n_rows: int = 4096,
    direction: str = "encrypt",
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Tell residues from uniform random numbers, by rows of one's own choice.

    The attacker has rows encrypted that differ as little as possible. One column is a
    counter, or pairs differ in one column by a power of two, or all left (or right)
    halves are equal. Or he has such ciphertexts decrypted. He tests every bit, and the
    high and low digits of both halves, of what comes back: in each column, and in
    differences of consecutive rows and of columns. He counts repeated numbers and
    differences, and trains boosted trees to tell rows from random ones.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or ViewCipher
        Fitted. Its view is left out: that is open.
    n_rows : int, default=4096
        Rows of each kind, at least 1024.
    direction : {"encrypt", "decrypt"}, default="encrypt"
        What the attacker asks for.
    random_state : int, RandomState instance or None, default=None
        Draws what all rows have in common, and the random numbers.

    Returns
    -------
    result : AttackResult
        Its rate is the share of tests that tell the residues from uniform ones. Under
        the null hypothesis that none can, a single one does so with a probability of
        1e-4 or less. Details:

        p_values : dict of str to float
            P-value of each test, corrected for the columns and bits in it, not for the
            number of tests.

    Raises
    ------
    ValueError
        If the encryptor has no locks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import distinguisher_attack
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> distinguisher_attack(encryptor, n_rows=1024, random_state=0).rate
    0.0
    """
    started = perf_counter()
    oracle = CipherOnDemand(encryptor)
    rng = make_random_state(random_state)
    p_values = {}
    for kind, draw in _KINDS.items():
        if direction == "encrypt":
            asked = draw(rng, n_rows, oracle.n_features)
            answers = oracle.encrypt(asked)[1]
        else:
            asked = draw(rng, n_rows, oracle.width) % _MODULUS
            codes = np.tile(rng.randint(-32, 32, oracle.width), (n_rows, 1))
            answers = oracle.decrypt(codes, asked)[0] % _MODULUS
        for test, p in _test_all(answers, rng).items():
            p_values[f"{kind}: {test}"] = p
    limit = ALARM / len(p_values)
    hits = sum(p < limit for p in p_values.values())
    return hit_result(
        f"distinguishers, {direction}",
        hits,
        len(p_values),
        limit,
        started,
        measure="found",
        p_values=p_values,
    )


def _typical(rng, n_rows, width):
    return np.rint(rng.normal(size=(n_rows, width)) * 2**GRID_BITS).astype(np.int64)


def _counter(rng, n_rows, width):
    u = np.repeat(_typical(rng, 1, width), n_rows, axis=0)
    u[:, 0] += np.arange(n_rows)
    return u


def _pairs(rng, n_rows, width):
    """Consecutive rows differ in one column, by a power of two."""
    u = np.repeat(_typical(rng, n_rows // 2, width), 2, axis=0)
    odd = np.arange(1, len(u), 2)
    u[odd, rng.randint(width, size=len(odd))] += 1 << rng.randint(30, size=len(odd))
    return u


def _equal_right_halves(rng, n_rows, width):
    left = rng.randint(-(2**16), 2**16, size=(n_rows, width))
    return left.astype(np.int64) << RIGHT_BITS


def _equal_left_halves(rng, n_rows, width):
    return rng.randint(2**RIGHT_BITS, size=(n_rows, width)).astype(np.int64)


_KINDS = {
    "counter": _counter,
    "pairs": _pairs,
    "equal right halves": _equal_right_halves,
    "equal left halves": _equal_left_halves,
}


def _test_all(residues, rng):
    """p-values of all tests on numbers that should be uniform modulo 2**47."""
    differences = (residues[1::2] - residues[0::2]) % _MODULUS
    views = {"rows": residues, "consecutive rows": differences}
    width = residues.shape[1]
    lags = range(1, min(_MOST_LAGS, width - 1) + 1)
    between = [residues[:, lag:] - residues[:, :-lag] for lag in lags]
    if between:
        views["columns"] = np.hstack(between) % _MODULUS
    found = {}
    for name, numbers in views.items():
        found[f"bits of {name}"] = _bits(numbers)
        found[f"digits of {name}"] = _digits(numbers)
        found[f"repeats in {name}"] = _repeats(numbers)
    found["boosted trees"] = _learnt(np.hstack([residues[0::2], differences]), rng)
    return found


def _bits(numbers):
    """Whether each bit of each column is one as often as zero."""
    n = len(numbers)
    ones = np.array([((numbers >> bit) & 1).sum(axis=0) for bit in range(RESIDUE_BITS)])
    worst = np.abs(2.0 * ones - n).max() / np.sqrt(n)
    return min(1.0, 2 * norm.sf(worst) * ones.size)


def _digits(numbers):
    """Whether the digits at both ends of both halves are equally frequent."""
    starts = (RESIDUE_BITS - _BIN_BITS, RIGHT_BITS, RIGHT_BITS - _BIN_BITS, 0)
    n_bins = 1 << _BIN_BITS
    expected = len(numbers) / n_bins
    worst = 0.0
    for start in starts:
        digits = (numbers >> start) & (n_bins - 1)
        for column in digits.T:
            counts = np.bincount(column, minlength=n_bins)
            worst = max(worst, ((counts - expected) ** 2).sum() / expected)
    return min(1.0, chi2.sf(worst, n_bins - 1) * len(starts) * numbers.shape[1])


def _repeats(numbers):
    """Whether a column has a number twice more often than by chance."""
    ordered = np.sort(numbers, axis=0)
    repeated = (ordered[1:] == ordered[:-1]).sum(axis=0).max()
    n = len(numbers)
    expected = n * (n - 1) / 2 / _MODULUS
    return min(1.0, poisson.sf(repeated - 1, expected) * numbers.shape[1])


def _learnt(numbers, rng):
    """Whether boosted trees tell held-out rows from random ones."""
    columns = np.linspace(0, numbers.shape[1] - 1, _MODEL_COLUMNS).astype(int)
    numbers = numbers[:, np.unique(columns)]
    random = rng.randint(_MODULUS, size=numbers.shape, dtype=np.int64)
    rows = np.vstack([numbers, random])
    features = np.hstack([rows >> RIGHT_BITS, rows & ((1 << RIGHT_BITS) - 1)])
    labels = np.repeat([1, 0], len(numbers))
    order = rng.permutation(len(rows))
    train, test = np.split(order, [len(order) // 2])
    model = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=8, early_stopping=False, random_state=0
    ).fit(features[train], labels[train])
    scores = model.decision_function(features[test])
    ones = labels[test].sum()
    zeros = len(test) - ones
    # Of the AUC of scores that know nothing (Mann and Whitney).
    error = np.sqrt((len(test) + 1) / (12 * ones * zeros))
    return float(norm.sf((roc_auc_score(labels[test], scores) - 0.5) / error))
