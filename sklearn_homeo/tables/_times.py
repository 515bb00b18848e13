"""Columns of dates, times and durations."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells
from sklearn_homeo.tables._placing import (
    SplitColumns,
    WholeColumn,
    place_integers,
)
from sklearn_homeo.tables._scales import MAX_STEPS

__all__ = ["TicksCode"]

_DAY = 86_400 * 10**9
# Days to nanoseconds, in nanoseconds.
_STEPS = (_DAY, 3_600 * 10**9, 60 * 10**9, 10**9, 10**6, 10**3, 1)


@dataclass(frozen=True)
class TicksCode:
    """Times as whole numbers of days, hours, ... or nanoseconds.

    The unit is the smallest that one column has room for; where the column's own
    resolution is finer, there are several columns.

    Parameters
    ----------
    unit : int or str
        Nanoseconds of a tick, or the name of ticks without a fixed length.
    flavour : str
        Python type, in columns of objects.
    step : int
        Ticks of a step.
    placing : WholeColumn or SplitColumns
        Placing of the steps.
    """

    unit: int | str
    flavour: str
    step: int
    placing: WholeColumn | SplitColumns

    kind = "ticks"
    refusal = "a time of finer resolution than the column has room for"

    @classmethod
    def fit(cls, cells, exact):
        """Return the code of a column, and whether its tails are on a log scale."""
        ticks = cells.values[cells.present]
        step = _find_step(ticks, cells.unit)
        placing, heavy = place_integers(ticks // step, exact)
        return cls(cells.unit, cells.flavour, step, placing), heavy

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return self.placing.suffixes

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and which cells are refused."""
        steps = cells.values // self.step
        wrong = steps * self.step != cells.values
        return self.placing.encode(steps), wrong

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        most = (2**63 - 1) // self.step
        steps = np.clip(self.placing.decode(columns, np.int64), -most, most)
        states = np.zeros(len(columns), dtype=np.uint8)
        return Cells(
            "ticks", steps * self.step, states, unit=self.unit, flavour=self.flavour
        )


def _find_step(ticks, unit):
    """Return the smallest step that one column has room for, or else one tick."""
    if isinstance(unit, str) or len(ticks) == 0:
        return 1
    deviation = (ticks - ticks[0]).astype(np.float64).std()
    steps = [step // unit for step in _STEPS if step % unit == 0] + [1]
    if deviation == 0:
        # Other days than the only one of `fit` shall not be far away.
        return next(step for step in steps if ticks[0] % step == 0)
    roomy = [step for step in steps if deviation <= MAX_STEPS * step]
    return roomy[-1] if roomy and not (ticks % roomy[-1]).any() else 1
