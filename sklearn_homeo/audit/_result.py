"""What every attack returns."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo.audit._checks import standardise
from sklearn_homeo.audit._intervals import clopper_pearson

_RESAMPLES = 500


@dataclass(frozen=True)
class AttackResult:
    """Result of an attack. All attacks of this package return one.

    Greater is worse for the owner of the data; a rate near chance means that this
    attack learnt nothing, not that none could.

    Parameters
    ----------
    name : str
        The attack.
    rate : float
        Success of the attack, in units of `measure`.
    interval : tuple of (float, float)
        95 % interval of the rate.
    chance : float
        The rate of an attacker who learnt nothing.
    n : int
        Number of targets.
    seconds : float
        Wall-clock time.
    measure : str, default="re-id"
        Unit of the rate. "re-id" is the share of targets that are told from all others,
        "R2" the share of variance that is rebuilt, "AUC" the area under the ROC curve,
        "D_sys" linkability, "neighbours" the share of nearest neighbours that are
        known, "SSIM" structural similarity, and "found" the share of secrets found.
    hits : int or None, default=None
        Number of targets that were hit, where the rate is a share of them.
    r2 : float, default=nan
        Share of the targets' standardised variance that was rebuilt; nan where nothing
        is reconstructed.
    validation : float, default=nan
        The attack's figure on data that the attacker knows and held out. He and the
        audit choose among attacks by it. nan where there is nothing to choose.
    choice : object, default=None
        Choice of the attack: a view, penalties, a model.
    details : mapping, default={}
        Further figures, named in the attack's own docstring. They can be read as
        attributes, too.

    Examples
    --------
    >>> from sklearn_homeo.audit import AttackResult
    >>> result = AttackResult("guess", 0.25, (0.1, 0.4), 0.2, 40, 0.1,
    ...                       details={"queries": 3})
    >>> result.queries
    3
    >>> print(result)
    guess: re-id 25.0 % [10.0, 40.0], chance 20.0 %, 40 targets
    """

    name: str
    rate: float
    interval: tuple[float, float]
    chance: float
    n: int
    seconds: float
    measure: str = "re-id"
    hits: int | None = None
    r2: float = math.nan
    validation: float = math.nan
    choice: Any = None
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getattr__(self, name: str) -> Any:
        # Unpickling asks for attributes before there are any.
        if name != "details" and name in self.__dict__.get("details", ()):
            return self.details[name]
        raise AttributeError(f"AttackResult of {self.__dict__.get('name')!r} has no "
                             f"attribute {name!r}")  # fmt: skip

    def to_row(self) -> dict[str, Any]:
        """Return the figures, without the details, as a line of a table.

        Returns
        -------
        row : dict
        """
        return {
            "attack": self.name,
            "measure": self.measure,
            "rate": self.rate,
            "low": self.interval[0],
            "high": self.interval[1],
            "chance": self.chance,
            "n": self.n,
            "hits": self.hits,
            "r2": self.r2,
            "validation": self.validation,
            "seconds": self.seconds,
        }

    def to_frame(self) -> Any:
        """Return the figures as a frame, a row for each attack that was run.

        Returns
        -------
        frame : pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        results = self.details.get("attacks", {}).values() or [self]
        return make_frame([one.to_row() for one in results])

    def __str__(self) -> str:
        scale, unit = (1, "") if self.measure in ("AUC", "R2", "SSIM") else (100, " %")
        digits = 1 if unit else 3
        rate, chance, low, high = (
            f"{scale * value:.{digits}f}"
            for value in (self.rate, self.chance, *self.interval)
        )
        return (
            f"{self.name}: {self.measure} {rate}{unit} [{low}, {high}], chance "
            f"{chance}{unit}, {self.n} targets"
        )


def make_frame(rows):
    """Data frame of rows; ImportError that says what to install without pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    return pd.DataFrame(rows)


def rate_result(name, rate, interval, chance, n, started, **fields):
    """Result of an attack that began at ``perf_counter() == started``.

    Fields that are none of the class's own become details.
    """
    own = AttackResult.__dataclass_fields__
    details = {key: fields.pop(key) for key in list(fields) if key not in own}
    return AttackResult(
        name=name,
        rate=float(rate),
        interval=(float(interval[0]), float(interval[1])),
        chance=float(chance),
        n=int(n),
        seconds=perf_counter() - started,
        details=details,
        **fields,
    )


def hit_result(name, hits, n, chance, started, **fields):
    """Result of an attack that scores by hits among n trials."""
    hits = int(hits)
    interval = clopper_pearson(hits, n)
    return rate_result(
        name, hits / n, interval, chance, n, started, hits=hits, **fields
    )


def r2_result(name, reference, true, predicted, chance, started, **fields):
    """Result by a pooled R2, with its bootstrap interval over the targets.

    Parameters
    ----------
    name : str
    reference : ndarray of shape (n_known, n_columns)
        Rows that the attacker knows; columns are put in their standard deviations,
        and a guess without any attack is their mean.
    true, predicted : ndarray of shape (n_targets, n_columns)
    chance : float
        R2 of an attacker who learnt nothing.
    started : float
    **fields
        As in :func:`rate_result`.
    """
    deviations = standardise(true, reference)
    errors = deviations - standardise(predicted, reference)
    sums = np.column_stack([(errors**2).sum(axis=1), (deviations**2).sum(axis=1)])
    draws = make_random_state(0).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=_RESAMPLES
    )
    r2 = float(1 - _ratio(sums.sum(axis=0)))
    interval = np.percentile(1 - _ratio(draws @ sums), [2.5, 97.5])
    return rate_result(
        name,
        r2,
        interval,
        chance,
        len(true),
        started,
        measure="R2",
        r2=r2,
        **fields,
    )


def _ratio(sums):
    return sums[..., 0] / np.maximum(sums[..., 1], np.finfo(float).tiny)
