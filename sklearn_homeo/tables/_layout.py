"""What kind of table a fit saw."""

from dataclasses import dataclass

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """The library of a table, and the names and types of its columns.

    Parameters
    ----------
    library : {"pandas", "polars", "numpy"}
    labels : pandas.Index or list
    dtypes : list
    """

    library: str
    labels: object
    dtypes: list

    @classmethod
    def of(cls, table):
        """Return the layout of a PandasTable, PolarsTable or ArrayTable."""
        labels = table.frame.columns if table.library == "pandas" else table.labels
        return cls(table.library, labels, table.dtypes)

    @property
    def has_index(self):
        """Whether rows of such tables have names of their own."""
        return self.library == "pandas"

    def select_labels(self, places):
        """Return the names of some columns, of the kind of all."""
        if self.has_index:
            return self.labels[list(places)]
        return [self.labels[i] for i in places]
