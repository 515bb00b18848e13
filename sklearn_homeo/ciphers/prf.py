"""Pseudorandom functions of whole rows: a universal hash, then AES-256 on counters.

Inputs and outputs are *halves*: integers of b <= 24 bits in the high bits of uint32,
whose low bits are zero. Adding two halves wraps as it should, and read as int32 they
are their signed integer times a power of two.

**The hash.** For secret words ``k_0, ..., k_n`` of 64 uniform bits and signed integers
``x_i`` of b bits,

    w(x) = (k_0 + k_1 x_1 + ... + k_n x_n) mod 2**64,

and ``z = 64 - b + 1`` high bits of w are kept (41 for 24 bits, 42 for 23).

*Claim.* For x != x', the kept bits of w(x) and w(x') are uniform and independent, so
every difference of them, modulo 2**z, has the probability 2**-z exactly.

*Proof.* Let ``x_i - x'_i = 2**e c`` with c odd; it is below 2**b in magnitude, so ``e
<= b - 1``. Fix all words but k_0 and k_i. Then ``w(x) - w(x')`` is a constant plus
``2**e c k_i``: its low e bits are fixed, and its other ones uniform. Given k_i, w(x) is
uniform, as k_0 is. So all pairs (w(x), w(x')) whose difference has the fixed low bits
are equally likely. As ``e <= b - 1``, the b - 1 low bits that are cut off can be chosen
to give any pair of kept bits, in equally many ways. QED. (Lemire and Kaser, "Strongly
universal string hashing is fast", The Computer Journal 57(11), 2014, have it for
unsigned integers; the proof needs nothing but that differences of inputs are below
2**b.)

Any fewer of the kept bits are as good: m of them have ``epsilon = 2**-m``, and several
words with keys of their own are independent. Without k_0, or with fewer bits cut off,
it would be worse: all 64 bits of two words collide with a probability of up to ``2**-(2
* (64 - 23)) = 2**-82``, not 2**-128.

**In float64.** A word is cut into three limbs of 22, 22 and 20 bits, signed, of
magnitude 2**21 at most. A half has a magnitude of 2**23 at most, so sums of 512
products are integers of magnitude 2**53 at most, exact in float64 whatever the order of
summation; one matrix product gives the limbs of all words.

**The function.** ``F(x)`` is AES-256 on the blocks ``(112 bits of hash of x, counter of
16 bits)``, in order, for as many halves as are wanted, four from a block. Rows of more
than 2**18 columns take bits of the hash for the counter.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["HALF_BITS", "Hash", "Prf", "derive_key", "hashed_columns"]

KEY_BYTES = 32
_SALT = b"sklearn_homeo"
# Of a tweak and of the larger of two halves.
HALF_BITS = 24
_WORD_BITS = 32
_LIMB_BITS = (22, 22, 20)
_LIMB_STARTS = np.array([0, 22, 44], np.uint64)[:, None]
# Inputs whose products with limbs add up exactly.
_EXACT_INPUTS = 512
_COUNTER_BITS = 16
_HALVES_PER_BLOCK = 4


def derive_key(key, label, digest):
    """Derive a sub-key by HKDF with SHA-256 (RFC 5869).

    Parameters
    ----------
    key : bytes of length 32
    label : str
        The purpose. Without the character NUL, so that labels and digests cannot be
        mistaken for others.
    digest : bytes
        Of the public state that the sub-key is bound to.

    Returns
    -------
    sub_key : bytes of length 32
    """
    info = label.encode() + b"\0" + digest
    return HKDF(SHA256(), KEY_BYTES, _SALT, info).derive(key)


def _key_words(key, shape):
    """Expand a key into uniform uint64, by AES-256 in counter mode from zero."""
    n_bytes = 8 * int(np.prod(shape))
    encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
    drawn = encryptor.update(bytes(n_bytes))
    return np.frombuffer(drawn, "<u8").astype(np.uint64).reshape(shape)


def _signed_limbs(words):
    """Cut uint64 into three signed limbs along a new first axis, in float64."""
    limbs, rest = [], words.copy()
    for bits in _LIMB_BITS:
        half = np.uint64(1 << (bits - 1))
        limb = ((rest + half) & np.uint64((1 << bits) - 1)) - half
        limbs.append(limb.view(np.int64).astype(np.float64))
        rest = (rest - limb) >> np.uint64(bits)
    return np.stack(limbs)


class Hash:
    """Independent words of the hash of rows of halves.

    Parameters
    ----------
    key : bytes of length 32
    input_bits : sequence of int
        Bits of each input, at most 24.
    n_words : int
    """

    def __init__(self, key, input_bits, n_words):
        words = _key_words(key, (len(input_bits) + 1, n_words))
        # Halves come times 2**(32 - b); the limbs make up for that, without rounding.
        unit = 2.0 ** (np.asarray(input_bits, dtype=np.float64) - _WORD_BITS)
        limbs = _signed_limbs(words[1:]) * unit[:, None]
        self._limbs = np.concatenate(limbs, axis=1)
        self._start = words[0]
        self.n_words = n_words

    def words(self, blocks, workspace):
        """Hash rows whose columns come in blocks, left to right.

        Parameters
        ----------
        blocks : sequence of ndarray of shape (n_samples, m), dtype float64
            Halves, as the real numbers that they are as int32.
        workspace : Workspace

        Returns
        -------
        words : ndarray of shape (n_samples, n_words), dtype uint64
            In `workspace`.
        """
        shape = (len(blocks[0]), self._limbs.shape[1])
        part = workspace.array("hash/part", shape, np.float64)
        whole = workspace.array("hash/whole", shape, np.int64)
        total = workspace.array("hash/total", shape, np.int64)
        total[:] = 0
        first = 0
        for block in blocks:
            for start in range(0, block.shape[1], _EXACT_INPUTS):
                inputs = block[:, start : start + _EXACT_INPUTS]
                last = first + inputs.shape[1]
                np.matmul(inputs, self._limbs[first:last], out=part)
                np.copyto(whole, part, casting="unsafe")
                total += whole
                first = last
        return self._put_together(total.view(np.uint64), workspace)

    def _put_together(self, total, workspace):
        limbs = total.reshape(len(total), len(_LIMB_BITS), self.n_words)
        limbs <<= _LIMB_STARTS
        words = workspace.array("hash/words", (len(total), self.n_words), np.uint64)
        np.add(limbs[:, 0], self._start, out=words)
        words += limbs[:, 1]
        words += limbs[:, 2]
        return words


def half_mask(bits):
    """Return the mask of the bits of a half, as uint32."""
    return np.uint32((1 << _WORD_BITS) - (1 << (_WORD_BITS - bits)))


def hashed_columns(words, bits, workspace):
    """Return up to six columns of halves from four words of a hash.

    The first four are the highest bits of each word. The other two have 24 bits from
    the next twelve of two words each.

    Parameters
    ----------
    words : ndarray of shape (n_samples, 4), dtype uint64
    bits : int
        Of a half: 23 or 24.
    workspace : Workspace

    Returns
    -------
    columns : ndarray of shape (n_samples, 6), dtype uint32
    """
    columns = workspace.array("hash/columns", (len(words), 6), np.uint32)
    np.copyto(columns[:, :4], words >> np.uint64(32), casting="unsafe")
    extra = (words >> np.uint64(28)).astype(np.uint32)
    extra &= np.uint32(0xFFF)
    columns[:, 4:] = (extra[:, 0::2] << np.uint32(20)) | (
        extra[:, 1::2] << np.uint32(8)
    )
    columns &= half_mask(bits)
    return columns


class Prf:
    """A pseudorandom function from halves and a tweak to halves.

    Parameters
    ----------
    aes_key, hash_key : bytes of length 32
    width : int
        Halves of a row, in and out.
    n_tweaks : int
        Halves of the tweak.
    bits_in, bits_out : int
        Of a half.
    """

    def __init__(self, aes_key, hash_key, width, n_tweaks, bits_in, bits_out):
        self._aes = AES(aes_key)
        input_bits = [bits_in] * width + [HALF_BITS] * n_tweaks
        self._hash = Hash(hash_key, input_bits, 3)
        self._width = width
        self._mask = half_mask(bits_out)
        n_blocks = -(-width // _HALVES_PER_BLOCK)
        counter_bits = max(_COUNTER_BITS, (n_blocks - 1).bit_length())
        self._hash_mask = ~np.uint64((1 << counter_bits) - 1)
        self._counters = np.zeros(2 * n_blocks, np.dtype("<u8"))
        self._counters[1::2] = np.arange(n_blocks)

    def halves(self, row, tweak, workspace):
        """Return the function's value for rows.

        Parameters
        ----------
        row : ndarray of shape (n_samples, width), dtype float64
            Halves, as the real numbers that they are as int32.
        tweak : ndarray of shape (n_samples, at most n_tweaks), dtype float64
            The same of the tweak; what is missing counts as zero.
        workspace : Workspace

        Returns
        -------
        halves : ndarray of shape (n_samples, width), dtype uint32
            In `workspace`.
        """
        words = self._hash.words((row, tweak), workspace)
        blocks = self._counter_blocks(words, workspace)
        # OpenSSL wants room for one block less a byte behind the last one.
        stream = workspace.array("prf/stream", (blocks.nbytes + 16,), np.uint8)
        encryptor = Cipher(self._aes, ECB()).encryptor()
        encryptor.update_into(blocks.view(np.uint8).reshape(-1), stream)
        drawn = stream[: blocks.nbytes].view("<u4").reshape(len(words), -1)
        halves = drawn[:, : self._width]
        halves &= self._mask
        return halves

    def _counter_blocks(self, words, workspace):
        a, b, c = words.T
        seeds = workspace.array("prf/seeds", (len(words), 2), "<u8")
        top = ~np.uint64((1 << 24) - 1)
        seeds[:, 0] = (a & top) | (b >> np.uint64(40))
        seeds[:, 1] = (c & top) | ((b >> np.uint64(16)) & np.uint64(0xFF0000))
        seeds[:, 1] &= self._hash_mask
        shape = (len(words), len(self._counters))
        blocks = workspace.array("prf/blocks", shape, "<u8")
        # Complex numbers, as they have the size of a block.
        np.copyto(blocks.view(np.complex128), seeds.view(np.complex128))
        blocks |= self._counters
        return blocks
