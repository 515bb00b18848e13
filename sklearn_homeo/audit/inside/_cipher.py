"""A cipher on demand: chosen integers in, residues out, and back."""

import numpy as np

from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.lattice import RANGE_BITS
from sklearn_homeo.ciphers.packing import RESIDUE_BITS
from sklearn_homeo.ciphers.view_cipher import ViewCipher

# Low half of a residue, which the locks treat apart.
RIGHT_BITS = 23
# A number of a ciphertext is an integer multiple of that.
UNIT = 2.0**-50
_MASK = (1 << RESIDUE_BITS) - 1


def join_numbers(codes, residues):
    """Numbers of ciphertexts from codes of the view and residues."""
    return ((np.asarray(codes, np.int64) << RESIDUE_BITS) | (residues & _MASK)) * UNIT


class CipherOnDemand:
    """Questions of an attacker who may encrypt and decrypt, but has no key.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or ViewCipher
        Fitted; the lattice, which is public, is taken from it.

    Raises
    ------
    ValueError
        If it has no locks, as at ``leakage="space"``.
    """

    def __init__(self, encryptor):
        if not isinstance(encryptor, ViewCipher):
            check_fitted(encryptor, "encryptor")
            encryptor = encryptor._cipher
        if not isinstance(encryptor, ViewCipher):
            raise ValueError(
                "encryptor has no locks to attack: it was fitted without a view"
            )
        self._cipher = encryptor
        self.n_features, self.width = encryptor.n_features, encryptor.width
        self._lattice = encryptor.lattice

    def round(self, X):
        """Lattice integers of records."""
        X = np.asarray(X, dtype=np.float64)
        return self._lattice.round(X, Workspace()).copy()

    def encrypt(self, u):
        """Views and residues of lattice integers.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        codes, residues : ndarray of shape (n_samples, width), dtype int64
        """
        end = 1 << RANGE_BITS
        X = np.empty(u.shape)
        self._lattice.restore(np.clip(u, -end, end - 1), X)
        return self.encrypt_records(X)

    def encrypt_records(self, X):
        """The same of records."""
        Z = np.empty((len(X), self.width))
        self._cipher.encrypt(np.asarray(X, dtype=np.float64), Z)
        integers = (Z / UNIT).astype(np.int64)
        return integers >> RESIDUE_BITS, integers & _MASK

    def decrypt(self, codes, residues):
        """Integers that chosen ciphertexts decrypt to, and whether they are accepted.

        Parameters
        ----------
        codes, residues : ndarray of shape (n_samples, width), dtype int64

        Returns
        -------
        u : ndarray of shape (n_samples, n_features), dtype int64
            From -2**46 on, also of what is refused.
        valid : ndarray of shape (n_samples,), dtype bool
        """
        return self.decrypt_numbers(join_numbers(codes, residues))

    def decrypt_numbers(self, Z):
        """The same of numbers that need not be ciphertexts."""
        out = np.empty((len(Z), self.n_features))
        valid = self._cipher.decrypt(np.asarray(Z, dtype=np.float64), out)
        steps = (out - self._lattice.mean) / self._lattice.step
        return np.rint(steps).astype(np.int64), valid
