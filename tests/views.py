"""A view for tests of ciphers: cheap, exact, and different from row to row."""

import numpy as np


class BitsView:
    """Six bits of a column of the row for each column of the ciphertext.

    Leaks far too much for anything but tests.
    """

    n_cells = None

    def __init__(self, width, dropped_bits=24):
        self.width = width
        self.dropped_bits = dropped_bits

    def codes(self, u):
        columns = u[:, [i % u.shape[1] for i in range(self.width)]]
        return (columns >> self.dropped_bits) % 64 - 32

    def coordinates(self, u):
        return u[:, :2]

    def state(self):
        return {"width": self.width, "dropped_bits": self.dropped_bits}


class ConstantView(BitsView):
    """Leaks nothing."""

    n_cells = 1

    def codes(self, u):
        return np.zeros((len(u), self.width), np.int64)
