"""The encryptor: a scikit-learn transformer around the ciphers."""

import html
from numbers import Integral, Real

from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.arrays import to_numpy
from sklearn_homeo._utils.devices import compute_device
from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.rows import is_tensor, new_rows, validate_numbers
from sklearn_homeo._utils.validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    fit_context,
)
from sklearn_homeo.encryption._batches import BatchesMixin
from sklearn_homeo.encryption._fitting import fit_coupling, fit_smooth, fit_tanh
from sklearn_homeo.encryption._warnings import masks_are_weak, warn_of_weaknesses
from sklearn_homeo.encryption.label_space.target import check_target
from sklearn_homeo.keys._key import SecretKey

__all__ = ["HomeomorphicEncryptor"]


class HomeomorphicEncryptor(
    BatchesMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DocLinkMixin,
    BaseEstimator,
):
    """Encrypt feature vectors by a secret homeomorphism that keeps labels learnable.

    `fit` learns which directions of the data carry the label and derives a keyed
    bijection of R^n from a `SecretKey`. `transform` encrypts rows: models train on
    the ciphertexts and are queried with ciphertexts. `inverse_transform` decrypts.

    This is keyed obfuscation, not cryptography: equal rows give equal ciphertexts,
    whoever may encrypt chosen records can break it, and what a service can learn
    from the ciphertexts for you it can learn against you.

    Parameters
    ----------
    depth : int, default=3
        Number of locks.

    cipher : {"coupling", "smooth", "tanh"}, default="coupling"
        "coupling" masks everything but the preserved directions by exact integer
        couplings. "smooth" preserves the whole space up to a smooth map; pairs of
        plain and encrypted rows break it. "tanh" is the published cipher, which is
        broken; `fit` warns.

    n_preserved : "auto", int or None, default="auto"
        Directions that "coupling" preserves. "auto" takes the smallest number with
        which cross-validated probes lose no more than half a percentage point (or
        one standard error), up to two points if need be, and needs `y`. An integer
        takes exactly that many: directions that carry the label or, without `y`,
        principal directions. None preserves everything, as "smooth" does.

    hide_attributes : "auto" or bool, default="auto"
        Whether the directions that carry classes shall be uncorrelated, within each
        class, with the leading four principal axes within classes, so that attributes
        independent of the label show less. The one direction of two classes is also
        stretched around their boundary: ciphertexts tell the side and little of how
        far from it a row lies, so that probabilities that models learn from them are
        coarser. True needs classes and at least 16 columns for each. "auto" hides where
        that is possible, no more directions are preserved than the label spans (one
        less than there are classes), and probes lose next to nothing by it.

    frequency : float, default=6.0
        Standard deviation of a mask's phase, in radians. Its drivers are hidden waves
        that turn 32 times faster with the features. Higher is harder to learn.

    amplitude : float, default=10.0
        Peak of each lock's masks, in standard deviations of the largest of the axes
        that they mask.

    linkage_noise : float, default=0.1
        Standard deviation of the keyed noise on the preserved coordinates, summed
        over all locks, in standard deviations within a class (before stretching; the
        classes stay as far apart). It is removed when decrypting. More makes it harder
        to tell which record a ciphertext is.

    tanh_scale : float, default=0.01
        Standard deviation of the weights of ``cipher="tanh"``.

    target_type : {"auto", "discrete", "continuous"}, default="auto"
        Whether `y` holds classes or numbers. "auto" takes integers and whole floats
        for numbers if there are more than 20 different ones with fewer than 10 rows
        each on average, and fractions always.

    on_invalid : {"raise", "warn", "ignore"}, default="raise"
        What `inverse_transform` does about rows that are no ciphertexts of this
        encryptor: raise `InvalidCiphertextError`, warn, or nothing. In the latter
        cases it decrypts them as well as it can.

    key : SecretKey or None, default=None
        None draws a fresh key at every `fit`.

    device : str or None, default=None
        None computes with NumPy, on BLAS's threads. A torch device ("cpu", "cuda",
        "cuda:1") computes there, "auto" on a GPU if there is one. Lattice points have
        the same bits on all of them. Tensors stay where they are and give tensors.

    batch_size : int or None, default=None
        Rows of a batch; scratch space stays within three. None takes about 17 million
        entries. Results do not depend on it: with NumPy, not in a bit.

    Attributes
    ----------
    key_ : SecretKey
        The key in use. Pickles of a fitted encryptor contain it.

    key_fingerprint_ : str
        Its fingerprint, safe to publish.

    n_preserved_ : int
        Number of preserved directions.

    preserved_variance_ratio_ : float
        Share of the training data's standardised variance that the preserved
        coordinates give away: the better of a linear and of a kernel
        reconstruction (leave-one-out); rows that repeat others count whole. Any
        attacker who knows pairs must be assumed to get it.

    hides_attributes_ : bool
        Whether the preserved directions hide attributes.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    See Also
    --------
    SecretKey : Keys, key files and key shares.

    Notes
    -----
    The coupling cipher is an invertible map of lattice points (multiples of
    2**-26 of a standard deviation) in integer arithmetic, so decryption retraces
    it bit for bit at any depth; what remains is the rounding to the lattice.
    Ciphertexts are float64: storing them in float32 or with fewer than 17 digits
    makes them invalid. That decryption notices what is off the lattice is no
    authentication: a random row passes with a chance of about 0.002 per feature,
    multiplied, and who knows the lattice can forge. Keep the fitted encryptor (its
    pickle, or a cache that ``Pipeline(memory=...)`` writes) as safe as the key: it
    contains the key, and a key alone does not decrypt, since the frame is learnt.

    The probes behind "auto" are support vectors and neighbours: what only other
    models can see, say a fast oscillation among many columns, may not be preserved.
    Equal rows have equal ciphertexts, and nearly equal rows similar ones: data with
    repeated records, such as a few categories or the same person again, give these
    away. Depth 1 is weak for columns of rare large values.

    Up to 4,096 features the keyed rotations are dense matrices. Wider data get the
    same rotations as a walk of plane rotations, in O(n log n), and a frame that
    whitens their 256 leading directions.

    With very few masked columns (fewer than about 8) a mask has few coordinates to
    be driven by and is easier to learn; with none a `NoProtectionWarning` says so.

    References
    ----------
    .. [1] V. Terziyan, D. Malyk, M. Golovianko, V. Branytskyi, "Encryption and
       Generation of Images for Privacy-Preserving Machine Learning in Smart
       Manufacturing", Procedia Computer Science 217, 2023,
       doi:10.1016/j.procs.2022.12.205.
    .. [2] L. Dinh, D. Krueger, Y. Bengio, "NICE: Non-linear Independent Components
       Estimation", 2015, arXiv:1410.8516.
    .. [3] M. Song, I. Zadik, J. Bruna, "On the Cryptographic Hardness of Learning
       Single Periodic Neurons", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
    >>> X, y = load_wine(return_X_y=True)
    >>> encryptor = HomeomorphicEncryptor(key=SecretKey.generate()).fit(X, y)
    >>> Z = encryptor.transform(X)
    >>> encryptor.n_preserved_, Z.shape
    (2, (178, 13))
    >>> bool(LogisticRegression().fit(Z, y).score(Z, y) > 0.95)
    True
    >>> bool(np.allclose(encryptor.inverse_transform(Z), X, rtol=1e-6))
    True
    """

    _parameter_constraints: dict = {
        "depth": [Interval(Integral, 1, None, closed="left")],
        "cipher": [StrOptions({"coupling", "smooth", "tanh"})],
        "n_preserved": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "hide_attributes": [StrOptions({"auto"}), "boolean"],
        "frequency": [Interval(Real, 0, None, closed="neither")],
        "amplitude": [Interval(Real, 0, 1e6, closed="both")],
        "linkage_noise": [Interval(Real, 0, 1e3, closed="both")],
        "tanh_scale": [Interval(Real, 0, None, closed="neither")],
        "target_type": [StrOptions({"auto", "discrete", "continuous"})],
        "on_invalid": [StrOptions({"raise", "warn", "ignore"})],
        "key": [SecretKey, None],
        "device": [str, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        depth=3,
        *,
        cipher="coupling",
        n_preserved="auto",
        hide_attributes="auto",
        frequency=6.0,
        amplitude=10.0,
        linkage_noise=0.1,
        tanh_scale=0.01,
        target_type="auto",
        on_invalid="raise",
        key=None,
        device=None,
        batch_size=None,
    ):
        self.depth = depth
        self.cipher = cipher
        self.n_preserved = n_preserved
        self.hide_attributes = hide_attributes
        self.frequency = frequency
        self.amplitude = amplitude
        self.linkage_noise = linkage_noise
        self.tanh_scale = tanh_scale
        self.target_type = target_type
        self.on_invalid = on_invalid
        self.key = key
        self.device = device
        self.batch_size = batch_size

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the frame from the data and derive the locks from the key.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NumPy, pandas or polars.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Classes or numbers. ``n_preserved="auto"`` needs it; an integer uses it
            if given; "smooth" and "tanh" ignore it.

        Returns
        -------
        self : HomeomorphicEncryptor
        """
        X = to_numpy(X.detach()) if is_tensor(X) else X
        X = validate_numbers(self, X, ensure_min_samples=2)
        target = self._check_target(X, y)
        compute_device(self.device)
        self._n_features_out = X.shape[1]
        self.key_ = SecretKey.generate() if self.key is None else self.key
        self.key_fingerprint_ = self.key_.fingerprint
        fitted = self._fit_cipher(X, target)
        self._cipher = fitted.cipher
        self.n_preserved_ = fitted.n_preserved
        self.hides_attributes_ = fitted.hides_attributes
        self.preserved_variance_ratio_ = (
            1.0 if masks_are_weak(self) else fitted.preserved_variance_ratio
        )
        warn_of_weaknesses(self)
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
            Ciphertexts.

        Raises
        ------
        ValueError
            If a row lies beyond the exact range; the message names the row.
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        return self._encrypt("encrypt", X, new_rows(X, self._n_features_out))

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
            If `on_invalid` is "raise" and rows are not ciphertexts of this
            encryptor: made with another key, changed, rounded or synthetic.
        """
        check_is_fitted(self)
        Z = self._check_ciphertexts(Z)
        return self._decrypt(Z, new_rows(Z, self.n_features_in_))

    def preserve(self, X):
        """Return the preserved coordinates of rows, not encrypted.

        What the frame alone does to the data: compare models on these with models
        on ciphertexts to tell its effect from that of encryption. They are secret.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`.

        Returns
        -------
        S : ndarray of shape (n_samples, n_preserved_), dtype float64
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        return self._encrypt("preserve", X, new_rows(X, self.n_preserved_))

    def _validate_params(self):
        if not isinstance(self.key, SecretKey | None):
            # scikit-learn's own message would show the value.
            raise InvalidParameterError(
                f"The 'key' parameter of {type(self).__name__} must be an instance of "
                f"'SecretKey' or None. Got {type(self.key).__name__} instead (not "
                "shown); SecretKey.from_bytes makes a key of 32 bytes."
            )
        super()._validate_params()

    def __repr__(self, N_CHAR_MAX=700):
        if isinstance(self.key, SecretKey | None):
            return super().__repr__(N_CHAR_MAX)
        return f"{type(self).__name__}(key=<{type(self.key).__name__}, not shown>)"

    def _html_repr(self):
        if isinstance(self.key, SecretKey | None):
            return super()._html_repr()
        return html.escape(repr(self))

    def _check_target(self, X, y):
        if self.cipher != "coupling" or self.n_preserved is None:
            return None
        if y is not None:
            return check_target(X, y, self.target_type)
        if self.n_preserved == "auto":
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                'but the target y is None: n_preserved="auto" finds the directions '
                "that carry the label. Pass y, or set n_preserved to an integer or "
                "None."
            )
        return None

    def _fit_cipher(self, X, target):
        if self.cipher == "tanh":
            return fit_tanh(X, self.key_, self.depth, self.tanh_scale)
        if self.cipher == "smooth" or self.n_preserved is None:
            return fit_smooth(X, self.key_, self.depth)
        return fit_coupling(
            X,
            target,
            self.key_,
            self.n_preserved,
            self.hide_attributes,
            depth=self.depth,
            frequency=self.frequency,
            amplitude=self.amplitude,
            linkage_noise=self.linkage_noise,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = (
            self.cipher == "coupling" and self.n_preserved == "auto"
        )
        tags.target_tags.multi_output = True
        tags.non_deterministic = self.key is None
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
