"""One page about an encrypted table, for whoever decides to hand it over."""

import html

__all__ = ["report_page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 1.8rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid #8884; }
code { font-size: .95em; }
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
    sections = [
        ("What was encrypted", _table(_facts(encrypted, encoder, encryptor))),
        ("To hand over", _list(_to_hand_over(encrypted))),
        ("To keep", _list(_to_keep(encrypted))),
        ("What an attacker gets", certificate._repr_html_()),
        ("Columns", _table(_columns(encrypted, encoder))),
    ]
    body = "".join(
        f"<h2>{html.escape(title)}</h2>{content}" for title, content in sections
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
    return [
        ("Rows", f"{n_rows}, in random order"),
        ("Columns", f"{encoder.n_features_in_} of the table, {width} encrypted"),
        ("Target", f"{ciphertexts.target}, readable"),
        ("Leakage", f"{encryptor.leakage_}"),
        ("Checked", "every row was decrypted again and compared with the file"),
    ]


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
