"""The label subspace: what models need of the rows, and as little else as possible."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.encryption.label_space.coordinates import scaled_directions
from sklearn_homeo.encryption.label_space.finders import Found
from sklearn_homeo.encryption.label_space.leak import explained_variance_ratio
from sklearn_homeo.encryption.label_space.low_bits import warn_of_low_bits
from sklearn_homeo.encryption.label_space.probes import (
    QUICK_PROBES,
    features_for,
    probe_rows,
)
from sklearn_homeo.encryption.label_space.sample import (
    LeadingAxes,
    Sample,
    balanced_rows,
)
from sklearn_homeo.encryption.label_space.search import (
    ALL_FEATURES,
    NOISES,
    PATIENCE,
    Candidate,
    Search,
    found_by,
)
from sklearn_homeo.exceptions import LossOfAccuracyWarning

__all__ = ["LabelSpace", "find_label_space"]

# Rows to choose with, rows to find the chosen directions in, and rows to tell what they
# give away: however many there are, `fit` takes no longer.
PROBE_ROWS = 5000
FINDING_ROWS = 10_000
LEAK_ROWS = 5000
# Of so many rows and more, a part is left out, on which directions are proved; and how
# many others are tried where they fail.
FEWEST_PROVED_ROWS, HELD_OUT_PARTS, MOST_FRESH_ROWS, MOST_PROOFS = 8000, 4, 4000, 4
PRINCIPAL = "principal"
# Beyond this many columns principal directions are found by random projections.
DENSE_COLUMNS = 4096


@dataclass(frozen=True)
class LabelSpace:
    """Directions that carry the label, and how they were chosen.

    Parameters
    ----------
    directions : ndarray of shape (n, n_preserved), dtype float64
        Label coordinates of standardised rows ``X`` are ``X @ directions``. Each has
        unit spread within classes (numbers: unit variance).
    by_column : ndarray of shape (n_preserved,), dtype bool
        Coordinates that are columns as they are: trees need them so. Others may be
        rotated.
    finder : str
        What found the directions.
    leak : float
        Share of the rows' standardised variance that the coordinates give away.
    noise : float
        Most noise, up to 0.1, that costs no more than half the tolerance.
    probe_scores : list of ProbeScore
        All features first, then whatever was tried. Empty if nothing was probed.
    """

    directions: np.ndarray
    by_column: np.ndarray
    finder: str
    leak: float
    noise: float
    probe_scores: list

    @property
    def n_preserved(self):
        """Number of directions."""
        return self.directions.shape[1]


def find_label_space(
    units, target, *, n_preserved="auto", max_preserved=None, verbose=False
):
    """Directions or columns that every model needs, and no more.

    Candidates are the directions of all finders and of their unions, at all widths.
    Probes of five kinds learn from them on some rows, on which alone they were
    found, and are scored on others by balanced accuracy and ROC AUC, or by R2. Those
    that lose no more than the tolerance (one point, or .02 of R2) against the best
    probe on all features are good enough; one standard error is added to the loss. The
    one of these that leaks least is taken.

    Parameters
    ----------
    units : ndarray of shape (n_samples, n), dtype float64
        Standardised rows; constant columns are zero.
    target : Target or None
        None takes principal directions, and as many as ``n_preserved`` says.
    n_preserved : "auto" or int, default="auto"
        An integer takes that many, of the finder that leaks least or else loses least.
    max_preserved : int or None, default=None
        Most directions of "auto".
    verbose : bool, default=False
        Whether to print what was chosen, in a line.

    Returns
    -------
    space : LabelSpace

    Raises
    ------
    ValueError
        If there is no target for "auto", or `n_preserved` is more than ``n``.

    Warns
    -----
    LossOfAccuracyWarning
        If the directions tell less than all features by more than the tolerance, or
        if trees lose as much by the low bits of columns that hold few values.

    Notes
    -----
    What no probe sees on all features cannot be missed: the parity of three or more
    columns is such a label.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption.label_space.subspace import find_label_space
    >>> from sklearn_homeo.encryption.label_space.target import Target
    >>> X = np.random.default_rng(0).normal(size=(1000, 8))
    >>> target = Target.from_labels(X[:, 2] * X[:, 5] > 0, False)
    >>> space = find_label_space(X, target)
    >>> np.flatnonzero(space.directions.any(axis=1))
    array([2, 5])
    """
    n = units.shape[1]
    _check_width(n, target, n_preserved, max_preserved)
    # Trees on few rows are slower in many threads too.
    with (
        single_threaded_blas() as n_threads,
        threadpool_limits(1, "openmp"),
        # Thousands of trees would look at their settings, which are the same.
        config_context(skip_parameter_validation=True, assume_finite=True),
    ):
        if target is None:
            return _principal_space(units, n_preserved)
        if n_preserved == n or n == 1:
            sample = _sample(units, target, FINDING_ROWS)
            space = _space(units, sample, Candidate(ALL_FEATURES, n))
            warn_of_low_bits(sample, sample.X, space.by_column)
            return space
        if _has_too_few_rows(units, target):
            width = target.n_directions(n) if n_preserved == "auto" else n_preserved
            width = min(width, max_preserved or n)
            sample = _sample(units, target, FINDING_ROWS)
            return _space(units, sample, Candidate("linear", width))
        sample = _sample(units, target, PROBE_ROWS)
        search = Search(sample, max_preserved or n, n_threads)
        with warnings.catch_warnings():
            # Linear probes that need more rounds are good ones all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if n_preserved == "auto":
                chosen = search.choose()
            else:
                chosen = search.choose_finder(n_preserved)
            proof = _Proof(units, target, search)
            if n_preserved == "auto":
                chosen = proof.best(chosen)
            noise = search.most_noise(chosen)
        if len(sample.X) == PROBE_ROWS:
            sample = _sample(units, target, FINDING_ROWS)
        space = _space(units, sample, chosen, noise, search.probe_scores(chosen))
        _report(proof.worst_metric(chosen), chosen, space, verbose)
        warn_of_low_bits(sample, sample.X @ space.directions, space.by_column)
        return space


def _check_width(n, target, n_preserved, max_preserved):
    if n_preserved == "auto":
        if target is None:
            raise ValueError('n_preserved="auto" needs y; pass y or an integer.')
    elif n_preserved > n:
        raise ValueError(
            f"n_preserved={n_preserved} is more than the {n} features. Set a smaller "
            "one."
        )
    elif max_preserved is not None and n_preserved > max_preserved:
        raise ValueError(
            f"n_preserved={n_preserved} is more than max_preserved={max_preserved}."
        )


def _principal_space(units, k):
    """Principal directions, with their relative sizes and unit variance on average."""
    n_samples, n = units.shape
    if n <= DENSE_COLUMNS:
        vectors = eigh(units.T @ units / n_samples, subset_by_index=[n - k, n - 1])[1]
        vectors = vectors[:, ::-1]
    else:
        vectors = randomized_svd(units, k, random_state=0)[2].T
    found = Found(vectors, np.zeros(vectors.shape[1], dtype=bool)).turned()
    size = np.sqrt(np.mean((units @ found.vectors) ** 2))
    return _label_space(units, found.vectors / (size or 1.0), found, PRINCIPAL)


def _sample(units, target, most):
    rows = balanced_rows(target, most)
    if len(rows) == 0 or (np.ptp(target.outputs[rows], axis=0) == 0).all():
        # All classes but one are rare.
        rows = np.arange(len(units))[:most]
    X = units[rows]
    return Sample(X, LeadingAxes.from_rows(X), target.take(rows).recoded())


def _has_too_few_rows(units, target):
    """Whether too little is left to probe with."""
    return target.take(target.common_rows()).is_trivial() or not units.any()


def _space(units, sample, chosen, noise=NOISES[0], scores=()):
    """The chosen directions, found in a sample of the rows."""
    found = found_by(chosen, sample)
    if not found.by_column.size:
        # Nothing varies; what comes later may.
        found = Found(np.eye(units.shape[1], 1), np.ones(1, dtype=bool))
    directions = scaled_directions(sample.X, sample.target, found)
    return _label_space(units, directions, found, chosen.finder, noise, scores)


def _label_space(units, directions, found, finder, noise=NOISES[0], scores=()):
    some = units[:: -(-len(units) // LEAK_ROWS)]
    leak = explained_variance_ratio(some @ directions, some)
    return LabelSpace(directions, found.by_column, finder, leak, noise, list(scores))


class _Proof:
    """Whether directions keep the label on rows that nothing was found in.

    Models that learn from more rows than the probes of the search may see more in them.
    Without enough such rows, what the search found holds.
    """

    def __init__(self, units, target, search):
        self.search = search
        self.is_possible = len(units) >= FEWEST_PROVED_ROWS
        if not self.is_possible:
            return
        # Rare classes must not be in one part alone.
        folds = StratifiedKFold(HELD_OUT_PARTS, shuffle=True, random_state=0)
        parts = next(folds.split(units, target.strata()))
        rows, fresh = (
            part[balanced_rows(target.take(part), most)]
            for part, most in zip(parts, (FINDING_ROWS, MOST_FRESH_ROWS), strict=True)
        )
        both = np.concatenate([rows, fresh])
        X, target = units[both], target.take(both).recoded()
        known = slice(0, len(rows))
        self.known = Sample(
            X[known], LeadingAxes.from_rows(X[known]), target.take(known)
        )
        self.X, self.target = X, target
        self.split = np.arange(len(rows)), np.arange(len(rows), len(both))
        self._scores = {}

    def best(self, chosen):
        """The first that proves itself, of the chosen and of what leaks more."""
        if not self.is_possible or not self.search.told.any():
            return chosen
        if self._loss_in_tolerances(chosen) <= 1.0:
            return chosen
        others = self.search.alternatives(chosen)
        seen = [other for other in others if self.search.was_enough(other)]
        # Evenly among them: the least leak that is enough, found in few steps. What was
        # seen to be enough on other rows is not passed over.
        some = {*others[:: max(-(-len(others) // MOST_PROOFS), 1)], *seen[:1]}
        others = [other for other in others if other in some]
        tried = [chosen]
        for other in others:
            tried.append(other)
            if self._loss_in_tolerances(other) <= 1.0:
                return other
        best = min(tried, key=self._loss_in_tolerances)
        everything = Candidate(ALL_FEATURES, self.X.shape[1])
        may_take_all = self.search.most >= everything.width
        if may_take_all and self._loss_in_tolerances(best) > PATIENCE:
            return everything
        return best

    def worst_metric(self, chosen):
        """The metric that loses most; see `Search.worst_metric`."""
        if not self.is_possible or not self.search.told.any():
            return self.search.worst_metric(chosen)
        losses = self._losses(chosen)
        worst = int(np.argmax(losses / self.search.tolerances))
        reference = float(self._whole[:, worst].mean())
        return self.search.metrics[worst], reference - losses[worst], reference

    def _loss_in_tolerances(self, candidate):
        return float((self._losses(candidate) / self.search.tolerances).max())

    def _losses(self, candidate):
        """Losses of all metrics that tell anything."""
        losses = (self._whole - self._score(candidate)).mean(axis=0)
        return np.where(self.search.told, losses, -np.inf)

    @property
    def _whole(self):
        return self._score(Candidate(ALL_FEATURES, self.X.shape[1]))

    def _score(self, candidate):
        """Scores of fresh rows, by the best of some probes for each metric."""
        if candidate not in self._scores:
            found = [
                probe_rows(kind, self.target, S, *self.split)
                for kind, S in self._coordinates(candidate).items()
            ]
            best = np.argmax([rows.mean(axis=0) for rows in found], axis=0)
            columns = [found[kind][:, i] for i, kind in enumerate(best)]
            self._scores[candidate] = np.column_stack(columns)
        return self._scores[candidate]

    def _coordinates(self, candidate):
        """What each kind of probe learns from."""
        known = self.known
        if candidate.finder == ALL_FEATURES:
            return {kind: features_for(kind, self.X, known) for kind in QUICK_PROBES}
        found = found_by(candidate, known)
        directions = scaled_directions(known.X, known.target, found)
        return dict.fromkeys(QUICK_PROBES, self.X @ directions)


def _report(proved, chosen, space, verbose):
    metric, score, reference = proved
    if verbose:
        print(
            f"label space: {chosen.width} of {chosen.finder}, {metric.name} "
            f"{score:.3f} (all features {reference:.3f}), leak {space.leak:.2f}, "
            f"noise {space.noise:g}"
        )
    if reference - score > metric.tolerance:
        warn(
            f"{chosen.width} directions ({chosen.finder}) reach a {metric.name} of "
            f"{score:.3f} where all features reach {reference:.3f}: models on "
            f"ciphertexts will lose more than {metric.tolerance:.2f}. Preserve more "
            "(n_preserved, max_preserved), or see probe_scores_ for what was tried.",
            LossOfAccuracyWarning,
        )
