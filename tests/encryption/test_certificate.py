from math import log2

import numpy as np

from sklearn_homeo.encryption._certificate import Certificate
from sklearn_homeo.encryption._linking import cells_linking, scores_linking


def certificate(**changes):
    given = {
        "leakage": "cells",
        "width": 13,
        "depth": 3,
        "n_cells": 6,
        "leakage_bits": log2(6),
        "min_cell_rows": 17,
        "log2_advantages": {2**20: -72.0, 2**30: -52.0},
        "log2_forgery": -78.0,
        "randomized": False,
        "n_fits": 1,
        "n_repeats": 1,
        "linking": None,
    }
    return Certificate(**{**given, **changes})


def test_text_and_html(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    codes = np.repeat(rng.integers(0, 7, (60, 1)), 5, axis=1)
    link = cells_linking(codes, X, 7, 1, False, 0.05)
    whole = certificate(linking=link)
    text = str(whole)
    assert text.startswith("Certificate: cells, 13 columns, 3 locks")
    for part in ("2.58 bits", "6 cells", "2^-72 after 2^20 rows", "2^-78", "shows"):
        assert part in text
    assert "linking one of 60" in text
    assert "at most 11.7%" in text
    assert len(text.splitlines()) == 1 + len(whole.lines())
    assert max(len(line) for line in text.splitlines()) < 120
    fragment = whole._repr_html_()
    assert fragment.count("<tr>") == len(whole.lines())
    whole.save_html(tmp_path / "certificate.html")
    page = (tmp_path / "certificate.html").read_text("utf-8")
    assert fragment in page and "prefers-color-scheme: dark" in fragment
    assert not any(outside in page for outside in ("http", "src=", "<script"))
    space = certificate(leakage="space", n_cells=None)
    assert "everything" in str(space)
    scores = certificate(
        leakage="scores",
        n_cells=None,
        linking=scores_linking(
            np.random.default_rng(0).normal(size=(50, 2)), 0.3, 1, 0.1
        ),
    )
    assert "about" in str(scores)
    assert "not bounded" in str(scores)
