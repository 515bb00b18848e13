"""The audit's report: figures, verdicts, and whether they can be trusted."""

import html
import textwrap
from numbers import Real

import numpy as np
from scipy.stats import t as student
from sklearn.utils import Bunch

from sklearn_homeo.audit._controls import CONTROLS, NOISE, failed_control
from sklearn_homeo.audit._intervals import clopper_pearson
from sklearn_homeo.audit._registry import TIERS
from sklearn_homeo.audit._result import AttackResult, make_frame
from sklearn_homeo.audit._scale import VERDICTS, judge

_CONFIDENCE = 0.95
_WIDTH = 96
_ORDER = (*VERDICTS, "invalid")
_AUDITED = "audited"
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
        ("audited" or a control's name), `tier`, `key` (its number), and what
        :meth:`AttackResult.to_row` gives.
    settings : Bunch
        Of the audit: `cipher` (a description), `n_samples`, `n_features`, `n_keys`,
        `leak`, `attacks`.
    floor : Bunch
        `preserved_variance_ratio` and `linkage_bound`, nan where there is none.
    seconds : float
        Wall-clock time of the audit.

    Attributes
    ----------
    tiers : dict of str to Bunch
        The summary of each tier: `verdict`, `title`, `attack` (the one that does best
        on what the attacker held out, mean over keys), `rate` (its mean over keys),
        `upper` (its upper 95 % limit), `chance`, `n`, `r2` (greatest mean over keys;
        nan outside of T4), `plain_rate` (of the same attack on the records themselves,
        a control), `measure`, `reason`.
    verdict : {"good", "moderate", "bad", "invalid"}
        The worst of the tiers'.
    linked : float
        Greatest upper limit of the tiers that re-identify; nan if there is none.

    Notes
    -----
    A tier is judged by the upper limit of its attack, as advantage over
    chance: (rate - chance) / (1 - chance). On NeuraCrypt's scale less than 5 % is
    *good*, up to 20 % *moderate*, more is *bad*; attribute inference is judged by
    its AUC, *good* up to 0.55 and *moderate* up to 0.65. The upper limit is the
    greater of Student's over keys and of the exact binomial one of all keys pooled.

    A tier whose control fails is *invalid*: if the attacks miss what is known to be
    broken, "good" and "moderate" would mean nothing, and if they find something in
    pure noise, no verdict would.

    *Good* means that these attacks failed. It is no proof of security.
    """

    def __init__(self, rows, settings, floor, seconds):
        self.rows = rows
        self.settings = settings
        self.floor = floor
        self.seconds = seconds
        names = dict.fromkeys(row["tier"] for row in rows if row["cipher"] == _AUDITED)
        self.tiers = {name: self._tier(name) for name in names}

    @property
    def verdict(self):
        """The worst verdict of all tiers."""
        return max((one.verdict for one in self.tiers.values()), key=_ORDER.index)

    @property
    def linked(self):
        """Greatest upper limit of the tiers that re-identify; nan if there is none."""
        links = [one.upper for one in self.tiers.values() if one.measure == "re-id"]
        return max(links, default=np.nan)

    def _of(self, cipher, tier):
        return [
            row for row in self.rows if row["cipher"] == cipher and row["tier"] == tier
        ]

    def _tier(self, name):
        attacks = {}
        for row in self._of(_AUDITED, name):
            attacks.setdefault(row["attack"], []).append(row)
        chosen = max(attacks, key=lambda attack: _validation(attacks[attack]))
        rows = attacks[chosen]
        chance, measure = rows[0]["chance"], rows[0]["measure"]
        summary = Bunch(
            title=TIERS[name].title if name in TIERS else name,
            attack=chosen,
            rate=float(np.mean([row["rate"] for row in rows])),
            upper=_upper_limit(rows),
            chance=chance,
            n=rows[0]["n"],
            r2=_greatest_mean(attacks.values(), "r2"),
            plain_rate=self._plain_rate(name, chosen),
            measure=measure,
            reason="",
        )
        summary.verdict = judge(summary.upper, chance, measure)
        self._check_controls(name, summary)
        return summary

    def _plain_rate(self, tier, attack):
        rows = [row for row in self._of("identity", tier) if row["attack"] == attack]
        return float(np.mean([row["rate"] for row in rows])) if rows else np.nan

    def _check_controls(self, name, summary):
        for control in CONTROLS:
            found = self._of(control, name)
            reason = failed_control(control, name, found) if found else None
            # What is broken is broken, whatever else the attacks would miss.
            if reason and (control == NOISE or summary.verdict != "bad"):
                summary.verdict, summary.reason = "invalid", reason

    def add(self, tier, result):
        """Return a report with the result of an attack that the audit did not run.

        Membership inference on synthetic records, say. There are no controls for it.

        Parameters
        ----------
        tier : str
            Name of a tier: "T8 membership".
        result : AttackResult or list of AttackResult
            Of several keys, a list with one a key.

        Returns
        -------
        report : AuditReport

        Raises
        ------
        ValueError
            If the tier is one that the audit runs.
        TypeError
            If a result is none.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_homeo import HomeomorphicEncryptor
        >>> from sklearn_homeo.audit import AttackResult, privacy_audit
        >>> report = privacy_audit(
        ...     HomeomorphicEncryptor(), *load_wine(return_X_y=True), attacks=["T0"],
        ...     n_keys=1, random_state=0,
        ... )
        >>> found = AttackResult("guess", 0.0, (0, 0.02), 0, 150, 0.1)
        >>> report.add("T6 guesses", found).tiers["T6 guesses"].verdict
        'good'
        """
        if tier in TIERS:
            raise ValueError(f"tier={tier!r} is run by the audit; choose another name")
        results = result if isinstance(result, list) else [result]
        for one in results:
            if not isinstance(one, AttackResult):
                raise TypeError(f"result must be an AttackResult, got {type(one)}")
        added = [
            {"cipher": _AUDITED, "tier": tier, "key": key} | one.to_row()
            for key, one in enumerate(results)
        ]
        return AuditReport(self.rows + added, self.settings, self.floor, self.seconds)

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
        return make_frame(self.rows)

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
                f"encryptor leaks {self.floor.preserved_variance_ratio:.3f}"
            )
        if "T5" in self.tiers:
            plain = self.tiers["T5"].plain_rate
            notes.append(f"T5: the same attack on plain records has AUC {plain:.3f}")
        if np.isfinite(self.floor.linkage_bound):
            notes.append(
                f"Linkage bound of the noise among T4's targets: "
                f"{100 * self.floor.linkage_bound:.1f} %"
            )
        notes.append("Good means that these attacks failed, not that none can succeed.")
        return notes


_HEADER = ("tier", "attack", "measure", "rate", "upper", "chance", "verdict")


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


def _validation(rows):
    """Mean of what an attack reached on held-out data; alone, it needs none."""
    return np.nan_to_num(np.mean([row["validation"] for row in rows]), nan=-np.inf)


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
