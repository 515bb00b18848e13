"""Checks that attacks begin with."""

import numpy as np

from sklearn_homeo._utils.rows import check_real_array, check_vector


def check_rows(rows, name, least=2):
    """Check an array and that it has enough rows."""
    rows = check_real_array(rows, dtype=np.float64, input_name=name)
    if len(rows) < least:
        raise ValueError(f"{name} has {len(rows)} rows; the attack needs {least}")
    return rows


def check_sides(Z, X, least):
    """Check ciphertexts and records that belong together row by row."""
    Z, X = check_rows(Z, "Z", least), check_rows(X, "X", least)
    if len(Z) != len(X):
        raise ValueError(f"Z has {len(Z)} rows, X has {len(X)}; they must agree")
    if not np.ptp(X, axis=0).any():
        raise ValueError("X has no column that varies: nothing to attack")
    return Z, X


def check_labels(y, n_rows, name="y"):
    """Class codes 0, 1, ... of public labels; one class if there are none."""
    if y is None:
        return np.zeros(n_rows, dtype=np.int64)
    y = check_vector(y, "y")
    if len(y) != n_rows:
        raise ValueError(f"{name} has {len(y)} labels for {n_rows} rows")
    return np.unique(y, return_inverse=True)[1]


def check_names(attacks, known, words="'all'"):
    """Names of attacks to run: all known ones for a word, or those of a sequence."""
    if isinstance(attacks, str):
        return list(known)
    # What is not a name may be a record.
    if not attacks or not all(isinstance(one, str) and one in known for one in attacks):
        raise ValueError(f"attacks must be {words} or names from {list(known)}")
    return list(dict.fromkeys(attacks))


def standardise(rows, reference=None):
    """Rows in standard deviations of the reference; constant columns become zero."""
    reference = rows if reference is None else reference
    mean, scale = reference.mean(axis=0), reference.std(axis=0)
    # What varies at the level of round-off is constant.
    varying = scale > 1e-12 * np.abs(reference).max(axis=0)
    return np.where(varying, rows - mean, 0.0) / np.where(varying, scale, 1.0)
