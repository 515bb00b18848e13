"""Which kind of table something is."""

import sys

from sklearn_homeo.tables._arrays import ArrayTable

__all__ = ["library_of", "table_class"]


def library_of(X):
    """Return the library whose frame X is, "pandas" or "polars"; "numpy" for others.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame or array-like
    """
    for library in ("pandas", "polars"):
        module = sys.modules.get(library)
        if module is not None and isinstance(X, module.DataFrame):
            return library
    return "numpy"


def table_class(library):
    """Return the kind of table of a library, "pandas", "polars" or "numpy"."""
    if library == "pandas":
        from sklearn_homeo.tables._pandas import PandasTable

        return PandasTable
    if library == "polars":
        from sklearn_homeo.tables._polars import PolarsTable

        return PolarsTable
    return ArrayTable
