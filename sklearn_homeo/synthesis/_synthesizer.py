"""The synthesizer: synthetic rows with labels, from class-conditional densities."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.labels import check_one_each
from sklearn_homeo._utils.rows import validate_numbers
from sklearn_homeo._utils.validation import (
    Interval,
    StrOptions,
    fit_context,
    wrap_output,
)
from sklearn_homeo.synthesis._drawing import DrawingMixin, check_privacy, fit_drawer
from sklearn_homeo.synthesis._labels import (
    check_class_sizes,
    check_labels,
    class_counts,
    warn_of_memorising,
)
from sklearn_homeo.synthesis.densities import rows_needed

__all__ = ["ClassConditionalSynthesizer"]


def _keeps_labels(synthesizer):
    return synthesizer.sampling_strategy == "same"


class _TransformMixin:
    """`fit_transform` and `transform`, of a synthesizer whose rows keep their labels.

    Not in the transformer itself: scikit-learn wraps what a transformer defines for
    `set_output`, and the wrapper would always be available.
    """

    @available_if(_keeps_labels)
    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y):
        """Fit, and return a synthetic row for each row, of the same class.

        .. note::
            `fit(X, y).transform(X)` does not equal `fit_transform(X, y)`: `transform`
            returns real rows as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        y : array-like of shape (n_samples,)
            As in `fit`.

        Returns
        -------
        X_synthetic : ndarray of shape (n_samples, n_features), dtype float64
            Row i is of class y[i]; it has nothing else in common with X[i].

        Raises
        ------
        ValueError
            As `fit`.
        """
        rows, codes = self._fit(X, y)
        synthetic = np.empty_like(rows)
        order = np.argsort(codes, kind="stable")
        synthetic[order] = self._draw(self.class_counts_)
        return wrap_output("transform", synthetic, X, self)

    @available_if(_keeps_labels)
    def transform(self, X):
        """Return real rows as they are: queries of a model trained on synthetic ones.

        .. note::
            `fit(X, y).transform(X)` does not equal `fit_transform(X, y)`, which
            returns synthetic rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), dtype float64
        """
        check_is_fitted(self)
        rows = validate_numbers(self, X, reset=False)
        return wrap_output("transform", rows, X, self)


class ClassConditionalSynthesizer(
    _TransformMixin,
    DrawingMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    DocLinkMixin,
    BaseEstimator,
):
    """Replace labelled rows by synthetic ones, drawn class by class.

    `fit` learns a density of each class's rows; `sample` draws exactly as many rows
    of each class as asked for. Fitted to the ciphertexts of a
    `HomeomorphicEncryptor`, it gives synthetic rows that are encrypted: models train
    on them and are queried with real ciphertexts.

    Synthetic rows are not anonymous by being synthetic: only `epsilon` bounds what
    they tell about a record. Measure what they tell with
    `sklearn_homeo.audit.membership_attack`.

    .. note::
        `fit(X, y).transform(X)` does not equal `fit_transform(X, y)`, which returns a
        synthetic row for each row of X, of the same class. `transform` returns
        queries as they are. So a model that follows in a pipeline is trained on
        synthetic rows only, and answers about real ones.

    Parameters
    ----------
    method : {"gaussian", "mixture", "kde", "vae"}, default="gaussian"
        Density of a class. "gaussian" is a normal distribution, "mixture" one of
        `n_components` normal distributions, and "vae" a class-conditional variational
        autoencoder. "kde" is a kernel density estimate, which contains the training
        rows and stays near them when they have few directions.

    sampling_strategy : {"same", "balanced"}, int or dict, default="same"
        Rows that `fit_resample` returns: as many of each class as `fit` saw, as many
        as of the largest class, a total in the classes' proportions, or rows by
        label, where classes that are not named get as many as `fit` saw. With
        anything but "same" there is no `transform` and no `fit_transform`, whose rows
        keep their labels; imbalanced-learn's pipelines take nothing that has both
        these and `fit_resample`.

    n_components : int, default=3
        Normal distributions of a "mixture".

    min_distance : float or None, default=None
        Rows are drawn again until none is nearer to a real row than this quantile of
        the distances of real rows to the nearest other one. It prevents copies
        but does not protect against membership inference. The fitted synthesizer, and
        its pickle, then contain the real rows.

    epsilon : float or None, default=None
        Differential privacy of "gaussian" and "vae", which then need `bounds`. "vae"
        is trained by DP-SGD and needs Opacus (``pip install "sklearn-homeo[dp]"``).
        See `plan_privacy` and `privacy_spent_` for what it covers.

    delta : float, default=1e-5
        Probability with which the guarantee may fail; less than one over the number
        of rows.

    bounds : "data", tuple (low, high) or None, default="data"
        Range of synthetic values. "data" takes the least and the greatest value of each
        column, which become known that way; ciphertexts are left alone.
        A tuple of numbers or of arrays of shape (n_features,) says what is known
        without looking at the rows; `epsilon` needs it, and clips real rows to it
        first. None leaves values as they are drawn. Unless None or under `epsilon`,
        columns that hold whole numbers only get whole numbers.

    max_norm : float or None, default=None
        Euclidean norm to which `epsilon` clips rows scaled to [-1, 1] for
        "gaussian". None takes ``n_features ** 0.5 / 4``, typical of bounds four
        standard deviations out. Smaller means less noise and more clipping.

    max_epochs : int or None, default=None
        Passes over the rows that "vae" makes at most. None is 300, with early
        stopping, and under `epsilon` 20, all of which are made: more passes want
        more noise in each.

    device : str, default="auto"
        Where "vae" is trained: "cpu", "cuda", or "auto" for a GPU if there is one.

    random_state : int, RandomState instance or None, default=None
        Seed of everything drawn. An integer makes `sample` give the same rows at every
        call, and the noise of differential privacy reproducible: anyone who knows it
        can subtract the noise. None takes that noise from a cryptographic stream
        with a fresh key. NumPy's global state is neither used nor changed.

    verbose : int, default=0
        Whether to show progress, and the privacy budget before it is spent.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.

    class_counts_ : ndarray of shape (n_classes,), dtype int64
        Rows of each class.

    n_directions_ : int
        Directions that the density describes. All others are indistinguishable from
        isotropic noise and are drawn as that. `fit` gives a `MemorisationWarning` if
        a class has fewer than 30 rows for each.

    privacy_spent_ : PrivacyLedger or None
        Every mechanism and its cost, what is taken for public and what is not
        covered. None without `epsilon`.

    n_redrawn_ : int
        Rows that the last drawing rejected for `min_distance`.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    See Also
    --------
    HomeomorphicEncryptor : Encrypts the rows first.
    sklearn_homeo.audit.membership_attack : What synthetic rows tell about records.

    Notes
    -----
    `fit` recognises ciphertexts of a `HomeomorphicEncryptor` with cells or scores. It
    learns their views only and draws residues afresh, which are uniform for every
    record. Where few views are shared by many rows, as those of cells are, each class
    gets them as often as it had them, whatever the method (unless under `epsilon`).

    In other rows, means and covariances of directions that carry nothing to learn
    still add up to a fingerprint of the rows. Directions whose variance, class means
    and class variances are within what isotropic noise reaches are therefore drawn as
    such noise; class means are shrunk to what differs significantly, class covariances
    to their common one.

    The encryptor is itself learnt from rows. An attacker who has it, with its key, can
    tell to a small extent which rows these were, whatever is synthesized.

    References
    ----------
    .. [1] V. Terziyan, D. Malyk, M. Golovianko, V. Branytskyi, "Encryption and
       Generation of Images for Privacy-Preserving Machine Learning in Smart
       Manufacturing", Procedia Computer Science 217, 2023, section 3,
       doi:10.1016/j.procs.2022.12.205.
    .. [2] B. Balle, Y.-X. Wang, "Improving the Gaussian mechanism for differential
       privacy: analytical calibration and optimal denoising", ICML 2018.
    .. [3] M. Abadi et al., "Deep learning with differential privacy", CCS 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_homeo import ClassConditionalSynthesizer, HomeomorphicEncryptor
    >>> X, y = load_wine(return_X_y=True)
    >>> synthesizer = ClassConditionalSynthesizer(random_state=0).fit(X, y)
    >>> X_new, y_new = synthesizer.sample({0: 300, 2: 50})
    >>> X_new.shape, y_new[[0, -1]]
    ((350, 13), array([0, 2]))

    The hybrid: encrypt, then synthesize. The model sees no real record.

    >>> hybrid = make_pipeline(
    ...     HomeomorphicEncryptor(),
    ...     ClassConditionalSynthesizer(random_state=0),
    ...     LogisticRegression(),
    ... )
    >>> bool(hybrid.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        "method": [StrOptions({"gaussian", "mixture", "kde", "vae"})],
        "sampling_strategy": [
            StrOptions({"same", "balanced"}),
            Interval(Integral, 0, None, closed="left"),
            dict,
        ],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "min_distance": [Interval(Real, 0, 1, closed="both"), None],
        "epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "delta": [Interval(Real, 0, 1, closed="neither")],
        "bounds": [StrOptions({"data"}), tuple, list, None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        method="gaussian",
        *,
        sampling_strategy="same",
        n_components=3,
        min_distance=None,
        epsilon=None,
        delta=1e-5,
        bounds="data",
        max_norm=None,
        max_epochs=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.method = method
        self.sampling_strategy = sampling_strategy
        self.n_components = n_components
        self.min_distance = min_distance
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.max_norm = max_norm
        self.max_epochs = max_epochs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn the density of each class's rows.

        .. note::
            `fit(X, y).transform(X)` does not equal `fit_transform(X, y)`: `transform`
            returns real rows as they are. To train on synthetic rows use
            `fit_transform`, `fit_resample` or `sample`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NumPy, pandas or polars.

        y : array-like of shape (n_samples,)
            Labels: numbers, strings, booleans or others that can be ordered.

        Returns
        -------
        self : ClassConditionalSynthesizer

        Raises
        ------
        ValueError
            If a class has too few rows for the method (the message names it and the
            number needed), labels are missing or continuous, or parameters
            contradict each other.
        """
        self._fit(X, y)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y):
        """Fit, and draw rows as `sampling_strategy` says.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        y : array-like of shape (n_samples,)
            As in `fit`.

        Returns
        -------
        X_resampled : ndarray of shape (n_resampled, n_features), dtype float64
            Synthetic rows only, grouped by class. A data frame if `set_output` asks
            for one.

        y_resampled : ndarray of shape (n_resampled,)

        Raises
        ------
        ValueError
            As `fit` and `sample`.
        """
        self._fit(X, y)
        counts = class_counts(self.sampling_strategy, self.classes_, self.class_counts_)
        return self._with_labels(self._draw(counts), counts)

    def plan_privacy(self):
        """Show how `epsilon` will be spent, before any data are seen.

        Returns
        -------
        ledger : PrivacyLedger or None
            None without `epsilon`.

        Raises
        ------
        ValueError
            If parameters contradict each other.

        Examples
        --------
        >>> from sklearn_homeo import ClassConditionalSynthesizer
        >>> synthesizer = ClassConditionalSynthesizer(epsilon=1.0, bounds=(-4, 4))
        >>> round(synthesizer.plan_privacy().rho, 4)
        0.0359
        """
        self._validate_params()
        return check_privacy(self)

    def _fit(self, X, y):
        ledger = self.plan_privacy()
        X = validate_numbers(self, X, ensure_min_samples=2)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        check_one_each(X, y)
        self.classes_, codes = check_labels(y)
        self.class_counts_ = np.bincount(codes)
        check_class_sizes(self.classes_, self.class_counts_, *self._rows_needed())
        self.privacy_spent_ = ledger
        self._drawer = fit_drawer(self, X, codes, ledger, self._fit_generator())
        self.n_directions_ = self._drawer.density.n_directions
        if ledger is None:
            warn_of_memorising(self.classes_, self.class_counts_, self.n_directions_)
        return X, codes

    def _rows_needed(self):
        if self.epsilon is not None:
            return 1, "differential privacy"
        return rows_needed(self.method, self.n_components), f'method="{self.method}"'

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
