"""Displays: the leak's learning curve, and privacy against utility."""

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_homeo._utils.plotting import (
    BLUE,
    GREY,
    VERMILION,
    label_points,
    make_axes,
)
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo.audit._scale import GOOD, MODERATE
from sklearn_homeo.audit.known_plaintext._leak import (
    KnownPlaintextCurve,
    known_plaintext_curve,
)


class KnownPlaintextCurveDisplay:
    """What the attacker gets as more and more records leak.

    Made by :meth:`from_curve` or :meth:`from_ciphertexts`.

    Parameters
    ----------
    n_leaked : array-like of shape (n_points,)
        Numbers of known pairs.
    r2, rate, low, high : array-like of shape (n_points,)
        R2, re-identification rate and its interval.
    chance : float
        Rate of blind guessing.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import KnownPlaintextCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> display = KnownPlaintextCurveDisplay.from_ciphertexts(
    ...     np.tanh(X), X, random_state=0
    ... )
    >>> bool(display.rate[-1] > 0.9)
    True
    """

    def __init__(self, n_leaked, r2, rate, low, high, chance):
        self.n_leaked, self.r2, self.rate = n_leaked, r2, rate
        self.low, self.high, self.chance = low, high, chance

    @classmethod
    def from_curve(cls, curve, *, ax=None):
        """Draw what :func:`sklearn_homeo.audit.known_plaintext_curve` returned.

        Parameters
        ----------
        curve : KnownPlaintextCurve
            What the attacks found.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : KnownPlaintextCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If it is something else.
        """
        if not isinstance(curve, KnownPlaintextCurve):
            raise TypeError(
                "curve must be what known_plaintext_curve returns, got "
                f"{type(curve).__name__}"
            )
        fields = ("n_leaked", "r2", "rate", "low", "high", "chance")
        return cls(*(getattr(curve, field) for field in fields)).plot(ax=ax)

    @classmethod
    def from_ciphertexts(cls, Z, X, *, ax=None, **options):
        """Attack ciphertexts and draw the curve.

        Parameters
        ----------
        Z, X : array-like of shape (n_samples, n_outputs) and (n_samples, n_features)
            Ciphertexts and their records.
        ax : matplotlib Axes, default=None
            None makes a new figure.
        **options : dict
            Options of :func:`sklearn_homeo.audit.known_plaintext_curve`.

        Returns
        -------
        display : KnownPlaintextCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As :func:`sklearn_homeo.audit.known_plaintext_curve`.
        """
        return cls.from_curve(known_plaintext_curve(Z, X, **options), ax=ax)

    def plot(self, ax=None):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : KnownPlaintextCurveDisplay
        """
        ax = make_axes(ax)
        ax.fill_between(self.n_leaked, self.low, self.high, color=VERMILION, alpha=0.2)
        ax.plot(self.n_leaked, self.rate, "o-", color=VERMILION, label="re-identified")
        ax.plot(self.n_leaked, self.r2, "s-", color=BLUE, label="R2 rebuilt")
        ax.axhline(self.chance, color=GREY, linestyle=":", label="chance")
        ax.set_xscale("log")
        ax.set_ylim(min(-0.05, float(np.min(self.r2)) - 0.05), 1.05)
        ax.set_xlabel("known pairs")
        ax.set_ylabel("attacker's best (95 % interval)")
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class PrivacyUtilityDisplay:
    """The frontier: what models keep against what the attacker gets.

    Made by :meth:`from_points`, :meth:`from_reports` or :meth:`from_cv_results`.

    Parameters
    ----------
    leak : array-like of shape (n_settings,)
        The attacker's figure; less is better.
    utility : array-like of shape (n_settings,)
        The models' figure; more is better.
    labels : sequence of str, default=None
        Names of the settings.

    Attributes
    ----------
    frontier_ : ndarray of int
        Settings that no other beats in both, by increasing leak.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_homeo.audit import PrivacyUtilityDisplay
    >>> display = PrivacyUtilityDisplay.from_points(
    ...     [1.0, 0.02, 0.3], [0.97, 0.96, 0.95], ["tanh", "depth 3", "smooth"]
    ... )
    >>> display.frontier_
    array([1, 0])
    """

    def __init__(self, leak, utility, labels=None):
        self.leak, self.utility, self.labels = leak, utility, labels

    @classmethod
    def from_points(cls, leak, utility, labels=None, *, ax=None):
        """Draw settings by their figures.

        Parameters
        ----------
        leak, utility, labels : array-like of shape (n_settings,)
            As in the class.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : PrivacyUtilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the lengths differ or there is nothing to draw.
        """
        return cls(leak, utility, labels).plot(ax=ax)

    @classmethod
    def from_reports(cls, reports, utility, *, ax=None):
        """Draw audits by their worst re-identification.

        Parameters
        ----------
        reports : dict of str to AuditReport
            By the settings' names.
        utility : array-like of shape (n_reports,)
            The models' figure for each; more is better.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : PrivacyUtilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `reports` is not a dict of reports.
        ValueError
            If the lengths differ or a report has no re-identification.
        """
        if not isinstance(reports, dict) or not all(
            hasattr(report, "linked") for report in reports.values()
        ):
            raise TypeError("reports must be a dict of names to AuditReport")
        leak = [report.linked for report in reports.values()]
        if not np.isfinite(leak).all():
            raise ValueError("reports: one has no tier that re-identifies records")
        return cls.from_points(leak, utility, list(reports), ax=ax)

    @classmethod
    def from_cv_results(
        cls, cv_results, *, privacy="privacy", utility="utility", ax=None
    ):
        """Draw the settings of a grid search that was scored by both.

        Parameters
        ----------
        cv_results : dict
            ``cv_results_`` of a search whose `scoring` has both scorers; see
            :func:`sklearn_homeo.audit.make_privacy_scorer`.
        privacy, utility : str, default="privacy" and "utility"
            Names of the scorers.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : PrivacyUtilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `cv_results` is not a dict.
        KeyError
            If the search was not scored by that name.
        """
        if not isinstance(cv_results, dict):
            raise TypeError(
                "cv_results must be the cv_results_ of a search, got "
                f"{type(cv_results).__name__}"
            )
        leak = 1.0 - np.asarray(cv_results[f"mean_test_{privacy}"])
        labels = [
            ", ".join(f"{name.split('__')[-1]}={value}" for name, value in one.items())
            for one in cv_results["params"]
        ]
        return cls.from_points(leak, cv_results[f"mean_test_{utility}"], labels, ax=ax)

    def plot(self, ax=None):
        """Draw the settings and the frontier.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : PrivacyUtilityDisplay
        """
        if np.size(self.leak) == 0:
            raise ValueError("leak is empty: there is nothing to draw")
        leak, utility = (
            check_real_array(values, ensure_2d=False, input_name=name)
            for name, values in (("leak", self.leak), ("utility", self.utility))
        )
        check_consistent_length(leak, utility, self.labels)
        ax = make_axes(ax)
        self.frontier_ = _frontier(leak, utility)
        ax.axvspan(0, GOOD, color=BLUE, alpha=0.08)
        ax.axvspan(MODERATE, 1, color=VERMILION, alpha=0.08)
        ax.plot(leak, utility, "o", color=GREY)
        ax.plot(leak[self.frontier_], utility[self.frontier_], "o-", color=BLUE)
        ax.set_xlim(-0.02, 1.02)
        if self.labels is not None:
            label_points(ax, leak, utility, self.labels)
        ax.set_xlabel("attacker's best (shaded: good, bad)")
        ax.set_ylabel("utility")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _frontier(leak, utility):
    """Indices of the settings that none beats in both, by increasing leak."""
    best, kept = -np.inf, []
    for i in np.lexsort((-utility, leak)):
        if utility[i] > best:
            kept.append(i)
            best = utility[i]
    return np.array(kept)
