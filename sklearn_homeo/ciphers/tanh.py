"""The published cipher: secret linear layers and tanh, a broken baseline.

Terziyan, Malyk, Golovianko, Branytskyi 2023, doi 10.1016/j.procs.2022.12.205.
"""

import numpy as np

from sklearn_homeo.ciphers.base import RowOutOfRange, run_in_pieces
from sklearn_homeo.ciphers.products import RealMatrix

__all__ = ["TanhCipher"]

# Relative to the standard deviation of the columns.
TOLERANCE = 1e-3
PIECE_NUMBERS = 2**17
FEWEST_ROWS = 128


class TanhCipher:
    """Standardisation and layers ``tanh(x @ weights)``, as published: no bias.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,), dtype float64
    layers : sequence of ndarray of shape (n_features, n_features), dtype float64
    """

    def __init__(self, mean, scale, layers):
        self._mean, self._scale = mean, scale
        self._layers = [RealMatrix.from_real(layer) for layer in layers]
        self._back = [RealMatrix.from_real(np.linalg.inv(layer)) for layer in layers]

    @classmethod
    def from_key(cls, key, mean, scale, depth, weight_scale, digest):
        """Draw normal weights of a standard deviation from the key.

        Parameters
        ----------
        key : SecretKey
        mean, scale : ndarray of shape (n_features,), dtype float64
        depth : int
        weight_scale : float
        digest : bytes
            Digest of the fitted state that the weights are bound to.
        """
        stream, n = key.stream(f"v3/tanh/{digest.hex()}"), len(mean)
        layers = [weight_scale * stream.normal((n, n)) for _ in range(depth)]
        return cls(mean, scale, layers)

    @property
    def n_features(self):
        """Columns of a row."""
        return len(self._mean)

    @property
    def width(self):
        """Columns of a ciphertext."""
        return len(self._mean)

    def encrypt(self, X, out):
        """Encrypt rows, as `Cipher` says; tanh saturates far out."""

        def work(piece, workspace):
            x = self._standardised(X[piece])
            z = x
            for layer in self._layers:
                z = np.tanh(layer.apply(z))
            self._check_return(x, z)
            out[piece] = z

        run_in_pieces(work, len(X), self._piece_rows)

    def decrypt(self, Z, out):
        """Decrypt ciphertexts, as `Cipher` says: nearly every row is one."""
        valid = np.empty(len(Z), dtype=bool)

        def work(piece, workspace):
            x = self._open(np.asarray(Z[piece], dtype=np.float64))
            valid[piece] = np.isfinite(x).all(axis=1)
            out[piece] = x * self._scale + self._mean

        run_in_pieces(work, len(Z), self._piece_rows)
        return valid

    def preserve(self, X):
        """Return standardised rows, as `Cipher` says: everything is preserved."""
        return self._standardised(X)

    @property
    def _piece_rows(self):
        return max(FEWEST_ROWS, PIECE_NUMBERS // self.width)

    def _standardised(self, X):
        return (X - self._mean) / self._scale

    def _open(self, z):
        """Undo all layers; what tanh cannot have produced becomes NaN."""
        for layer in reversed(self._back):
            inside = np.abs(z) < 1.0
            z = np.where(inside, z, 0.0)
            x = 0.5 * (np.log1p(z) - np.log1p(-z))
            z = layer.apply(np.where(inside, x, np.nan))
        return z

    def _check_return(self, x, z):
        near = np.abs(self._open(z) - x) <= TOLERANCE
        bad = np.flatnonzero(~near.all(axis=1))
        if len(bad) == 0:
            return
        if not np.isfinite(x[bad[0]]).all():
            column = int(np.flatnonzero(~np.isfinite(x[bad[0]]))[0])
            raise RowOutOfRange(int(bad[0]), "holds NaN or infinity", column)
        raise RowOutOfRange(
            int(bad[0]),
            f"could not be decrypted to within {TOLERANCE} standard deviations: tanh "
            "saturates, or the secret matrices are too badly conditioned at this width "
            "and depth. Use a smaller depth or weight_scale",
        )

    def __repr__(self):
        return f"TanhCipher(<{len(self._layers)} secret layers>)"
