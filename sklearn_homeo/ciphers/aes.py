"""AES-256 on torch tensors, where OpenSSL cannot be called: on a GPU.

The rounds of FIPS 197 as table look-ups. A look-up takes a time that depends on the
key, so anyone who shares the device may learn it: do not share a GPU with a stranger.
Words are little-endian, as tensors hold them.
"""

import struct

import numpy as np
import torch

__all__ = ["N_ROUNDS", "TensorAes"]

N_ROUNDS = 14
_BYTES = [0, 8, 16, 24]


def _double(x):
    """Multiply by two in the field of AES."""
    return (x << 1) ^ (0x11B if x & 0x80 else 0)


def _substitutions():
    """The S-box: inverses in the field, through an affine map."""
    powers, x = [], 1
    for _ in range(255):
        powers.append(x)
        x ^= _double(x)  # Times three, which generates the field.
    logarithms = {power: i for i, power in enumerate(powers)}
    box = []
    for x in range(256):
        inverse = powers[-logarithms[x] % 255] if x else 0
        bits = 0
        for shift in range(5):
            bits ^= inverse << shift
        box.append((bits ^ bits >> 8) & 0xFF ^ 0x63)
    return box


_BOX = _substitutions()


def _round_tables():
    """Four tables: what a byte of each row adds to its column, in a round."""
    tables = np.zeros((4, 256), np.uint32)
    for x, s in enumerate(_BOX):
        column = _double(s) | s << 8 | s << 16 | (s ^ _double(s)) << 24
        for row in range(4):
            tables[row, x] = (column << 8 * row | column >> 32 - 8 * row) & 0xFFFFFFFF
    return tables


def _substitute(word):
    return sum(_BOX[word >> shift & 0xFF] << shift for shift in _BYTES)


def _round_keys(key):
    """The 60 words of the key schedule."""
    words, constant = list(struct.unpack("<8I", key)), 1
    for i in range(8, 4 * (N_ROUNDS + 1)):
        word = words[-1]
        if i % 8 == 0:
            word = _substitute(word >> 8 | (word & 0xFF) << 24) ^ constant
            constant = _double(constant)
        elif i % 8 == 4:
            word = _substitute(word)
        words.append(words[i - 8] ^ word)
    return np.array(words, np.uint32)


class TensorAes:
    """AES-256 of tensors of blocks.

    Parameters
    ----------
    key : bytes of length 32
    device : torch.device

    Attributes
    ----------
    round_keys : tensor of shape (60,), dtype int32
    tables, last_tables : tensor of shape (4, 256), dtype int32
        Look-up tables of the rounds; the last round mixes nothing.
    """

    def __init__(self, key, device):
        def to_tensor(words):
            return torch.tensor(np.asarray(words, np.uint32).view(np.int32)).to(device)

        self.round_keys = to_tensor(_round_keys(key))
        self.tables = to_tensor(_round_tables())
        box = np.array(_BOX, np.uint32)
        self.last_tables = to_tensor([box << np.uint32(shift) for shift in _BYTES])

    def encrypt(self, blocks):
        """Encrypt blocks, each on its own.

        Parameters
        ----------
        blocks : tensor of shape (n_blocks, 4), dtype int32

        Returns
        -------
        encrypted : tensor of shape (n_blocks, 4), dtype int32
        """
        keys = self.round_keys.reshape(N_ROUNDS + 1, 4)
        state = blocks ^ keys[0]
        for round_key in keys[1:-1]:
            state = self._round(self.tables, state) ^ round_key
        return self._round(self.last_tables, state) ^ keys[-1]

    @staticmethod
    def _round(tables, state):
        # Row r of a column comes from the column r places further on.
        mixed = torch.zeros_like(state)
        for row, shift in enumerate(_BYTES):
            taken = torch.roll(state, -row, dims=1) >> shift & 0xFF
            mixed ^= tables[row][taken.long()]
        return mixed

    def __repr__(self):
        return "TensorAes(<secret>)"
