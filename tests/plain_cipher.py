"""The cipher again, in Python integers, as a reader would write it from its definition.

Nothing here is shared with the package but `cryptography`.
"""

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sub_key(lock_key, label, binding):
    info = label.encode() + b"\0" + binding
    return HKDF(SHA256(), 32, b"sklearn_homeo", info).derive(lock_key)


def key_words(key, n):
    """Pairs of words of 84 bits, in signed limbs of 21 bits."""
    drawn = Cipher(AES(key), CTR(bytes(16))).encryptor().update(bytes(32 * n))
    limbs = [
        int.from_bytes(drawn[i : i + 4], "little", signed=True) >> 11
        for i in range(0, 32 * n, 4)
    ]
    return [
        sum(limbs[8 * i + 2 * j + word] << (21 * j) for j in range(4)) % 2**84
        for i in range(n)
        for word in range(2)
    ]


def signed(x, bits):
    return x - (x >> (bits - 1) << bits)


def hash_words(key, inputs):
    """The 60 high bits of both words of the hash of signed integers."""
    words = key_words(key, len(inputs))
    return [
        sum(k * x for k, x in zip(words[j::2], inputs, strict=True)) % 2**84 >> 24
        for j in range(2)
    ]


def hashed_columns(key, half, bits_in, bits_out):
    """What h adds to the first columns of the other half."""
    a, b = hash_words(key, [*(signed(x, bits_in) for x in half), 1])
    columns = [a >> 36, b >> 36, a >> 12 & 0xFFFFFF, b >> 12 & 0xFFFFFF]
    columns.append((a & 0xFFF) << 12 | b & 0xFFF)
    return [x >> (24 - bits_out) for x in columns][: len(half)]


def prf(aes_key, hash_key, half, tweak, bits_in, bits_out, n_outputs=None):
    n_outputs = n_outputs or len(half)
    inputs = [signed(x, bits_in) for x in half] + [1]
    inputs += [signed(x, 24) for x in tweak]
    a, b = hash_words(hash_key, inputs)
    n_blocks = -(-n_outputs // 4)
    counter_bits = max(8, (n_blocks - 1 >> 8).bit_length())
    high, low = a >> 4 << 8, b << 4 >> counter_bits << counter_bits
    blocks = b""
    for counter in range(n_blocks):
        blocks += (high | counter & 0xFF).to_bytes(8, "little")
        blocks += (low | counter >> 8).to_bytes(8, "little")
    drawn = Cipher(AES(aes_key), ECB()).encryptor().update(blocks)
    words = [
        int.from_bytes(drawn[i : i + 4], "little") for i in range(0, 4 * n_outputs, 4)
    ]
    return [w >> (32 - bits_out) for w in words]


def plus(half, added, bits, sign=1):
    added = [*added, *[0] * (len(half) - len(added))]
    return [(x + sign * y) % 2**bits for x, y in zip(half, added, strict=True)]


class Lock:
    def __init__(self, key, index, binding):
        roles = ["h1/hash", "F1/aes", "F1/hash", "F2/aes", "F2/hash", "h2/hash"]
        self.keys = {
            role: sub_key(key, f"v3/lock/{index}/{role}", binding) for role in roles
        }

    def h1(self, right):
        return hashed_columns(self.keys["h1/hash"], right, 23, 24)

    def h2(self, left):
        return hashed_columns(self.keys["h2/hash"], left, 24, 23)

    def f1(self, left, tweak):
        return prf(self.keys["F1/aes"], self.keys["F1/hash"], left, tweak, 24, 23)

    def f2(self, right, tweak):
        return prf(self.keys["F2/aes"], self.keys["F2/hash"], right, tweak, 23, 24)

    def forward(self, left, right, tweak):
        left = plus(left, self.h1(right), 24)
        right = plus(right, self.f1(left, tweak), 23)
        left = plus(left, self.f2(right, tweak), 24)
        return left, plus(right, self.h2(left), 23, -1)

    def inverse(self, left, right, tweak):
        right = plus(right, self.h2(left), 23)
        left = plus(left, self.f2(right, tweak), 24, -1)
        right = plus(right, self.f1(left, tweak), 23, -1)
        return plus(left, self.h1(right), 24, -1), right


def tweak_halves(codes, context):
    packed = [
        sum((code & 63) << (6 * j) for j, code in enumerate(codes[i : i + 4]))
        for i in range(0, len(codes), 4)
    ]
    if context is None:
        return packed + [0] * 11
    digest = hashlib.sha256(context).digest() + b"\0"
    return packed + [
        int.from_bytes(digest[i : i + 3], "little") for i in range(0, 33, 3)
    ]


def encrypt(u, codes, lock_keys, binding, context=None):
    """Numbers of the ciphertext of one row of integers, times 2**50."""
    residues = [x % 2**47 for x in u]
    left, right = [r >> 23 for r in residues], [r % 2**23 for r in residues]
    tweak = tweak_halves(codes, context)
    for index, key in enumerate(lock_keys):
        left, right = Lock(key, index, binding).forward(left, right, tweak)
    return [
        code * 2**47 + (a << 23) + b
        for code, a, b in zip(codes, left, right, strict=True)
    ]


def decrypt(numbers, lock_keys, binding, context=None):
    """Integers of one row, from -2**46 on."""
    codes = [z >> 47 for z in numbers]
    left = [z % 2**47 >> 23 for z in numbers]
    right = [z % 2**23 for z in numbers]
    tweak = tweak_halves(codes, context)
    for index, key in reversed(list(enumerate(lock_keys))):
        left, right = Lock(key, index, binding).inverse(left, right, tweak)
    return [signed(a << 23 | b, 47) for a, b in zip(left, right, strict=True)]
