"""Errors and warnings of the package."""

__all__ = [
    "BrokenCipherWarning",
    "HeavyTailWarning",
    "InsecureKeyWarning",
    "InvalidCiphertextError",
    "KeyFileError",
    "KeyShareError",
    "LeakageWarning",
    "LossOfAccuracyWarning",
    "MemorisationWarning",
    "NoProtectionWarning",
    "PoorReconstructionWarning",
    "ResolutionWarning",
    "SealedColumnsWarning",
    "SealedFileError",
]


class InvalidCiphertextError(ValueError):
    """Rows that this key and this fitted encryptor did not produce.

    Parameters
    ----------
    message : str
        What to show.
    rows : array-like of int, default=()
        Indices of the offending rows.

    Attributes
    ----------
    rows : ndarray of shape (n_invalid,), dtype int64
        Indices of the offending rows.
    """

    def __init__(self, message, rows=()):
        super().__init__(message, rows)
        self.rows = rows

    def __str__(self):
        return self.args[0]


class KeyFileError(ValueError):
    """A key file that is malformed, was changed, or has another passphrase."""


class KeyShareError(ValueError):
    """Key shares that are too few, damaged, or of different keys."""


class BrokenCipherWarning(UserWarning):
    """The chosen cipher is known to be broken; it serves as a baseline."""


class InsecureKeyWarning(UserWarning):
    """The key comes from a guessable seed and protects nothing."""


class LeakageWarning(UserWarning):
    """More is leaked than need be: no number of cells is enough, or rows repeat."""


class LossOfAccuracyWarning(UserWarning):
    """Models on ciphertexts will learn less of the label than on all features."""


class NoProtectionWarning(UserWarning):
    """Ciphertexts tell next to everything with the chosen or found settings."""


class MemorisationWarning(UserWarning):
    """Synthetic rows may tell which records they were made from."""


class HeavyTailWarning(UserWarning):
    """Next to the largest values of a column, the others would vanish."""


class SealedColumnsWarning(UserWarning):
    """Columns that look like identifiers or free text are kept from models."""


class SealedFileError(ValueError):
    """A sealed file that is malformed, was changed, or is of another key or kind."""


class PoorReconstructionWarning(UserWarning):
    """An autoencoder reconstructs images little better than their mean would."""


class ResolutionWarning(UserWarning):
    """Decrypted values of some columns are coarser than the values were."""
