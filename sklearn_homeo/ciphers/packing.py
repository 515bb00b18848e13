"""A number of a ciphertext: the view in its high bits, a residue in its low bits.

======  ======  ==========================================================
bits    count   what they hold
======  ======  ==========================================================
52-47   6       the view's code, from -32 to 31: all that is leaked
46-23   24      left half of the residue
22-0    23      right half of the residue
======  ======  ==========================================================

The residue is the lattice integer modulo 2**47. An integer has 41 bits (its range), so
6 bits of every residue are redundant: a row that no cipher wrote decrypts to uniform
residues, each of which is in range with the probability 2**-6.

All 53 bits are what float64 can hold exactly: the number is ``(code * 2**47 + residue)
* 2**-50``, from -4 to 4. To a model, a column is the view in steps of 1/8 with uniform
noise inside the step. Left and right halves are uint32 with their bits at the top.
"""

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.rows import as_float_rows
from sklearn_homeo.ciphers.lock import LEFT_BITS, RIGHT_BITS
from sklearn_homeo.ciphers.prf import half_mask

__all__ = [
    "RESIDUE_BITS",
    "UNIT",
    "VIEW_BITS",
    "is_packed",
    "join",
    "pack",
    "split",
    "unpack",
    "views_of",
]

VIEW_BITS = 6
RESIDUE_BITS = 47
# Of the number of a ciphertext, and of the view in it.
UNIT = 2.0**-50
_VIEW_STEPS = 2.0**-RESIDUE_BITS / UNIT
_LEFT_MASK = half_mask(LEFT_BITS)
# From an integer to its halves, and back.
_LEFT_SHIFT, _RIGHT_SHIFT, _LEFT_SPARE = 15, np.uint32(9), np.uint32(8)


def split(u, left, right, workspace):
    """Cut integers modulo 2**47 into halves.

    Parameters
    ----------
    u : ndarray of shape (n_samples, width), dtype int64
    left, right : ndarray of shape (n_samples, width), dtype uint32
        Filled.
    workspace : Workspace
    """
    shifted = workspace.array("numbers/3", u.shape, np.int64)
    np.right_shift(u, _LEFT_SHIFT, out=shifted)
    np.copyto(left, shifted, casting="unsafe")
    left &= _LEFT_MASK
    np.copyto(right, u, casting="unsafe")
    right <<= _RIGHT_SHIFT


def join(left, right, u, workspace):
    """Put halves together to the integers from -2**46 on, the inverse of `split`.

    Parameters
    ----------
    left, right : ndarray of shape (n_samples, width), dtype uint32
        `right` is overwritten.
    u : ndarray of shape (n_samples, width), dtype int64
        Filled.
    workspace : Workspace
    """
    np.copyto(u, left.view(np.int32))
    _add_right(u, right, workspace)


def _add_right(u, right, workspace):
    u <<= _LEFT_SHIFT
    low = workspace.array("numbers/3", u.shape, np.int64)
    right >>= _RIGHT_SHIFT
    np.copyto(low, right)
    u |= low


def pack(codes, left, right, out, workspace):
    """Write numbers of a ciphertext.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, width), dtype int8
        In [-32, 31].
    left, right : ndarray of shape (n_samples, width), dtype uint32
        Overwritten.
    out : ndarray of shape (n_samples, width), dtype float64
        Filled.
    workspace : Workspace
    """
    # View and left half are one integer of 30 bits. Conversions of that size are fast,
    # and float64 adds both parts exactly: their sum has 53 bits.
    real = workspace.array("numbers/2", codes.shape, np.float64)
    high = workspace.array("numbers/3", codes.shape, np.int32)
    np.copyto(high, codes)
    high <<= LEFT_BITS
    left >>= _LEFT_SPARE
    high |= left.view(np.int32)
    np.copyto(real, high)
    real *= UNIT * 2.0**RIGHT_BITS
    part = workspace.array("numbers/3", codes.shape, np.float64)
    right >>= _RIGHT_SHIFT
    np.copyto(part, right.view(np.int32))
    part *= UNIT
    np.add(real, part, out=out)


def unpack(Z, codes, left, right, workspace):
    """Take numbers of a ciphertext apart, the inverse of `pack`.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, width)
    codes : ndarray of shape (n_samples, width), dtype int8
    left, right : ndarray of shape (n_samples, width), dtype uint32
        Filled, with zeros for rows that `pack` cannot have written.
    workspace : Workspace

    Returns
    -------
    valid : ndarray of shape (n_samples,), dtype bool
        Whether `pack` can have written a row: no NaN, infinity, -0.0, nothing but
        multiples of 2**-50 in [-4, 4).
    """
    real = np.asarray(Z, dtype=np.float64)
    integers = workspace.array("numbers/2", Z.shape, np.int64)
    again = workspace.array("numbers/3", Z.shape, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        np.multiply(real, 1 / UNIT, out=again)
        np.copyto(integers, again, casting="unsafe")
    # What is written again must have the same bits; that is not so of -0.0 and NaN.
    np.copyto(again, integers)
    again *= UNIT
    valid = (again.view(np.int64) == real.view(np.int64)).all(axis=1)
    end = 1 << (VIEW_BITS - 1 + RESIDUE_BITS)
    valid &= integers.min(axis=1) >= -end
    valid &= integers.max(axis=1) < end
    if not valid.all():
        integers[~valid] = 0
    shifted = again.view(np.int64)
    np.right_shift(integers, RESIDUE_BITS, out=shifted)
    np.copyto(codes, shifted, casting="unsafe")
    split(integers, left, right, workspace)
    return valid


def is_packed(X):
    """Whether rows are ciphertexts, by their numbers alone.

    All are multiples of 2**-50 in [-4, 4), and about every other one is an odd
    multiple: residues are uniform. Numbers of other origin have fewer binary places,
    or more.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64

    Returns
    -------
    is_packed : bool

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.ciphers.packing import is_packed
    >>> is_packed(np.random.default_rng(0).normal(size=(20, 3)))
    False
    """
    # A part of the rows tells as much.
    part = X[:: max(1, len(X) // 1000)]
    if not (np.abs(part) <= 4).all():
        return False
    integers = np.rint(part / UNIT)
    if not (integers * UNIT == part).all():
        return False
    odd = np.mean(integers % 2)
    return bool(abs(odd - 0.5) < 2.0 / np.sqrt(part.size))


def views_of(Z: ArrayLike) -> np.ndarray:
    """Return the views of ciphertexts, without their residues: all there is to learn.

    Residues are uniform whatever the rows are, and change with the key. A model that is
    trained on views, and asked about views, has nothing but noise to lose, and answers
    the same after `reencrypt` where the view was kept.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype float64
        Ciphertexts, not of ``leakage="space"``.

    Returns
    -------
    views : ndarray of shape (n_samples, n_features), dtype float64
        Multiples of 1/8 in [-4, 4): the greatest that are not above `Z`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import views_of
    >>> views_of(np.array([[0.3, -0.01]]))
    array([[ 0.25 , -0.125]])
    """
    Z = as_float_rows(Z, "Z", "views_of")
    return np.floor(Z * _VIEW_STEPS) / _VIEW_STEPS
