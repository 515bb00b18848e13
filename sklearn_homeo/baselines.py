"""Ciphers to compare with, which protect nothing."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.rows import as_float_rows, check_finite, validate_numbers
from sklearn_homeo._utils.validation import Interval, fit_context
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.ciphers.base import MAX_DEPTH, RowOutOfRange
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.tanh import TanhCipher
from sklearn_homeo.encryption._keyed import KeyedMixin
from sklearn_homeo.encryption._state import digest
from sklearn_homeo.exceptions import BrokenCipherWarning, InvalidCiphertextError
from sklearn_homeo.keys._key import SecretKey

__all__ = ["TanhEncryptor"]


class TanhEncryptor(
    KeyedMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DocLinkMixin,
    BaseEstimator,
):
    """The published homeomorphic encryption: secret linear layers and tanh.

    It is that of [1]_, and it is broken: a few known pairs of rows and ciphertexts
    recover all rows. It is here as a baseline, for the audit and for comparison with
    the papers.

    Parameters
    ----------
    depth : int, default=3
        Number of layers, 1,000 at most.

    weight_scale : float, default=0.01
        Standard deviation of the layers' weights.

    key : SecretKey or None, default=None
        None draws a fresh key at every `fit`.

    Attributes
    ----------
    key_ : SecretKey
        The key in use. Pickles of a fitted encryptor contain it.

    key_fingerprint_ : str
        Its fingerprint, safe to publish.

    n_preserved_ : int
        All features are preserved.

    preserved_variance_ratio_ : float
        All of the variance is given away: 1.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    See Also
    --------
    HomeomorphicEncryptor : What protects data.

    Notes
    -----
    Decryption is exact to about a thousandth of a standard deviation, and notices next
    to nothing: a row of another key comes out as another row.

    References
    ----------
    .. [1] V. Terziyan, D. Malyk, M. Golovianko, V. Branytskyi, "Encryption and
       Generation of Images for Privacy-Preserving Machine Learning in Smart
       Manufacturing", Procedia Computer Science 217, 2023,
       doi:10.1016/j.procs.2022.12.205.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_homeo import TanhEncryptor
    >>> X = np.random.default_rng(0).normal(size=(100, 10))
    >>> with warnings.catch_warnings(action="ignore"):
    ...     encryptor = TanhEncryptor().fit(X)
    >>> Z = encryptor.transform(X)
    >>> bool(np.abs(encryptor.inverse_transform(Z) - X).max() < 0.01)
    True
    """

    _parameter_constraints: dict = {
        "depth": [Interval(Integral, 1, MAX_DEPTH, closed="both")],
        "weight_scale": [Interval(Real, 0, None, closed="neither")],
        "key": [SecretKey, None],
    }

    def __init__(self, depth=3, *, weight_scale=0.01, key=None):
        self.depth = depth
        self.weight_scale = weight_scale
        self.key = key

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the columns' scales and draw the layers from the key.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers.
        y : Ignored
            There by convention.

        Returns
        -------
        self : TanhEncryptor
        """
        X = validate_numbers(self, X, ensure_min_samples=2)
        self.key_ = SecretKey.generate() if self.key is None else self.key
        self.key_fingerprint_ = self.key_.fingerprint
        lattice = Lattice.from_data(X)
        settings = {"depth": int(self.depth), "scale": float(self.weight_scale)}
        state = {"lattice": lattice.state(), **settings}
        self._cipher = TanhCipher.from_key(
            self.key_,
            lattice.mean,
            lattice.scale,
            self.depth,
            self.weight_scale,
            digest(state),
        )
        self._n_features_out = self.n_preserved_ = X.shape[1]
        self.preserved_variance_ratio_ = 1.0
        warn(
            "TanhEncryptor is the published cipher and is broken: a few known pairs "
            "recover all rows. Use it as a baseline; protect data with "
            "HomeomorphicEncryptor.",
            BrokenCipherWarning,
        )
        return self

    def transform(self, X):
        """Encrypt rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features), dtype float64
        """
        check_is_fitted(self)
        X = validate_numbers(self, X, reset=False)
        Z = np.empty(X.shape)
        try:
            self._cipher.encrypt(X, Z)
        except RowOutOfRange as error:
            found = error
        else:
            return Z
        raise ValueError(f"Row {found.row} of X {found.reason}.")

    def inverse_transform(self, Z):
        """Decrypt rows.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
            Ciphertexts.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), dtype float64

        Raises
        ------
        InvalidCiphertextError
            If tanh cannot have produced a row.
        """
        check_is_fitted(self)
        Z = as_float_rows(Z, "Z", type(self).__name__)
        check_finite(Z, "Z", type(self).__name__)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {Z.shape[1]} features, but this {type(self).__name__} gives "
                f"ciphertexts of {self._n_features_out} features."
            )
        X = np.empty(Z.shape)
        bad = np.flatnonzero(~self._cipher.decrypt(Z, X))
        if len(bad) > 0:
            raise InvalidCiphertextError(
                f"{len(bad)} of {len(Z)} rows are not ciphertexts of this encryptor.",
                bad,
            )
        return X

    def preserve(self, X):
        """Return standardised rows: all of them is preserved.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`.

        Returns
        -------
        S : ndarray of shape (n_samples, n_features), dtype float64
        """
        check_is_fitted(self)
        return self._cipher.preserve(validate_numbers(self, X, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.key is None
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
