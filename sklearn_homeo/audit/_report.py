"""The audit's report: figures, verdicts, and whether they can be trusted."""

import textwrap
from numbers import Real
from pathlib import Path

import numpy as np
from scipy.stats import t as student
from sklearn.utils import Bunch

from sklearn_homeo._utils.plotting import BLUE, GREY, VERMILION, make_axes
from sklearn_homeo.audit._controls import CONTROLS, NOISE, failed_control
from sklearn_homeo.audit._html import report_fragment, report_page
from sklearn_homeo.audit._intervals import clopper_pearson
from sklearn_homeo.audit._references import LINKABILITY, References
from sklearn_homeo.audit._registry import TIERS
from sklearn_homeo.audit._result import AttackResult, make_frame
from sklearn_homeo.audit._scale import VERDICTS, judge

_CONFIDENCE = 0.95
_WIDTH = 100
_FEWEST_KEYS = 3
# Fewer targets than that, all keys together, and nothing is said.
MIN_TARGETS = 30
_ORDER = ("too few targets", *VERDICTS, "invalid")
_AUDITED = "audited"


class AuditReport:
    """What an audit found; made by :func:`sklearn_homeo.audit.privacy_audit`.

    Parameters
    ----------
    rows : list of dict
        One for each attack, key and cipher, controls included: `cipher`
        ("audited" or a control's name), `tier`, `key` (its number), and what
        :meth:`AttackResult.to_row` gives.
    settings : Bunch
        Settings of the audit: `cipher` (a description), `n_samples`, `n_features`,
        `n_keys`, `leak`, `attacks`.
    references : References, default=None
        What rates are compared with: floors of the label alone, and bounds.
    seconds : float, default=nan
        Wall-clock time of the audit.
    certificate : Certificate, default=None
        Certificate of the first key's encryptor, with T4's targets as candidates.
    advice : sequence of str, default=()
        Proposed changes, a line each.

    Attributes
    ----------
    tiers : dict of str to Bunch
        The summary of each tier: `verdict`, `title`, `attack` (the one that does best
        on what the attacker held out, mean over keys), `rate` (its mean over keys),
        `upper` (its upper 95 % limit), `chance`, `n`, `r2` (greatest mean over keys;
        nan outside of T4), `linkability` (mean of D_sys over keys; nan outside of
        T2b), `plain_rate` (of the same attack on the records themselves,
        a control), `measure`, `floor` (the rate of an attacker who knows only the
        label), `bound` (the expected rate that no attack exceeds; nan if none is
        known), `beyond_label` (the verdict if the floor stands in the place of chance)
        and `reason`.
    verdict : {"good", "moderate", "bad", "invalid", "too few targets"}
        The worst of the tiers'.
    linked : float
        Greatest upper limit of the tiers that re-identify; nan if there is none.

    Notes
    -----
    A tier is judged by the upper limit of its attack, as advantage over
    chance: (rate - chance) / (1 - chance). On NeuraCrypt's scale less than 5 % is
    *good*, up to 20 % *moderate*, more is *bad*; attribute inference is judged by
    its AUC, *good* up to 0.55 and *moderate* up to 0.65. The upper limit is the
    greater of Student's over keys (of three or more) and of the exact binomial one of
    all keys pooled.

    Two keys (T2b) are judged, as T2 and T3 are, by the share of records that are found:
    those of the one key among those of the other, one to one. D_sys says how well pairs
    of one record are told from other pairs of a class. That is a scale of its own, on
    which a label of two equal classes is at one third among all pairs. It is noted,
    next to what the cells alone give, and not judged.

    The scale with the label's floor in the place of chance says what the encryptor adds
    to what its owner gives away with the labels.

    With fewer than 30 targets, those of all keys counted, there is no verdict.

    A tier whose control fails is *invalid*: if the attacks miss what is known to be
    broken, "good" and "moderate" would mean nothing, and if they find something in
    pure noise, no verdict would.

    *Good* means that these attacks failed. It is not a proof of security.
    """

    def __init__(
        self,
        rows,
        settings,
        references=None,
        seconds=np.nan,
        certificate=None,
        advice=(),
    ):
        if not _are_results(rows):
            raise TypeError(
                "rows must be the list of results that privacy_audit makes: call "
                "privacy_audit(encryptor, X, y)."
            )
        self.rows = rows
        self.settings = settings
        self.references = References() if references is None else references
        self.seconds = seconds
        self.certificate = certificate
        self.advice = tuple(advice)
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
        found = self._of(_AUDITED, name)
        for row in _judged(found):
            attacks.setdefault(row["attack"], []).append(row)
        linkable = [row["rate"] for row in found if row["measure"] == LINKABILITY]
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
            linkability=float(np.mean(linkable)) if linkable else np.nan,
            plain_rate=self._plain_rate(name, chosen),
            measure=measure,
            floor=self.references.floors.get(name, chance),
            bound=self.references.bounds.get(name, np.nan),
            reason="",
        )
        summary.verdict = judge(summary.upper, chance, measure)
        summary.beyond_label = judge(summary.upper, summary.floor, measure)
        self._check_controls(name, summary)
        if sum(row["n"] for row in rows) < MIN_TARGETS:
            summary.verdict = summary.beyond_label = _ORDER[0]
        return summary

    def _plain_rate(self, tier, attack):
        rows = [row for row in self._of("identity", tier) if row["attack"] == attack]
        return float(np.mean([row["rate"] for row in rows])) if rows else np.nan

    def _check_controls(self, name, summary):
        for control in CONTROLS:
            found = _judged(self._of(control, name))
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
            Result, or a list of one for each key.

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
        return AuditReport(
            self.rows + added,
            self.settings,
            self.references,
            self.seconds,
            self.certificate,
            self.advice,
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
        return make_frame(self.rows)

    def plot(self, ax=None):
        """Draw the tiers: rates with their upper limits, floors and bounds.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        ax : matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = make_axes(ax)
        places = -np.arange(len(self.tiers), dtype=float)
        tiers = list(self.tiers.values())
        rates, uppers, floors, bounds = (
            np.array([one[field] for one in tiers])
            for field in ("rate", "upper", "floor", "bound")
        )
        ax.barh(places, rates, 0.55, color=BLUE, label="attack")
        ax.hlines(places, rates, uppers, color=BLUE, label="upper 95 % limit")
        marks = {"label alone": (floors, GREY), "bound": (bounds, VERMILION)}
        for label, (values, colour) in marks.items():
            shown = np.isfinite(values)
            ends = places[shown] - 0.4, places[shown] + 0.4
            ax.vlines(values[shown], *ends, color=colour, linewidth=2, label=label)
        names = [f"{_name(*one)}\n({one[1].measure})" for one in self.tiers.items()]
        ax.set_yticks(places, names)
        ax.set_xlim(0, 1)
        ax.set_xlabel("rate")
        ax.set_title(f"Privacy audit: {self.verdict}")
        ax.legend(frameon=False, loc="best")
        return ax

    def save_html(self, path):
        """Write the report as one page that needs no other file and no network.

        Parameters
        ----------
        path : str or path-like
            File to write.
        """
        Path(path).expanduser().write_text(report_page(self), "utf-8")

    def lines(self):
        """Return the table's header and its rows, as tuples of text.

        Returns
        -------
        header : tuple of str
        rows : list of tuple of str
        """
        return _HEADER, [_cells(name, one) for name, one in self.tiers.items()]

    def __str__(self):
        header, rows = self.lines()
        lines = [*_wrapped(self.headline()), "", _line(*header)]
        lines += [_line(*row) for row in rows]
        lines.append("")
        for note in self.notes():
            lines += _wrapped(note)
        if self.certificate is not None:
            lines += ["", str(self.certificate)]
        return "\n".join(lines)

    def __repr__(self):
        return f"<AuditReport of {self.settings.cipher}: {self.verdict}>"

    def _repr_html_(self):
        return report_fragment(self)

    def headline(self):
        """Return what was audited, and the verdict, in one line.

        Returns
        -------
        text : str
        """
        s = self.settings
        return (
            f"Privacy audit of {s.cipher}: {self.verdict.upper()}  "
            f"({s.n_samples} x {s.n_features}, {s.n_keys} keys, {s.attacks} attacks, "
            f"{self.seconds:.0f} s)"
        )

    def notes(self):
        """Return what there is to say about the figures, a line each.

        Returns
        -------
        lines : list of str
        """
        notes = [
            f"{name} is invalid: {one.reason}"
            for name, one in self.tiers.items()
            if one.reason
        ]
        notes += [
            f"{name}: fewer than {MIN_TARGETS} targets, no verdict"
            for name, one in self.tiers.items()
            if one.verdict == _ORDER[0]
        ]
        if "T2b" in self.tiers:
            notes.append(self._linkability())
        if "T4" in self.tiers:
            notes.append(self._reconstruction())
        if "T5" in self.tiers:
            plain = self.tiers["T5"].plain_rate
            notes.append(f"T5: the same attack on plain records has AUC {plain:.3f}")
        notes += [f"What to change: {line}" for line in self.advice]
        notes.append("Good means that these attacks failed, not that none can succeed.")
        return notes

    def _linkability(self):
        measured, cells = self.tiers["T2b"].linkability, self.references.linkability
        given = "" if np.isnan(cells) else f"; the cells give up to {100 * cells:.1f} %"
        return f"T2b: D_sys of pairs within a class is {100 * measured:.1f} %{given}"

    def _reconstruction(self):
        r = self.references
        view = "" if np.isnan(r.r2_leaked) else f", the view {r.r2_leaked:.3f}"
        if not np.isnan(r.r2_prediction):
            view = f", good predictions of it {r.r2_prediction:.3f}{view}"
        leak, r2 = 100 * self.settings.leak, self.tiers["T4"].r2
        return (
            f"T4: {leak:.0f} % of the records leaked; of the others' variance R2 = "
            f"{r2:.3f} is rebuilt; the label alone gives {r.r2_floor:.3f}{view}"
        )


_HEADER = (
    "tier",
    "attack",
    "measure",
    "rate",
    "upper",
    "bound",
    "label",
    "verdict",
    "beyond label",
)


def _are_results(rows):
    fields = {"tier", "cipher", "attack", "rate", "chance", "n"}
    return isinstance(rows, list) and all(
        isinstance(row, dict) and fields <= row.keys() for row in rows
    )


def _name(tier, one):
    return tier if tier == one.title else f"{tier} {one.title}"


def _cells(name, one):
    figures = one.rate, one.upper, one.bound, one.floor
    if one.measure in ("AUC", "R2", "SSIM"):
        figures = [f"{x:.3f}" for x in figures]
    else:
        figures = [f"{100 * x:.1f} %" for x in figures]
    figures = ["-" if "nan" in text else text for text in figures]
    verdicts = one.verdict, one.beyond_label
    return (_name(name, one), one.attack, one.measure, *figures, *verdicts)


def _wrapped(text):
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ")


def _line(tier, attack, measure, rate, upper, bound, label, verdict, beyond):
    return (
        f"{tier:<23}{attack:<22}{measure:<11}{rate:>8}{upper:>8}{bound:>8}{label:>8}"
        f"  {verdict:<9} {beyond}"
    )


def _judged(rows):
    """Rows without D_sys, where there are others."""
    return [row for row in rows if row["measure"] != LINKABILITY] or rows


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
    # Of two keys, Student's limit is six standard errors away and says nothing.
    if n_keys < _FEWEST_KEYS:
        return float(min(1.0, within))
    error = rates.std(ddof=1) / np.sqrt(n_keys)
    return float(
        min(1.0, max(within, mean + student.ppf(_CONFIDENCE, n_keys - 1) * error))
    )


def _greatest_mean(groups, field):
    means = [np.mean([row[field] for row in rows]) for rows in groups]
    means = [mean for mean in means if np.isfinite(mean)]
    return float(max(means)) if means else np.nan
