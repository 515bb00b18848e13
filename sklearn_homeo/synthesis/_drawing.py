"""From a synthesizer's parameters to a density, and from a density to rows."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from sklearn_homeo._utils.messages import check_count
from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import wrap_output
from sklearn_homeo.ciphers.packing import is_packed, views_of
from sklearn_homeo.privacy.box import make_box
from sklearn_homeo.synthesis._labels import requested_counts
from sklearn_homeo.synthesis._limits import find_limits
from sklearn_homeo.synthesis._views import with_fresh_residues
from sklearn_homeo.synthesis.densities import fit_density
from sklearn_homeo.synthesis.densities.categorical import fit_categories
from sklearn_homeo.synthesis.densities.distance import fit_exclusion
from sklearn_homeo.synthesis.densities.private_gaussian import (
    fit_private_gaussians,
    plan_gaussians,
    private_normal,
)

__all__ = ["Drawer", "DrawingMixin", "check_privacy", "fit_drawer"]

# Of random numbers, so that one seed serves both and neither repeats the other.
_FIT, _DRAW = 0, 1

# Entries drawn at a time: 1 MiB of float64 stays in a processor's cache.
_CHUNK_ENTRIES = 2**17


class Drawer:
    """Draws rows of a density, away from real ones if there is an exclusion.

    Parameters
    ----------
    density : object
        With ``sample(code, n, rng)``.
    n_features : int
    limits : Limits or None
    exclusion : Exclusion or None
    encrypted : bool
        Whether the density is one of views, which become ciphertexts.
    verbose : int

    Attributes
    ----------
    n_redrawn : int
        Rows that were rejected since the last `draw` or `batches` began.
    """

    def __init__(self, density, n_features, limits, exclusion, encrypted, verbose):
        self.density = density
        self.n_redrawn = 0
        self._n_features = n_features
        self._limits = limits
        self._exclusion = exclusion
        self._encrypted = encrypted
        self._verbose = verbose

    def draw(self, counts, rng):
        """Rows (n_samples, n_features), ``counts[code]`` of each class in order."""
        rows = np.empty((int(np.sum(counts)), self._n_features))
        size = max(1, _CHUNK_ENTRIES // self._n_features)
        start = 0
        for _, piece in self.batches(counts, size, rng):
            rows[start : start + len(piece)] = piece
            start += len(piece)
        return rows

    def batches(self, counts, batch_size, rng):
        """Yield class codes and rows, at most `batch_size` at a time."""
        self.n_redrawn = 0
        with tqdm(
            total=int(np.sum(counts)), unit="row", disable=not self._verbose
        ) as bar:
            for code, count in enumerate(counts):
                for start in range(0, int(count), batch_size):
                    n = min(batch_size, int(count) - start)
                    yield code, self._draw_class(code, n, rng)
                    bar.update(n)

    def _draw_class(self, code, n, rng):
        def sample(n):
            rows = self.density.sample(code, n, rng)
            return rows if self._limits is None else self._limits.keep(rows)

        if self._encrypted:
            return with_fresh_residues(sample(n), rng)
        if self._exclusion is None:
            return sample(n)
        rows, n_redrawn = self._exclusion.draw(sample, n)
        self.n_redrawn += n_redrawn
        return rows


class DrawingMixin:
    """Draws rows with labels from a fitted `_drawer`."""

    def sample(self, n_samples, *, random_state=None):
        """Draw synthetic rows.

        Parameters
        ----------
        n_samples : dict or int
            Rows by label; classes that are not named get none. A number is shared
            out in the proportions of the classes seen during `fit`.

        random_state : int, RandomState instance or None, default=None
            None takes that of the synthesizer.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), dtype float64
            Rows, grouped by class in the order of `classes_`. A data frame if
            `set_output` asks for one.

        y : ndarray of shape (n_samples,)
            Their labels, of the type seen during `fit`.

        Raises
        ------
        ValueError
            If a label is unknown, a number is negative or no integer, or
            `min_distance` leaves no room for synthetic rows.
        """
        counts = self._requested(n_samples)
        return self._with_labels(self._draw(counts, random_state), counts)

    def sample_batches(self, n_samples, *, batch_size=10_000, random_state=None):
        """Draw synthetic rows piece by piece, in little memory.

        Parameters
        ----------
        n_samples : dict or int
            As in `sample`.

        batch_size : int, default=10_000
            Most rows at a time.

        random_state : int, RandomState instance or None, default=None
            As in `sample`. The rows depend on `batch_size` as well.

        Returns
        -------
        batches : iterator of tuple (X, y)
            X of shape (n_rows, n_features), dtype float64, rows of one class; y of
            shape (n_rows,).

        Raises
        ------
        ValueError
            As `sample`.
        """
        counts = self._requested(n_samples)
        batch_size = check_count(batch_size, "batch_size")
        pieces = self._drawer.batches(
            counts, batch_size, self._draw_generator(random_state)
        )
        return ((rows, np.repeat(self.classes_[[c]], len(rows))) for c, rows in pieces)

    def _requested(self, n_samples):
        check_is_fitted(self)
        return requested_counts(
            n_samples, self.classes_, self.class_counts_, "n_samples"
        )

    def _draw(self, counts, random_state=None):
        rows = self._drawer.draw(counts, self._draw_generator(random_state))
        self.n_redrawn_ = self._drawer.n_redrawn
        return rows

    def _with_labels(self, rows, counts):
        X = wrap_output("transform", rows, rows, self)
        return X, np.repeat(self.classes_, counts)

    def _fit_generator(self):
        return _make_generator(self.random_state, _FIT)

    def _draw_generator(self, random_state):
        given = self.random_state if random_state is None else random_state
        return _make_generator(given, _DRAW)


def fit_drawer(params, X, codes, ledger, rng):
    """Fit what a synthesizer draws from.

    Parameters
    ----------
    params : ClassConditionalSynthesizer
        Synthesizer whose parameters to follow.
    X : ndarray of shape (n_samples, n_features), dtype float64
        Rows to learn; of ciphertexts, only the views are learnt.
    codes : ndarray of shape (n_samples,), dtype int
    ledger : PrivacyLedger or None
    rng : Generator

    Returns
    -------
    drawer : Drawer
    """
    exclusion, density = None, None
    encrypted = is_packed(X)
    limits = find_limits(params.bounds, X, ledger is not None)
    if encrypted:
        if params.min_distance is not None:
            raise ValueError(
                f"min_distance={params.min_distance!r} has no meaning for ciphertexts: "
                "their residues are drawn afresh, so that no synthetic row is near a "
                "real one. Set min_distance=None."
            )
        X = views_of(X)
        if ledger is None:
            density = fit_categories(X, codes)
    if ledger is not None:
        density = _fit_private(params, X, codes, ledger, rng)
    elif density is None:
        density = fit_density(
            params.method,
            X,
            codes,
            rng,
            n_components=params.n_components,
            max_epochs=params.max_epochs,
            device=params.device,
            verbose=params.verbose,
        )
        if params.min_distance is not None:
            exclusion = fit_exclusion(X, params.min_distance)
    return Drawer(density, X.shape[1], limits, exclusion, encrypted, params.verbose)


def _fit_private(params, X, codes, ledger, rng):
    if params.verbose:
        print(ledger)
    box = make_box(params.bounds, X.shape[1])
    if params.method == "vae":
        # Loads torch, which the Gaussians do without.
        from sklearn_homeo.synthesis.densities.private_vae import (
            DEFAULT_EPOCHS,
            fit_private_autoencoder,
        )

        return fit_private_autoencoder(
            X,
            codes,
            ledger,
            box,
            rng,
            max_epochs=params.max_epochs or DEFAULT_EPOCHS,
            device=params.device,
            verbose=params.verbose,
            seeded=params.random_state is not None,
        )
    max_norm = params.max_norm
    if max_norm is None:
        max_norm = np.sqrt(X.shape[1]) / 4
    normal = private_normal(None if params.random_state is None else rng)
    return fit_private_gaussians(X, codes, ledger, box, max_norm, normal)


def check_privacy(params):
    """Plan a synthesizer's privacy, or raise ValueError on a contradiction."""
    if params.epsilon is None:
        return None
    if params.method not in ("gaussian", "vae"):
        raise ValueError(
            f'epsilon needs method="gaussian" or "vae", got {params.method!r}, for '
            "which no differential privacy is implemented."
        )
    if params.min_distance is not None:
        raise ValueError(
            f"epsilon needs min_distance=None, got {params.min_distance!r}: private "
            "rows must not be compared with real ones afterwards."
        )
    if params.bounds is None or isinstance(params.bounds, str):
        raise ValueError(
            "epsilon needs bounds=(low, high) that are known without looking at the "
            "rows: limits taken from the data would not be private."
        )
    if params.method == "gaussian":
        return plan_gaussians(params.epsilon, params.delta)
    if params.max_norm is not None:
        raise ValueError(
            f'method="vae" clips gradients, not rows: it needs max_norm=None, got '
            f"{params.max_norm!r}."
        )
    from sklearn_homeo.synthesis.densities.private_vae import plan_training

    return plan_training(params.epsilon, params.delta)


def _make_generator(random_state, purpose):
    """Generator that leaves NumPy's global state alone."""
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, Integral) and random_state >= 0:
        return np.random.default_rng([int(random_state), purpose])
    return np.random.default_rng(make_random_state(random_state).randint(2**31, size=8))
