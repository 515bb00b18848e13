"""Scores of kernel machines that were not fitted to the row they score, in integers.

A machine with a landmark wherever rows lie knows its training rows by heart: nearly all
of them would fall into cells of their own class, and other rows would not. So rows are
put into parts by a hash of what they hold, and each part has weights that were fitted
to the others (cross-fitting, Chernozhukov et al. 2018). A training row's label has no
part in the weights that score it, nor has the label of any row equal to it; other rows
are scored by the weights of one part too, and fall into cells alike.
"""

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import in_steps
from sklearn_homeo.encryption.label_space.kernel_machines import KernelMachines
from sklearn_homeo.encryption.label_space.kernel_scores import KernelScores
from sklearn_homeo.encryption.label_space.projection import coarsened

__all__ = ["CrossFittedScores", "fit_cross_fitted_scores", "parts_of"]

N_PARTS = 10
# Numbers that are hashed at a time.
_CHUNK_NUMBERS = 2**20


class CrossFittedScores(KernelScores):
    """Sums of a Gaussian kernel to landmarks, with the weights of the row's part.

    Parameters
    ----------
    kernel, units, offsets
        See `KernelScores`.
    weights : ndarray of shape (n_parts, n_landmarks, n_scores), dtype float64
        Integers of magnitude 2**28 / n_landmarks at most.
    """

    def scores(self, u):
        """Return the scores of lattice rows; see `LinearScores.scores`."""
        sums = np.empty((len(u), len(self.units)))
        parts = parts_of(u, len(self.weights))
        for part, weights in enumerate(self.weights):
            rows = np.flatnonzero(parts == part)
            for some, values in self.kernel.pieces(u[rows]):
                sums[rows[some]] = values @ weights
        return in_steps(sums, self.units) + self.offsets


def fit_cross_fitted_scores(u, outputs, sizes, machines=None):
    """Fit the machine, and its weights without each part of the rows.

    Parameters
    ----------
    u, outputs, sizes
        See `KernelMachines`.
    machines : KernelMachines, default=None
        Machines of the same rows, if there are any.

    Returns
    -------
    scores : CrossFittedScores
    """
    machines = machines or KernelMachines(u, outputs, sizes)
    weights, held_out = machines.cross_fitted(parts_of(u, N_PARTS))
    return CrossFittedScores.from_machine(
        u, machines.dense, weights, held_out, outputs, sizes
    )


def parts_of(u, n_parts):
    """Return the part that each row belongs to, by a hash of its coarsened integers.

    Parameters
    ----------
    u : ndarray of shape (n_samples, n_features), dtype int64
        Lattice rows. Those that are equal once coarsened are in the same part.
    n_parts : int
        Below 2**32.

    Returns
    -------
    parts : ndarray of shape (n_samples,), dtype int64
        From 0 to ``n_parts - 1``, each about as often.
    """
    factors = _mixed(np.arange(1, u.shape[1] + 1, dtype=np.uint64)) | np.uint64(1)
    sums = np.empty(len(u), np.uint64)
    size = max(_CHUNK_NUMBERS // max(u.shape[1], 1), 1)
    for start in range(0, len(u), size):
        some = slice(start, start + size)
        numbers = coarsened(u[some]).astype(np.int64).view(np.uint64)
        sums[some] = (numbers * factors).sum(axis=1, dtype=np.uint64)
    high = _mixed(sums) >> np.uint64(32)
    return (high * np.uint64(n_parts) >> np.uint64(32)).astype(np.int64)


def _mixed(numbers):
    """SplitMix64 (Steele, Lea and Flood 2014) of numbers modulo 2**64."""
    z = numbers * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
