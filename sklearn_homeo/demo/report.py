"""An evaluation's figures as a printed table and as Markdown."""

import textwrap

import numpy as np

from sklearn_homeo.audit._report import MIN_TARGETS
from sklearn_homeo.audit._scale import GOOD, MODERATE

__all__ = [
    "format_legend",
    "format_markdown",
    "format_text",
    "linking_verdict",
    "rebuilding_of",
    "rebuilding_verdict",
    "rebuilds",
]

# Reconstructions of which a person would say that they show the record.
BROKEN_R2, R2_MARGIN = 0.80, 0.05


LEGEND = (
    "view: models on what a ciphertext shows, before it is encrypted.",
    "loss: plain minus encrypted (negative: a gain). loss*: the better of plain and "
    "view minus encrypted, which leaves out what the view gains.",
    "Leaked at most: the logarithm of the number of cells; without cells there is no "
    "such bound (inf).",
    "Round trip: greatest error of decrypting, in standard deviations of the column.",
    "R2: the share of the other rows' variance that an attacker who knows the leaked "
    "pairs rebuilds. 'The view leaks' is the share that the view alone gives away. "
    "Rebuilding is BROKEN above an R2 of 0.8. It is as leaked if no attack gets 0.05 "
    "more than the view leaks, and beyond the leak otherwise.",
    "Re-id: the share of the other rows that the attacker links, with the exact 95 % "
    "interval. Linking is graded by the highest rate, on the scale of the "
    "NeuraCrypt challenge: BROKEN (bad) above 20 %, moderate from 5 %, good below. "
    f"With fewer than {MIN_TARGETS} rows it is not graded.",
    "Hybrid: models learn from synthetic ciphertexts, drawn from class Gaussians of "
    "the real ones, and are tested on real ones. Membership: how well the best of five "
    "attacks by a holder of the key tells the records behind the hybrid from others.",
)
_WIDTH = 100

_WIDTHS = (24, 7, 7, 19, 7, 7, 19, 7)


def linking_verdict(rate, n_targets):
    """Grade a re-identification rate on the NeuraCrypt challenge's scale.

    Parameters
    ----------
    rate : float
        In [0, 1].
    n_targets : int
        Number of rows that were to be told.

    Returns
    -------
    grade : {"BROKEN", "moderate", "good", "too few rows"}
        Above 20 %, from 5 % to 20 %, below 5 %; none of them of fewer than 30 rows.

    References
    ----------
    NeuraCrypt challenge, github.com/yala/NeuraCrypt-Challenge.

    Examples
    --------
    >>> from sklearn_homeo.demo.report import linking_verdict
    >>> [linking_verdict(rate, 100) for rate in (1.0, 0.2, 0.05, 0.01)]
    ['BROKEN', 'moderate', 'moderate', 'good']
    >>> linking_verdict(4 / 6, 6)
    'too few rows'
    """
    if n_targets < MIN_TARGETS:
        return "too few rows"
    if rate > MODERATE:
        return "BROKEN"
    return "moderate" if rate >= GOOD else "good"


def rebuilding_verdict(r2, leaked):
    """Grade a reconstruction against what the view tells.

    Parameters
    ----------
    r2 : float
        R2 of the best attack.
    leaked : float
        ``preserved_variance_ratio_`` of the encryptor.

    Returns
    -------
    grade : {"BROKEN", "beyond the leak", "as leaked"}

    Examples
    --------
    >>> from sklearn_homeo.demo.report import rebuilding_verdict
    >>> rebuilding_verdict(0.99, 1.0), rebuilding_verdict(0.4, 0.38)
    ('BROKEN', 'as leaked')
    """
    if r2 > BROKEN_R2:
        return "BROKEN"
    return "as leaked" if r2 <= leaked + R2_MARGIN else "beyond the leak"


def format_text(result):
    """Lay out one table's figures in at most 100 columns.

    Parameters
    ----------
    result : Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.

    Returns
    -------
    text : str
    """
    widths = _WIDTHS[: len(_header(result))]
    rule = "-" * sum(widths)
    lines = [_title(result), rule, _align(_header(result), widths), rule]
    for heading, rows in _groups(result):
        lines += [heading] + [_align(("  " + row[0], *row[1:]), widths) for row in rows]
    return "\n".join([*lines, rule, *map(_wrapped, _notes(result))])


def format_legend():
    """Say what the tables' words mean, in at most 100 columns."""
    return "\n".join(map(_wrapped, LEGEND))


def _wrapped(sentences):
    return textwrap.fill(sentences, _WIDTH)


def format_markdown(results):
    """Lay out several tables' figures as a Markdown document.

    Parameters
    ----------
    results : list of Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.

    Returns
    -------
    text : str
    """
    lines = ["# What encryption keeps, and what an attacker gets", ""]
    for result in results:
        header = _header(result)
        lines += [f"## {_title(result)}", "", _cells(header)]
        lines.append(_cells(["---"] + ["---:"] * (len(header) - 1)))
        for heading, rows in _groups(result):
            lines.append(_cells([f"**{heading}**"] + [""] * (len(header) - 1)))
            lines += [_cells(row) for row in rows]
        lines += ["", *[f"{note}\n" for note in _notes(result)]]
    lines += ["## What the words mean", "", *[f"* {entry}" for entry in LEGEND], ""]
    return "\n".join(lines)


def _title(result):
    table = result.table
    n_rows, n_features = table.X.shape
    target = (
        f"{len(np.unique(table.y))} classes"
        if table.task == "classification"
        else "a continuous target"
    )
    return (
        f"{table.name}: {n_rows:,} rows, {n_features:,} features, {target}; "
        f"models train on {len(result.rows.y_train):,} and are tested on "
        f"{len(result.rows.y_test):,}"
    )


def _header(result):
    first, *others = [f"{measured.cipher}" for measured in result.ciphers]
    header = ["", "plain", "view", first, "loss", "loss*"]
    return header + [cell for name in others for cell in (name, "loss")]


def _groups(result):
    """Headings, each with its rows of cells as wide as the header."""
    percent = result.table.task == "classification"
    ciphers = result.ciphers
    heading = "accuracy on test rows, %" if percent else "R2 on test rows"
    yield heading, [*_score_rows(result, 100 if percent else 1)]
    sizes = [_given(c, lambda c: f"{c.encryptor.n_preserved_}") for c in ciphers]
    errors = [_given(c, lambda c: f"{c.round_trip_error:.1e}") for c in ciphers]
    bits = [_given(c, lambda c: f"{c.leakage_bits:.1f}") for c in ciphers]
    yield (
        "cipher",
        [
            _spread("leaked at most, bits", bits),
            _spread("label coordinates", sizes),
            _spread("round trip, sd", errors),
        ],
    )
    known = next(c.attack for c in ciphers if "attack" in c)
    yield (
        f"attacker who knows {known.n_leaked:,} of {len(result.table.y):,} rows "
        f"({result.leak:.0%}) and attacks the other {known.n:,}",
        [*_attack_rows(ciphers, known.attacks)],
    )


def _score_rows(result, unit):
    digits = 1 if unit == 100 else 3
    for name in [*result.plain, "mean of the five"]:
        plain, view = _score(result.plain, name), _score(result.view, name)
        row = [name, _fixed(unit * plain, digits), _fixed(unit * view, digits)]
        for place, measured in enumerate(result.ciphers):
            n_losses = 2 if place == 0 else 1
            if "reason" in measured:
                row += ["-"] * (1 + n_losses)
                continue
            score = _score(measured.scores, name)
            losses = (plain - score, max(plain, view) - score)[:n_losses]
            row += [_fixed(unit * figure, digits) for figure in (score, *losses)]
        yield row
    if "scores" in result.get("hybrid", {}):
        yield _hybrid_row(result, unit, digits)


def _hybrid_row(result, unit, digits):
    plain, view, score = (
        np.mean(list(scores.values()))
        for scores in (result.plain, result.view, result.hybrid.scores)
    )
    figures = score, plain - score, max(plain, view) - score
    cells = ["hybrid, mean", "", "", *(_fixed(unit * f, digits) for f in figures)]
    return cells + ["", ""] * (len(result.ciphers) - 1)


def _fixed(figure, digits):
    return f"{figure:z.{digits}f}"


def _attack_rows(ciphers, names):
    for name in names:
        if any("attack" in c and rebuilds(c.attack.attacks[name]) for c in ciphers):
            yield _spread(f"R2, {name}", [_given(c, _r2, name) for c in ciphers])
    leaked = [
        _given(c, lambda c: f"{c.encryptor.preserved_variance_ratio_:.3f}")
        for c in ciphers
    ]
    yield _spread("R2, the view leaks", leaked)
    for name in names:
        cells = [_given(c, _linked, name) for c in ciphers]
        yield _spread(f"re-id %, {name}", cells)
    chances = [_given(c, lambda c: f"{100 * c.attack.chance:.1f}") for c in ciphers]
    yield _spread("re-id %, by chance", chances)
    yield _spread("verdict on rebuilding", [_given(c, rebuilding_of) for c in ciphers])
    yield _spread("verdict on linking", [_given(c, _linking) for c in ciphers])


def rebuilds(attempt):
    """Whether an attack rebuilds records; others only tell which one it is."""
    return not np.isnan(attempt.r2)


def rebuilding_of(measured):
    """Grade of a measured cipher."""
    leaked = measured.encryptor.preserved_variance_ratio_
    return rebuilding_verdict(measured.attack.r2, leaked)


def _linking(measured):
    return linking_verdict(measured.attack.rate, measured.attack.n)


def _r2(measured, name):
    return f"{measured.attack.attacks[name].r2:.3f}"


def _linked(measured, name):
    matched = measured.attack.attacks[name]
    low, high = matched.interval
    return f"{100 * matched.rate:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _given(measured, form, *args):
    return "refused" if "reason" in measured else form(measured, *args)


def _spread(label, cells):
    """A row that says something of each cipher and nothing of plain rows."""
    first, *others = cells
    return [label, "", "", first, "", ""] + [c for cell in others for c in (cell, "")]


def _score(scores, name):
    return scores[name] if name in scores else np.mean(list(scores.values()))


def _notes(result):
    notes = [f"Note: {note}" for note in result.table.get("notes", ())]
    for measured in result.ciphers:
        if "reason" in measured:
            notes.append(f"Note, {measured.cipher} refused: {measured.reason}")
        else:
            notes += [f"Note, {measured.cipher}: {note}" for note in measured.notes]
    if "hybrid" in result:
        notes += _hybrid_notes(result.hybrid)
    if "pictures" in result:
        notes += _picture_notes(result.pictures)
    return notes


def _hybrid_notes(hybrid):
    if "reason" in hybrid:
        return [f"No hybrid: {hybrid.reason}"]
    attack = hybrid.attack
    low, high = attack.interval
    return [
        f"Hybrid, membership with the key: AUC {attack.rate:.3f} [{low:.3f}, "
        f"{high:.3f}] ({attack.choice}; chance 0.5), "
        f"{100 * attack.tpr:.1f} % of members found at 1 % false alarms "
        f"(chance 1 %), {attack.n_members} members."
    ]


def _picture_notes(pictures):
    similarity, matched = pictures.similarity, pictures.reidentification
    low, high = matched.interval
    return [
        f"Encrypted images of {similarity.n} test images: SSIM with the original "
        f"{similarity.ssim:.3f}, with another original "
        f"{similarity.ssim_mismatched:.3f}, of two originals "
        f"{similarity.ssim_unrelated:.3f}; re-id by features extracted again "
        f"{100 * matched.rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}], by chance "
        f"{100 * matched.chance:.1f} %; decrypted reconstructions off by "
        f"{pictures.decrypted_error:.1e}."
    ]


def _align(row, widths):
    label, *cells = row
    aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
    return (label.ljust(widths[0]) + "".join(aligned)).rstrip()


def _cells(row):
    return "| " + " | ".join(row) + " |"
