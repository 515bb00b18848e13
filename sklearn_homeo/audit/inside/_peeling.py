"""Peel the coupling locks off from the outside by lattice reduction."""

from itertools import product
from numbers import Integral, Real
from time import perf_counter

import numpy as np

from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit.inside._inside import lattice_cipher, locked_pairs
from sklearn_homeo.audit.inside._lattice_reduction import noisy_neuron, refine
from sklearn_homeo.audit.known_plaintext._r2 import r2_outcome, rescaled
from sklearn_homeo.ciphers.waves import GRID, _plan_weights

__all__ = ["lattice_attack"]

# Share of the correlation of a right neuron from which one is taken for right.
_ACCEPTED = 0.7
# What earlier errors add to a phase, as shares of the period.
_NOISES = (1e-4, 0.01, 0.04)


@validate_params(
    {
        "n_rows": [Interval(Integral, 2, None, closed="left"), None],
        "block_size": [Interval(Integral, 2, 40, closed="both")],
        "max_seconds": [Interval(Real, 0, None, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def lattice_attack(
    encryptor, X_leak, X_target, *, n_rows=None, block_size=20, max_seconds=300.0
):
    """Recover the masks of the coupling cipher, the outermost ones first.

    The attacker holds the frame, the seal and the order of the columns in each lock,
    and takes masks for waves of the columns. What an output differs by from its column
    of the record is then the sum of one wave for each lock, and the inputs of the
    outermost wave are known: they are other outputs. Lattice reduction finds its
    weights from the rows where the sum is extreme. With the outermost waves removed,
    the next ones are attacked alike. Waves that were not found stay on.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"``.
    X_leak : array-like of shape (n_leaked, n_features)
        Records that the attacker knows.
    X_target : array-like of shape (n_targets, n_features)
        Records to reconstruct from their ciphertexts.
    n_rows : int or None, default=None
        Rows in a lattice. None tries three sizes, from three rows per weight on.
    block_size : int, default=20
        Of the BKZ reductions; 2 is LLL alone.
    max_seconds : float, default=300.0
        No new mask is attacked after that time.

    Returns
    -------
    result : Bunch
        r2 : float
            Share of the whitened complement's variance that is reconstructed; never
            less than that of a guess, as masks that were not found are not removed.
        interval : tuple of (float, float)
            Bootstrap 95 % interval over the targets.
        chance : float
            0, the R2 of the mean.
        n : int
            Number of targets.
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time.
        found, masks : list of int
            Masks on the complement found in each lock, outermost first, and masks
            there are: key material, whether or not it sufficed to reconstruct rows.

    Raises
    ------
    ImportError
        If fpylll is not installed.
    ValueError
        If the encryptor has no coupling locks.

    Notes
    -----
    Against masks of one layer of waves, success depends on the number of coordinates
    that drive a mask, about half the number of features, and on the number of pairs;
    adding locks only adds noise to the outermost wave. The shipped masks have hidden
    waves between, which this attack does not model: that it fails is no proof.

    References
    ----------
    Song, Zadik, Bruna, "On the Cryptographic Hardness of Learning Single Periodic
    Neurons", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import lattice_attack
    >>> X = np.random.default_rng(0).normal(size=(500, 6))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> result = lattice_attack(
    ...     encryptor, X[:400], X[400:], max_seconds=1
    ... )  # doctest: +SKIP
    >>> sum(result.found)  # doctest: +SKIP
    0
    """
    started = perf_counter()
    known, leaked = locked_pairs(encryptor, X_leak)
    hidden, target = locked_pairs(encryptor, X_target)
    deadline = started + max_seconds
    peeler = _Peeler(encryptor, known, n_rows, block_size, deadline)
    leaked, target = peeler.peel(leaked, target)
    k = encryptor.n_preserved_
    guess = rescaled(leaked[:, k:], known[:, k:], target[:, k:])
    return r2_outcome(
        "lattice reduction",
        known[:, k:],
        hidden[:, k:],
        guess,
        0.0,
        started,
        found=peeler.found,
        masks=[known.shape[1] - k] * len(peeler.found),
    )


class _Peeler:
    """Locks taken off rows one by one, from the outside."""

    def __init__(self, encryptor, known, n_rows, block_size, deadline):
        self.locks = lattice_cipher(encryptor).locks
        self.k, self.frequency = encryptor.n_preserved_, encryptor.frequency
        self.amplitude = encryptor.amplitude
        self.noise = encryptor.linkage_noise * (3.0 / len(self.locks)) ** 0.5
        self.known = known
        self.n_rows, self.block_size, self.deadline = n_rows, block_size, deadline
        self.found = []

    def peel(self, leaked, target):
        """Return both as they are before all locks, as far as masks are found."""
        columns, orders = np.arange(leaked.shape[1] - self.k), []
        for lock in self.locks:
            columns = columns[lock.permutation]
            orders.append(columns)
        rows = np.vstack([leaked, target])
        for i in reversed(range(len(self.locks))):
            origin = np.concatenate([np.arange(self.k), self.k + orders[i]])
            rows = self._peel_lock(self.locks[i], rows, self.known[:, origin], i + 1)
        return rows[: len(leaked)], rows[len(leaked) :]

    def _peel_lock(self, lock, rows, origin, n_waves):
        k = self.k
        middle = k + len(lock.permutation) // 2
        S, u, v = slice(0, k), slice(k, middle), slice(middle, None)
        if self.noise > 0:
            self._remove(rows, S, [u, v], origin, self.noise, n_waves)
        found = self._remove(rows, u, [v, S], origin, self.amplitude, n_waves)
        found += self._remove(rows, v, [u, S], origin, self.amplitude, n_waves)
        self.found.append(found)
        return np.hstack([rows[:, S], rows[:, k:][:, lock.order_back]])

    def _remove(self, rows, masked, driving, origin, amplitude, n_waves):
        """Subtract the waves that are found on some columns; return how many."""
        n, found = len(origin), 0
        drivers = np.hstack([rows[:, columns] for columns in driving])
        largest, period, _ = _plan_weights(drivers.shape[1], self.frequency)
        for column in range(*masked.indices(rows.shape[1])):
            total = (rows[:n, column] - origin[:, column]) / (amplitude * GRID)
            neuron = self._attack(drivers[:n], total, period, largest, n_waves)
            if neuron is not None:
                rows[:, column] -= np.round(neuron.wave(drivers) * amplitude * GRID)
                found += 1
        return found

    def _attack(self, drivers, total, period, largest, n_waves):
        d = drivers.shape[1]
        sizes = [self.n_rows] if self.n_rows else [20 + 3 * d, 30 + 5 * d, 30 + 8 * d]
        needed = _ACCEPTED * n_waves**-0.5
        for noise, size in product(_NOISES, sizes):
            if perf_counter() > self.deadline:
                return None
            neuron = noisy_neuron(
                drivers,
                total,
                period,
                largest,
                n_waves,
                n_rows=min(size, len(total) // 4),
                noise=noise,
                block_size=self.block_size,
            )
            if neuron.correlation(drivers, total) > needed:
                return refine(neuron, drivers, total, n_waves)
        return None
