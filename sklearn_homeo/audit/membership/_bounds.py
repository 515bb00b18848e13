"""What synthetic rows prove: copies of records, and a lower bound on epsilon."""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.utils import Bunch

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array, check_vector
from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._intervals import clopper_pearson

# A copy, but for rounding: nearer than this share of the records' spread.
_COPY = 1e-6
_N_THRESHOLDS = 100
_LEAST_SCORES = 20


def distance_to_records(
    X_synthetic: ArrayLike, X_real: ArrayLike, X_control: ArrayLike
) -> Bunch:
    """Find copies of real rows, and how near synthetic rows come to them.

    Descriptive only: distances do not tell whether membership can be inferred [1]_.

    Parameters
    ----------
    X_synthetic : array-like of shape (n_synthetic, n_features)
        The published rows.
    X_real : array-like of shape (n_real, n_features)
        Rows that the synthesizer was fitted to, in the same space.
    X_control : array-like of shape (n_control, n_features)
        Rows of the same distribution that it was not fitted to.

    Returns
    -------
    result : Bunch
        n_copies : int
            Synthetic rows that are a real row, up to rounding.
        minimum, median : float
            Least and median distance of a synthetic row to the nearest real row.
        nearer_share : float
            Share of synthetic rows that are nearer to a real row than to a control
            row, where equally many of each are compared.
        chance : float
            0.5, that share for synthetic rows that know neither.
        direction : str
            How to read the figures.

    Raises
    ------
    ValueError
        If widths disagree or a value is not finite.

    References
    ----------
    .. [1] Z. Yao, N. Krco, G. Ganev, Y.-A. de Montjoye, "The DCR delusion: measuring
       the privacy risk of synthetic data", ESORICS 2025, arXiv:2505.01524.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import distance_to_records
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> result = distance_to_records(X[:100], X[:100], X[200:])
    >>> result.n_copies, result.minimum, result.nearer_share
    (100, 0.0, 1.0)
    """
    names = "X_synthetic", "X_real", "X_control"
    synthetic, real, control = (
        check_real_array(X, dtype=np.float64, input_name=name)
        for X, name in zip((X_synthetic, X_real, X_control), names, strict=True)
    )
    for X, name in ((real, "X_real"), (control, "X_control")):
        if X.shape[1] != synthetic.shape[1]:
            raise ValueError(
                f"{name} has {X.shape[1]} columns, X_synthetic {synthetic.shape[1]}"
            )
    spread = np.sqrt(real.var(axis=0).sum())
    nearest = pairwise_distances_argmin_min(synthetic, real)[1]
    n = min(len(real), len(control))
    to_real, to_control = (
        pairwise_distances_argmin_min(synthetic, _spaced(X, n))[1]
        for X in (real, control)
    )
    nearer = np.mean(to_real < to_control) + np.mean(to_real == to_control) / 2
    return Bunch(
        n_copies=int(np.sum(nearest <= _COPY * spread)),
        minimum=float(nearest.min()),
        median=float(np.median(nearest)),
        nearer_share=float(nearer),
        chance=0.5,
        direction="copies are a leak; distances are descriptive and prove no privacy",
    )


def _spaced(rows, n):
    """n rows in equal steps, so that sorted classes keep their shares."""
    return rows[np.arange(n) * len(rows) // n]


@validate_params(
    {
        "delta": [Interval(Real, 0, 1, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def epsilon_lower_bound(
    scores_with: ArrayLike,
    scores_without: ArrayLike,
    *,
    delta: float = 1e-5,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Bound epsilon from below by how well an attack tells two worlds apart.

    Differential privacy makes ``tpr <= exp(epsilon) * fpr + delta`` for every attack
    and every threshold. The threshold is chosen on a random half of the scores, the
    rates are bounded on the other half.

    Parameters
    ----------
    scores_with : array-like of shape (n_with,)
        One score for each independent run whose data held the canary; at least 20.
    scores_without : array-like of shape (n_without,)
        One for each run in which another record stood in its place; at least 20.
    delta : float, default=1e-5
        As claimed.
    confidence : float, default=0.95
        Probability that epsilon is at least the bound.
    random_state : int, RandomState instance or None, default=None
        Draws the halves.

    Returns
    -------
    result : Bunch
        epsilon : float
            The bound; 0 if the attack proves nothing.
        threshold : float
        tpr, fpr : float
            Rates at which the attack says "with" on the half that was not used to
            choose the threshold ("without" if that gives the greater bound).
        n_with, n_without : int
            Runs on that half.
        direction : str
            How to read the figure.

    Raises
    ------
    ValueError
        If there are fewer than 20 scores of a kind or one is not finite.

    References
    ----------
    M. Jagielski, J. Ullman, A. Oprea, "Auditing differentially private machine
    learning: how private is private SGD?", NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import epsilon_lower_bound
    >>> noise = np.random.default_rng(0).normal(size=(2, 2000))
    >>> result = epsilon_lower_bound(noise[0] + 1, noise[1], random_state=0)
    >>> bool(0.5 < result.epsilon < 4)
    True
    """
    rng = make_random_state(random_state)
    with_, without = (
        _check_scores(scores, name)
        for scores, name in (
            (scores_with, "scores_with"),
            (scores_without, "scores_without"),
        )
    )
    with_, without = rng.permutation(with_), rng.permutation(without)
    halves = len(with_) // 2, len(without) // 2
    calibration = with_[: halves[0]], without[: halves[1]]
    held_out = with_[halves[0] :], without[halves[1] :]
    both = np.concatenate(calibration)
    thresholds = np.unique(np.quantile(both, np.linspace(0, 1, _N_THRESHOLDS)))
    choices = [(sign, sign * t) for sign in (1, -1) for t in thresholds]
    sign, threshold = max(
        choices,
        key=lambda c: _bound(*calibration, c[0], c[1], delta, confidence)[0],
    )
    epsilon, tpr, fpr = _bound(*held_out, sign, threshold, delta, confidence)
    return Bunch(
        epsilon=max(epsilon, 0.0),
        threshold=float(sign * threshold),
        tpr=tpr,
        fpr=fpr,
        n_with=len(held_out[0]),
        n_without=len(held_out[1]),
        direction="epsilon is at least this; more than the claim disproves the claim",
    )


def _check_scores(scores, name):
    scores = check_real_array(
        check_vector(scores, name), ensure_2d=False, dtype=np.float64, input_name=name
    )
    if len(scores) < _LEAST_SCORES:
        raise ValueError(
            f"{name} has {len(scores)} scores; the bound needs {_LEAST_SCORES}"
        )
    return scores


def _bound(with_, without, sign, threshold, delta, confidence):
    """Bound on epsilon and the two rates, for one threshold and side."""
    caught, total = int(np.sum(sign * with_ >= threshold)), len(with_)
    accused, others = int(np.sum(sign * without >= threshold)), len(without)
    if sign < 0:
        # Saying "without": its rates among runs without and with the canary.
        caught, total, accused, others = accused, others, caught, total
    low = clopper_pearson(caught, total, confidence)[0]
    high = clopper_pearson(accused, others, confidence)[1]
    epsilon = float(np.log((low - delta) / high)) if low > delta else -np.inf
    return epsilon, caught / total, accused / others
