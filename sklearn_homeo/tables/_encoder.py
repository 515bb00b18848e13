"""The encoder: tables of mixed columns to float64 and back to the same table."""

from itertools import product
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_homeo._utils.doc_links import DocLinkMixin
from sklearn_homeo._utils.messages import listed, shown
from sklearn_homeo._utils.rows import as_float_rows, as_table
from sklearn_homeo._utils.threads import run_in_threads
from sklearn_homeo._utils.validation import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
)
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.exceptions import HeavyTailWarning, SealedColumnsWarning
from sklearn_homeo.keys._seal import open_sealed, save_sealed
from sklearn_homeo.tables._arrays import as_array
from sklearn_homeo.tables._cells import UnsupportedColumn
from sklearn_homeo.tables._columns import fit_column
from sklearn_homeo.tables._files import encoder_tree, restore_encoder
from sklearn_homeo.tables._layout import Layout
from sklearn_homeo.tables._sealing import why_sealed
from sklearn_homeo.tables._tables import library_of, table_class

__all__ = ["TableEncoder"]

_KIND = "table encoder"
_ROWS_AT_ONCE = 2**14


class TableEncoder(TransformerMixin, DocLinkMixin, BaseEstimator):
    """Encode tables of mixed columns as float64 and decode them to the same table.

    It takes pandas and polars frames, and NumPy arrays. Their numbers, truth values,
    categories, text, dates, times, durations and decimal numbers, with missing values,
    become columns of numbers for an encryptor. `inverse_transform` gives the same table
    back: the order and names of columns, their types (nullable and Arrow types, unused
    and ordered categories, time zones), missing values, and every value. It does so
    exactly, although an encryptor returns numbers only to about eight digits.

    Parameters
    ----------
    exact : bool, default=True
        Whether every number comes back exactly. One column holds some eight digits:
        decimals such as 46.2, whole numbers and dates mostly need no more. Columns of
        floats with more digits, of large integers and of times of fine resolution get
        one or two more *fine* columns, in which nothing of a label shows. False leaves
        these out: the numbers come back rounded.

    handle_unknown : {"error", "warn", "ignore"}, default="error"
        What `transform` does about cells that would not come back, because `fit` saw
        nothing of the kind. Such a cell holds another category, a missing value where
        there was none, or more decimals than the column has room for. "error" raises,
        and the message names all such cells. "warn" and "ignore" encode what is
        nearest: a category comes back as missing, a missing value as the median, a
        number rounded.

    max_categories : int, default=30
        Columns of a column of categories: one for each, or one for each of the most
        frequent, one for all others and one with the others' number.

    sealed_columns : "auto" or list of str, default="auto"
        Columns that no model should see, such as identifiers and free text.
        `transform` leaves them out and `split` sets them aside. "auto" finds them, with
        a warning: text that is long or differs in more than half of the rows, and whole
        numbers that are called an identifier and all differ. A list names exactly those
        to seal.

    Attributes
    ----------
    sealed_columns_ : list
        Names of the columns left out; positions in arrays.

    n_features_in_ : int
        Number of columns seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    See Also
    --------
    HomeomorphicEncryptor : What to put behind it in a pipeline.

    Notes
    -----
    The columns may be shifted by an encryptor by up to 2**-28 of their standard
    deviation, that of the table of `fit`, and still decode exactly.

    If the largest numbers of a column are so far away that the others would vanish
    (sentinels such as 999999999), numbers beyond the bulk are put on a logarithmic
    scale; a warning names the columns. The scales are piecewise linear with powers of
    two for slopes, so that they are undone exactly.

    Decimal numbers of one column as Python objects come back with equal numbers of
    places, and a negative zero among them without its sign. Rows of a NumPy array or of
    a frame without an index are numbered from 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_homeo import TableEncoder
    >>> table = pd.DataFrame({
    ...     "bill": [46.2, None, 39.5],
    ...     "island": ["Dream", "Biscoe", "Dream"],
    ...     "seen": pd.to_datetime(["2007-11-11", "2007-11-16", "2008-11-02"]),
    ... })
    >>> encoder = TableEncoder().set_output(transform="pandas").fit(table)
    >>> encoder.transform(table)
       bill  bill_missing  island_Biscoe  island_Dream          seen
    0  46.2           0.0            0.0           1.0  1.194739e+09
    1  46.2           1.0            1.0           0.0  1.195171e+09
    2  39.5           0.0            0.0           1.0  1.225584e+09
    >>> encoder.inverse_transform(encoder.transform(table)).equals(table)
    True
    """

    _parameter_constraints: dict = {
        "exact": ["boolean"],
        "handle_unknown": [StrOptions({"error", "warn", "ignore"})],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "sealed_columns": [StrOptions({"auto"}), "array-like"],
    }

    def __init__(
        self,
        *,
        exact=True,
        handle_unknown="error",
        max_categories=30,
        sealed_columns="auto",
    ):
        self.exact = exact
        self.handle_unknown = handle_unknown
        self.max_categories = max_categories
        self.sealed_columns = sealed_columns

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn how to encode each column.

        Parameters
        ----------
        X : pandas or polars DataFrame, or array-like of shape (n_samples, n_features)
            The table.

        y : None
            Not used.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        ValueError
            If `X` has no rows or columns, or `sealed_columns` names others.
        TypeError
            If a column can neither be encoded nor sealed.

        Warns
        -----
        SealedColumnsWarning
            If "auto" set columns aside; it names them.
        HeavyTailWarning
            If columns are on the scale of their logarithm; it names them.
        """
        table = self._open(X, reset=True)
        cells = [self._read(table, i) for i in range(len(table.labels))]
        sealed = self._find_sealed(table, cells)
        if len(sealed) == len(cells):
            raise ValueError(
                "all columns of X are sealed, as identifiers, free text or by name, so "
                "there is nothing to encode. Name the columns to seal, and no others "
                "are; sealed_columns=[] seals none"
            )
        codes, heavy = [], []
        for i, column in enumerate(cells):
            if i in sealed:
                codes.append(None)
                continue
            code, is_heavy = fit_column(
                column, exact=self.exact, max_categories=self.max_categories
            )
            codes.append(code)
            if is_heavy:
                heavy.append(repr(table.labels[i]))
        if heavy:
            warn(
                f"next to the largest values of {listed(heavy)} the others would "
                "vanish (a sentinel such as 999999999?); so the columns "
                "are on a logarithmic scale beyond their bulk, which inverse_transform "
                "undoes exactly",
                HeavyTailWarning,
            )
        self._codes = codes
        self._layout = Layout.of(table)
        self.sealed_columns_ = [table.labels[i] for i in sorted(sealed)]
        self._names_out = _unique_names(
            [
                f"{name}{suffix}"
                for name, code in zip(self._names(table), codes, strict=True)
                if code is not None
                for suffix in code.suffixes
            ]
        )
        self._n_features_out = len(self._names_out)
        return self

    def transform(self, X):
        """Encode a table.

        Parameters
        ----------
        X : pandas or polars DataFrame, or array-like of shape (n_samples, n_features)
            A table with the columns of `fit`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns), dtype float64

        Raises
        ------
        ValueError
            If cells would not come back and `handle_unknown` is "error"; the message
            names their columns and rows, not their values.
        """
        check_is_fitted(self)
        table = self._open(X, reset=False)
        columns, stop = [], 0
        for i, code in enumerate(self._codes):
            if code is not None:
                place = slice(stop, stop := stop + len(code.suffixes))
                found = self._read(table, i, must=True, known=code.levels)
                cells, wrong = code.prepare(found)
                columns.append((table.labels[i], code, place, cells, wrong))
        # Tables come column by column, and so they go.
        Z = np.empty((len(table), stop), order="F")
        refused = {}

        def encode(piece):
            (label, code, place, cells, wrong), start = piece
            rows = slice(start, start + _ROWS_AT_ONCE)
            Z[rows, place], reasons = code.encode(cells.take(rows), wrong[rows])
            for reason, where in reasons:
                found = refused.setdefault((label, reason), {})
                found[start] = np.flatnonzero(where) + start

        # Some rows at a time: what is computed on the way stays in the cache.
        starts = range(0, len(table), _ROWS_AT_ONCE)
        pieces = list(product(columns, starts))
        run_in_threads(encode, lambda n_threads: (pieces, n_threads))
        if refused and self.handle_unknown != "ignore":
            self._report(refused)
        return Z

    def inverse_transform(self, Z, sealed=None):
        """Decode a table.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_columns)
            What `transform` returned, or an encryptor's `inverse_transform` of it.

        sealed : DataFrame or ndarray of shape (n_samples, n_sealed), default=None
            The columns that `split` set aside, to be put in their places again. None
            leaves them out.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Same kind of table as in `fit`; with the index of `Z`, if it has one.
        """
        check_is_fitted(self)
        index = getattr(Z, "index", None) if self._layout.has_index else None
        Z = check_array(as_float_rows(Z, "Z", type(self).__name__), input_name="Z")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but {type(self).__name__} gives "
                f"{self._n_features_out}."
            )
        columns, start = [], 0
        for code in self._codes:
            if code is not None:
                stop = start + len(code.suffixes)
                columns.append(code.decode(Z[:, start:stop]))
                start = stop
        return self._build(columns, sealed, index)

    def split(self, X):
        """Set the sealed columns aside.

        Parameters
        ----------
        X : pandas or polars DataFrame, or array-like of shape (n_samples, n_features)
            A table with the columns of `fit`.

        Returns
        -------
        rest : DataFrame or ndarray
            The columns that `transform` encodes.
        sealed : DataFrame or ndarray
            The others, for `inverse_transform` or `join`.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn_homeo import TableEncoder
        >>> table = pd.DataFrame({"name": ["Ada", "Alan"], "born": [1815, 1912]})
        >>> encoder = TableEncoder(sealed_columns=["name"]).fit(table)
        >>> rest, sealed = encoder.split(table)
        >>> list(rest.columns), list(sealed.columns)
        (['born'], ['name'])
        >>> encoder.join(rest, sealed).equals(table)
        True
        """
        check_is_fitted(self)
        table = self._open(X, reset=False)
        places = {True: [], False: []}
        for i, code in enumerate(self._codes):
            places[code is None].append(i)
        return table.select(places[False]), table.select(places[True])

    def join(self, rest, sealed):
        """Put the sealed columns in their places again.

        Parameters
        ----------
        rest, sealed : DataFrame or ndarray
            As `split` returned them; the rows of both in the same order.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)

        Raises
        ------
        TypeError
            If one of them is neither a frame nor an array.
        ValueError
            If one has other columns, or not as many rows.
        """
        check_is_fitted(self)
        _check_part(rest, "rest")
        n_rest = len(self._codes) - len(self.sealed_columns_)
        if rest.shape[1] != n_rest:
            raise ValueError(f"rest has {rest.shape[1]} columns, but needs {n_rest}")
        columns = [_column(rest, i) for i in range(rest.shape[1])]
        return self._build(columns, sealed, getattr(rest, "index", None))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used but checked: the names of `fit`.

        Returns
        -------
        names : ndarray of shape (n_columns,), dtype object
            The column's name, with an ending where it becomes several columns.
        """
        check_is_fitted(self)
        check_feature_names_in(self, input_features)
        return np.array(self._names_out, dtype=object)

    def save(self, path, key):
        """Write the fitted encoder to a new file, sealed under a key.

        It holds names and types of columns and their categories. Only its owner can
        read the file (mode 0600). It is not a pickle.

        Parameters
        ----------
        path : str or path-like
            Where to write; nothing may be there.

        key : SecretKey
            Opens the file again.

        Raises
        ------
        FileExistsError
            If anything is at `path`.
        TypeError
            If a column's type or one of its categories cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import pandas as pd
        >>> from sklearn_homeo import SecretKey, TableEncoder
        >>> table = pd.DataFrame({"bill": [46.2, None], "island": ["Dream", "Biscoe"]})
        >>> key = SecretKey.generate()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "table.sealed")
        ...     TableEncoder().fit(table).save(path, key)
        ...     encoder = TableEncoder.load(path, key)
        >>> encoder.inverse_transform(encoder.transform(table)).equals(table)
        True
        """
        check_is_fitted(self)
        save_sealed(path, encoder_tree(self), _KIND, key)

    @classmethod
    def load(cls, path, key):
        """Read the encoder that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Where the file is.

        key : SecretKey
            The key given to `save`.

        Returns
        -------
        encoder : TableEncoder
            Fitted.

        Raises
        ------
        SealedFileError
            If it is not a sealed file, holds something else, was changed, or is of
            another key or a newer version.
        """
        return restore_encoder(cls(), open_sealed(path, _KIND, key))

    def _open(self, X, reset):
        library = library_of(X)
        rows = X
        if library == "numpy":
            rows = as_table(as_array(X), "X")
            if rows.dtype.kind == "c":
                # scikit-learn's own message shows them.
                raise ValueError("Complex data not supported: X holds complex numbers.")
            rows = check_array(
                rows,
                dtype=None,
                ensure_all_finite=False,
                estimator=self,
                input_name="X",
            )
        table = table_class(library)(rows)
        _check_layout(table)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return table

    def _read(self, table, place, must=False, known=()):
        """Return the cells of a column; None if they cannot be numbers."""
        try:
            return table.read(place, known)
        except UnsupportedColumn as error:
            if not must:
                return None
            raise TypeError(
                f"column {table.labels[place]!r} holds {error}, unlike in fit"
            ) from None

    def _find_sealed(self, table, cells):
        """Return the places of the sealed columns, as a set."""
        if not isinstance(self.sealed_columns, str):
            return self._named_sealed(table, cells)
        reasons = {}
        for i, column in enumerate(cells):
            if column is None:
                reasons[i] = f"{table.dtypes[i]}, which cannot be numbers"
            else:
                reason = why_sealed(table.labels[i], column, self.max_categories)
                reasons |= {i: reason} if reason else {}
        if reasons:
            names = [f"{table.labels[i]!r} ({reasons[i]})" for i in reasons]
            warn(
                "identifiers and free text are set aside, as no model should see them: "
                f"{listed(names)}. `split` gives them back; sealed_columns=[...] says "
                "which columns to seal, and seals no others",
                SealedColumnsWarning,
            )
        return set(reasons)

    def _named_sealed(self, table, cells):
        unknown = [name for name in self.sealed_columns if name not in table.labels]
        if unknown:
            # What is not text may be a record that was passed by mistake.
            names = [
                repr(name) if isinstance(name, str) else shown(name) for name in unknown
            ]
            raise ValueError(
                f"sealed_columns names {listed(names)}, but the columns are "
                f"{listed(list(map(repr, table.labels)))}"
            )
        sealed = {
            i for i, label in enumerate(table.labels) if label in self.sealed_columns
        }
        numberless = [
            repr(table.labels[i])
            for i, column in enumerate(cells)
            if column is None and i not in sealed
        ]
        if numberless:
            raise TypeError(
                f"these columns cannot be numbers: {listed(numberless)}; add them to "
                "sealed_columns, or leave them out"
            )
        return sealed

    def _report(self, refused):
        parts = [
            f"column {label!r}, {_rows(found)}: {reason}"
            for (label, reason), found in refused.items()
        ]
        message = "cells of X that would not come back as they are: " + "; ".join(parts)
        if self.handle_unknown == "warn":
            warn(message)
            return
        raise ValueError(
            f"{message}. Fit on a table that has such cells, correct them, or set "
            'handle_unknown="warn": what is nearest is encoded then.'
        )

    def _build(self, columns, sealed, index):
        layout = self._layout
        if sealed is None:
            places = [i for i, code in enumerate(self._codes) if code is not None]
        else:
            columns = self._woven(columns, sealed)
            places = range(len(self._codes))
            index = getattr(sealed, "index", index) if layout.has_index else None
        return table_class(layout.library).build(
            columns,
            layout.select_labels(places),
            [layout.dtypes[i] for i in places],
            index,
        )

    def _woven(self, columns, sealed):
        _check_part(sealed, "sealed")
        n_sealed = len(self.sealed_columns_)
        if not n_sealed and not sealed.shape[1]:
            return columns
        if sealed.shape != (len(columns[0]) if columns else len(sealed), n_sealed):
            raise ValueError(
                f"sealed has the shape {sealed.shape}, but the rows need "
                f"{(len(columns[0]), n_sealed)}"
            )
        rest, aside = iter(columns), iter(_column(sealed, i) for i in range(n_sealed))
        return [next(aside if code is None else rest) for code in self._codes]

    def _names(self, table):
        if table.library == "numpy":
            return [f"x{i}" for i in table.labels]
        return [str(label) for label in table.labels]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def _check_layout(table):
    shape = (len(table), len(table.labels))
    for count, what in zip(shape, ("sample", "feature"), strict=True):
        if count < 1:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is "
                "required by TableEncoder."
            )
    twice = [label for label in table.labels if table.labels.count(label) > 1]
    if twice:
        raise ValueError(f"the names of columns must differ; twice: {twice[0]!r}")


def _check_part(part, name):
    if library_of(part) == "numpy" and not isinstance(part, np.ndarray):
        raise TypeError(
            f"{name} must be a data frame or an array, got {type(part).__name__}"
        )
    if isinstance(part, np.ndarray) and part.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {part.ndim}")


def _column(X, place):
    if hasattr(X, "iloc"):
        return X.iloc[:, place]
    return X.to_series(place) if hasattr(X, "to_series") else X[:, place]


def _rows(found):
    rows = np.concatenate([found[start] for start in sorted(found)]).tolist()
    return f"row{'s' * (len(rows) > 1)} {listed(rows)}"


def _unique_names(names):
    """Return names of which no two are equal; later ones get a number."""
    taken = set()
    for i, name in enumerate(names):
        number = 2
        while names[i] in taken:
            names[i] = f"{name}_{number}"
            number += 1
        taken.add(names[i])
    return names
