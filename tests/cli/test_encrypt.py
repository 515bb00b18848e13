"""encrypt and decrypt: a table there, queries there, and the table back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from problems import KEY
from sklearn_homeo.__main__ import main

PASSPHRASE = "quick lamp velvet canyon"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLEARN_HOMEO_PASSPHRASE", PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    KEY.save("my.key", PASSPHRASE)
    Path("table.csv").write_bytes(table().encode())
    return tmp_path


def table(seed=0, n_rows=80, target=True):
    rng = np.random.default_rng(seed)
    lines = ["name;size;seen;kind;outcome" if target else "name;size;seen;kind"]
    for i in range(n_rows):
        label = "yes" if rng.random() < 0.5 else "no"
        size = rng.normal(2 if label == "yes" else 0)
        row = f"n{i};{size:.2f};2026-01-{i % 28 + 1:02};{'ab'[i % 2]}"
        lines.append(f"{row};{label}" if target else row)
    return "\r\n".join(lines) + "\r\n"


ENCRYPT = ["--key", "my.key", "--out", "out", "--leakage", "space"]
DECRYPT = ["--with", "out/encryptor.sealed", "--key", "my.key"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_whole_way_on_one_machine(folder, capsys):
    assert main(["encrypt", "table.csv", "--target", "outcome", *ENCRYPT]) == 0
    said = capsys.readouterr()
    assert "Sealed columns, which no model sees: name." in said.out
    assert "To keep: out/encryptor.sealed" in said.out
    command = ["decrypt", "out/ciphertext.parquet", *DECRYPT, "--out"]
    assert main([*command, "back.csv"]) == 0
    assert Path("back.csv").read_bytes() == Path("table.csv").read_bytes()
    assert main([*command, "back.parquet"]) == 0
    assert parquet.read_table("back.parquet").num_rows == 80
    Path("queries.csv").write_bytes(table(1, 5, target=False).encode())
    assert main(["encrypt", "queries.csv", *DECRYPT, "--out", "answers"]) == 0
    queries = ["decrypt", "answers/ciphertext.parquet", *DECRYPT, "--out", "q.csv"]
    assert main(queries) == 0
    assert Path("q.csv").read_bytes() == Path("queries.csv").read_bytes()
    asked = parquet.read_table("answers/ciphertext.parquet").to_pandas()
    asked[["row"]].assign(answer="yes").to_csv("answers.csv", index=False)
    assert main([*queries[:-1], "answered.csv", "--answers", "answers.csv"]) == 0
    assert Path("answered.csv").read_text().startswith("name,size,seen,kind,answer\n")
    written = {*Path("out").iterdir(), Path("back.csv"), Path("back.parquet")}
    readable = {path.name for path in written if path.stat().st_mode & 0o077}
    assert readable <= {"ciphertext.parquet"}


def test_named_columns_are_sealed_and_no_others(folder, capsys):
    command = ["encrypt", "table.csv", "--target", "outcome", "--seal", "kind"]
    assert main([*command, "--seal", "seen", *ENCRYPT]) == 0
    said = capsys.readouterr()
    assert "no model sees: seen, kind." in said.out and not said.err
    assert main(["decrypt", "out/ciphertext.parquet", *DECRYPT, "--out", "b.csv"]) == 0
    assert Path("b.csv").read_bytes() == Path("table.csv").read_bytes()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_decrypting_in_a_process_of_its_own(folder):
    assert main(["encrypt", "table.csv", "--target", "outcome", *ENCRYPT]) == 0
    command = ["decrypt", "out/ciphertext.parquet", *DECRYPT, "--out", "back.csv"]
    subprocess.run(
        [sys.executable, "-m", "sklearn_homeo", *command],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert Path("back.csv").read_bytes() == Path("table.csv").read_bytes()


BAD = {
    "no file": (["encrypt", "none.csv", "--target", "outcome", *ENCRYPT], "none.csv"),
    "no column": (["encrypt", "table.csv", "--target", "x", *ENCRYPT], "no column 'x'"),
    "no target": (["encrypt", "table.csv", *ENCRYPT], "needs --target"),
    "no key": (
        ["encrypt", "table.csv", "--target", "outcome", "--key", "k", "--out", "o"],
        "'k'",
    ),
    "folder": (["encrypt", "empty", *ENCRYPT], "has no sub-folders"),
    "folder that was used": (
        ["encrypt", "table.csv", "--target", "kind", "--key", "my.key", "--out", "old"],
        "report.html exists; nothing was overwritten",
    ),
    "no column to seal": (
        ["encrypt", "table.csv", "--target", "kind", "--seal", "x", *ENCRYPT],
        "no column 'x'",
    ),
    "seal queries": (
        ["encrypt", "table.csv", "--with", "my.key", "--seal", "name", *ENCRYPT],
        "--seal is for tables",
    ),
    "no ciphertexts": (["decrypt", "none", *DECRYPT, "--out", "b.csv"], "none"),
    "no sealed file": (["decrypt", "table.csv", *DECRYPT, "--out", "b.csv"], "sealed"),
    "something there": (
        ["decrypt", "table.csv", "--with", "my.key", "--key", "my.key", "--out", "t"],
        "exists",
    ),
    "other files": (
        ["decrypt", "table.csv", "--with", "my.key", "--key", "my.key", "--out", "b"],
        "not a ciphertext file",
    ),
    "synthetic queries": (
        ["encrypt", "table.csv", "--with", "my.key", "--synthetic", *ENCRYPT],
        "--synthetic is for tables",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_in_one_line(case, folder, capsys):
    command, message = BAD[case]
    Path("t").touch()
    Path("old").mkdir()
    Path("empty").mkdir()
    Path("old/report.html").touch()
    assert main(command) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said
    assert PASSPHRASE not in said
