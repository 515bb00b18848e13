"""Scorers with which a grid search weighs privacy and utility together."""

from collections.abc import Callable
from numbers import Real

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_homeo._utils.validation import Interval, StrOptions, validate_params
from sklearn_homeo.audit.known_plaintext._forward import forward_linkage_attack
from sklearn_homeo.audit.known_plaintext._pairs import MIN_LEAKED
from sklearn_homeo.audit.known_plaintext._regressions import ridge_attack

_MIN_TARGETS = 2


class _PrivacyScorer:
    """Callable ``scorer(estimator, X, y)``; more is more private."""

    def __init__(self, measure, leak, random_state):
        self.measure, self.leak, self.random_state = measure, leak, random_state

    def __call__(self, estimator, X, y=None):
        encryptor, X = _encryption(estimator, X)
        Z, X = np.asarray(encryptor.transform(X)), np.asarray(X, dtype=np.float64)
        order = np.random.RandomState(self.random_state).permutation(len(X))
        n_leaked = int(self.leak * len(X))
        if n_leaked < MIN_LEAKED or len(X) - n_leaked < _MIN_TARGETS:
            raise ValueError(
                f"X has {len(X)} rows, too few to leak {self.leak} of them: "
                f"{MIN_LEAKED} known and {_MIN_TARGETS} other rows are needed"
            )
        known, hidden = order[:n_leaked], order[n_leaked:]
        split = Z[known], X[known], Z[hidden], X[hidden]
        return 1.0 - self._leaked(split)

    def _leaked(self, split):
        rebuilt = ridge_attack(*split, random_state=self.random_state)
        if self.measure == "reconstruction":
            return float(np.clip(rebuilt.r2, 0.0, 1.0))
        linked = forward_linkage_attack(*split, random_state=self.random_state)
        return max(rebuilt.rate, linked.rate)

    def __repr__(self):
        return f"make_privacy_scorer({self.measure!r}, leak={self.leak})"


@validate_params(
    {
        "measure": [StrOptions({"reidentification", "reconstruction"})],
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_privacy_scorer(
    measure: str = "reidentification",
    *,
    leak: float = 0.7,
    random_state: int | None = 0,
) -> Callable:
    """Make a scorer of how little a known-plaintext attacker gets.

    For a fitted encryptor, or a pipeline whose first encryptor is attacked: that is
    the first step with `key_fingerprint_`. The attacker knows pairs of some of the
    rows that are scored; ridge regression, backward and forward, attacks the others.

    Parameters
    ----------
    measure : {"reidentification", "reconstruction"}, default="reidentification"
        1 minus the re-identification rate of the better attack, or 1 minus the R2
        of the reconstruction (clipped to [0, 1]).
    leak : float, default=0.7
        Share of the scored rows that the attacker knows. In cross-validation the
        scored rows are those left out; with few of them the attack is weak, and the
        audit of the chosen setting is not to be skipped.
    random_state : int or None, default=0
        Draws the known rows. A number gives all settings the same ones.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)`` gives a float in [0, 1]; greater is more
        private. Can be pickled.

    Raises
    ------
    ValueError
        If a parameter is out of its range; when scoring, if there is no encryptor
        among the steps or there are too few rows.

    See Also
    --------
    best_private_index : The rule by which the search refits.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import make_privacy_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> scorer = make_privacy_scorer()
    >>> [scorer(HomeomorphicEncryptor(leakage=leakage).fit(X, y), X) > 0.3
    ...  for leakage in ("scores", "space")]
    [True, False]
    """
    return _PrivacyScorer(measure, leak, random_state)


def _encryption(estimator, X):
    """The first encryptor of a pipeline, and the rows that come to it."""
    if not isinstance(estimator, Pipeline):
        if hasattr(estimator, "key_fingerprint_"):
            return estimator, X
        raise ValueError(_no_encryptor(estimator))
    for i, (_, step) in enumerate(estimator.steps):
        if hasattr(step, "key_fingerprint_"):
            return step, estimator[:i].transform(X) if i else X
    raise ValueError(_no_encryptor(estimator))


def _no_encryptor(estimator):
    return (
        f"estimator is a {type(estimator).__name__} without a fitted "
        "HomeomorphicEncryptor: score the encryptor, or a pipeline that has one as a "
        "step"
    )


@validate_params(
    {
        "privacy": [str],
        "utility": [str],
        "tolerance": [Interval(Real, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def best_private_index(
    *, privacy: str = "privacy", utility: str = "utility", tolerance: float = 0.01
) -> Callable[[dict], int]:
    """Make the rule: the most private setting of those that are useful enough.

    Parameters
    ----------
    privacy, utility : str, default="privacy" and "utility"
        Names of the scorers in the search's `scoring`.
    tolerance : float, default=0.01
        How much utility less than the best setting's is useful enough, in the units
        of that score. Among equally private settings the more useful one is taken.

    Returns
    -------
    refit : callable
        For `refit=` of ``GridSearchCV``: takes ``cv_results_`` and gives the index
        of the chosen setting. Can be pickled.

    Raises
    ------
    ValueError
        When called, if no setting could be scored.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import best_private_index
    >>> best_private_index(tolerance=0.01)({
    ...     "mean_test_utility": np.array([0.970, 0.965, 0.90]),
    ...     "mean_test_privacy": np.array([0.10, 0.80, 0.99]),
    ... })
    1
    """
    return _BestPrivate(privacy, utility, tolerance)


class _BestPrivate:
    def __init__(self, privacy, utility, tolerance):
        self.privacy, self.utility, self.tolerance = privacy, utility, tolerance

    def __call__(self, cv_results):
        privacy = np.asarray(cv_results[f"mean_test_{self.privacy}"], float)
        utility = np.asarray(cv_results[f"mean_test_{self.utility}"], float)
        scored = np.isfinite(privacy) & np.isfinite(utility)
        if not scored.any():
            raise ValueError("no setting of the search has both scores")
        enough = scored & (utility >= utility[scored].max() - self.tolerance)
        candidates = np.flatnonzero(enough)
        order = np.lexsort((utility[candidates], privacy[candidates]))
        return int(candidates[order[-1]])
