"""The verbs lock and unlock, on the file of an encrypted table."""

import pytest

from problems import run
from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.cli.parsing import PASSPHRASE_VARIABLE
from sklearn_homeo.files._encrypting import encrypt_table_file

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a table, its ciphertexts, and keys of owner and two holders."""
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    keys = {name: SecretKey.generate() for name in ("owner", "lab", "auditor")}
    for name, key in keys.items():
        key.save(tmp_path / f"{name}.key", PASSPHRASE)
    rows = [f"{i % 7},{i * 0.5},name {i},{'ab'[i % 7 > 3]}" for i in range(80)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["size,weight,patient,ward", *rows]) + "\n")
    encryptor = HomeomorphicEncryptor(
        leakage="scores", n_preserved=1, linkage_noise=0.1, randomized=True
    )
    encrypt_table_file(
        table, keys["owner"], tmp_path, target="ward", encryptor=encryptor
    )
    return tmp_path


def test_the_table_comes_back_when_all_have_opened_their_locks(folder):
    def change(verb, holder, source, out):
        key = folder / f"{holder}.key"
        return run(verb, folder / source, "--key", key, "--out", folder / out)

    def decrypt(source):
        sealed, key = folder / "encryptor.sealed", folder / "owner.key"
        out = folder / "back.csv"
        return run(
            "decrypt", folder / source, "--with", sealed, "--key", key, "--out", out
        )

    for step in (
        ("lock", "lab", "ciphertext.parquet", "1.parquet"),
        ("lock", "auditor", "1.parquet", "2.parquet"),
    ):
        result = change(*step)
        assert result.status == 0, result.err
        assert "80 rows under the lock of the key" in result.out
    refused = decrypt("2.parquet")
    assert refused.status == 2
    assert "locks of other holders are set" in refused.err
    refused = change("unlock", "lab", "2.parquet", "3.parquet")
    assert refused.status == 2
    assert "its holder comes first" in refused.err
    for step in (
        ("unlock", "auditor", "2.parquet", "3.parquet"),
        ("unlock", "lab", "3.parquet", "4.parquet"),
    ):
        result = change(*step)
        assert result.status == 0, result.err
    result = decrypt("4.parquet")
    assert result.status == 0, result.err
    assert (folder / "back.csv").read_text() == (folder / "table.csv").read_text()


def test_bad_paths_are_one_line(folder):
    key = folder / "lab.key"
    for verb in ("lock", "unlock"):
        for source, out in (
            ("no.parquet", "1.parquet"),
            ("table.csv", "1.parquet"),
            ("ciphertext.parquet", "table.csv"),
        ):
            result = run(verb, folder / source, "--key", key, "--out", folder / out)
            assert result.status == 2
            assert result.err.startswith(f"sklearn-homeo {verb}: error: ")
            assert result.err.count("\n") == 1
