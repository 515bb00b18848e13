"""A fitted TableEncoder as a tree of plain values, for a sealed file, and back."""

from dataclasses import fields

import numpy as np

from sklearn_homeo.tables._booleans import BooleanCode
from sklearn_homeo.tables._categories import CategoryCode, OrdinalCode
from sklearn_homeo.tables._columns import ColumnCode
from sklearn_homeo.tables._constants import NothingCode
from sklearn_homeo.tables._decimals import DecimalCode
from sklearn_homeo.tables._dtypes import (
    read_dtype,
    read_level,
    write_dtype,
    write_level,
)
from sklearn_homeo.tables._integers import IntegerCode
from sklearn_homeo.tables._layout import Layout
from sklearn_homeo.tables._numbers import BitsCode, DecimalsCode, LossyCode
from sklearn_homeo.tables._placing import SplitColumns, WholeColumn
from sklearn_homeo.tables._scales import DyadicScale
from sklearn_homeo.tables._times import TicksCode

__all__ = ["encoder_tree", "restore_encoder"]

# Their names are in files: none may change.
_PARTS = {
    part.__name__: part
    for part in (
        *(BitsCode, BooleanCode, CategoryCode, ColumnCode, DecimalCode, DecimalsCode),
        *(DyadicScale, IntegerCode, LossyCode, NothingCode, OrdinalCode, SplitColumns),
        *(TicksCode, WholeColumn),
    )
}


def encoder_tree(encoder):
    """Return a fitted TableEncoder as what `dump_tree` takes.

    Raises
    ------
    TypeError
        If a column's type or one of its categories cannot be written.
    """
    layout = encoder._layout
    return {
        "parameters": _plain(encoder.get_params(deep=False)),
        "names": _plain(getattr(encoder, "feature_names_in_", None)),
        "codes": [write_code(code) for code in encoder._codes],
        "library": layout.library,
        "labels": write_labels(layout.labels),
        "dtypes": [write_dtype(dtype, layout.library) for dtype in layout.dtypes],
        "sealed": [write_level(label) for label in encoder.sealed_columns_],
        "names_out": list(encoder._names_out),
    }


def restore_encoder(encoder, tree):
    """Give an encoder that is not fitted what `encoder_tree` returned of another."""
    encoder.set_params(**tree["parameters"])
    library = tree["library"]
    dtypes = [read_dtype(dtype, library) for dtype in tree["dtypes"]]
    encoder._layout = Layout(library, read_labels(tree["labels"]), dtypes)
    encoder._codes = [read_code(code) for code in tree["codes"]]
    encoder._names_out = tree["names_out"]
    encoder._n_features_out = len(tree["names_out"])
    encoder.sealed_columns_ = [read_level(label) for label in tree["sealed"]]
    encoder.n_features_in_ = len(dtypes)
    if tree["names"] is not None:
        encoder.feature_names_in_ = np.array(tree["names"], dtype=object)
    return encoder


def _plain(value):
    """Return parameters without NumPy's types."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple | set) else value


def write_code(code):
    """Return a column's code, or a part of it, as what `dump_tree` takes."""
    if isinstance(code, tuple):
        return tuple(map(write_level, code))
    if type(code).__name__ not in _PARTS:
        return code
    parts = [field.name for field in fields(code)]
    written = {name: write_code(getattr(code, name)) for name in parts}
    return {"part": type(code).__name__, **written}


def read_code(written):
    """Return the code of `write_code`."""
    if isinstance(written, tuple):
        return tuple(map(read_level, written))
    if not isinstance(written, dict):
        return written
    values = {name: read_code(value) for name, value in written.items()}
    return _PARTS[values.pop("part")](**values)


def write_labels(labels):
    """Return the names of a table's columns as what `dump_tree` takes."""
    if isinstance(labels, list):
        return {"labels": labels}
    return {
        "labels": [write_level(label) for label in labels.tolist()],
        "names": [write_level(name) for name in labels.names],
        "levels": labels.nlevels,
    }


def read_labels(written):
    """Return the names of `write_labels`."""
    if "names" not in written:
        return written["labels"]
    import pandas as pd

    labels = [read_level(label) for label in written["labels"]]
    if written["levels"] > 1:
        return pd.MultiIndex.from_tuples(labels, names=written["names"])
    return pd.Index(labels, name=written["names"][0], tupleize_cols=False)
