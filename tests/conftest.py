"""Fixtures of every test."""

import os

import pytest
from threadpoolctl import threadpool_limits

# Before any test imports pyplot: no test opens a window.
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    """On busy cores, the threads of such small products only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield
