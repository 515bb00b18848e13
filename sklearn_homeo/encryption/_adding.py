"""One more target for an encryptor that is fitted."""

from copy import copy

import numpy as np

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.encryption._cipher_keys import CipherKeys
from sklearn_homeo.encryption._fitting import share_explained
from sklearn_homeo.encryption._warnings import warn_of_small_cells
from sklearn_homeo.encryption.label_space.joined import joined_state, parts_of
from sklearn_homeo.encryption.label_space.leak import explained_variance_ratio

__all__ = ["widened"]

# Columns that carry another target, unless its coordinates are more.
_MOST_COLUMNS = 16


def widened(encryptor, X, fitted):
    """Return an encryptor that carries one more view in columns of its own.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted; it stays as it is.
    X : ndarray of shape (n_samples, n_features), dtype float64
    fitted : Fitted
        The view of the new target, on the same lattice.

    Returns
    -------
    other : HomeomorphicEncryptor
    """
    lattice, state = encryptor._cipher.lattice, encryptor._state
    width = max(fitted.n_preserved, min(lattice.n_drawn, _MOST_COLUMNS))
    part = fitted.state["view"] | {"width": width}
    view = joined_state([*parts_of(state["view"]), part])
    units = (X - lattice.mean) / lattice.scale
    if encryptor.leakage_ == "cells":
        index = _joint_cells(encryptor, X, fitted)
        view["smallest_cell"] = int(np.bincount(index).min())
        explained = share_explained(units.T, index)
    added = {"n_added": lattice.n_added + width}
    state = state | {"lattice": state["lattice"] | added, "view": view}
    keys = CipherKeys.from_key(encryptor.key_, state)
    other = copy(encryptor)
    views = (*encryptor._keys.views, keys.views[-1])
    other._start(state, encryptor.key_, keys.with_views(views))
    if encryptor.leakage_ == "scores":
        explained = explained_variance_ratio(other.preserve(X), units)
    other.n_cells_ = other._cipher.view.n_cells
    other.leakage_bits_ = encryptor.leakage_bits_ + fitted.leakage_bits
    other.n_preserved_ = encryptor.n_preserved_ + fitted.n_preserved
    other.linkage_noise_ = min(encryptor.linkage_noise_, fitted.linkage_noise)
    other.preserved_variance_ratio_ = float(explained)
    other.probe_scores_ = [*encryptor.probe_scores_, *fitted.probe_scores]
    if encryptor.leakage_ == "cells":
        warn_of_small_cells(view["smallest_cell"], encryptor.min_cell_size)
    return other


def _joint_cells(encryptor, X, fitted):
    """Number the cells of all targets together that hold rows."""
    u = encryptor._cipher.lattice.round(X, Workspace())
    before = encryptor._cipher.view.codes(u)
    after = fitted.choice.cells.index(u)
    both = np.column_stack([before, after])
    return np.unique(both, axis=0, return_inverse=True)[1].ravel()
