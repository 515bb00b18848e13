"""Columns of floating-point numbers."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells
from sklearn_homeo.tables._placing import (
    SplitColumns,
    WholeColumn,
    place_integers,
    split_columns,
)
from sklearn_homeo.tables._scales import (
    MAX_STEPS,
    bits_float,
    float_bits,
    float_scale,
)

__all__ = ["BitsCode", "DecimalsCode", "LossyCode", "fit_floats"]

# Powers of ten up to here are floats, so that one division rounds correctly.
_MAX_PLACES = 22
# Below the number of digits that all floats of a type have: others are decimals too if
# only there are enough places.
_MAX_UNITS = {"float64": 2.0**50, "float32": 2.0**22}
_SAMPLE = 1000
# Largest values, in those of the bulk, that deserve a warning.
_HEAVY = 2.0**20


def fit_floats(cells, exact):
    """Choose a code for a column of floats.

    Parameters
    ----------
    cells : Cells
        Cells of the kind "float".
    exact : bool
        Whether every float must come back bit for bit.

    Returns
    -------
    code : DecimalsCode, BitsCode or LossyCode
    heavy : bool
        Whether the largest values are on the scale of their logarithm.
    """
    values = cells.values[cells.present]
    found = _fit_decimals(values, exact)
    if found is not None:
        return found
    if not exact:
        return LossyCode(values.dtype.name), False
    bits = float_bits(values)
    scale = float_scale(values, bits)
    code = BitsCode(values.dtype.name, split_columns(scale, exact))
    sizes = np.abs(values)
    bulk = np.quantile(sizes, 0.9)
    return code, bool(bulk > 0 and sizes.max() / _HEAVY > bulk)


def _fit_decimals(values, exact):
    """Return the code of decimals and whether it is heavy, or None if they are none."""
    dtype = values.dtype.name
    largest, limit = float(np.abs(values).max(initial=0.0)), _MAX_UNITS[dtype]
    if largest >= limit:
        return None
    deviation = float(values.std(dtype=np.float64)) if len(values) else 0.0
    # Constant columns are divided by 1.
    places = _places(MAX_STEPS / (deviation or 1.0), limit / (largest or 1.0))
    if places >= 0 and _are_decimals(values, places):
        return DecimalsCode(dtype, places, WholeColumn(divisor=10.0**places)), False
    most = _places(limit, limit / (largest or 1.0))
    for finer in range(max(places + 1, 0), most + 1):
        if _are_decimals(values, finer):
            code = DecimalsCode(dtype, most, None)
            units = code.units(values)
            placing, heavy = place_integers(units, exact, 10.0**most)
            return DecimalsCode(dtype, most, placing), heavy
    return None


def _places(*steps):
    """Return the most decimals of which no step is smaller than 1 / `steps`."""
    return min(int(np.floor(np.log10(min(steps)))), _MAX_PLACES)


def _are_decimals(values, places):
    power = 10.0**places
    for part in (values[:_SAMPLE], values):
        rounded = np.rint(part.astype(np.float64) * power) / power
        if not np.array_equal(rounded.astype(values.dtype), part):
            return False
    return True


@dataclass(frozen=True)
class DecimalsCode:
    """Floats that are the nearest ones to numbers of a few decimals.

    Parameters
    ----------
    dtype : {"float64", "float32"}
    places : int
        Decimals that come back, as many as the column has room for.
    placing : WholeColumn or SplitColumns
        Placing of the units in the last place.
    """

    dtype: str
    places: int
    placing: WholeColumn | SplitColumns

    kind = "float"
    unit = 1

    @property
    def refusal(self):
        """Why cells are refused."""
        return (
            f"more decimals than the {self.places}, or more digits, that the column "
            "has room for, as it was in fit"
        )

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return self.placing.suffixes

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and which cells are refused."""
        values = cells.values.astype(np.float64)
        power = 10.0**self.places
        units = np.rint(values * power)
        nearest = units / power
        wrong = nearest.astype(cells.values.dtype) != cells.values
        wrong |= np.abs(units) >= self._limit
        if isinstance(self.placing, WholeColumn):
            # -0.0 lies a quarter of a unit below zero.
            zeros = units == 0
            if np.signbit(values[zeros]).any():
                nearest[zeros & np.signbit(values)] = -0.25 / power
            return nearest[:, np.newaxis], wrong
        units = np.clip(units, -self._limit, self._limit)
        return self.placing.encode(self.units(units / power)), wrong

    @property
    def _limit(self):
        return _MAX_UNITS[self.dtype]

    def units(self, values):
        """Return units as int64, negative ones one lower: that leaves room for -0.0."""
        units = np.rint(values.astype(np.float64) * 10.0**self.places)
        units = units.astype(np.int64)
        return np.where(np.signbit(values), ~np.abs(units), units)

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        power = 10.0**self.places
        if isinstance(self.placing, WholeColumn):
            scaled = columns[:, 0] * power
            values = np.rint(scaled) / power
            values[np.abs(scaled) <= 0.125] = 0.0
            values[(scaled < -0.125) & (scaled > -0.5)] = -0.0
        else:
            units = self.placing.decode(columns, np.int64)
            values = np.where(units < 0, ~units, units) / power
            values = np.copysign(values, units)
        states = np.zeros(len(columns), dtype=np.uint8)
        return Cells("float", values.astype(self.dtype), states)


@dataclass(frozen=True)
class BitsCode:
    """Floats bit for bit, whatever they are.

    Parameters
    ----------
    dtype : {"float64", "float32"}
    placing : SplitColumns
        Placing of their bits.
    """

    dtype: str
    placing: SplitColumns

    kind = "float"
    unit = 1
    refusal = "more digits than a float of 32 bits has"

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return self.placing.suffixes

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and which cells are refused."""
        with np.errstate(over="ignore"):
            values = cells.values.astype(self.dtype)
        wrong = values != cells.values
        values = np.where(wrong, values.dtype.type(0), values)
        return self.placing.encode(float_bits(values)), wrong

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        bits = self.placing.decode(columns, np.uint64)
        values = bits_float(bits, np.dtype(self.dtype))
        return Cells("float", values, np.zeros(len(columns), dtype=np.uint8))


@dataclass(frozen=True)
class LossyCode:
    """Floats as they are, and back as well as an encryptor returns them."""

    dtype: str

    kind = "float"
    unit = 1
    refusal = ""
    suffixes = ("",)

    def encode(self, cells):
        """Return float64 of shape (n_rows, 1), and that no cell is refused."""
        values = cells.values.astype(np.float64)
        return values[:, np.newaxis], np.zeros(len(values), dtype=bool)

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        with np.errstate(over="ignore"):
            values = columns[:, 0].astype(self.dtype)
        return Cells("float", values, np.zeros(len(columns), dtype=np.uint8))
