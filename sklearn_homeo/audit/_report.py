"""The audit's report: figures, verdicts, and whether they can be trusted."""

import html
import textwrap
from numbers import Real

import numpy as np
from scipy.stats import t as student
from sklearn.utils import Bunch

from sklearn_homeo.audit._controls import failed_control
from sklearn_homeo.audit._metrics import clopper_pearson
from sklearn_homeo.audit._registry import TIERS

__all__ = ["AuditReport"]

_CONFIDENCE = 0.95
_WIDTH = 96
_ORDER = ("good", "moderate", "bad", "invalid")
_AUDITED = "audited"
_LIMITS = (0.05, 0.20)
_COLOURS = {
    "good": "#1b7837",
    "moderate": "#b8860b",
    "bad": "#b2182b",
    "invalid": "#555555",
}


class AuditReport:
    """What an audit found; made by :func:`sklearn_homeo.audit.privacy_audit`.

    Parameters
    ----------
    rows : list of dict
        One for each attack, key and cipher, controls included: `cipher`
        ("audited" or a control's name), `tier`, `attack`, `key` (its number),
        `rate`, `low`, `high`, `chance`, `n`, `r2`, `seconds`.
    settings : Bunch
        Of the audit: `cipher` (a description), `n_samples`, `n_features`, `n_keys`,
        `leak`, `attacks`.
    composite : Bunch
        `security` is made by the report; `tolerance` and `efficiency` are given.
    floor : Bunch
        `preserved_variance_ratio` and `linkage_bound`, nan where there is none.
    seconds : float
        Wall-clock time of the audit.

    Attributes
    ----------
    tiers : dict of str to Bunch
        The summary of each tier: `verdict`, `title`, `attack` (the worst one),
        `rate` (its mean over keys), `upper` (its upper 95 % limit), `chance`, `n`,
        `r2` (greatest mean over keys; nan outside of T4), `plain_rate` (of the same
        attack on the records themselves, a control), `measure`, `reason`.
    verdict : {"good", "moderate", "bad", "invalid"}
        The worst of the tiers'.
    composite : Bunch
        `security`, `tolerance`, `efficiency` and their product `composite`.

    Notes
    -----
    A tier is judged by the upper limit of its worst attack, as advantage over
    chance: (rate - chance) / (1 - chance). On NeuraCrypt's scale less than 5 % is
    *good*, up to 20 % *moderate*, more is *bad*; attribute inference is judged by
    its AUC, *good* up to 0.55 and *moderate* up to 0.65. The upper limit is the
    greater of Student's over keys and of the exact binomial one of all keys pooled.

    A tier whose control fails is *invalid*: if the attacks miss what is known to be
    broken, "good" and "moderate" would mean nothing, and if they find something in
    pure noise, no verdict would.

    *Good* means that these attacks failed. It is no proof of security.
    """

    def __init__(self, rows, settings, composite, floor, seconds):
        self.rows = rows
        self.settings = settings
        self.floor = floor
        self.seconds = seconds
        names = dict.fromkeys(row["tier"] for row in rows if row["cipher"] == _AUDITED)
        self.tiers = {name: self._tier(name) for name in names}
        self.composite = self._composite(composite)

    @property
    def verdict(self):
        """The worst verdict of all tiers."""
        return max((one.verdict for one in self.tiers.values()), key=_ORDER.index)

    def _of(self, cipher, tier):
        return [
            row for row in self.rows if row["cipher"] == cipher and row["tier"] == tier
        ]

    def _tier(self, name):
        attacks = {}
        for row in self._of(_AUDITED, name):
            attacks.setdefault(row["attack"], []).append(row)
        limits = {attack: _upper_limit(rows) for attack, rows in attacks.items()}
        worst = max(limits, key=limits.get)
        rates = [row["rate"] for row in attacks[worst]]
        chance = attacks[worst][0]["chance"]
        tier = TIERS.get(name)
        summary = Bunch(
            title=tier.title if tier else name,
            attack=worst,
            rate=float(np.mean(rates)),
            upper=limits[worst],
            chance=chance,
            n=attacks[worst][0]["n"],
            r2=_greatest_mean(attacks.values(), "r2"),
            plain_rate=self._plain_rate(name, worst),
            measure=tier.measure if tier else attacks[worst][0]["measure"],
            reason="",
        )
        scale = tier.limits if tier else _LIMITS
        summary.verdict = _judge((summary.upper - chance) / (1 - chance), scale)
        self._check_controls(name, summary)
        return summary

    def _plain_rate(self, tier, attack):
        rows = [row for row in self._of("identity", tier) if row["attack"] == attack]
        return float(np.mean([row["rate"] for row in rows])) if rows else np.nan

    def _check_controls(self, name, summary):
        controls = dict.fromkeys(row["cipher"] for row in self.rows)
        for control in controls:
            rates = [_as_outcome(row) for row in self._of(control, name)]
            if control == _AUDITED or not rates:
                continue
            reason = failed_control(control, name, rates)
            # What is broken is broken, whatever else the attacks would miss.
            if reason and (control == "noise" or summary.verdict != "bad"):
                summary.verdict, summary.reason = "invalid", reason

    def _composite(self, given):
        links = [one.upper for one in self.tiers.values() if one.measure == "re-id"]
        rebuilt = [one.r2 for one in self.tiers.values() if np.isfinite(one.r2)]
        security = 1.0 - np.clip(max([*links, *rebuilt, 0.0]), 0.0, 1.0)
        if not links:
            security = np.nan
        return Bunch(
            security=float(security),
            tolerance=given.tolerance,
            efficiency=given.efficiency,
            composite=float(security * given.tolerance * given.efficiency),
        )

    def add(self, tier, outcome, *, measure="re-id"):
        """Return a report with the outcome of an attack that the audit did not run.

        Membership inference on synthetic records, say, or attacks that need the
        cipher's structure. There are no controls for it.

        Parameters
        ----------
        tier : str
            Name of a tier: "T6 student".
        outcome : Bunch, or list of Bunch with one a key
            With `name`, `rate`, `interval`, `chance` and `n`.
        measure : str, default="re-id"
            What the rate is. Judged on NeuraCrypt's scale whatever it is.

        Returns
        -------
        report : AuditReport

        Raises
        ------
        ValueError
            If the tier is one that the audit runs, or fields are missing.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.utils import Bunch
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> from sklearn_homeo.audit import privacy_audit
        >>> report = privacy_audit(
        ...     HomeomorphicEncryptor(), *load_wine(return_X_y=True), attacks=["T0"],
        ...     n_keys=1, random_state=0,
        ... )
        >>> found = Bunch(name="student", rate=0.0, interval=(0, 0.02), chance=0, n=150)
        >>> report.add("T6 student", found).tiers["T6 student"].verdict
        'good'
        """
        if tier in TIERS:
            raise ValueError(f"tier={tier!r} is run by the audit; choose another name")
        outcomes = outcome if isinstance(outcome, list) else [outcome]
        for one in outcomes:
            missing = {"name", "rate", "interval", "chance", "n"} - set(one)
            if missing:
                raise ValueError(f"outcome lacks {sorted(missing)}")
        added = [
            outcome_row(_AUDITED, tier, key, one) | {"measure": measure}
            for key, one in enumerate(outcomes)
        ]
        return AuditReport(
            self.rows + added, self.settings, self.composite, self.floor, self.seconds
        )

    def to_frame(self):
        """Return all figures, one row for each attack, key and cipher.

        Returns
        -------
        frame : pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame(self.rows)

    def __str__(self):
        lines = [*_wrapped(self._headline()), "", _line(*_HEADER)]
        lines += [_line(*_cells(name, one)) for name, one in self.tiers.items()]
        lines.append("")
        for note in self._notes():
            lines += _wrapped(note)
        return "\n".join(lines)

    def __repr__(self):
        return f"<AuditReport of {self.settings.cipher}: {self.verdict}>"

    def _repr_html_(self):
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{html.escape(cell)}</td>" for cell in _cells(name, one)[:-1]
            )
            + f'<td style="color:{_COLOURS[one.verdict]}">{one.verdict}</td></tr>'
            for name, one in self.tiers.items()
        )
        header = "".join(f"<th>{html.escape(cell)}</th>" for cell in _HEADER)
        notes = "<br>".join(html.escape(note) for note in self._notes())
        return (
            f"<div><p><b>{html.escape(self._headline())}</b></p>"
            f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
            f"<p>{notes}</p></div>"
        )

    def _headline(self):
        s = self.settings
        return (
            f"Privacy audit of {s.cipher}: {self.verdict.upper()}  "
            f"({s.n_samples} x {s.n_features}, {s.n_keys} keys, {s.attacks} attacks, "
            f"{self.seconds:.0f} s)"
        )

    def _notes(self):
        notes = [
            f"{name} is invalid: {one.reason}"
            for name, one in self.tiers.items()
            if one.reason
        ]
        if "T4" in self.tiers:
            notes.append(
                f"T4: {100 * self.settings.leak:.0f} % of the records leaked; of the "
                f"others' variance R2 = {self.tiers['T4'].r2:.3f} is rebuilt, and the "
                f"cipher concedes {self.floor.preserved_variance_ratio:.3f}"
            )
        if "T5" in self.tiers:
            plain = self.tiers["T5"].plain_rate
            notes.append(f"T5: the same attack on plain records has AUC {plain:.3f}")
        if np.isfinite(self.floor.linkage_bound):
            notes.append(
                f"Linkage bound of the noise among T4's targets: "
                f"{100 * self.floor.linkage_bound:.1f} %"
            )
        c = self.composite
        notes.append(
            f"Composite {c.composite:.3f} = security {c.security:.3f} x tolerance "
            f"{c.tolerance:.3f} x efficiency {c.efficiency:.3f}"
        )
        notes.append("Good means that these attacks failed, not that none can succeed.")
        return notes


_HEADER = ("tier", "attacker's best", "measure", "rate", "upper", "chance", "verdict")


def _cells(name, one):
    label = name if name == one.title else f"{name} {one.title}"
    if one.measure == "AUC":
        figures = [f"{x:.3f}" for x in (one.rate, one.upper, one.chance)]
    else:
        figures = [f"{100 * x:.1f} %" for x in (one.rate, one.upper, one.chance)]
    return (label, one.attack, one.measure, *figures, one.verdict)


def _wrapped(text):
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ")


def _line(tier, attack, measure, rate, upper, chance, verdict):
    return (
        f"{tier:<25}{attack:<22}{measure:<11}{rate:>8}{upper:>9}{chance:>9}  {verdict}"
    )


def outcome_row(cipher, tier, key, outcome):
    """A line of the report's table."""
    return {
        "cipher": cipher,
        "tier": tier,
        "attack": outcome.name,
        "key": key,
        "rate": float(outcome.rate),
        "low": float(outcome.interval[0]),
        "high": float(outcome.interval[1]),
        "chance": float(outcome.chance),
        "n": int(outcome.n),
        "r2": float(outcome.get("r2", np.nan)),
        "hits": outcome.get("hits"),
        "seconds": float(outcome.get("seconds", np.nan)),
    }


def _as_outcome(row):
    return Bunch(
        name=row["attack"],
        rate=row["rate"],
        interval=(row["low"], row["high"]),
        chance=row["chance"],
    )


def _upper_limit(rows):
    """Upper 95 % limit of a rate: keys are the sample; never below the pooled one."""
    rates = np.array([row["rate"] for row in rows])
    mean, n_keys = rates.mean(), len(rates)
    if isinstance(rows[0]["hits"], Real):
        hits, trials = sum(row["hits"] for row in rows), sum(row["n"] for row in rows)
        # Two-sided 90 % is one-sided 95 %.
        within = clopper_pearson(hits, trials, 2 * _CONFIDENCE - 1)[1]
    else:
        half = np.mean([(row["high"] - row["low"]) / 2 for row in rows])
        within = mean + 1.645 / 1.96 * half
    if n_keys < 2:
        return float(min(1.0, within))
    error = rates.std(ddof=1) / np.sqrt(n_keys)
    return float(
        min(1.0, max(within, mean + student.ppf(_CONFIDENCE, n_keys - 1) * error))
    )


def _greatest_mean(groups, field):
    means = [np.mean([row[field] for row in rows]) for rows in groups]
    means = [mean for mean in means if np.isfinite(mean)]
    return float(max(means)) if means else np.nan


def _judge(advantage, limits):
    if advantage <= limits[0]:
        return "good"
    return "moderate" if advantage <= limits[1] else "bad"
