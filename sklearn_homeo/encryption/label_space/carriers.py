"""The keyed homeomorphism of label space that carries centres of cells, in integers."""

import numpy as np

__all__ = ["MAX_CENTRE", "carry", "carry_line", "on_grid"]

# Centres are integers of this magnitude at most.
MAX_CENTRE = 2**20
_MAX_CODE = 31
# Places are fractions of a column's range, in these steps.
_PLACE_BITS = 15
# A bend of 1 would be flat somewhere; slopes lie between 3/4 and 5/4.
_BEND_BITS, _MAX_BEND = 8, 64
_MIRROR_SIZE = 2**10
_MAX_MIRRORS = 8
# Each column of a line is steepest at one place, a quarter as steep that far away.
_SOFTNESS = 2**14


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
    reflections, the next ones under another, and so on. Then every column is bent by an
    increasing function, and shifted by less than a code. All of it is in integers.

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
    places = _places(centres, width, stream)
    bends = stream.integers(-_MAX_BEND, _MAX_BEND + 1, width)
    arches = places * (2**_PLACE_BITS - np.abs(places)) >> _PLACE_BITS
    return _codes(places + (bends * arches >> _BEND_BITS), stream)


def carry_line(centres, width, stream):
    """Return the codes of cells whose centres lie on a line, as those of a number do.

    Every column is steepest, up or down, where another of the centres lies. No cell is
    in the middle of all columns then: neural networks learn slowly from rows
    near zero.

    Parameters
    ----------
    centres : ndarray of shape (n_cells, 1), dtype int64
    width : int
    stream : KeyStream

    Returns
    -------
    codes : ndarray of shape (n_cells, width), dtype int64
        In [-31, 31].
    """
    places = _places(centres, width, stream)
    ranks = (2 * stream.permutation(width) + 1) * len(centres) // (2 * width)
    away = places - np.sort(places, axis=0)[ranks, np.arange(width)]
    bent = (away << _PLACE_BITS) // (_SOFTNESS + np.abs(away))
    low, high = bent.min(axis=0), bent.max(axis=0)
    bent = (2 * bent - low - high << _PLACE_BITS) // np.maximum(high - low, 1)
    return _codes(bent, stream)


def _places(centres, width, stream):
    """Where the cells lie in each column, of magnitude 2**15 at most."""
    centres = centres[:, :width]
    k = centres.shape[1]
    views = [_reflected(centres, stream) for _ in range(-(-width // k))]
    seen = np.hstack(views)[:, :width]
    return (seen << _PLACE_BITS) // max(int(np.abs(seen).max()), 1)


def _codes(places, stream):
    """Round places to codes, each column shifted by less than one of them."""
    shifts = stream.integers(0, 2**_PLACE_BITS, places.shape[1])
    return (places * _MAX_CODE + shifts) >> _PLACE_BITS


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
