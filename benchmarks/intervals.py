"""The 95 % interval of a mean, which all benchmarks print."""

import numpy as np
from scipy import stats

__all__ = ["half_interval", "percent_interval"]


def half_interval(values):
    """Half the 95 % interval of the mean, by Student's t."""
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(np.asarray(values)))


def percent_interval(shares):
    """That of shares as text, in percent; "" of a single one."""
    return f" ± {100 * half_interval(shares):.2f}" if len(shares) > 1 else ""
