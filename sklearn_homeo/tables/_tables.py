"""Which kind of table something is."""

import sys

from sklearn_homeo.tables._arrays import ArrayTable

__all__ = ["open_table", "table_class"]


def open_table(X):
    """Return X as a table: PandasTable, PolarsTable or ArrayTable.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or array-like
    """
    for library, name in (("pandas", "DataFrame"), ("polars", "DataFrame")):
        module = sys.modules.get(library)
        if module is not None and isinstance(X, getattr(module, name)):
            return table_class(library)(X)
    return ArrayTable(X)


def table_class(library):
    """Return the kind of table of a library, "pandas", "polars" or "numpy"."""
    if library == "pandas":
        from sklearn_homeo.tables._pandas import PandasTable

        return PandasTable
    if library == "polars":
        from sklearn_homeo.tables._polars import PolarsTable

        return PolarsTable
    return ArrayTable
