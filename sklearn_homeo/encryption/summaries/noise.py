"""Normal noise on an owner's sums, of the size that differential privacy asks for.

Of two neighbouring sets of rows, one has another row of the same class in a row's
place. So there are as many rows in every class and every fold as before, and a sum
changes by what the new row adds, less what the old one added. Each round bounds this
change by clipping rows, in the Euclidean norm: its ``sensitivities``. A sum that is
not among them does not change.

Sums are integers, and so is the noise. It does not depend on the rows, so rounding the
noise is rounding the noisy sum, after the fact. Every number is the sum of two draws of
53 bits, so that no integer is out of reach where normal numbers are likely [1]_.

References
----------
.. [1] N. Holohan, S. Braghin, "Secure random sampling in differential privacy",
   ESORICS 2021.
"""

import hashlib
from functools import lru_cache

import numpy as np

from sklearn_homeo._utils.trees import dump_tree
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.privacy.gaussian_mechanism import gaussian_mu
from sklearn_homeo.privacy.ledger import PUBLIC, Mechanism, PrivacyLedger

__all__ = [
    "clipped_norms",
    "deviations",
    "plan_noise",
    "triangle",
    "with_noise",
]

_NOT_COVERED = (
    "answers to other plans, and to the same round with other rows",
    "what owners looked at before they agreed on the plan",
)
# Beyond, sums would leave the 64 bits that they have.
_MOST = 2.0**58


@lru_cache
def plan_noise(epsilon, delta, n_sharing, rounds):
    """Divide a privacy budget among rounds, without any rows.

    Parameters
    ----------
    epsilon, delta : float
    n_sharing : int
        Owners who add the noise together.
    rounds : tuple of str
        Those whose sums get noise.

    Returns
    -------
    ledger : PrivacyLedger
        What one owner's rows pay.
    """
    rho = gaussian_mu(epsilon, delta) ** 2 / 2
    noise, more = "Gaussian mechanism", ()
    if n_sharing > 1:
        noise += f", shared by {n_sharing} owners"
        more = (f"owners who know the noise of all but {n_sharing - 1} of the others",)
    return PrivacyLedger(
        epsilon=float(epsilon),
        delta=float(delta),
        rho=rho,
        neighbours="one row replaced by another of the same class",
        mechanisms=tuple(
            Mechanism(f"sums of the round {name}", noise, "by array", rho / len(rounds))
            for name in rounds
        ),
        public=PUBLIC,
        not_covered=(*_NOT_COVERED, *more),
    )


def deviations(ledger, n_sharing, sensitivities):
    """Return the standard deviations of one owner's noise in one round.

    All arrays of a round cost the same.

    Parameters
    ----------
    ledger : PrivacyLedger
    n_sharing : int
    sensitivities : dict of str to float or ndarray
        A neighbour's change, divided by it, has a Euclidean norm of 1 at most.

    Returns
    -------
    deviations : dict of str to float or ndarray
    """
    if not sensitivities:
        return {}
    mu = np.sqrt(2 * ledger.mechanisms[0].rho / len(sensitivities))
    found = {k: value / (mu * n_sharing**0.5) for k, value in sensitivities.items()}
    if max(np.max(value) for value in found.values()) > _MOST:
        raise ValueError(
            f"epsilon={ledger.epsilon:g} asks for more noise than sums have room for. "
            "Take a greater epsilon, or fewer random features."
        )
    return found


def with_noise(sums, deviations, key, label):
    """Add noise to sums.

    The same sums get the same noise, so that an owner who is asked again tells nothing
    more.

    Parameters
    ----------
    sums : dict of str to ndarray, dtype int64
    deviations : dict of str to float or ndarray
        How much noise those get that get some.
    key : SecretKey
        Which nobody but the owner has.
    label : str
        What the sums belong to.

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
    """
    if not isinstance(key, SecretKey):
        raise ValueError(
            "The plan wants noise, for which summarize needs key: a SecretKey that the "
            "owner draws, the same in every round, and shows to nobody."
        )
    content = hashlib.sha256(dump_tree(sums)).hexdigest()
    stream = key.stream(f"v1/owner's noise/{label}/{content}")
    noisy = dict(sums)
    for name, deviation in sorted(deviations.items()):
        shape = sums[name].shape
        normal = (stream.normal(shape) + stream.normal(shape)) * 0.5**0.5
        noisy[name] = sums[name] + np.rint(deviation * normal).astype(np.int64)
    return noisy


def clipped_norms(rows, most):
    """Return integer rows, shortened towards zero to a Euclidean norm of `most`.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n), dtype float64
    most : float

    Returns
    -------
    rows : ndarray of shape (n_samples, n), dtype float64
        Integers.
    """
    norms = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    # A little less, so that no rounding of the factor makes a row too long.
    factors = most * (1 - 2.0**-40) / np.maximum(norms, most)
    return np.where(norms > most, np.trunc(rows * factors), rows)


def triangle(n, sensitivity):
    """Return the sensitivity of the upper triangle of a symmetric matrix.

    Parameters
    ----------
    n : int
    sensitivity : float
        How much the matrix can change in the Frobenius norm, to which an entry off the
        diagonal contributes twice.

    Returns
    -------
    sensitivities : ndarray of shape (n (n + 1) / 2,), dtype float64
        By entry.
    """
    rows, columns = np.triu_indices(n)
    return np.where(rows == columns, 1.0, 0.5**0.5) * sensitivity
