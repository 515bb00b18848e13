"""Pseudorandom functions of whole rows: a universal hash, then AES-256 on counters.

Inputs and outputs are *halves*: integers of b <= 24 bits in the high bits of uint32,
whose low bits are zero. Adding two halves wraps as it should, and read as int32 they
are their signed integer times a power of two.

**The hash.** For secret words ``k_0, ..., k_n`` of 84 uniform bits and signed integers
``x_i`` of b bits,

    w(x) = (k_0 + k_1 x_1 + ... + k_n x_n) mod 2**84,

whose ``z = 84 - b + 1`` high bits may be kept: 61 for b = 24.

*Claim.* For x != x', the kept bits of w(x) and w(x') are uniform and independent, so
every difference of them, modulo 2**z, has the probability 2**-z exactly.

*Proof.* Let ``x_i - x'_i = 2**e c`` with c odd; it is below 2**b in magnitude, so
``e <= b - 1``. Fix all words but k_0 and k_i. Then ``w(x) - w(x')`` is a constant plus
``2**e c k_i``: its e low bits are fixed, and its other ones uniform. Given k_i, w(x) is
uniform, as k_0 is. So all pairs (w(x), w(x')) whose difference has the fixed low bits
are equally likely. As ``e <= b - 1``, the b - 1 low bits that are cut off can be chosen
to give any pair of kept bits, in equally many ways. QED. (Lemire and Kaser, "Strongly
universal string hashing is fast", The Computer Journal 57(11), 2014, have it for
unsigned integers; nothing is needed but that differences are below 2**b.)

Any m of the kept bits are as good, with ``epsilon = 2**-m``, and words with keys of
their own are independent. Two words, 60 bits of each, give 120 bits with ``epsilon =
2**-120``. (All 64 bits of words of 64 bits would not do: where columns differ by 2**23,
they collide with a probability of 2**-41 each.)

**In float64.** A word is cut into four signed limbs of 21 bits, of magnitude 2**20 at
most. A half has a magnitude of 2**23 at most, so sums of 1024 products are integers of
magnitude 2**53 at most, exact in float64 whatever the order of summation: one matrix
product gives the limbs of both words.

**The function.** ``F(x)`` is AES-256 on blocks of two words with 56 bits of hash each,
whose low bytes are a counter of 16 bits, in order, for as many halves as are wanted,
four from a block. Rows of more than 2**18 columns take bits of the hash for the
counter.
"""

import math

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sklearn_homeo.ciphers.base import Workspace, slices

__all__ = ["HALF_BITS", "Hash", "Inputs", "Prf", "derive_key", "hashed_columns"]

KEY_BYTES = 32
_SALT = b"sklearn_homeo"
# Of a tweak and of the larger of two halves.
HALF_BITS = 24
_WORD_BITS = 32
_N_WORDS, _N_LIMBS, _LIMB_BITS = 2, 4, 21
# Of the sums of the lowest limbs, and what that leaves of the others.
_CUT_BITS = 20
_LIMB_SHIFTS = np.array([1, 22, 43])[:, None, None]
# Inputs whose products with limbs add up exactly.
_EXACT_INPUTS = 1024
# Numbers in a factor that OpenBLAS multiplies without packing it first.
_SMALL_PRODUCT = 2**17 - 2**13
# Halves drawn at a time: all of a piece, unless it is very wide.
_DRAWN_HALVES = 2**18
# The constant, as a half of 24 bits.
_ONE = 2.0**8
# Where the columns of halves are in the words of a hash.
_NEXT_SHIFT, _REST_MASK = np.uint64(8), np.uint64(0xFFF0)
_REST_SHIFTS = np.array([[16], [4]], np.uint64)
_COUNTER_BITS = 16
_HALVES_PER_BLOCK = 4


def derive_key(key, label, binding):
    """Derive a sub-key by HKDF with SHA-256 (RFC 5869).

    Parameters
    ----------
    key : bytes of length 32
    label : str
        The purpose. Without the character NUL, so that labels and bindings cannot be
        mistaken for others.
    binding : bytes
        What the sub-key is bound to.

    Returns
    -------
    sub_key : bytes of length 32
    """
    info = label.encode() + b"\0" + binding
    return HKDF(SHA256(), KEY_BYTES, _SALT, info).derive(key)


class Inputs:
    """Rows as the hashes of a lock take them: halves, a constant, a tweak.

    The halves change from hash to hash, the rest stays.

    Parameters
    ----------
    width : int
        Halves of a row.
    tweak : ndarray of shape (n_samples, n_tweaks)
        Halves, as the numbers that they are as int32.
    workspace : Workspace
    """

    def __init__(self, width, tweak, workspace):
        self.n_rows, n_tweaks = tweak.shape
        n_chunks, chunk = _chunks(width + 1 + n_tweaks)
        # Rows are stacked so that OpenBLAS multiplies without packing them first.
        self._n_stacks = -(-self.n_rows * chunk // _SMALL_PRODUCT)
        n_rows = self._n_stacks * -(-self.n_rows // self._n_stacks)
        n_columns = max(n_chunks * chunk, math.prod(_chunks(width + 1)))
        self._real = workspace.array("numbers/2", (n_rows, n_columns), np.float64)
        self._real[self.n_rows :] = 0.0
        self._real[:, width:] = 0.0
        self._real[: self.n_rows, width] = _ONE
        self._real[: self.n_rows, width + 1 : width + 1 + n_tweaks] = tweak
        self._halves = self._real[: self.n_rows, :width]

    def put(self, half):
        """Take halves, a uint32 array of shape (n_samples, width)."""
        np.copyto(self._halves, half.view(np.int32))

    def put_integers(self, rows, bits):
        """Take signed integers of `bits` bits, a float64 array of the same shape."""
        np.multiply(rows, 2.0 ** (_WORD_BITS - bits), out=self._halves)

    def products(self, limbs, workspace):
        """Return exact products with limbs of shape (n_chunks, 1, chunk, m).

        Returns
        -------
        products : ndarray of shape (n_chunks, n_samples, m), dtype float64
        """
        n_chunks, _, chunk, n_limbs = limbs.shape
        real = self._real[:, : n_chunks * chunk]
        real = real.reshape(self._n_stacks, -1, n_chunks, chunk).transpose(2, 0, 1, 3)
        shape = (*real.shape[:3], n_limbs)
        products = workspace.array("hash/products", shape, np.float64)
        np.matmul(real, limbs, out=products)
        return products.reshape(n_chunks, -1, n_limbs)[:, : self.n_rows]


def _chunks(n_inputs):
    """Fewest chunks of inputs whose products add up exactly, and their size."""
    n_chunks = -(-n_inputs // _EXACT_INPUTS)
    return n_chunks, -(-n_inputs // n_chunks)


class Hash:
    """120 bits of hash of rows of halves: two words, 60 bits of each.

    Parameters
    ----------
    key : bytes of length 32
        Limbs are the high bits of words of an AES-256 stream in counter mode: for each
        input the lowest limb of both words, then the next one.
    input_bits : sequence of int
        Bits of each input, at most 24. The constant is the input of 24 bits that
        follows the halves of a row.

    Attributes
    ----------
    limbs : ndarray of shape (n_chunks, 1, chunk, 8), dtype float64
        Secret. Sums over one chunk are exact; rows that fill up the last are zero.
    """

    def __init__(self, key, input_bits):
        n_inputs, n_limbs = len(input_bits), _N_LIMBS * _N_WORDS
        encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
        drawn = encryptor.update(bytes(4 * n_inputs * n_limbs))
        limbs = np.frombuffer(drawn, "<i4").reshape(n_inputs, n_limbs)
        # Halves come times 2**(32 - b); this makes up for it, without rounding.
        unit = 2.0 ** (np.asarray(input_bits, dtype=np.float64) - _WORD_BITS)
        n_chunks, chunk = _chunks(n_inputs)
        self.limbs = np.zeros((n_chunks, 1, chunk, n_limbs))
        padded = self.limbs.reshape(-1, n_limbs)[:n_inputs]
        np.multiply(limbs >> (_WORD_BITS - _LIMB_BITS), unit[:, None], out=padded)

    def words(self, inputs, workspace):
        """Hash rows.

        Parameters
        ----------
        inputs : Inputs
        workspace : Workspace

        Returns
        -------
        words : ndarray of shape (2, n_samples), dtype uint64
            The 60 high bits are kept ones; the others mean nothing. In `workspace`.
        """
        products = inputs.products(self.limbs, workspace).transpose(0, 2, 1)
        whole = workspace.array("hash/whole", products.shape, np.int64)
        np.copyto(whole, products, casting="unsafe")
        total = whole[0]
        for part in whole[1:]:
            total += part
        limbs = total.reshape(_N_LIMBS, _N_WORDS, -1)
        # Without the 20 lowest bits of a word, the other 64 wrap as they should.
        limbs[0] >>= _CUT_BITS
        limbs[1:] <<= _LIMB_SHIFTS
        words = workspace.array("hash/words", limbs.shape[1:], np.int64)
        return np.add.reduce(limbs, axis=0, out=words).view(np.uint64)

    def __repr__(self):
        return "Hash(<secret>)"


def half_mask(bits):
    """Return the mask of the bits of a half, as uint32."""
    return np.uint32((1 << _WORD_BITS) - (1 << (_WORD_BITS - bits)))


def hashed_columns(words, bits, workspace):
    """Cut a hash into five columns of halves.

    Two are the 24 highest bits of the words, two the next ones, and the fifth has the
    remaining twelve bits of each.

    Parameters
    ----------
    words : ndarray of shape (2, n_samples), dtype uint64
    bits : int
        Bits of a half: 24, or 23 without the lowest one.
    workspace : Workspace

    Returns
    -------
    columns : ndarray of shape (n_samples, 5), dtype uint32
    """
    n_rows = words.shape[1]
    columns = workspace.array("hash/columns", (n_rows, 5), np.uint32)
    lower = workspace.array("hash/lower", words.shape, np.uint64)
    rest = workspace.array("hash/rest", words.shape, np.uint64)
    np.copyto(columns[:, :2].T, words.view(np.uint32)[:, 1::2])
    np.right_shift(words, _NEXT_SHIFT, out=lower)
    np.copyto(columns[:, 2:4].T, lower.view(np.uint32)[:, ::2])
    np.bitwise_and(words, _REST_MASK, out=rest)
    rest <<= _REST_SHIFTS
    np.bitwise_or.reduce(rest, axis=0, out=lower[0])
    np.copyto(columns[:, 4], lower[0], casting="unsafe")
    columns &= half_mask(bits)
    return columns


class Prf:
    """A pseudorandom function from halves and a tweak to halves.

    Parameters
    ----------
    aes_key, hash_key : bytes of length 32
    width : int
        Halves of a row, in and, mostly, out.
    n_tweaks : int
        Halves of the tweak.
    bits_in, bits_out : int
        Bits of a half.
    n_outputs : int, default=None
        Halves out, if not `width`.

    Attributes
    ----------
    hash : Hash
        Secret, as is ``aes_key``.
    counters : ndarray of shape (n_blocks, 2), dtype uint64
        To be joined to the words of hash that `hash_mask` leaves.
    hash_mask : ndarray of shape (2, 1), dtype uint64
    mask : uint32
        Mask of the bits of a half.
    """

    def __init__(
        self, aes_key, hash_key, width, n_tweaks, bits_in, bits_out, n_outputs=None
    ):
        self.aes_key = aes_key
        self._bits_in = bits_in
        self._workspaces = []
        input_bits = [bits_in] * width + [HALF_BITS] * (1 + n_tweaks)
        self.hash = Hash(hash_key, input_bits)
        self.n_outputs = width if n_outputs is None else n_outputs
        self.mask = half_mask(bits_out)
        n_blocks = -(-self.n_outputs // _HALVES_PER_BLOCK)
        # Eight bits of the counter stand in each word of a block, more in the second.
        counter_bits = max(_COUNTER_BITS - 8, (n_blocks - 1 >> 8).bit_length())
        low_bits = np.array([[8], [counter_bits]], np.uint64)
        self.hash_mask = ~((np.uint64(1) << low_bits) - np.uint64(1))
        self.counters = np.empty((n_blocks, 2), "<u8")
        self.counters[:, 1], self.counters[:, 0] = divmod(np.arange(n_blocks), 256)

    def of_integers(self, rows):
        """Return the function's value for rows without a tweak, all at once.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, width), dtype float64
            Signed integers of `bits_in` bits.

        Returns
        -------
        halves : ndarray of shape (n_samples, n_outputs), dtype uint32
        """
        try:
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = Workspace()
        inputs = Inputs(rows.shape[1], np.empty((len(rows), 0)), workspace)
        inputs.put_integers(rows, self._bits_in)
        found = np.empty((len(rows), self.n_outputs), np.uint32)
        for columns, drawn in self.stream(inputs, workspace):
            found[:, columns] = drawn
        self._workspaces.append(workspace)
        return found

    def stream(self, inputs, workspace):
        """Yield the function's value for rows, some columns at a time.

        Parameters
        ----------
        inputs : Inputs
        workspace : Workspace

        Yields
        ------
        columns : slice
        halves : ndarray of shape (n_samples, n_columns), dtype uint32
            In `workspace`.
        """
        words = self.hash.words(inputs, workspace)
        seeds = workspace.array("prf/seeds", words.shape[::-1], "<u8")
        np.bitwise_and(words, self.hash_mask, out=seeds.T)
        encryptor = Cipher(AES(self.aes_key), ECB()).encryptor()
        n_blocks = max(1, _DRAWN_HALVES // (_HALVES_PER_BLOCK * len(seeds)))
        for blocks in slices(len(self.counters), n_blocks):
            counters = self.counters[blocks].reshape(-1)
            drawn = _encrypt_counters(encryptor, seeds, counters, workspace)
            first = _HALVES_PER_BLOCK * blocks.start
            halves = drawn[:, : self.n_outputs - first]
            halves &= self.mask
            yield slice(first, first + halves.shape[1]), halves

    def __repr__(self):
        return "Prf(<secret>)"


def _encrypt_counters(encryptor, seeds, counters, workspace):
    blocks = workspace.array("numbers/3", (len(seeds), len(counters)), "<u8")
    # Complex numbers, as they have the size of a block.
    np.copyto(blocks.view(np.complex128), seeds.view(np.complex128))
    blocks |= counters
    # OpenSSL wants room for one block less a byte behind the last one.
    drawn = workspace.array("prf/drawn", (blocks.nbytes + 16,), np.uint8)
    encryptor.update_into(blocks.view(np.uint8).reshape(-1), drawn)
    return drawn[: blocks.nbytes].view("<u4").reshape(len(seeds), -1)
