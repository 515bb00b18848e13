"""Frozen expansion of a sub-key into integers, uniforms, normals, permutations.

The key's holder must get the same masks on every machine and with every
later release, so nothing here may ever change: the golden vectors in
``tests/data/keystream_v1.json`` pin this arithmetic as "v1".

Only operations that IEEE 754 defines to the last bit are used (``+ - * /``, square
root, splitting off the exponent), each as a NumPy call of its own, so that no
compiler can fuse two.  The logarithms of the C library and of NumPy may differ in
the last bit from one processor to the next; the one below cannot.
"""

import math
import operator

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from sklearn_homeo._utils.hidden import Hidden

__all__ = ["KeyStream", "normal_quantile"]

_SUBKEY_BYTES = 32
_ZEROS = bytes(1 << 20)
_BLOCK = 1 << 15
# The block counter of RFC 8439 has 32 bits; beyond it implementations differ.
_MAX_WORDS = (1 << 32) * 64 // 8
_MAX_SPAN = 1 << 32

# ln 2 in two parts; the first ends in zero bits, so that e * _LN2_HIGH is exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_SQRT_HALF = 0.70710678118654752440
# 1/3, 1/5, ... 1/23 of the series of atanh, highest order first.
_ATANH = tuple(1.0 / k for k in range(23, 1, -2))

# Numerators and denominators of AS 241 (PPND16), highest order first.
_CENTRE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_MIDDLE = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


class KeyStream:
    """Deterministic numbers from a 32-byte sub-key, the same on every machine.

    The bytes are the ChaCha20 key stream [1]_ of the sub-key with nonce and counter
    zero, read as little-endian 64-bit words.  Every number takes the next word.

    Parameters
    ----------
    subkey : bytes of length 32
        A sub-key that serves no other purpose.

    Raises
    ------
    TypeError
        If `subkey` is not bytes.
    ValueError
        If `subkey` has not exactly 32 bytes.

    Notes
    -----
    A stream can be neither pickled nor copied: the two would repeat each other.

    References
    ----------
    .. [1] Y. Nir and A. Langley, "ChaCha20 and Poly1305 for IETF Protocols",
       RFC 8439, 2018.

    Examples
    --------
    >>> from sklearn_homeo.keys._stream import KeyStream
    >>> stream = KeyStream(bytes(32))
    >>> stream.integers(0, 10, size=5)
    array([0, 8, 7, 0, 2])
    >>> stream.permutation(4)
    array([1, 0, 3, 2])
    >>> stream
    KeyStream(<secret>)
    """

    __slots__ = ("_cipher", "_words_left")

    def __init__(self, subkey: bytes):
        hidden = Hidden(subkey)
        del subkey
        if not isinstance(hidden.value, bytes | bytearray):
            raise TypeError(f"subkey must be bytes, got {type(hidden.value).__name__}")
        if len(hidden.value) != _SUBKEY_BYTES:
            raise ValueError(f"subkey must have 32 bytes, got {len(hidden.value)}")
        algorithm = ChaCha20(bytes(hidden.value), nonce=bytes(16))
        self._cipher = Cipher(algorithm, mode=None).encryptor()
        self._words_left = _MAX_WORDS

    def words(self, n: int) -> np.ndarray:
        """Draw the next words of the stream.

        Parameters
        ----------
        n : int
            How many words, at least 0.

        Returns
        -------
        ndarray of shape (n,), dtype uint64
            Uniform over all 64-bit values.

        Raises
        ------
        ValueError
            If `n` is negative, or the stream would exceed 2**35 words (256 GiB).

        Examples
        --------
        >>> [hex(word) for word in KeyStream(bytes(32)).words(2)]
        ['0x903df1a0ade0b876', '0x28bd8653e56a5d40']
        """
        n = operator.index(n)
        if n < 0:
            raise ValueError(f"n must not be negative, got {n}")
        if n > self._words_left:
            raise ValueError("a key stream ends after 2**35 words")
        words = np.empty(n, dtype="<u8")
        target = words.view(np.uint8)
        zeros = memoryview(_ZEROS)
        for start in range(0, target.size, len(zeros)):
            part = target[start : start + len(zeros)]
            self._cipher.update_into(zeros[: part.size], part.data)
        self._words_left -= n
        return words.astype(np.uint64, copy=False)

    def integers(self, low: int, high: int, size: int | tuple[int, ...]) -> np.ndarray:
        """Draw integers from ``low`` to ``high - 1``.

        Each one is ``low + word % (high - low)``, whose probability differs from
        uniform by a relative 2**-32 at most (2**64 words on 2**32 places).

        Parameters
        ----------
        low, high : int
            The bounds, within int64, with ``0 < high - low <= 2**32``.
        size : int or tuple of int
            Shape of the result, filled in C order.

        Returns
        -------
        ndarray of shape `size`, dtype int64

        Raises
        ------
        ValueError
            If the bounds or `size` are out of range.

        Examples
        --------
        >>> KeyStream(bytes(32)).integers(-2, 3, size=(2, 3))
        array([[-2,  1,  0],
               [-2,  0, -1]])
        """
        low, high = operator.index(low), operator.index(high)
        if not 0 < high - low <= _MAX_SPAN:
            raise ValueError(
                f"high - low must be from 1 to 2**32, got low={low} and high={high}"
            )
        if low < -(1 << 63) or high > 1 << 63:
            raise ValueError(f"low and high must fit in int64, got {low} and {high}")
        shape = _shape(size)
        words = self.words(math.prod(shape))
        np.remainder(words, np.uint64(high - low), out=words)
        drawn = words.view(np.int64)
        np.add(drawn, np.int64(low), out=drawn)
        return drawn.reshape(shape)

    def uniform(self, size: int | tuple[int, ...]) -> np.ndarray:
        """Draw uniforms of [0, 1), the multiples of 2**-53.

        Parameters
        ----------
        size : int or tuple of int
            Shape of the result, filled in C order.

        Returns
        -------
        ndarray of shape `size`, dtype float64
            ``(word >> 11) * 2**-53``.

        Raises
        ------
        ValueError
            If `size` is negative.

        Examples
        --------
        >>> KeyStream(bytes(32)).uniform(3).round(4)
        array([0.5634, 0.1591, 0.1052])
        """
        shape = _shape(size)
        drawn = np.multiply(_top_bits(self.words(math.prod(shape))), 2.0**-53)
        return drawn.reshape(shape)

    def normal(self, size: int | tuple[int, ...]) -> np.ndarray:
        """Draw standard normals (mean 0, variance 1).

        Each one is the quantile of ``((word >> 11) + 0.5) * 2**-53`` by algorithm
        AS 241 (PPND16) [1]_; magnitudes are below 8.3.

        Parameters
        ----------
        size : int or tuple of int
            Shape of the result, filled in C order.

        Returns
        -------
        ndarray of shape `size`, dtype float64

        References
        ----------
        .. [1] M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal
           Distribution", Applied Statistics 37(3):477-484, 1988.

        Examples
        --------
        >>> KeyStream(bytes(32)).normal(3).round(4)
        array([ 0.1597, -0.998 , -1.2525])
        """
        shape = _shape(size)
        words = self.words(math.prod(shape))
        drawn = np.empty(words.size)
        for start in range(0, words.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            drawn[part] = normal_quantile(_centred(words[part]))
        return drawn.reshape(shape)

    def permutation(self, n: int) -> np.ndarray:
        """Draw a permutation: the stable argsort of `n` words.

        Parameters
        ----------
        n : int
            How many places, at least 0.

        Returns
        -------
        ndarray of shape (n,), dtype int64
            Each of ``0 .. n - 1`` once.

        Raises
        ------
        ValueError
            If `n` is negative.

        Examples
        --------
        >>> KeyStream(bytes(32)).permutation(5)
        array([2, 1, 4, 0, 3])
        """
        order = np.argsort(self.words(n), kind="stable")
        return order.astype(np.int64, copy=False)

    def __repr__(self):
        return "KeyStream(<secret>)"

    def __reduce__(self):
        raise TypeError(
            "a KeyStream can be neither pickled nor copied; pass the SecretKey on "
            "and call its method stream(label) again"
        )


def _shape(size):
    shape = size if isinstance(size, tuple) else (size,)
    shape = tuple(operator.index(length) for length in shape)
    if any(length < 0 for length in shape):
        raise ValueError(f"size must not be negative, got {size}")
    return shape


def _top_bits(words):
    return np.right_shift(words, np.uint64(11)).astype(np.float64)


def _centred(words):
    """``((word >> 11) + 0.5) * 2**-53 - 0.5``, without any rounding.

    Uncentred, the half is rounded from 2**52 on, and the largest word would give
    the probability 1: an infinite normal.
    """
    centred = np.subtract(_top_bits(words), 2.0**52)
    return np.multiply(np.add(centred, 0.5), 2.0**-53)


def normal_quantile(centred):
    """AS 241 of the probabilities ``centred + 0.5``, for magnitudes below 0.5."""
    size = np.abs(centred)
    outer = size > 0.425
    quantile = np.empty_like(centred)
    inner = centred[~outer]
    r = np.subtract(0.180625, np.multiply(inner, inner))
    quantile[~outer] = np.multiply(inner, _ratio(r, _CENTRE))
    r = np.sqrt(np.negative(_log(np.subtract(0.5, size[outer]))))
    magnitude = np.empty_like(r)
    middle = r <= 5.0
    magnitude[middle] = _ratio(np.subtract(r[middle], 1.6), _MIDDLE)
    magnitude[~middle] = _ratio(np.subtract(r[~middle], 5.0), _TAIL)
    quantile[outer] = np.copysign(magnitude, centred[outer])
    return quantile


def _ratio(x, coefficients):
    numerator, denominator = coefficients
    return np.divide(_horner(x, numerator), _horner(x, denominator))


def _horner(x, coefficients):
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        np.multiply(value, x, out=value)
        np.add(value, coefficient, out=value)
    return value


def _log(x):
    """Natural logarithm of normal numbers 0 < x <= 0.5, to about 2e-16 relative.

    For ``x = m * 2**e`` with m from sqrt(1/2) to sqrt(2), it is ``e * ln(2)`` plus
    ``2 * atanh(f)``, ``f = (m - 1) / (m + 1)``, whose rest after f**23 is negligible.
    """
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, np.multiply(mantissa, 2.0), mantissa)
    exponent = np.subtract(exponent, small).astype(np.float64)
    f = np.divide(np.subtract(mantissa, 1.0), np.add(mantissa, 1.0))
    square = np.multiply(f, f)
    double = np.multiply(f, 2.0)
    series = np.multiply(square, _horner(square, _ATANH))
    low = np.add(np.multiply(double, series), np.multiply(exponent, _LN2_LOW))
    return np.add(np.multiply(exponent, _LN2_HIGH), np.add(double, low))
