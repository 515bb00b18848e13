"""Keys that are the same in every run, so that a benchmark can be repeated."""

import warnings

from sklearn_homeo import SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning

__all__ = ["fixed_key"]


def fixed_key(seed):
    """Make the key of a number, without the warning that it protects nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyWarning)
        return SecretKey.insecure_from_seed(seed)
