"""Ciphertext files."""

import json

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
    with pytest.raises(ValueError, match="no Parquet file"):
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
    with pytest.raises(ValueError, match="no table of float64"):
        read_ciphertexts(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="cannot be called 'sealed'"):
        clash = Ciphertexts(Z, NAMES, "", "sealed", FULL.labels, SEALED)
        write_ciphertexts(clash, tmp_path / "b.parquet")
