"""Gaps that fitting leaves between the classes along a label coordinate.

A direction that was fitted to few rows of many columns parts the classes of these rows
better than those of others, which then lie in an empty gap. There, neighbours are all
of one side, forests split at any place, and both are surer of themselves than right.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace

__all__ = ["Gaps"]

# Most that is left of a gap, in standard deviations within a class, and in standard
# deviations of the noise, which must not carry rows across.
WIDEST, WIDEST_IN_NOISE = 0.5, 5.0
# Places are rounded to such parts of a standard deviation: they are single rows'.
_PARTS = 16


@dataclass(frozen=True)
class Gaps:
    """An increasing map that narrows gaps and moves what lies above them.

    Parameters
    ----------
    parts : tuple of tuple of float
        Low end, width and share that is taken away, of each gap.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption.label_space.gaps import Gaps
    >>> s, labels = np.array([0.0, 1.0, 3.0, 3.2]), np.array([[0], [0], [1], [1]])
    >>> Gaps.from_rows(s, labels, noise=0.1).narrowed(np.array([0.5, 2.0, 3.0]))
    array([0.5 , 1.25, 1.5 ])
    """

    parts: tuple

    @classmethod
    def from_rows(cls, s, outputs, noise):
        """Find gaps between training rows.

        Parameters
        ----------
        s : ndarray of shape (n_samples,), dtype float64
            Their coordinates.
        outputs : ndarray of shape (n_samples, n_outputs)
            Their classes.
        noise : float
            Standard deviation of the noise that is added later.
        """
        order = np.argsort(s, kind="stable")
        s, outputs = s[order], outputs[order]
        low = np.ceil(s[:-1] * _PARTS) / _PARTS
        high = np.floor(s[1:] * _PARTS) / _PARTS
        kept = max(WIDEST, WIDEST_IN_NOISE * noise)
        is_border = (outputs[1:] != outputs[:-1]).any(axis=1)
        found = np.flatnonzero(is_border & (high - low > kept))
        low, width = low[found], (high - low)[found]
        return cls.from_state(np.column_stack([low, width, 1.0 - kept / width]))

    def narrowed(self, coordinates):
        """Return where coordinates come to lie.

        Parameters
        ----------
        coordinates : ndarray or tensor of any shape, dtype float64
        """
        xp, moved = namespace(coordinates), coordinates
        for low, width, share in self.parts:
            moved = moved - share * xp.clip(coordinates - low, 0.0, width)
        return moved

    def state(self):
        """Return what defines the map, of shape (n_gaps, 3)."""
        return np.array(self.parts, dtype=np.float64).reshape(-1, 3)

    @classmethod
    def from_state(cls, state):
        """Rebuild the map from `state`."""
        return cls(tuple(map(tuple, np.asarray(state).tolist())))
