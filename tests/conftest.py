"""Fixtures of every test."""

import os
import warnings

import joblib
import pytest
from threadpoolctl import threadpool_limits

from sklearn_homeo.encryption import _fitting

# Before any test imports pyplot: no test opens a window.
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    """On busy cores, the threads of such small products only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(autouse=True, scope="session")
def views_are_searched_once():
    """The search for a view takes seconds and depends on its arguments alone.

    Tests of the search itself call it where it is defined, and are not affected.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("choose_cells", "find_label_space"):
            patch.setattr(_fitting, name, remembered(getattr(_fitting, name)))
        yield


def remembered(search):
    """A function that gives the results of earlier calls again, but not warnings."""
    results = {}

    def call(*arguments, **options):
        if options.get("verbose"):
            return search(*arguments, **options)
        key = joblib.hash((arguments, options))
        if key in results:
            return results[key]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = search(*arguments, **options)
        if not caught:
            results[key] = result
            return result
        return search(*arguments, **options)

    return call
