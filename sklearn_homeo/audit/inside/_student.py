"""A student of the cipher's own architecture, trained by gradient descent."""

import math
from numbers import Integral, Real
from time import perf_counter

import numpy as np

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit.inside._inside import lattice_cipher, locked_pairs
from sklearn_homeo.audit.known_plaintext._r2 import r2_outcome, rescaled
from sklearn_homeo.ciphers.waves import GRID

__all__ = ["student_attack"]

_BATCH_ROWS = 256


@validate_params(
    {
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
        "n_hidden": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def student_attack(
    encryptor,
    X_leak,
    X_target,
    *,
    max_epochs=60,
    n_restarts=2,
    learning_rate=0.01,
    n_hidden=None,
    random_state=None,
):
    """Train a decryptor of the locks' own architecture on leaked pairs.

    The attacker holds the frame, the seal and the order of the columns in each lock,
    and trains the weights, offsets and amplitudes of as many locks of triangle waves
    by Adam, from several random starts at the cipher's own frequency and, in turn,
    at a tenth of it. Meant for widths of 8 to 16.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"``.
    X_leak : array-like of shape (n_leaked, n_features)
        Records that the attacker knows.
    X_target : array-like of shape (n_targets, n_features)
        Records to reconstruct from their ciphertexts.
    max_epochs : int, default=60
        Passes over the leaked rows for each start.
    n_restarts : int, default=2
        Starts; the best on a fifth of the leaked rows counts.
    learning_rate : float, default=0.01
        Of Adam.
    n_hidden : int or None, default=None
        Waves between the coordinates and a mask. None drives masks by the coordinates
        themselves.
    random_state : int, RandomState instance or None, default=None
        Draws the starts, the batches and the validation rows.

    Returns
    -------
    result : Bunch
        r2 : float
            Share of the whitened complement's variance that is reconstructed.
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
        train_r2 : float
            The same share of the leaked rows: how far training got.

    Raises
    ------
    ValueError
        If the encryptor has no coupling locks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import student_attack
    >>> X = np.random.default_rng(0).normal(size=(700, 8))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> result = student_attack(
    ...     encryptor, X[:500], X[500:], max_epochs=3, n_restarts=1, random_state=0
    ... )
    >>> bool(result.r2 < 0.1)
    True
    """
    started = perf_counter()
    rng = make_random_state(random_state)
    locks, k = lattice_cipher(encryptor).locks, encryptor.n_preserved_
    known, leaked = (rows / GRID for rows in locked_pairs(encryptor, X_leak))
    hidden, target = (rows / GRID for rows in locked_pairs(encryptor, X_target))
    n_validation = max(2, len(known) // 5)
    order = rng.permutation(len(known))
    validation, train = order[:n_validation], order[n_validation:]
    best_loss, best = math.inf, None
    for start in range(n_restarts):
        frequency = encryptor.frequency * 0.1 ** (start % 2)
        student = _build(locks, k, frequency, encryptor, n_hidden, rng)
        _train(student, leaked[train], known[train, k:], max_epochs, learning_rate, rng)
        guess = _predict(student, leaked)
        guess = rescaled(guess[train], known[train, k:], guess)
        loss = ((guess - known[:, k:])[validation] ** 2).mean()
        if loss < best_loss:
            best_loss, best = loss, student
    on_leaked, on_target = _predict(best, leaked), _predict(best, target)
    fitted = rescaled(on_leaked, known[:, k:], on_leaked)
    return r2_outcome(
        "student",
        known[:, k:],
        hidden[:, k:],
        rescaled(on_leaked, known[:, k:], on_target),
        0.0,
        started,
        train_r2=r2_outcome("", known[:, k:], known[:, k:], fitted, 0.0, started).r2,
    )


def _build(locks, k, frequency, encryptor, n_hidden, rng):
    """Torch module of unlocked rows, its weights drawn as the cipher draws its own."""
    import torch
    from torch import nn

    def mask(n_drivers, n_masks, amplitude):
        if n_hidden is None:
            return nn.ModuleList([wave(n_drivers, n_masks, amplitude)])
        hidden = wave(n_drivers, n_hidden, math.sqrt(3))
        return nn.ModuleList([hidden, wave(n_hidden, n_masks, amplitude)])

    def wave(n_drivers, n_masks, amplitude):
        module = nn.Linear(n_drivers, n_masks, dtype=torch.float64)
        bound = frequency * math.sqrt(3 / n_drivers)
        weights = rng.uniform(-bound, bound, (n_masks, n_drivers))
        module.weight.data = torch.from_numpy(weights)
        module.bias.data = torch.from_numpy(rng.uniform(-math.pi, math.pi, n_masks))
        module.amplitude = nn.Parameter(torch.tensor(amplitude, dtype=torch.float64))
        return module

    class Student(nn.Module):
        """The locks' inverse with trainable waves."""

        def __init__(self):
            super().__init__()
            noise = encryptor.linkage_noise * (3 / len(locks)) ** 0.5
            n_u = len(locks[0].permutation) // 2
            n_v = len(locks[0].permutation) - n_u
            sides = (
                ("s", n_u + n_v, k, noise),
                ("u", n_v + k, n_u, float(encryptor.amplitude)),
                ("v", n_u + k, n_v, float(encryptor.amplitude)),
            )
            self.waves = nn.ModuleList(
                nn.ModuleDict({name: mask(*sizes) for name, *sizes in sides})
                for _ in locks
            )
            self.n_u = n_u

        def forward(self, rows):
            """Guess the complement of rows that leave the locks."""
            s, c = rows[:, :k], rows[:, k:]
            for lock, waves in zip(reversed(locks), reversed(self.waves), strict=True):
                u, v = c[:, : self.n_u], c[:, self.n_u :]
                s = s - _triangle(waves["s"], u, v)
                u = u - _triangle(waves["u"], v, s)
                v = v - _triangle(waves["v"], u, s)
                order = torch.from_numpy(lock.order_back)
                c = torch.cat([u, v], dim=1)[:, order]
            return c

    return Student()


def _triangle(waves, *drivers):
    import torch

    rows = torch.cat(drivers, dim=1)
    for wave in waves:
        phases = torch.remainder(wave(rows) + math.pi, 2 * math.pi) - math.pi
        rows = wave.amplitude * (torch.abs(phases) * (2 / math.pi) - 1)
    return rows


def _train(student, leaked, known, max_epochs, learning_rate, rng):
    import torch

    inputs, outputs = torch.from_numpy(leaked), torch.from_numpy(known)
    optimiser = torch.optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(max_epochs):
        for rows in torch.from_numpy(rng.permutation(len(leaked))).split(_BATCH_ROWS):
            optimiser.zero_grad()
            loss = ((student(inputs[rows]) - outputs[rows]) ** 2).mean()
            loss.backward()
            optimiser.step()


def _predict(student, rows):
    import torch

    with torch.no_grad():
        return student(torch.from_numpy(np.ascontiguousarray(rows))).numpy()
