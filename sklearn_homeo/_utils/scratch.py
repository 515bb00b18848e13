"""Memory that one piece of work leaves to the next.

Large arrays that are freed go back to the operating system, which hands them out again
page by page, filled with zeros: that takes longer than what is computed in them.
"""

import sys
import threading
from contextlib import contextmanager

import numpy as np

__all__ = ["Scratch", "empty_array"]

# Smaller arrays are left to NumPy's allocator, which keeps them.
_SMALL = 2**12


class _Active(threading.local):
    buffers = None


_ACTIVE = _Active()


class Scratch:
    """Buffers of each thread that works with it; freed with it.

    Examples
    --------
    >>> from sklearn_homeo._utils.scratch import Scratch, empty_array
    >>> scratch = Scratch()
    >>> with scratch.reused():
    ...     first = empty_array((100, 100))
    ...     address = first.ctypes.data
    ...     del first
    ...     empty_array((100, 90)).ctypes.data == address
    True
    """

    def __init__(self):
        self._local = threading.local()

    @contextmanager
    def reused(self):
        """Let `empty_array` reuse this thread's buffers; all results are lent."""
        before = _ACTIVE.buffers
        _ACTIVE.buffers = self._local.__dict__.setdefault("buffers", [])
        try:
            yield
        finally:
            _ACTIVE.buffers = before


def empty_array(shape):
    """Return an array of float64, not filled: of a free buffer, if there is one."""
    size, buffers = int(np.prod(shape)), _ACTIVE.buffers
    if buffers is None or size < _SMALL:
        return np.empty(shape)
    fitting = [
        i
        for i in range(len(buffers))
        if buffers[i].size >= size and _count_uses(buffers, i) == _UNUSED
    ]
    if not fitting:
        buffers.append(np.empty(size))
        fitting = [len(buffers) - 1]
    best = min(fitting, key=lambda i: buffers[i].size)
    return buffers[best][:size].reshape(shape)


def _count_uses(buffers, i):
    # Every view of a buffer, and every view of a view, holds a reference to it.
    return sys.getrefcount(buffers[i])


_UNUSED = _count_uses([np.empty(0)], 0)
