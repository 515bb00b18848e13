"""What pages of HTML share: colours in light and dark, and the page around them."""

import html
from string import Template

__all__ = ["PALETTE", "make_page"]

# Colours of the fragment's class, not of the page in which a notebook shows it.
PALETTE = Template("""
.$name { --ink: #1d2329; --paper: #ffffff; --faint: #5d6b78; --line: #d8dee4;
  --card: #f6f8fa; --bar: #0072B2; --floor: #7a848e; --bound: #D55E00;
  --good: #1a7f37; --moderate: #9a6700; --bad: #cf222e;
  color: var(--ink); background: var(--paper); }
@media (prefers-color-scheme: dark) { .$name { --ink: #e6edf3; --paper: #0d1117;
  --faint: #9aa7b4; --line: #30363d; --card: #161b22; --bar: #56B4E9;
  --floor: #8b949e; --bound: #F0883E; --good: #3fb950; --moderate: #d29922;
  --bad: #f85149; } }
""")

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
html { background: Canvas; } body { margin: 0; padding: 1.5rem 1rem 3rem; }
@media (prefers-color-scheme: dark) { html { background: #0d1117; } }
</style>
</head>
<body>
$fragment
</body>
</html>
""")


def make_page(title, fragment):
    """Return a whole page, which needs no other file and no network.

    Parameters
    ----------
    title : str
        Text, which is escaped.
    fragment : str
        HTML, which is not.

    Returns
    -------
    page : str
    """
    return _PAGE.substitute(title=html.escape(title), fragment=fragment)
