"""One page about an encrypted table, for the person who decides to hand it over."""

import html

__all__ = ["report_page"]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2a6f97; }
@media (prefers-color-scheme: dark) { :root { --accent: #7fc4e8; } }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; border-bottom: 3px solid var(--accent);
  padding-bottom: .6rem; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; color: var(--accent); }
section { background: var(--soft); border-radius: .6rem; padding: 1rem 1.2rem;
  margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; opacity: .75; padding-bottom: .3rem; }
td, th { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; width: 38%; }
tr:last-child td, tr:last-child th { border-bottom: 0; }
ul { margin: 0; padding-left: 1.2rem; }
@media print { section { break-inside: avoid; } }
"""


def report_page(encrypted, name, certificate):
    """Return the page as HTML, self-contained.

    Parameters
    ----------
    encrypted : EncryptedFile
    name : str
        Name of the table's file.
    certificate : Certificate
        Certificate of the encryptor and the rows.
    """
    ciphertexts = encrypted.ciphertexts
    encoder, encryptor = (step for _, step in encrypted.pipeline.steps)
    parts = (
        ("Images", ((name, n) for name, n in encrypted.classes.items()))
        if encrypted.classes
        else ("Columns", _columns(encrypted, encoder))
    )
    sections = [
        ("What was encrypted", _table(_facts(encrypted, encoder, encryptor))),
        ("What models can learn", _table(_kept(encryptor))),
        ("What an attacker gets", certificate._repr_html_()),
        ("To hand over", _list(_to_hand_over(encrypted))),
        ("To keep", _list(_to_keep(encrypted))),
        (parts[0], _table(parts[1])),
    ]
    body = "".join(
        f"<section><h2>{html.escape(title)}</h2>{content}</section>"
        for title, content in sections
        if content != _table(())
    )
    title = f"{name}, encrypted with the key {ciphertexts.fingerprint}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )


def _facts(encrypted, encoder, encryptor):
    ciphertexts = encrypted.ciphertexts
    n_rows, width = ciphertexts.Z.shape
    what = "features of each image" if encrypted.classes else "of the table"
    return [
        ("Rows", f"{n_rows}, in random order"),
        ("Columns", f"{encoder.n_features_in_} {what}, {width} encrypted"),
        ("Target", f"{ciphertexts.target}, readable"),
        ("Leakage", f"{encryptor.leakage_}"),
        ("Checked", "every row was decrypted again"),
    ]


def _kept(encryptor):
    """What models got from the view on held-out rows, by metric."""
    for score in encryptor.probe_scores_[:1] if encryptor.n_cells_ else ():
        for name, value in score.scores.items():
            yield name, _beside(value, score.losses.get(name))
    for score in encryptor.probe_scores_ if not encryptor.n_cells_ else ():
        if score.chosen:
            name = "R2" if score.roc_auc is None else "balanced accuracy"
            yield name, _beside(score.score, score.loss)


def _beside(value, loss):
    if loss is None:
        return f"{value:.3f}"
    return (
        f"{value:.3f} on held-out rows; at most {max(loss, 0):.3f} less than the best "
        "model on all columns"
    )


def _to_hand_over(encrypted):
    paths = encrypted.paths
    lines = [
        f"{paths['ciphertexts'].name}: train on it as it is; nothing else is needed"
    ]
    if "synthetic" in paths:
        lines.append(
            f"or {paths['synthetic'].name} instead: made-up rows, each of no person"
        )
    return lines


def _to_keep(encrypted):
    return [
        f"{encrypted.paths['encryptor'].name}: with the key, decrypts and encrypts "
        "queries",
        "the key file and its passphrase, apart from each other",
        "this page: it names the columns",
    ]


def _columns(encrypted, encoder):
    sealed = set(encoder.sealed_columns_)
    for name in encoder.feature_names_in_:
        if name in sealed:
            yield name, "sealed: no model sees it"
        elif name in encrypted.exceptions:
            count = len(encrypted.exceptions[name])
            yield name, f"encrypted; {count} cell(s) unlike the others are sealed too"
        else:
            yield name, "encrypted"


def _table(rows):
    cells = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _list(lines):
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"
