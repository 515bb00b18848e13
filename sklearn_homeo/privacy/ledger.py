"""What differential privacy costs, what it covers and what it does not."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.privacy.gaussian_mechanism import gaussian_epsilon

__all__ = ["NOT_COVERED", "PUBLIC", "Mechanism", "PrivacyLedger"]

# Of every mechanism here.
PUBLIC = (
    "class labels and the number of rows of each class",
    "number and names of features",
    "bounds",
)
NOT_COVERED = (
    "whatever was learnt from the rows before fit: scaling, selection, an "
    "encryptor's frame",
    "the choice of parameters by looking at the rows",
)


@dataclass(frozen=True)
class Mechanism:
    """One noisy release.

    Parameters
    ----------
    statistic : str
        What is released.
    noise : str
        How it is made private.
    sensitivity : str
        The most by which a neighbouring data set changes it, in the Euclidean norm.
    rho : float or None
        What it costs in zero-concentrated differential privacy; None if it is
        accounted for otherwise, as `noise` says.
    """

    statistic: str
    noise: str
    sensitivity: str
    rho: float | None

    def __str__(self):
        cost = "" if self.rho is None else f", rho = {self.rho:.4g}"
        return f"{self.statistic}: {self.noise}, sensitivity {self.sensitivity}{cost}"


@dataclass(frozen=True)
class PrivacyLedger:
    """What is spent on what, what is taken for public, and what is not covered.

    The sum of two ledgers is that of both releases from the same rows. For Gaussian
    mechanisms it is exact; otherwise epsilons and deltas add up.

    Parameters
    ----------
    epsilon, delta : float
        The guarantee.
    rho : float or None
        The same in zero-concentrated differential privacy, the sum over mechanisms.
        Classes have rows of their own: their costs do not add up. None if it is
        accounted for otherwise.
    neighbours : str
        Which data sets the guarantee makes hard to tell apart.
    mechanisms : tuple of Mechanism
    public : tuple of str
        What the user declares to be public by asking for privacy.
    not_covered : tuple of str
    """

    epsilon: float
    delta: float
    rho: float | None
    neighbours: str
    mechanisms: tuple
    public: tuple
    not_covered: tuple

    def __add__(self, other):
        if not isinstance(other, PrivacyLedger):
            return NotImplemented
        if self.neighbours != other.neighbours:
            raise ValueError(
                "ledgers of different neighbours do not add up: "
                f"{self.neighbours}; {other.neighbours}"
            )
        rho, delta = None, self.delta + other.delta
        epsilon = self.epsilon + other.epsilon
        if self.rho is not None and other.rho is not None:
            rho, delta = self.rho + other.rho, max(self.delta, other.delta)
            epsilon = gaussian_epsilon(np.sqrt(2 * rho), delta)
        return PrivacyLedger(
            epsilon,
            delta,
            rho,
            self.neighbours,
            self.mechanisms + other.mechanisms,
            tuple(dict.fromkeys(self.public + other.public)),
            tuple(dict.fromkeys(self.not_covered + other.not_covered)),
        )

    def __str__(self):
        cost = "" if self.rho is None else f", rho = {self.rho:.4g}"
        lines = [
            f"({self.epsilon:g}, {self.delta:g})-differential privacy{cost}; "
            f"neighbours: {self.neighbours}",
            *(f"  {mechanism}" for mechanism in self.mechanisms),
            "  public: " + "; ".join(self.public),
            "  not covered: " + "; ".join(self.not_covered),
        ]
        return "\n".join(lines)
