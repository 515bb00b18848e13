"""Ciphertext files."""

import json
import os
import traceback
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from sklearn_homeo.files._ciphertexts import (
    Ciphertexts,
    read_ciphertexts,
    write_ciphertexts,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(20, 6))
NAMES = [f"homeomorphicencryptor{i}" for i in range(6)]
SEALED = [RNG.bytes(64) for _ in range(20)]
FULL = Ciphertexts(Z, NAMES, "ab" * 8, "ward", pa.array(["a", "b"] * 10), SEALED)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_everything_comes_back(suffix, tmp_path):
    path = tmp_path / f"ciphertext{suffix}"
    write_ciphertexts(FULL, path)
    read = read_ciphertexts(path)
    np.testing.assert_array_equal(read.Z, Z)
    assert read.names == NAMES and read.target == "ward"
    assert read.labels.to_pylist() == ["a", "b"] * 10
    assert read.sealed == SEALED
    assert read.fingerprint == ("ab" * 8 if suffix == ".parquet" else "")
    with pytest.raises(FileExistsError):
        write_ciphertexts(FULL, path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_bare_numbers_come_back(suffix, tmp_path):
    path = tmp_path / f"ciphertext{suffix}"
    write_ciphertexts(Ciphertexts(Z, NAMES, "ab" * 8), path)
    read = read_ciphertexts(path)
    np.testing.assert_array_equal(read.Z, Z)
    assert read.labels is None and read.sealed is None


def test_parquet_says_what_it_is(tmp_path):
    path = tmp_path / "ciphertext.parquet"
    write_ciphertexts(FULL, path)
    about = json.loads(parquet.read_schema(path).metadata[b"sklearn_homeo"])
    assert about["fingerprint"] == "ab" * 8
    assert about["n_rows"] == 20 and about["version"] == 1
    assert parquet.read_schema(path).names == ["row", *NAMES, "ward", "sealed"]


def test_other_files_are_told(tmp_path):
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ValueError, match="not a ciphertext file"):
        read_ciphertexts(path)
    path.write_bytes(b"PAR1 not quite")
    with pytest.raises(ValueError, match="not a Parquet file"):
        read_ciphertexts(path)
    newer = {"format": "sklearn_homeo ciphertext", "version": 9}
    table = pa.table({"a": [1]}).replace_schema_metadata(
        {"sklearn_homeo": json.dumps(newer)}
    )
    parquet.write_table(table, path)
    with pytest.raises(ValueError, match="version 9, .* upgrade"):
        read_ciphertexts(path)
    for name, content in {"a.csv": "x,y\n1,2\n", "a.txt": "", "a.npy": ""}.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError):
            read_ciphertexts(tmp_path / name)
    with pytest.raises(ValueError, match="ciphertext files end in"):
        write_ciphertexts(FULL, tmp_path / "a.xlsx")
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(ValueError, match="not a table of float64"):
        read_ciphertexts(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="cannot be called 'sealed'"):
        clash = Ciphertexts(Z, NAMES, "", "sealed", FULL.labels, SEALED)
        write_ciphertexts(clash, tmp_path / "b.parquet")


# What a service may write where it says what the file is.
STRANGE = (
    *(None, 1, -1, 10**30, True, "x", [], {}, ["zz"], [1], [None]),
    {"order": [], "n_set": 0, "binding": ""},
    {"order": ["a"], "n_set": 5, "binding": "00"},
    {"order": "abc", "n_set": -1, "binding": "zz"},
    {"order": [1], "n_set": 1, "binding": "00"},
    {"order": ["a"], "n_set": "1", "binding": "00"},
    {"order": None, "n_set": None, "binding": None},
)


def read_changed(path, table):
    """Read a table as ciphertexts; what it raises, if it is an error."""
    parquet.write_table(table, path)
    try:
        read_ciphertexts(path)
    except ValueError as error:
        assert str(error).startswith(str(path)), error
        assert "Kowalska" not in "".join(traceback.format_exception(error))
        return error


@pytest.mark.parametrize(
    "name", ["format", "version", "fingerprint", "columns", "target", "locks"]
)
def test_strange_notes_are_told(name, tmp_path):
    path = tmp_path / "in.parquet"
    write_ciphertexts(FULL, path)
    table = parquet.read_table(path)
    about = json.loads(table.schema.metadata[b"sklearn_homeo"])
    changes = [{**about, name: value} for value in STRANGE]
    changes.append({key: about[key] for key in about if key != name})
    refused = 0
    for changed in changes:
        note = {b"sklearn_homeo": json.dumps(changed).encode()}
        error = read_changed(
            tmp_path / "out.parquet", table.replace_schema_metadata(note)
        )
        refused += error is not None
    # A text may be a fingerprint or a target, and a file may do without some.
    assert refused >= len(changes) - 4


def test_strange_columns_are_told(tmp_path):
    path = tmp_path / "in.parquet"
    write_ciphertexts(FULL, path)
    table = parquet.read_table(path)
    n_rows, name = len(table), NAMES[0]
    for column, values in (
        (name, pa.array(["Kowalska"] * n_rows)),
        (name, pa.nulls(n_rows)),
        (name, pa.array([7] * n_rows)),
        (name, pa.array([[1.0]] * n_rows)),
        (name, table[name].cast(pa.float32())),
        ("sealed", pa.nulls(n_rows, pa.binary())),
        ("sealed", pa.array(["Kowalska"] * n_rows)),
        ("sealed", pa.array([7] * n_rows)),
    ):
        place = table.column_names.index(column)
        changed = table.set_column(place, column, values)
        assert read_changed(tmp_path / "out.parquet", changed) is not None
    for changed in (
        table.drop_columns(name),
        table.append_column(name, table[name]),
        table.append_column("sealed", table["sealed"]),
        table.slice(0, 0),
    ):
        changed = changed.replace_schema_metadata(table.schema.metadata)
        assert read_changed(tmp_path / "out.parquet", changed) is not None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("shape", [(10**12, 6), (-1, 6), (2**62, 2**62)])
def test_headers_that_promise_more_than_there_is_are_told(shape, tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(480))
    with pytest.raises(ValueError, match="not an array of NumPy"):
        read_ciphertexts(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"PK\x03\x04 not an archive", b"archive"])
def test_archives_are_no_ciphertexts(content, tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    if content == b"archive":
        with path.open("wb") as file:
            np.savez(file, np.eye(3))
    with pytest.raises(ValueError, match="a.npy: not an? (array|table)"):
        read_ciphertexts(path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_a_missing_file_is_missing(suffix, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"No such file.*a{suffix}"):
        read_ciphertexts(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_pipes_are_refused_at_once(suffix, tmp_path):
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)
    with pytest.raises(ValueError, match="is not an ordinary file"):
        read_ciphertexts(path)


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_ciphertexts(FULL, "~/a.parquet")
    np.testing.assert_array_equal(read_ciphertexts("~/a.parquet").Z, Z)


@pytest.mark.parametrize("target", ["row", "sealed", "homeomorphicencryptor3"])
def test_a_file_that_cannot_be_written_leaves_nothing(target, tmp_path):
    with pytest.raises(ValueError, match="the target cannot be called"):
        write_ciphertexts(replace(FULL, target=target), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []
