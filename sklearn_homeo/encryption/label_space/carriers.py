"""The keyed homeomorphism of label space that carries centres of cells, in integers."""

import numpy as np

__all__ = ["MAX_CENTRE", "carry", "on_grid"]

# Centres are integers of this magnitude at most.
MAX_CENTRE = 2**20
_MAX_CODE = 31
# Places are fractions of a column's range, in these steps.
_PLACE_BITS = 15
# A bend of 1 would be flat somewhere; slopes lie between 3/4 and 5/4.
_BEND_BITS, _MAX_BEND = 8, 64
_MIRROR_SIZE = 2**10
_MAX_MIRRORS = 8


def on_grid(centres):
    """Return centred integer centres, in no more axes than they span.

    Parameters
    ----------
    centres : ndarray of shape (n_cells, d), dtype float64

    Returns
    -------
    whole : ndarray of shape (n_cells, k), dtype int64
        Centres of magnitude 2**20 at most, on their principal axes, longest first.
    """
    middle = (centres.max(axis=0) + centres.min(axis=0)) / 2
    left, singular, _ = np.linalg.svd(centres - middle, full_matrices=False)
    kept = max(int((singular > 1e-6 * max(singular[0], 1e-300)).sum()), 1)
    spanned = left[:, :kept] * singular[:kept]
    largest = np.sqrt((spanned**2).sum(axis=1).max())
    if largest == 0:
        return np.zeros((len(centres), 1), np.int64)
    return np.rint(spanned * ((MAX_CENTRE - kept) / largest)).astype(np.int64)


def carry(centres, width, stream):
    """Return the codes of cells: their centres through a keyed homeomorphism.

    As many columns as label space has axes see it under a keyed product of
    reflections, the next ones under another, and so on; then every column is bent,
    increasing, and shifted by less than a code. All in integers.

    Parameters
    ----------
    centres : ndarray of shape (n_cells, k), dtype int64
        On their principal axes; what `width` columns cannot hold is left out.
    width : int
    stream : KeyStream

    Returns
    -------
    codes : ndarray of shape (n_cells, width), dtype int64
        In [-31, 31].
    """
    centres = centres[:, :width]
    k = centres.shape[1]
    views = [_reflected(centres, stream) for _ in range(-(-width // k))]
    seen = np.hstack(views)[:, :width]
    largest = max(int(np.abs(seen).max()), 1)
    places = (seen << _PLACE_BITS) // largest
    bends = stream.integers(-_MAX_BEND, _MAX_BEND + 1, width)
    shifts = stream.integers(0, 2**_PLACE_BITS, width)
    arches = places * (2**_PLACE_BITS - np.abs(places)) >> _PLACE_BITS
    bent = places + (bends * arches >> _BEND_BITS)
    return (bent * _MAX_CODE + shifts) >> _PLACE_BITS


def _reflected(points, stream):
    """Points in a keyed product of mirrors, rounded after each."""
    k = points.shape[1]
    points = points * (2 * stream.integers(0, 2, k) - 1)
    if k == 1:
        return points
    for _ in range(min(k, _MAX_MIRRORS)):
        mirror = stream.integers(-_MIRROR_SIZE, _MIRROR_SIZE + 1, k)
        square = max(int((mirror**2).sum()), 1)
        along = 2 * (points @ mirror)
        points = points - (along[:, None] * mirror + square // 2) // square
    return points
