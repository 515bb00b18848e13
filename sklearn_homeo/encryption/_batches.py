"""Rows through a cipher a few at a time, from and to memory, disk or a GPU."""

import warnings

import numpy as np
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.arrays import to_device, to_numpy
from sklearn_homeo._utils.devices import cipher_on, compute_device
from sklearn_homeo._utils.messages import listed
from sklearn_homeo._utils.rows import (
    as_finite,
    check_out,
    check_tensor,
    is_tensor,
    validate_numbers,
)
from sklearn_homeo._utils.scratch import Scratch
from sklearn_homeo._utils.threads import run_in_threads
from sklearn_homeo.ciphers.rotation import DENSE_LIMIT
from sklearn_homeo.ciphers.waves import RowOutOfRange
from sklearn_homeo.exceptions import InvalidCiphertextError

__all__ = ["BatchesMixin"]

# Entries of a batch when batch_size is None: 128 MiB of float64.
BATCH_ENTRIES = 2**24
# Entries that a core works on at a time, so that its cache holds them, and fewest of
# them and of rows: as measured, for matrix products and for walks.
PIECE_ENTRIES, FEW_ENTRIES = 2**18, 2**16
DENSE_ROWS, WALK_ROWS = 128, 16
# Types that are converted piece by piece, not in a copy of all rows.
_NUMBERS = [np.float64, np.float32, *map(np.dtype, "bBhHiIlL")]


class BatchesMixin:
    """Encryption and decryption of more rows than fit into memory.

    For estimators with ``_cipher``, ``device``, ``batch_size``, ``on_invalid``,
    ``key_fingerprint_``, `transform` and `inverse_transform`.
    """

    def encrypt_batches(self, X):
        """Encrypt rows batch by batch, as they are asked for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or iterable of array-likes
            What has a shape is cut into batches of `batch_size` rows; anything else
            must give batches.

        Yields
        ------
        Z : ndarray of shape (n_rows, n_features), dtype float64
            What `transform` returns for each batch.

        See Also
        --------
        encrypt_into : Write all ciphertexts into an array, which may be on disk.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> X = np.random.default_rng(0).normal(size=(100, 10))
        >>> encryptor = HomeomorphicEncryptor(n_preserved=1, batch_size=40).fit(X)
        >>> [Z.shape for Z in encryptor.encrypt_batches(X)]
        [(40, 10), (40, 10), (20, 10)]
        >>> [len(Z) for Z in encryptor.encrypt_batches([X[:3], X[3:5]])]
        [3, 2]
        """
        check_is_fitted(self)
        return map(self.transform, self._cut(X))

    def decrypt_batches(self, Z):
        """Decrypt rows batch by batch, as they are asked for.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features) or iterable of array-likes
            Ciphertexts. What has a shape is cut into batches of `batch_size` rows;
            anything else must give batches.

        Yields
        ------
        X : ndarray of shape (n_rows, n_features), dtype float64
            What `inverse_transform` returns for each batch.
        """
        check_is_fitted(self)
        return map(self.inverse_transform, self._cut(Z))

    def encrypt_into(self, X, out):
        """Encrypt rows into an array that exists: of another program, or on disk.

        Neither the rows nor the ciphertexts need to fit into memory, if both are
        memory-mapped.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records; may be memory-mapped.
        out : ndarray of shape (n_samples, n_features), dtype float64
            Such as ``numpy.lib.format.open_memmap`` makes. May be `X` itself. Holds
            some ciphertexts if a row raises an error.

        Returns
        -------
        out : ndarray of shape (n_samples, n_features), dtype float64

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> X = np.random.default_rng(0).normal(size=(100, 10))
        >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
        >>> Z = encryptor.encrypt_into(X, np.empty((100, 10)))
        >>> bool((Z == encryptor.transform(X)).all())
        True
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        check_out(out, X.shape)
        return self._encrypt("encrypt", X, out)

    def decrypt_into(self, Z, out):
        """Decrypt rows into an array that exists.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
            Ciphertexts.
        out : ndarray of shape (n_samples, n_features), dtype float64
            May be `Z` itself. Written in full before invalid rows are reported.

        Returns
        -------
        out : ndarray of shape (n_samples, n_features), dtype float64
        """
        check_is_fitted(self)
        Z = self._check_ciphertexts(Z)
        check_out(out, Z.shape)
        return self._decrypt(Z, out)

    def _cut(self, rows):
        if not hasattr(rows, "shape"):
            return rows
        return (rows[batch] for batch in gen_batches(len(rows), self._batch_rows()))

    def _encrypt(self, step, X, out):
        device = self._device_of(X)
        cipher = cipher_on(self._cipher, device)

        def work_on(piece):
            rows = to_device(as_finite(X[piece], self, "X"), device)
            try:
                found = getattr(cipher, step)(rows)
            except RowOutOfRange as error:
                row = piece.start + error.row
                raise ValueError(f"Row {row} of X {error.reason}.") from None
            _write(found[:, : out.shape[1]], out, piece)

        self._run(work_on, len(X), device)
        return out

    def _decrypt(self, Z, out):
        device = self._device_of(Z)
        cipher = cipher_on(self._cipher, device)
        valid = np.empty(len(Z), dtype=bool)

        def work_on(piece):
            rows = to_device(as_finite(Z[piece], self, "Z"), device)
            found, on_lattice = cipher.decrypt(rows)
            valid[piece] = to_numpy(on_lattice)
            _write(found, out, piece)

        self._run(work_on, len(Z), device)
        self._report_invalid(np.flatnonzero(~valid), len(Z))
        return out

    def _run(self, work_on, n_samples, device):
        """Work on all rows, in pieces that together stay within three batches."""
        # A piece needs room for up to nine of its size, in each thread.
        most, scratch = max(1, self._batch_rows() // 3), Scratch()

        def work(piece):
            with scratch.reused():
                work_on(piece)

        def cut(n_threads):
            fewest, best = _piece_rows(self.n_features_in_)
            share = max(-(-n_samples // n_threads), fewest)
            rows = min(max(most // n_threads, fewest), best, most, share)
            return gen_batches(n_samples, rows), most // rows

        if device is None:
            run_in_threads(work, cut)
            return
        for piece in gen_batches(n_samples, most):
            work(piece)

    def _batch_rows(self):
        if self.batch_size is not None:
            return self.batch_size
        return max(1, BATCH_ENTRIES // self.n_features_in_)

    def _device_of(self, rows):
        """Where to compute: where tensors are, else on `device`; None for NumPy."""
        return rows.device if is_tensor(rows) else compute_device(self.device)

    def _check_rows(self, X):
        # as_finite looks for NaN in each piece when it is in the cache.
        if is_tensor(X):
            return check_tensor(X, self.n_features_in_, "X")
        return validate_numbers(
            self, X, dtype=_NUMBERS, ensure_all_finite=False, reset=False
        )

    def _check_ciphertexts(self, Z):
        if is_tensor(Z):
            return check_tensor(Z, self._n_features_out, "Z")
        Z = check_array(Z, dtype=np.float64, ensure_all_finite=False, input_name="Z")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {Z.shape[1]} features, but this {type(self).__name__} gives "
                f"ciphertexts of {self._n_features_out} features."
            )
        return Z

    def _report_invalid(self, rows, n_samples):
        if len(rows) == 0 or self.on_invalid == "ignore":
            return
        message = (
            f"{len(rows)} of {n_samples} rows are not ciphertexts of this encryptor "
            f"(key {self.key_fingerprint_}): rows {listed(rows)}. They were made "
            "with another key or fit, changed, rounded (float32, few digits) or "
            'synthetic. Set on_invalid="warn" or "ignore" to decrypt them as well '
            "as possible."
        )
        if self.on_invalid == "raise":
            raise InvalidCiphertextError(message, rows)
        warnings.warn(message, UserWarning, stacklevel=4)


def _piece_rows(n_features):
    """Fewest and best rows of a piece."""
    if n_features > DENSE_LIMIT:
        return WALK_ROWS, WALK_ROWS
    fewest = max(DENSE_ROWS, FEW_ENTRIES // n_features)
    return fewest, max(fewest, PIECE_ENTRIES // n_features)


def _write(found, out, piece):
    out[piece] = found if is_tensor(out) else to_numpy(found)
