"""The views of several targets side by side: each has columns of its own."""

import math
from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace

__all__ = ["JoinedView", "joined_state", "parts_of"]


@dataclass(frozen=True, eq=False)
class JoinedView:
    """Views one after the other, as many columns as all of them have together.

    Parameters
    ----------
    views : list of View
    """

    views: list

    @property
    def n_cells(self):
        """Product of the numbers of cells; None if one of the views has none."""
        numbers = [view.n_cells for view in self.views]
        return None if None in numbers else math.prod(numbers)

    def codes(self, u):
        """Return what is leaked of rows; see `View`."""
        return _side_by_side([view.codes(u) for view in self.views])

    def coordinates(self, u):
        """Return label coordinates or centres of cells; see `View`."""
        return _side_by_side([view.coordinates(u) for view in self.views])

    def state(self):
        """Return what, with the keys, rebuilds the views; see `View`."""
        return joined_state([view.state() for view in self.views])


def joined_state(parts):
    """Return the state of a view from those of its parts, in their order."""
    return {
        "kind": "joined",
        "views": {f"{i:03}": part for i, part in enumerate(parts)},
        "width": sum(part["width"] for part in parts),
    }


def parts_of(state):
    """Return the states of the single views that a view's state consists of."""
    if state["kind"] != "joined":
        return [state]
    return [state["views"][name] for name in sorted(state["views"])]


def _side_by_side(arrays):
    xp = namespace(arrays[0])
    if xp is np:
        return np.concatenate(arrays, axis=1)
    return xp.cat(arrays, dim=1)
