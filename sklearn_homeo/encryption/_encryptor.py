"""The encryptor: a scikit-learn transformer around the cipher."""

from contextlib import contextmanager
from copy import copy
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.arrays import to_numpy
from sklearn_homeo._utils.devices import compute_device
from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.messages import check_count, listed
from sklearn_homeo._utils.rows import (
    as_float_rows,
    check_out,
    check_separate,
    check_tensor,
    column_name,
    is_tensor,
    validate_numbers,
)
from sklearn_homeo._utils.threads import in_this_process
from sklearn_homeo._utils.validation import (
    Interval,
    StrOptions,
    fit_context,
    wrap_rows,
)
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.ciphers.base import MAX_DEPTH, RowOutOfRange, Workspace
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._adding import widened
from sklearn_homeo.encryption._building import build_cipher, cipher_keys
from sklearn_homeo.encryption._certificate import certify
from sklearn_homeo.encryption._devices import cipher_on
from sklearn_homeo.encryption._files import encryptor_tree, restore_encryptor
from sklearn_homeo.encryption._fitting import (
    fit_cells_state,
    fit_scores_state,
    fit_space_state,
)
from sklearn_homeo.encryption._keyed import KeyedMixin
from sklearn_homeo.encryption._warnings import (
    warn_of_data,
    warn_of_leakage,
    warn_of_lost_accuracy,
    warn_of_weaknesses,
)
from sklearn_homeo.encryption.label_space.joined import parts_of
from sklearn_homeo.encryption.label_space.target import check_target
from sklearn_homeo.encryption.summaries.fitting import fit_summaries
from sklearn_homeo.exceptions import InvalidCiphertextError
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.keys._seal import open_sealed, save_sealed

__all__ = ["HomeomorphicEncryptor", "prepared"]

_KIND = "encryptor"

# Parameters that concern no rows of a fit.
_WITH_SUMMARIES = {
    *("depth", "min_cell_size", "randomized", "on_invalid"),
    *("device", "batch_size", "verbose"),
}
# Entries of a batch when batch_size is None: 128 MiB of float64.
BATCH_ENTRIES = 2**24
# Types that the cipher takes as they are: no copy of all rows is made.
_NUMBERS = [np.float64, np.float32, *map(np.dtype, "bBhHiIlL")]


class HomeomorphicEncryptor(
    KeyedMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DocLinkMixin,
    BaseEstimator,
):
    """Encrypt feature vectors so that models can be trained on the ciphertexts.

    Every number of a ciphertext holds two things. The high 6 bits hold a *view* of the
    row: all that leaks, and what models learn from. The low 47 bits hold the whole row
    under AES-256 in the coupling net of Naor and Reingold [1]_, and tell nothing else.
    `transform` encrypts. `inverse_transform` decrypts, and refuses rows that are not
    ciphertexts of this key and this fit.

    The view goes through a keyed homeomorphism before it is rounded; in what sense the
    cipher is homeomorphic depends on `leakage`.

    Parameters
    ----------
    depth : int, default=3
        Number of locks, each a complete cipher with keys of its own. One is enough;
        several, 1,000 at most, can be held by several parties. Accuracy does not depend
        on it.

    leakage : {"auto", "cells", "scores", "space"}, default="auto"
        What the view is. With "cells", label space is cut into few cells, and the view
        is the centre of the row's cell, the same for all rows of the cell. At most the
        logarithm of the number of cells leaks, in bits. With "scores" it is the row's
        label coordinates with keyed noise, through a keyed homeomorphism. With "space"
        there is no view but a smooth homeomorphism of all of R^n, for tasks that are
        not known yet: it needs no `y`, and known pairs of rows and ciphertexts break
        it. "auto" takes cells. If they surely lose more than twice what `n_cells`
        tolerates, one standard error taken off, or `n_preserved` is an integer, it
        takes scores.

    n_cells : "auto" or int, default="auto"
        Greatest number of cells. "auto" takes the fewest with which cross-validation
        loses little against the best model on all features: 0.01 of balanced accuracy
        and of ROC AUC, or 0.02 of R2, one standard error included. Of 8,000 rows and
        more, some are left out, and cells must keep the label on these too.

    min_cell_size : int, default=10
        Least number of training rows in a cell.

    n_preserved : "auto" or int, default="auto"
        Number of label coordinates at "scores". "auto" takes the smallest with which
        cross-validated probes lose next to nothing, and needs `y`.
        Without `y`, an integer takes principal directions.

    max_preserved : int or None, default=None
        Most coordinates that "auto" takes, to cap the leak.

    linkage_noise : "auto" or float, default="auto"
        Standard deviation of the noise at "scores", in standard deviations within a
        class. More makes it harder to tell which record a ciphertext is, and costs
        accuracy. "auto" is 0.1, or the most that probes bear if that is less. It is not
        removed: decryption does not need the view.

    randomized : bool, default=False
        Whether two columns of fresh randomness are added to a ciphertext, so that equal
        rows have different ciphertexts (their views stay equal). Not at "space".

    target_type : {"auto", "discrete", "continuous"}, default="auto"
        Whether `y` holds classes or numbers. "auto" takes integers and whole floats
        for numbers if there are more than 20 different ones with fewer than 10 rows
        each on average, and fractions always.

    on_invalid : {"raise", "warn", "ignore"}, default="raise"
        What `inverse_transform` does about rows that are not ciphertexts of this
        encryptor: raise `InvalidCiphertextError`, warn, or nothing. In the last two
        cases they come out as random rows.

    key : SecretKey or None, default=None
        None draws a fresh key at every `fit`. Anything else is refused by `fit`, and
        shown nowhere.

    device : str or None, default=None
        None computes with NumPy, on BLAS's threads. A torch device ("cpu", "cuda",
        "cuda:1") computes there, "auto" on a GPU if there is one. Ciphertexts have the
        same bits on all of them. Tensors give tensors.

    batch_size : int or None, default=None
        Rows of a batch of `encrypt_batches` and `decrypt_batches`. None takes about 17
        million entries. Results do not depend on it.

    verbose : bool, default=False
        Whether `fit` prints in a line what was chosen and why.

    Attributes
    ----------
    key_ : SecretKey
        The key in use. Pickles of a fitted encryptor contain it.

    key_fingerprint_ : str
        Its fingerprint, safe to publish.

    leakage_ : {"cells", "scores", "space"}
        What is leaked.

    n_cells_ : int or None
        Number of cells; None without cells.

    leakage_bits_ : float
        Most bits that a row's ciphertexts tell about it; infinite without cells.

    linkage_noise_ : float
        Standard deviation of the noise; of several targets, the least one.

    n_preserved_ : int
        Number of preserved coordinates.

    preserved_variance_ratio_ : float
        Share of the training data's standardised variance that the preserved
        coordinates give away, without noise: the better of a linear and of a kernel
        reconstruction (leave-one-out); rows that repeat others count whole. Any
        attacker who knows pairs must be assumed to get it.

    probe_scores_ : list of ProbeScore
        Candidates for them and what probes learnt from each: a row for each finder and
        width, all features first; empty if nothing was probed.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    owner_ : str or None
        Owner of this encryptor, if `for_owner` made it.

    target_columns_ : list of tuple of int
        Where the columns of ciphertexts begin and end that carry the target of `fit`,
        and those of each target that `add_target` added. Empty at "space".

    See Also
    --------
    SecretKey : Keys, key files and key shares.
    views_of : The part of ciphertexts that models can learn from.
    TanhEncryptor : The published cipher, which is broken.

    Notes
    -----
    Rows are rounded to multiples of 2**-27 standard deviations, up to 8192 from the
    mean. From then on everything is exact integer arithmetic. So a row has the same
    ciphertext on every machine, and decryption gives it back to within half a step, at
    any depth. Columns that were whole numbers in `fit` come back whole. Ciphertexts are
    float64: storing them in float32 or with fewer than 17 digits makes them invalid.

    A ciphertext has at least 5 columns, and 2 more if `randomized`. All keys are
    derived from `key` and a digest of what was fitted: a fit on other rows, or on
    another machine, does not decrypt. Keep the fitted encryptor, and keep it as safe as
    the key (its pickle, or a cache that ``Pipeline(memory=...)`` writes, contains the
    key).

    A changed row decrypts to random integers, each of which is in range with a chance
    of 1/64: a random row of n columns passes with a chance of ``2 ** (-6 * n)``. Rows
    can still be left out, replayed or swapped as a whole, unless `context` binds them.

    Equal rows have equal ciphertexts unless `randomized`; `fit` warns if training rows
    repeat.

    References
    ----------
    .. [1] M. Naor, O. Reingold, "On the construction of pseudorandom permutations:
       Luby-Rackoff revisited", Journal of Cryptology 12(1), 1999.
    .. [2] V. Terziyan, D. Malyk, M. Golovianko, V. Branytskyi, "Encryption and
       Generation of Images for Privacy-Preserving Machine Learning in Smart
       Manufacturing", Procedia Computer Science 217, 2023,
       doi:10.1016/j.procs.2022.12.205.
    .. [3] L. Dinh, D. Krueger, Y. Bengio, "NICE: Non-linear Independent Components
       Estimation", 2015, arXiv:1410.8516.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
    >>> X, y = load_wine(return_X_y=True)
    >>> encryptor = HomeomorphicEncryptor(key=SecretKey.generate()).fit(X, y)
    >>> Z = encryptor.transform(X)
    >>> encryptor.leakage_, Z.shape
    ('cells', (178, 13))
    >>> bool(LogisticRegression().fit(Z, y).score(Z, y) > 0.95)
    True
    >>> bool(np.allclose(encryptor.inverse_transform(Z), X, rtol=1e-6))
    True
    """

    _parameter_constraints: dict = {
        "depth": [Interval(Integral, 1, MAX_DEPTH, closed="both")],
        "leakage": [StrOptions({"auto", "cells", "scores", "space"})],
        "n_cells": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "min_cell_size": [Interval(Integral, 1, None, closed="left")],
        "n_preserved": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_preserved": [Interval(Integral, 1, None, closed="left"), None],
        "linkage_noise": [
            StrOptions({"auto"}),
            Interval(Real, 0, 1e3, closed="both"),
        ],
        "randomized": ["boolean"],
        "target_type": [StrOptions({"auto", "discrete", "continuous"})],
        "on_invalid": [StrOptions({"raise", "warn", "ignore"})],
        "key": [SecretKey, None],
        "device": [str, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        depth=3,
        *,
        leakage="auto",
        n_cells="auto",
        min_cell_size=10,
        n_preserved="auto",
        max_preserved=None,
        linkage_noise="auto",
        randomized=False,
        target_type="auto",
        on_invalid="raise",
        key=None,
        device=None,
        batch_size=None,
        verbose=False,
    ):
        self.depth = depth
        self.leakage = leakage
        self.n_cells = n_cells
        self.min_cell_size = min_cell_size
        self.n_preserved = n_preserved
        self.max_preserved = max_preserved
        self.linkage_noise = linkage_noise
        self.randomized = randomized
        self.target_type = target_type
        self.on_invalid = on_invalid
        self.key = key
        self.device = device
        self.batch_size = batch_size
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn what the label needs, and derive the cipher from the key.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NumPy, pandas, polars or a torch tensor.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Classes or numbers. ``n_preserved="auto"`` needs it; an integer uses it
            if given; ``leakage="space"`` ignores it.

        Returns
        -------
        self : HomeomorphicEncryptor
        """
        X = to_numpy(X.detach()) if is_tensor(X) else X
        X = validate_numbers(self, X, ensure_min_samples=2)
        compute_device(self.device)
        with in_this_process():
            fitted = self._fit_state(X, y)
        self._take_fitted(fitted)
        warn_of_weaknesses(self)
        warn_of_data(self, X, self._cipher.lattice)
        return self

    @classmethod
    def from_summaries(cls, summaries, *, key=None, **parameters):
        """Fit an encryptor to several owners' rows, of which only sums are known.

        Parameters
        ----------
        summaries : list of Summary, or Summary
            Every owner's summary of the last round of a `SummaryPlan`, or their sum.
        key : SecretKey or None, default=None
            The key; None draws a fresh one.
        **parameters : dict
            Parameters of the estimator: ``depth``, ``min_cell_size``, ``randomized``,
            ``on_invalid``, ``device``, ``batch_size`` or ``verbose``. How many cells
            there are at most, and what the target is, the plan says.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted, with ``leakage="cells"``. Its ``preserved_variance_ratio_`` is NaN:
            no sum tells it.

        Raises
        ------
        ValueError
            If the summaries are not of the last round, or do not belong together; or
            if ``leakage`` is given and not "cells".

        Warns
        -----
        LossOfAccuracyWarning
            If no number of cells keeps what the best scores tell of the label.

        See Also
        --------
        SummaryPlan : The rounds, with an example.
        """
        if parameters.pop("leakage", "cells") != "cells":
            raise ValueError(
                'Sums over rows give leakage="cells" only. At "scores", models that '
                "learn from rows decide which coordinates are enough, forests and "
                "neighbours among them, and quantiles say how far these reach."
            )
        allowed = set(cls().get_params()) & _WITH_SUMMARIES
        if not set(parameters) <= allowed:
            raise TypeError(
                f"from_summaries takes the parameters {listed(sorted(allowed))}, got "
                f"{listed(sorted(set(parameters) - allowed))}."
            )
        encryptor = cls(leakage="cells", key=key, **parameters)
        encryptor._validate_params()
        compute_device(encryptor.device)
        fitted, plan = fit_summaries(
            summaries, encryptor.depth, encryptor.randomized, encryptor.min_cell_size
        )
        encryptor.n_cells = plan.n_cells
        encryptor.n_features_in_ = plan.n_features
        if plan.columns is not None:
            encryptor.feature_names_in_ = np.array(plan.columns, dtype=object)
        encryptor._take_fitted(fitted)
        encryptor._report_choice(fitted.choice)
        return encryptor

    def transform(self, X, context=None):
        """Encrypt rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`.
        context : bytes, default=None
            Name of what the rows belong to, say a file's name or a date. It is not
            stored, and decrypting needs the same. Not at ``leakage="space"``.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features_out), dtype float64
            Ciphertexts, of at least 5 columns.

        Raises
        ------
        ValueError
            If a value is missing or more than 8192 standard deviations from the mean;
            the message names row and column.
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        return self._encrypt(X, None, context)

    def inverse_transform(self, Z, context=None):
        """Decrypt rows.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features_out)
            Ciphertexts.
        context : bytes, default=None
            What `transform` was given.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), dtype float64
            A data frame, with the columns of `fit`, under ``set_output``.

        Raises
        ------
        InvalidCiphertextError
            If `on_invalid` is "raise" and rows are not ciphertexts of this
            encryptor: made with another key, fit or context, changed, rounded or
            synthetic.
        """
        check_is_fitted(self)
        rows = self._check_ciphertexts(Z)
        X = self._decrypt(rows, None, context)
        return X if is_tensor(X) else wrap_rows(X, Z, self._names_in(), self)

    def encrypt_into(self, X, out, context=None):
        """Encrypt rows into an array that exists: of another program, or on disk.

        Neither the rows nor the ciphertexts need to fit into memory, if both are
        memory-mapped.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records; may be memory-mapped.
        out : ndarray of shape (n_samples, n_features_out), dtype float64
            Such as ``numpy.lib.format.open_memmap`` makes. May be `X` itself, but not a
            shifted part of its memory. If a row raises an error, which says so, some
            ciphertexts have been written.
        context : bytes, default=None
            As in `transform`.

        Returns
        -------
        out : ndarray of shape (n_samples, n_features_out), dtype float64

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
        return self._encrypt(X, out, context)

    def decrypt_into(self, Z, out, context=None):
        """Decrypt rows into an array that exists.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features_out)
            Ciphertexts.
        out : ndarray of shape (n_samples, n_features), dtype float64
            May be `Z` itself. Written in full before invalid rows are reported.
        context : bytes, default=None
            As in `transform`.

        Returns
        -------
        out : ndarray of shape (n_samples, n_features), dtype float64
        """
        check_is_fitted(self)
        Z = self._check_ciphertexts(Z)
        return self._decrypt(Z, out, context)

    def encrypt_batches(self, X, context=None):
        """Encrypt rows batch by batch, as they are asked for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or iterable of array-likes
            Rows. An object with a shape is cut into batches of `batch_size` rows; any
            other must give batches.
        context : bytes, default=None
            As in `transform`.

        Yields
        ------
        Z : ndarray of shape (n_rows, n_features_out), dtype float64
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
        return (self.transform(rows, context) for rows in self._cut(X))

    def decrypt_batches(self, Z, context=None):
        """Decrypt rows batch by batch, as they are asked for.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features_out) or iterable of array-likes
            Ciphertexts. An object with a shape is cut into batches of `batch_size`
            rows; any other must give batches.
        context : bytes, default=None
            As in `transform`.

        Yields
        ------
        X : ndarray of shape (n_rows, n_features), dtype float64
            What `inverse_transform` returns for each batch.
        """
        check_is_fitted(self)
        return (self.inverse_transform(rows, context) for rows in self._cut(Z))

    def preserve(self, X):
        """Return the preserved coordinates of rows: not encrypted, without noise.

        Compare models on these with models on ciphertexts to tell the effect of the
        choice of coordinates from that of encryption. They are secret.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`.

        Returns
        -------
        S : ndarray of shape (n_samples, n_preserved_), dtype float64
            In standard deviations within a class.
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        with self._naming_rows():
            found = self._cipher_for(X).preserve(_as_array(X))
        return _like(X, found)

    def certificate(self, X=None, y=None, *, n_fits=1, n_repeats=1):
        """State what is claimed of this encryptor, in numbers.

        Bounds of confidentiality and integrity, and what the view leaks. With candidate
        rows also how often ciphertexts of theirs can be linked to them, by an attacker
        who knows all of them and the view: computed for cells, simulated for scores.

        Parameters
        ----------
        X : array-like of shape (n_candidates, n_features), default=None
            Candidates, with the columns of `fit`.
        y : array-like of shape (n_candidates,), default=None
            Their classes, for the rate of linking by the label alone. Or numbers, for
            what they tell of the rows, and what predictions of them cannot but tell.
        n_fits : int, default=1
            Encryptors that were fitted to the same rows, all of whose ciphertexts are
            taken to be known: their cells multiply.
        n_repeats : int, default=1
            Ciphertexts of each row, or of rows like it, under different keys: noise at
            "scores" is averaged away, and cells tell no more.

        Returns
        -------
        certificate : Certificate
            With attributes, a text (``print(certificate)``) and HTML.

        Notes
        -----
        The mathematics page of the documentation proves the bounds.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=4).fit(X, y)
        >>> certificate = encryptor.certificate(X)
        >>> certificate.leakage_bits <= 2, certificate.linking.one_target <= 4 / 569
        (True, True)
        """
        check_is_fitted(self)
        n_fits = check_count(n_fits, "n_fits")
        n_repeats = check_count(n_repeats, "n_repeats")
        if X is not None:
            X = np.asarray(_as_array(self._check_rows(X)), dtype=np.float64)
        return certify(self, X, y, n_fits, n_repeats)

    def for_owner(self, name):
        """Make the encryptor of one of several owners of rows.

        All owners' encryptors have one view in common, so that one model serves all of
        them, and keys of their own for everything else: none decrypts another's rows.
        Only who holds this encryptor's key can derive theirs and decrypts all.

        Parameters
        ----------
        name : str
            Any text; the same name gives the same encryptor.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted, under ``key_.for_owner(name)``. Give the owner its file (`save`) and
            that key. Neither tells this encryptor's key, nor other owners' keys.

        Raises
        ------
        ValueError
            At ``leakage="space"``, where there is nothing but the view.

        See Also
        --------
        SecretKey.for_owner : The owner's key alone.
        rekey : Another key of the owner's own making, which nobody else can derive.

        Notes
        -----
        An owner who sees another's ciphertexts, because the service hands them out,
        reads their views as he reads his own. At "cells" that is the cell of every row.
        At "scores" it is the row's coordinates with noise, for which each owner has a
        key of his own. He learns nothing about the residues. The certificate's rates of
        linking are for attackers who know the map, so they hold for him too.

        Cloning an owner's encryptor and fitting it again gives a view of its own.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError
        >>> X, y = load_wine(return_X_y=True)
        >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
        >>> north, south = map(encryptor.for_owner, ["north", "south"])
        >>> try:
        ...     south.inverse_transform(north.transform(X))
        ... except InvalidCiphertextError:
        ...     print("not of this owner")
        not of this owner
        """
        check_is_fitted(self)
        self._refuse_space("for_owner", "owners cannot have keys of their own")
        key = self.key_.for_owner(name)
        owned = self._with_keys(key, self._keys.for_owner(key, self._state))
        owned.owner_ = name
        return owned

    def first_holder(self):
        """Make the encryptor of the holder of the first lock, who has no other.

        It sets and opens that lock alone. The holders of the others set theirs on its
        ciphertexts, in their order, with `lock_file`, and open them with `unlock_file`,
        the last one first; their keys are ``key_.for_lock(1)`` and so on. With all
        locks set, ciphertexts are those of this encryptor.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted, under ``key_.for_lock(0)``. Its file holds the view's keys and that
            of the first lock. Models can be trained on its ciphertexts as well.

        Raises
        ------
        ValueError
            At ``leakage="space"``, which has no such locks.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> X, y = load_wine(return_X_y=True)
        >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
        >>> first = encryptor.first_holder()
        >>> first.key_ == encryptor.key_.for_lock(0)
        True
        """
        check_is_fitted(self)
        self._refuse_space("first_holder", "nobody can hold a lock of it")
        return self._with_keys(
            SecretKey.from_bytes(self._keys.locks[0]), self._keys.for_first_holder()
        )

    def rekey(self, new_key=None, *, keep_view=True):
        """Make an encryptor with the same view under another key.

        Ciphertexts of this one become the other's by `reencrypt`.

        Parameters
        ----------
        new_key : SecretKey, default=None
            None draws one.
        keep_view : bool, default=True
            Whether rows keep their views, so that models remain valid. Otherwise the
            same cells, or coordinates, go through another keyed map with other noise.
            An attacker who has ciphertexts of the same rows from before and after can
            match them by equal views, if these are kept.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted. The sub-keys of a view that is kept are in it and in its files.

        Raises
        ------
        TypeError
            If `new_key` is another thing, which is not shown.
        ValueError
            At ``leakage="space"`` with `keep_view`: the view is the whole ciphertext.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
        >>> X, y = load_wine(return_X_y=True)
        >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
        >>> renewed = encryptor.rekey(SecretKey.generate())
        >>> renewed.key_ == encryptor.key_
        False
        >>> renewed.leakage_bits_ == encryptor.leakage_bits_
        True
        """
        check_is_fitted(self)
        key = SecretKey.generate() if new_key is None else new_key
        if not isinstance(key, SecretKey):
            raise TypeError(
                f"new_key must be a SecretKey or None, got {type(key).__name__}"
            )
        keys = cipher_keys(self._state, key)
        if keep_view:
            self._refuse_space("rekey", "set keep_view=False")
            keys = keys.with_views(self._keys.views)
        return self._with_keys(key, keys)

    def add_target(self, X, y):
        """Make an encryptor whose view carries one more target.

        Its ciphertexts have more columns. The first ones carry the views that they
        carry here, bit for bit, so that models of these columns remain valid. The new
        ones carry what tells the new target: cells if these are cells, and found as in
        `fit`. `reencrypt` turns ciphertexts of this encryptor into the other's.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Records, with the columns of `fit`, within its range; others than those of
            `fit` will do.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The new target.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted, under the same key. Keep this one for ciphertexts that are not
            re-encrypted. ``target_columns_`` says which columns are whose.

        Raises
        ------
        ValueError
            At ``leakage="space"``, which preserves all there is; or if rows or labels
            are not as in `fit`.

        Warns
        -----
        LeakageWarning
            If cells of all targets together hold fewer than `min_cell_size` rows.

        See Also
        --------
        certificate : What leaks, before and after: bits of the targets add up.

        Notes
        -----
        Owners' encryptors are made after a target was added: one that an owner adds has
        a map that other owners do not have.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_homeo import HomeomorphicEncryptor, reencrypt, views_of
        >>> X = np.random.default_rng(0).normal(size=(400, 6))
        >>> old = HomeomorphicEncryptor(leakage="cells", n_cells=4).fit(X, X[:, 0] > 0)
        >>> Z = old.transform(X)
        >>> new = old.add_target(X, X[:, 1] > 0)
        >>> new.target_columns_, new.leakage_bits_
        ([(0, 6), (6, 12)], 3.0)
        >>> Z_new = reencrypt(Z, old, new)
        >>> bool((views_of(Z_new)[:, :6] == views_of(Z)).all())
        True
        """
        check_is_fitted(self)
        self._refuse_space("add_target", "fit again, to what all targets need")
        X = validate_numbers(
            self, _as_array(X), reset=False, ensure_min_samples=2, dtype=np.float64
        )
        lattice = self._cipher.lattice
        with self._naming_rows():
            lattice.round(X, Workspace())
        target = check_target(X, y, self.target_type)
        fit = self._fit_cells if self.leakage_ == "cells" else self._fit_scores
        with in_this_process():
            fitted = fit(lattice, X, target)
        return widened(self, X, fitted)

    def save(self, path):
        """Write the fitted encryptor to a new file, sealed under its key.

        Its parameters and what it learnt, without the key. Only its owner can read the
        file (mode 0600). It is not a pickle.

        Parameters
        ----------
        path : str or path-like
            Where to write; nothing may be there.

        Raises
        ------
        FileExistsError
            If anything is at `path`.

        Examples
        --------
        >>> import os, tempfile
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
        >>> X, y = load_wine(return_X_y=True)
        >>> key = SecretKey.generate()
        >>> encryptor = HomeomorphicEncryptor(leakage="space", key=key).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "encryptor.sealed")
        ...     encryptor.save(path)
        ...     loaded = HomeomorphicEncryptor.load(path, key)
        >>> bool((loaded.transform(X) == encryptor.transform(X)).all())
        True
        """
        check_is_fitted(self)
        save_sealed(path, encryptor_tree(self), _KIND, self.key_)

    @classmethod
    def load(cls, path, key):
        """Read the encryptor that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Where the file is.
        key : SecretKey
            The encryptor's key.

        Returns
        -------
        encryptor : HomeomorphicEncryptor
            Fitted; its ``device`` is None.

        Raises
        ------
        SealedFileError
            If it is not a sealed file, holds something else, was changed, or is of
            another key or a newer version.
        """
        return restore_encryptor(cls(), open_sealed(path, _KIND, key), key)

    def _fit_state(self, X, y):
        if self.leakage == "space":
            if self.randomized:
                raise ValueError(
                    'randomized=True has no place at leakage="space": there is nothing '
                    "but the smooth map of the row. Set one of them otherwise."
                )
            return fit_space_state(X, self.depth)
        if y is None and self.n_preserved == "auto":
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                'but the target y is None: n_preserved="auto" finds the directions '
                "that carry the label. Pass y, or set n_preserved to an integer or "
                'leakage to "space".'
            )
        target = None if y is None else check_target(X, y, self.target_type)
        lattice = Lattice.from_data(X, self.randomized)
        if self.leakage == "cells" or self._may_take_cells():
            fitted = self._fit_cells(lattice, X, target)
            if self.leakage == "cells" or fitted.choice.is_nearly_enough:
                return fitted
            warn_of_leakage(fitted.choice)
        return self._fit_scores(lattice, X, target)

    def _fit_scores(self, lattice, X, target):
        return fit_scores_state(
            lattice,
            X,
            target,
            self.depth,
            self.linkage_noise,
            n_preserved=self.n_preserved,
            max_preserved=self.max_preserved,
            verbose=self.verbose,
        )

    def _fit_cells(self, lattice, X, target):
        if target is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                'the target y is None: leakage="cells" cuts cells that tell the label.'
            )
        fitted = fit_cells_state(
            lattice, X, target, self.depth, self.n_cells, self.min_cell_size
        )
        self._report_choice(fitted.choice)
        return fitted

    def _report_choice(self, choice):
        kept = self.leakage == "cells" or choice.is_nearly_enough
        if kept and not choice.is_enough:
            warn_of_lost_accuracy(choice)
        if self.verbose:
            print(choice)

    def _may_take_cells(self):
        """Whether "auto" is free to; a number of coordinates asks for scores."""
        return self.leakage == "auto" and self.n_preserved == "auto"

    def _take_fitted(self, fitted):
        """Take what was learnt into use, under the key or a fresh one."""
        key = SecretKey.generate() if self.key is None else self.key
        self._start(fitted.state, key, cipher_keys(fitted.state, key))
        self.owner_ = None
        self.n_cells_ = fitted.n_cells
        self.leakage_bits_ = fitted.leakage_bits
        self.n_preserved_ = fitted.n_preserved
        self.linkage_noise_ = fitted.linkage_noise
        self.preserved_variance_ratio_ = fitted.preserved_variance_ratio
        self.probe_scores_ = fitted.probe_scores

    def _start(self, state, key, keys):
        """Take a fitted state, a key and the sub-keys of the cipher into use."""
        self._state = state
        self._keys = keys
        self._cipher = build_cipher(state, key, keys)
        self._n_features_out = self._cipher.width
        self.key_ = key
        self.key_fingerprint_ = key.fingerprint
        parts = [] if state["view"] is None else parts_of(state["view"])
        self.leakage_ = parts[0]["kind"] if parts else "space"
        ends = np.cumsum([0, *(part["width"] for part in parts)]).tolist()
        self.target_columns_ = [*pairwise(ends)]

    def _with_keys(self, key, keys):
        """A copy of this fitted encryptor that has other keys."""
        other = copy(self)
        other.key = key
        other._start(self._state, key, keys)
        return other

    def _refuse_space(self, name, instead):
        if self.leakage_ == "space":
            raise ValueError(
                f'{name} keeps the view, and at leakage="space" the view is the whole '
                f"ciphertext: {instead}."
            )

    def _encrypt(self, X, out, context):
        cipher = self._cipher_for(X)
        X, out, result = prepared(X, out, cipher.width)
        with self._naming_rows():
            cipher.encrypt(X, out, _checked_context(context))
        return result

    def _decrypt(self, Z, out, context):
        cipher = self._cipher_for(Z)
        Z, out, result = prepared(Z, out, cipher.n_features)
        valid = cipher.decrypt(Z, out, _checked_context(context))
        self._report_invalid(np.flatnonzero(~valid), len(valid))
        return result

    def _cipher_for(self, rows):
        """The cipher where rows are to be worked on."""
        device = rows.device if is_tensor(rows) else compute_device(self.device)
        return cipher_on(self._cipher, device)

    @contextmanager
    def _naming_rows(self):
        """Turn the cipher's error about a row into one in the estimator's words."""
        try:
            yield
            return
        except RowOutOfRange as error:
            found = error
        where = f"Row {found.row} of X {found.reason}"
        names = getattr(self, "feature_names_in_", None)
        if found.column is not None:
            where += f" in column {column_name(found.column, names)}"
        raise ValueError(
            f"{where}. Fill missing values and clip outliers before, or leave the row "
            f"out. The rows before row {found.n_done} were done, later ones perhaps."
        ) from None

    def _check_rows(self, X):
        # The cipher looks for NaN in each piece when it is in the cache.
        if is_tensor(X):
            return check_tensor(X, self.n_features_in_, "X")
        return validate_numbers(
            self, X, dtype=_NUMBERS, ensure_finite=False, reset=False
        )

    def _check_ciphertexts(self, Z):
        if is_tensor(Z):
            return check_tensor(Z, self._n_features_out, "Z")
        if hasattr(Z, "columns"):
            self._check_names_out(list(Z.columns))
        Z = as_float_rows(Z, "Z", type(self).__name__)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {Z.shape[1]} features, but this {type(self).__name__} gives "
                f"ciphertexts of {self._n_features_out} features."
            )
        if len(Z) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={Z.shape}) while a minimum of 1 "
                f"is required by {type(self).__name__}."
            )
        return Z

    def _check_names_out(self, names):
        expected = list(self.get_feature_names_out())
        if names != expected and sorted(map(str, names)) == sorted(expected):
            raise ValueError(
                "The columns of Z are those of ciphertexts, but in another order, and "
                "a ciphertext needs all of them in their places. Put them back, as in "
                "Z[encryptor.get_feature_names_out()]."
            )

    def _names_in(self):
        names = [f"x{i}" for i in range(self.n_features_in_)]
        return np.asarray(getattr(self, "feature_names_in_", names), dtype=object)

    def _cut(self, rows):
        if not hasattr(rows, "shape"):
            return rows
        size = self.batch_size
        if size is None:
            size = max(1, BATCH_ENTRIES // self.n_features_in_)
        return (rows[batch] for batch in gen_batches(len(rows), size))

    def _report_invalid(self, rows, n_samples):
        if len(rows) == 0 or self.on_invalid == "ignore":
            return
        message = self._invalid_message(rows, n_samples) + (
            ' Set on_invalid="warn" or "ignore" to get random rows in their places.'
        )
        # A misspelt setting, which may come after fit, must not let them pass.
        if self.on_invalid != "warn":
            raise InvalidCiphertextError(message, rows)
        warn(message)

    def _invalid_message(self, rows, n_samples):
        return (
            f"{len(rows)} of {n_samples} rows are not ciphertexts of this encryptor "
            f"(key {self.key_fingerprint_}): rows {listed(rows)}. They were made "
            "with another key, fit or context, changed, rounded (float32, few digits) "
            "or synthetic."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = (
            self.leakage != "space" and self.n_preserved == "auto"
        )
        tags.target_tags.multi_output = True
        tags.non_deterministic = self.key is None or self.randomized is True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def prepared(rows, out, width):
    """What to read from and to write to, and what is to be returned in the end.

    Tensors that are on the CPU are taken as the arrays that they share memory with.
    """
    shape = (len(rows), width)
    if out is None:
        out = _room(rows, shape)
    else:
        check_out(out, shape)
    source, target = _as_array(rows), _as_array(out)
    check_separate(source, target)
    return source, target, out


def _as_array(rows):
    """An array instead of a tensor, if it is on the CPU."""
    if not is_tensor(rows) or rows.device.type != "cpu":
        return rows
    return rows.detach().double().numpy()


def _room(rows, shape):
    """Memory for numbers, as a tensor in the place of ``rows`` if these are one."""
    if not is_tensor(rows):
        return np.empty(shape)
    import torch

    return rows.new_empty(shape, dtype=torch.float64)


def _like(rows, array):
    """The array, as a tensor in the place of ``rows`` if these are one."""
    if not is_tensor(rows):
        return array
    import torch

    return torch.from_numpy(array).to(rows.device)


def _checked_context(context):
    if not isinstance(context, bytes | None):
        raise TypeError(f"context must be bytes or None, got {type(context).__name__}.")
    return context
