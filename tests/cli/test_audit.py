"""The verb audit."""

import csv

from sklearn.datasets import load_wine

from problems import run


def test_a_table_is_attacked_and_the_report_written(tmp_path):
    data = load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"})
    path = tmp_path / "wine.csv"
    data.to_csv(path, index=False)
    out = tmp_path / "out"
    result = run(
        "audit", "--data", path, "--target", "cultivar", "--n-keys", 1, "--out", out
    )
    assert result.status == 0, result.err
    # Progress is for terminals.
    assert result.err == ""
    assert "Privacy audit of HomeomorphicEncryptor" in result.out
    assert result.out.rstrip().endswith("report.html, audit.csv")
    page = (out / "report.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "T2 unordered matching" in page
    with (out / "audit.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["cipher"] for row in rows} >= {"audited", "identity", "noise"}
    # Linkability of pairs is unbiased, and so below 0 at times.
    shares = [float(row["rate"]) for row in rows if row["measure"] != "D_sys"]
    assert all(0 <= rate <= 1 for rate in shares)
