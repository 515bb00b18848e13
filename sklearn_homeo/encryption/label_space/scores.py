"""The view of label coordinates with keyed noise."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace, to_device
from sklearn_homeo.ciphers.prf import HALF_BITS, Prf
from sklearn_homeo.encryption.label_space.gaps import Gaps
from sklearn_homeo.encryption.label_space.homeomorphism import Homeomorphism
from sklearn_homeo.encryption.label_space.projection import Projection, coarsened
from sklearn_homeo.keys._stream import normal_quantile

__all__ = ["ScoresView", "fit_scores"]

# Integer coordinates reach four times as far as the typical range.
COORDINATE_BITS = 20
RANGE_QUANTILE = 0.998
# Directions along which the range of rotated coordinates is measured.
N_PROBES = 64
# Of a number that is turned into normal noise: its largest is 3.7.
NOISE_BITS = 12
_SMALLEST = 1e-9


def fit_scores(
    units, directions, by_column, linkage_noise, width, *, softness=None, outputs=None
):
    """Fit the view's public part to training rows.

    Parameters
    ----------
    units : ndarray of shape (n_samples, n_features), dtype float64
        Standardised rows.
    directions : ndarray of shape (n_features, k), dtype float64
        Directions of unit spread within a class.
    by_column : ndarray of shape (k,), dtype bool
        Which of them are single columns, to be kept apart.
    linkage_noise : float
        Standard deviation of the noise, in standard deviations within a class.
    width : int
        Columns of a ciphertext.
    softness : float, default=None
        See `Homeomorphism.from_stream`.
    outputs : ndarray of shape (n_samples, n_outputs), default=None
        Classes of the rows, between which gaps along the only direction are narrowed.

    Returns
    -------
    state : dict
        What `ScoresView.from_state` takes.
    """
    S, gaps = units @ directions, Gaps(())
    if outputs is not None:
        gaps = Gaps.from_rows(S[:, 0], outputs, linkage_noise)
        S = gaps.narrowed(S)
    low, high = np.quantile(S, [1.0 - RANGE_QUANTILE, RANGE_QUANTILE], axis=0)
    centre = (low + high) / 2
    reach = np.where(by_column, (high - low) / 2, 0.0)
    if not by_column.all():
        rotated = ~by_column
        reach[rotated] = _rotated_reach(S[:, rotated] - centre[rotated])
    # Room for the noise, which comes before the range is cut.
    reach = np.maximum(np.hypot(reach, 2 * linkage_noise), _SMALLEST)
    state = {
        "kind": "scores",
        "projection": Projection.from_real(directions).state(),
        "by_column": by_column,
        "centre": centre,
        "reach": reach,
        "linkage_noise": float(linkage_noise),
        "width": width,
    }
    if gaps.parts:
        state["gaps"] = gaps.state()
    if softness is not None:
        state["softness"] = float(softness)
    return state


def _rotated_reach(S):
    """How far coordinates reach in any direction; no key has a part in it."""
    probes = np.random.RandomState(0).normal(size=(S.shape[1], N_PROBES))
    probes /= np.linalg.norm(probes, axis=0)
    return max(
        np.quantile(np.abs(S @ direction), RANGE_QUANTILE) for direction in probes.T
    )


@dataclass(frozen=True, eq=False, repr=False)
class ScoresView:
    """Label coordinates with keyed noise, through the keyed homeomorphism.

    Parameters
    ----------
    public : dict
        What `fit_scores` gave.
    projection : Projection
        From a row to its label coordinates.
    gaps : Gaps
        What is narrowed along them.
    unit : float
        What an integer coordinate is worth; a power of two.
    noise : RowNoise
    homeomorphism : Homeomorphism
    """

    public: dict
    projection: Projection
    gaps: Gaps
    unit: float
    noise: "RowNoise"
    homeomorphism: Homeomorphism

    n_cells = None

    @classmethod
    def from_state(cls, state, n_features, keys):
        """Derive the keyed part of the view.

        Parameters
        ----------
        state : dict
            What `fit_scores` gave.
        n_features : int
        keys : ViewKeys
        """
        projection = Projection.from_state(state["projection"])
        reach = np.asarray(state["reach"])
        unit = np.ldexp(1.0, int(np.frexp(reach.max())[1]) + 2 - COORDINATE_BITS)
        k = len(reach)
        noise = RowNoise(
            keys.noise_aes,
            keys.noise_hash,
            n_features,
            k,
            state["linkage_noise"] / unit,
        )
        homeomorphism = Homeomorphism.from_stream(
            keys.stream(),
            np.asarray(state["by_column"]),
            np.asarray(state["centre"]) / unit,
            reach / unit,
            state["width"],
            state.get("softness"),
        )
        gaps = Gaps.from_state(state.get("gaps", ()))
        return cls(state, projection, gaps, unit, noise, homeomorphism)

    def codes(self, u):
        """Return what is leaked of lattice rows; see `View`."""
        coordinates, end = self._noisy_integers(u), 2.0**COORDINATE_BITS
        namespace(u).clip(coordinates, -end, end, out=coordinates)
        return self.homeomorphism.codes(coordinates)

    def noisy_coordinates(self, u):
        """Return the label coordinates that go into the homeomorphism.

        It is what an attacker learns who undoes the homeomorphism and the rounding.
        """
        return self._noisy_integers(u) * self.unit

    def _noisy_integers(self, u):
        x = coarsened(u)
        coordinates = self.projection.products(x)
        coordinates *= self.projection.units
        coordinates = self.gaps.narrowed(coordinates)
        coordinates /= self.unit
        namespace(u).round(coordinates, out=coordinates)
        coordinates += self.noise(x)
        return coordinates

    def coordinates(self, u):
        """Return label coordinates of lattice rows; see `View`."""
        return self.gaps.narrowed(self.projection.coordinates(u))

    def state(self):
        """Return what, with the key, rebuilds the view; see `View`."""
        return self.public

    def __repr__(self):
        return "ScoresView(<secret>)"


class RowNoise:
    """Normal integers that a row determines, and nobody without the key.

    Rows that are equal in steps of 2**-14 standard deviations have the same noise.

    Parameters
    ----------
    aes_key, hash_key : bytes of length 32
    n_features, k : int
        Columns of a row, and how many numbers it gets.
    deviation : float
        Standard deviation, in integers.
    """

    def __init__(self, aes_key, hash_key, n_features, k, deviation):
        self._arguments = (aes_key, hash_key, n_features, k, deviation)
        self._prf = Prf(
            aes_key, hash_key, n_features, 0, HALF_BITS, NOISE_BITS, n_outputs=k
        )
        middles = (np.arange(2**NOISE_BITS) + 0.5) * 2.0**-NOISE_BITS - 0.5
        self._table = np.rint(deviation * normal_quantile(middles))

    def __call__(self, x):
        """Return the noise of rows.

        Parameters
        ----------
        x : ndarray or tensor of shape (n_samples, n_features), dtype float64
            Coarsened integers.

        Returns
        -------
        noise : ndarray or tensor of shape (n_samples, k), dtype float64
            Integers.
        """
        halves = self._prf.of_integers(x)
        if namespace(x) is np:
            return self._table[halves >> np.uint32(32 - NOISE_BITS)]
        # Halves are signed there.
        return self._table[(halves >> (32 - NOISE_BITS) & (2**NOISE_BITS - 1)).long()]

    def on(self, device):
        """Return the same function of tensors on a torch device."""
        from sklearn_homeo.ciphers.tensors import TensorPrf

        moved = copy(self)
        moved._prf = TensorPrf(self._prf, device)
        moved._table = to_device(self._table, device)
        return moved

    def __reduce__(self):
        return type(self), self._arguments

    def __repr__(self):
        return "RowNoise(<secret>)"
