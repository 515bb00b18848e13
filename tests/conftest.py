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
def views_are_searched_once(tmp_path_factory):
    """The search for a view takes seconds and depends on its arguments alone.

    Tests of the search itself call it where it is defined, and are not affected.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # Which all workers of this run share.
    folder = folder / "searches"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("choose_cells", "find_label_space"):
            patch.setattr(_fitting, name, remembered(getattr(_fitting, name), folder))
        yield


def remembered(search, folder):
    """A function that gives the results, and warnings, of earlier calls again."""

    def call(*arguments, **options):
        if options.get("verbose"):
            return search(*arguments, **options)
        file = folder / f"{search.__name__}-{joblib.hash((arguments, options))}"
        if not file.exists():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = search(*arguments, **options)
            told = [(w.message, w.category, w.filename, w.lineno) for w in caught]
            # No other worker sees half a file.
            half = file.with_suffix(f".{os.getpid()}")
            joblib.dump((result, told), half)
            half.replace(file)
        result, told = joblib.load(file)
        for warning in told:
            warnings.warn_explicit(*warning)
        return result

    return call
