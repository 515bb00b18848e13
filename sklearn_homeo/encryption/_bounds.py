"""Bounds on what an attacker gets from the cipher, as numbers.

The proofs are in the mathematics page of the documentation; the terms here have its
letters.
"""

import math

from sklearn_homeo.ciphers.lock import LEFT_BITS, N_HASHED, RIGHT_BITS
from sklearn_homeo.ciphers.packing import RESIDUE_BITS

__all__ = ["log2_advantage", "log2_forgery"]

# Of a block that F enciphers: the counter, and as many halves come out.
_BLOCK_BITS, _COUNTER_BITS, _HALVES_PER_BLOCK = 128, 16, 4
# Bits of a residue that a row that nobody wrote must have by chance.
_REDUNDANT_BITS = 6


def log2_advantage(width, n_rows):
    """Return the bound on telling ciphertexts from views and uniform residues.

    For an attacker who has ``n_rows`` rows of his choice encrypted or decrypted, in any
    order, beyond what breaking AES-256 or HKDF-SHA256 would give him. For any number of
    locks, even if he holds the keys of all locks but one.

    Parameters
    ----------
    width : int
        Columns of a ciphertext, at least 1.
    n_rows : int
        At least 1.

    Returns
    -------
    log2_advantage : float
        At most 0.

    Examples
    --------
    >>> from sklearn_homeo.encryption._bounds import log2_advantage
    >>> [round(log2_advantage(30, 2**k)) for k in (20, 30)]
    [-72, -52]
    """
    pairs = n_rows * (n_rows - 1) / 2
    hashed = min(width, N_HASHED)
    blocks = -(-width // _HALVES_PER_BLOCK)
    counter_bits = max(_COUNTER_BITS, (blocks - 1).bit_length())
    outer = 2.0 ** (-LEFT_BITS * hashed) + 2.0 ** (-RIGHT_BITS * hashed)
    inner = 2 * 2.0 ** (counter_bits - _BLOCK_BITS)
    repeated = 2.0 ** -min(RESIDUE_BITS * width, 1000)
    # Two functions, each of so many blocks; and the words of four hash keys.
    drawn = n_rows * blocks
    switched = 2 * drawn * (drawn - 1) / 2
    expanded = sum(m * (m - 1) / 2 for m in _key_blocks(width))
    advantage = pairs * (outer + inner + repeated)
    advantage += (switched + expanded) * 2.0**-_BLOCK_BITS
    return min(math.log2(advantage), 0.0)


def _key_blocks(width):
    """AES blocks from which the keys of h1, h2, F1 and F2 are made, at most."""
    outer = 4 * (width + 1)
    # A tweak has a quarter of the width for the view, and eleven for a context.
    inner = 4 * (width + width // 4 + 13)
    return outer, outer, inner, inner


def log2_forgery(n_features, width, randomized):
    """Return the chance that what no encryptor wrote is accepted, each attempt.

    Columns of data and of randomness must be in range; columns of zeros, zero.

    Parameters
    ----------
    n_features, width : int
    randomized : bool

    Returns
    -------
    log2_chance : float
        To be added to the advantage of `log2_advantage`.
    """
    n_checked = n_features + 2 * bool(randomized)
    return -float(
        _REDUNDANT_BITS * n_checked + RESIDUE_BITS * max(width - n_checked, 0)
    )
