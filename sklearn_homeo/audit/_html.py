"""The audit's report as a page of HTML."""

import html

from sklearn_homeo._utils.html import PALETTE, make_page

_COLOURS = {"good": "good", "moderate": "moderate", "bad": "bad"}

_STYLE = (
    PALETTE.substitute(name="audit")
    + """
.audit { max-width: 60rem; margin: 0 auto; font: 1rem/1.5 system-ui, sans-serif; }
.audit h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
.audit h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
.audit .what { color: var(--faint); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
.audit .verdict { font-weight: 600; color: var(--faint); white-space: nowrap; }
.audit .good { color: var(--good); } .audit .moderate { color: var(--moderate); }
.audit .bad { color: var(--bad); }
.audit table { border-collapse: collapse; width: 100%; font-size: .9rem;
  color: inherit; }
.audit th { text-align: left; color: var(--faint); font-weight: 600; }
.audit th, .audit td { padding: .45rem .6rem .45rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; }
.audit td.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.audit .scale { position: relative; height: .55rem; margin-top: .3rem;
  background: var(--card); border-radius: .3rem; min-width: 7rem; }
.audit .scale i { position: absolute; top: 0; bottom: 0; left: 0;
  background: var(--bar); border-radius: .3rem; opacity: .35; }
.audit .scale i.rate { opacity: 1; }
.audit .scale b { position: absolute; top: -.2rem; bottom: -.2rem; width: 3px;
  margin-left: -1.5px; background: var(--floor); }
.audit .scale b.bound { background: var(--bound); }
.audit .legend { color: var(--faint); font-size: .85rem; }
.audit .legend b { font-weight: normal; white-space: nowrap; }
.audit .legend span { display: inline-block; width: .7rem; height: .7rem;
  margin: 0 .25rem 0 .8rem; vertical-align: -1px; }
.audit ul { padding-left: 1.2rem; margin: .5rem 0; }
.audit li { margin: .25rem 0; }
.audit caption { text-align: left; color: var(--faint); padding-bottom: .3rem; }
@media (max-width: 44rem) { .audit .tiers thead { display: none; }
  .audit .tiers tr { display: grid; grid-template-columns: 1fr 1fr;
    gap: .1rem 1rem; padding: .7rem 0; border-bottom: 1px solid var(--line); }
  .audit .tiers td { border: 0; padding: 0; text-align: left; }
  .audit .tiers td[data-name]::before { content: attr(data-name) " ";
    color: var(--faint); }
  .audit .tiers td.wide { grid-column: 1 / -1; } }
"""
)


def report_page(report):
    """A whole page, which needs no other file."""
    return make_page(f"Privacy audit: {report.verdict}", report_fragment(report))


def report_fragment(report):
    """The same for a page that exists, such as a notebook."""
    s = report.settings
    parts = [
        f"<style>{_STYLE}</style>",
        '<div class="audit">',
        f"<h1>Privacy audit: {_badge(report.verdict)}</h1>",
        f'<p class="what">{html.escape(s.cipher)}<br>{s.n_samples:,} records of '
        f"{s.n_features:,} columns, {s.n_keys} keys, {html.escape(s.attacks)} attacks, "
        f"{report.seconds:.0f} s</p>",
        _table(report),
        '<p class="legend"><b><span style="background:var(--bar)"></span>attack</b> '
        '<b><span style="background:var(--bar);opacity:.35"></span>upper 95 % '
        "limit</b> "
        '<b><span style="background:var(--floor)"></span>label alone</b> '
        '<b><span style="background:var(--bound)"></span>bound</b></p>',
    ]
    if report.advice:
        parts.append("<h2>What to change</h2>" + _list(report.advice))
    notes = [one for one in report.notes() if not one.startswith("What to change")]
    parts.append("<h2>How to read it</h2>" + _list(notes))
    if report.certificate is not None:
        parts.append("<h2>Certificate</h2>" + report.certificate._repr_html_())
    return "\n".join([*parts, "</div>"])


def _badge(verdict):
    return (
        f'<span class="verdict {_COLOURS.get(verdict, "")}">'
        f"{html.escape(verdict)}</span>"
    )


def _list(lines):
    return "<ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in lines) + "</ul>"


def _table(report):
    header, rows = report.lines()
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        _row(header, cells, one)
        for cells, one in zip(rows, report.tiers.values(), strict=True)
    )
    return (
        f'<table class="tiers"><thead><tr>{head}</tr></thead><tbody>{body}'
        "</tbody></table>"
    )


def _row(header, cells, one):
    tier, attack, measure, *numbers, verdict, beyond = cells
    columns = [
        f'<td class="wide"><strong>{html.escape(tier)}</strong>{_scale(one)}</td>',
        f'<td data-name="{header[1]}">{html.escape(attack)}</td>',
        f'<td data-name="{header[2]}">{html.escape(measure)}</td>',
    ]
    columns += [
        f'<td class="number" data-name="{name}">{html.escape(text)}</td>'
        for name, text in zip(header[3:7], numbers, strict=True)
    ]
    columns += [
        f'<td data-name="{name}">{_badge(text)}</td>'
        for name, text in zip(header[7:], (verdict, beyond), strict=True)
    ]
    return f"<tr>{''.join(columns)}</tr>"


def _scale(one):
    """Bars of the rate and its limit, and marks of the label's floor and the bound."""

    def width(value):
        return f"{100 * min(max(value, 0.0), 1.0):.1f}%"

    parts = [
        f'<i style="width:{width(one.upper)}"></i>',
        f'<i class="rate" style="width:{width(one.rate)}"></i>',
        f'<b style="left:{width(one.floor)}"></b>',
    ]
    if one.bound == one.bound:
        parts.append(f'<b class="bound" style="left:{width(one.bound)}"></b>')
    return f'<div class="scale">{"".join(parts)}</div>'
