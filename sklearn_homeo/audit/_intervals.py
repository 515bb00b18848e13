"""Intervals of measured rates."""

from numbers import Integral, Real

from scipy.stats import beta

from sklearn_homeo._utils.validation import Interval, validate_params


@validate_params(
    {
        "successes": [Interval(Integral, 0, None, closed="left")],
        "trials": [Interval(Integral, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def clopper_pearson(
    successes: int, trials: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Exact two-sided confidence interval of a binomial proportion.

    Parameters
    ----------
    successes : int
        Number of successes, between 0 and `trials`.
    trials : int
        Number of independent trials, at least 1.
    confidence : float, default=0.95
        Coverage of the interval, strictly between 0 and 1.

    Returns
    -------
    low, high : float
        Limits of the proportion, both in [0, 1].

    Raises
    ------
    ValueError
        If `successes` exceeds `trials`, or a value is out of its range.

    References
    ----------
    Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26 (1934) 404-413.

    Examples
    --------
    >>> from sklearn_homeo.audit import clopper_pearson
    >>> low, high = clopper_pearson(3, 100)
    >>> print(f"{low:.4f} {high:.4f}")
    0.0062 0.0852
    """
    if successes > trials:
        raise ValueError(f"successes={successes} exceeds trials={trials}")
    tail = (1 - confidence) / 2
    failures = trials - successes
    low = beta.ppf(tail, successes, failures + 1) if successes else 0.0
    high = beta.ppf(1 - tail, successes + 1, failures) if failures else 1.0
    return float(low), float(high)
