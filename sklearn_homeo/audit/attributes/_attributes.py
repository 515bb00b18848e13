"""Attribute inference: learn a hidden property of records from ciphertexts alone."""

from numbers import Integral, Real
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_vector
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._checks import (
    check_labels,
    check_rows,
    check_sides,
    standardise,
)
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult, rate_result

_MIN_ROWS = 20
_MAX_FOLDS = 3
_RESAMPLES = 500
_MAX_AXES = 512


@validate_params(
    {"component": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def hidden_attribute(
    X: ArrayLike, y: ArrayLike | None = None, *, component: int = 2
) -> np.ndarray:
    """Binary attribute of records that has nothing to do with their label.

    The sign of a principal component within the classes, split at each class's
    median, so that it is balanced and independent of the label.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Records, in any units; at least 4 rows.
    y : array-like of shape (n_samples,), default=None
        Classes; None is one class for all.
    component : int, default=2
        Number of the principal component, from 1 on.

    Returns
    -------
    attribute : ndarray of shape (n_samples,), dtype int64
        0 or 1.

    Raises
    ------
    ValueError
        If a value is not finite, there are too few rows, or the records have fewer
        principal components.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import hidden_attribute
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> y = np.arange(100) % 2
    >>> attribute = hidden_attribute(X, y)
    >>> [int(attribute[y == label].sum()) for label in (0, 1)]
    [25, 25]
    """
    X = check_rows(X, "X", 4)
    labels = check_labels(y, len(X))
    units = standardise(X)
    means = np.array(
        [units[labels == label].mean(axis=0) for label in np.unique(labels)]
    )
    _, sizes, axes = np.linalg.svd(units - means[labels], full_matrices=False)
    if component > (sizes > 1e-9 * max(sizes[0], np.finfo(float).tiny)).sum():
        raise ValueError(
            f"component={component} is more than the principal components of X"
        )
    axis = axes[component - 1]
    # The decomposition leaves the sign open; this fixes it.
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    scores = (units - means[labels]) @ axis
    attribute = np.zeros(len(X), dtype=np.int64)
    for label in np.unique(labels):
        own = labels == label
        attribute[own] = scores[own] > np.median(scores[own])
    return attribute


@validate_params(
    {
        "X": "no_validation",
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "max_rows": [Interval(Integral, _MIN_ROWS, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def attribute_inference_attack(
    Z: ArrayLike,
    attribute: ArrayLike,
    X: ArrayLike | None = None,
    *,
    leak: float = 0.5,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Infer a binary attribute of records from their ciphertexts.

    The attacker knows the attribute of some ciphertexts, but no record. Logistic
    regressions of several strengths, support vectors and extra trees, on
    standardised and on whitened ciphertexts; the best in cross-validation on these
    is scored on the others.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_outputs)
        Ciphertexts; at least 20 rows.
    attribute : array-like of shape (n_samples,)
        Two different values.
    X : array-like of shape (n_samples, n_features), default=None
        The records, to say what the same attack gets from them.
    leak : float, default=0.5
        Share of the ciphertexts whose attribute the attacker knows.
    max_rows : int, default=2000
        Most ciphertexts with known attribute to use.
    random_state : int, RandomState instance or None, default=None
        Draws the known ones, the folds, the trees and the interval's resamples.

    Returns
    -------
    result : AttackResult
        Its rate is the area under the ROC curve on the other ciphertexts: 0.5 is blind,
        1 is certain. Its interval is that of percentiles over records, of 500 bootstrap
        resamples. Its validation is the same area by cross-validation on the known
        ciphertexts, its choice the model. Details:

        plain_rate : float
            The same of the attack on the records; nan without `X`.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, `attribute` has not two values,
        or a value is too rare among the known or the other ciphertexts.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import attribute_inference_attack
    >>> X = np.random.default_rng(0).normal(size=(400, 4))
    >>> result = attribute_inference_attack(np.tanh(X), X[:, 0] > 0, random_state=0)
    >>> bool(result.rate > 0.95), result.chance
    (True, 0.5)
    """
    started = perf_counter()
    Z = check_rows(Z, "Z", _MIN_ROWS)
    attribute = check_vector(attribute, "attribute")
    rng = make_random_state(random_state)
    known, hidden = _split(attribute, len(Z), leak, max_rows, rng)
    codes = np.unique(attribute, return_inverse=True)[1]
    seed = int(rng.randint(2**31 - 1))
    scores, choice, reached = _attack(Z[known], codes[known], Z[hidden], seed)
    plain_rate = np.nan
    if X is not None:
        _, X = check_sides(Z, X, _MIN_ROWS)
        plain, _, _ = _attack(X[known], codes[known], X[hidden], seed)
        plain_rate = float(roc_auc_score(codes[hidden], plain))
    truth = codes[hidden]
    return rate_result(
        "attribute inference",
        roc_auc_score(truth, scores),
        _bootstrap_interval(truth, scores, rng),
        0.5,
        len(hidden),
        started,
        measure="AUC",
        validation=reached,
        choice=choice,
        plain_rate=plain_rate,
    )


@register("T5", "principal component 1", full={"component": 1, "max_rows": 2000})
@register(
    "T5",
    "principal component 2",
    full={"component": 2, "max_rows": 2000},
    quick={"component": 2, "max_rows": 600},
)
@register("T5", "principal component 3", full={"component": 3, "max_rows": 2000})
def _infer_component(Z, X, y, *, component, max_rows, random_state):
    try:
        attribute = hidden_attribute(X, y, component=component)
    except ValueError:
        # Narrow records have fewer components.
        if component == 1:
            raise
        return None
    return attribute_inference_attack(
        Z, attribute, max_rows=max_rows, random_state=random_state
    )


def _split(attribute, n_rows, leak, max_rows, rng):
    if len(attribute) != n_rows:
        raise ValueError(f"attribute has {len(attribute)} values for {n_rows} rows")
    values, counts = np.unique(attribute, return_counts=True)
    if len(values) != 2:
        raise ValueError(f"attribute has {len(values)} different values, must have 2")
    known = []
    for value, count in zip(values, counts, strict=True):
        rows = rng.permutation(np.flatnonzero(attribute == value))
        n_known = int(leak * count)
        if n_known < 3 or count - n_known < 2:
            raise ValueError(
                f"attribute value {value!r} has {count} rows, too few to be split by "
                f"leak={leak}: 3 known and 2 others are needed"
            )
        known.append(rows[:n_known])
    known = np.concatenate(known)
    hidden = np.setdiff1d(np.arange(n_rows), known)
    return rng.permutation(known)[:max_rows], hidden


def _attack(Z, codes, Z_target, seed):
    """Scores of the target rows by the model that validates best, its name and AUC."""
    folds = StratifiedKFold(
        int(min(_MAX_FOLDS, np.bincount(codes).min())), shuffle=True, random_state=seed
    )
    models = _models(
        seed, min(Z.shape[1], len(Z) * (folds.n_splits - 1) // folds.n_splits)
    )
    reached = {}
    for name, (model, method) in models.items():
        guesses = cross_val_predict(model, Z, codes, cv=folds, method=method)
        guesses = guesses[:, -1] if guesses.ndim == 2 else guesses
        reached[name] = roc_auc_score(codes, guesses)
    choice = max(reached, key=reached.get)
    model, method = models[choice]
    scores = getattr(model.fit(Z, codes), method)(Z_target)
    scores = scores[:, -1] if scores.ndim == 2 else scores
    return scores, choice, float(reached[choice])


def _models(seed, n_axes):
    """Models with the name of the method that scores, by name."""
    whiten = PCA(max(1, min(n_axes - 1, _MAX_AXES)), whiten=True, random_state=seed)
    logistic = {
        strength: LogisticRegression(C=strength, max_iter=200)
        for strength in (1e-3, 1e-2, 0.1)
    }
    decide = {
        "logistic, weak": make_pipeline(StandardScaler(), logistic[0.1]),
        "logistic, strong": make_pipeline(StandardScaler(), logistic[1e-3]),
        "logistic, whitened": make_pipeline(StandardScaler(), whiten, logistic[1e-2]),
        "support vectors": make_pipeline(StandardScaler(), SVC(random_state=seed)),
        "support vectors, raw": SVC(random_state=seed),
    }
    models = {name: (model, "decision_function") for name, model in decide.items()}
    trees = ExtraTreesClassifier(100, min_samples_leaf=2, random_state=seed)
    return models | {"extra trees": (trees, "predict_proba")}


def _bootstrap_interval(truth, scores, rng):
    """Percentile interval, each value resampled by itself."""
    sides = scores[truth == 0], scores[truth == 1]
    above = (sides[1][:, None] > sides[0]) + 0.5 * (sides[1][:, None] == sides[0])
    drawn = [
        np.array([np.bincount(rng.randint(n, size=n), minlength=n)
                  for _ in range(_RESAMPLES)]) / n
        for n in above.shape
    ]  # fmt: skip
    areas = ((drawn[0] @ above) * drawn[1]).sum(axis=1)
    return np.percentile(areas, [2.5, 97.5])
