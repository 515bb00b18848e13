"""The verbs keygen, split and combine."""

import pytest

from problems import KEY, run
from sklearn_homeo import SecretKey
from sklearn_homeo.cli.parsing import PASSPHRASE_VARIABLE

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)


@pytest.fixture
def key_file(tmp_path):
    KEY.save(tmp_path / "my.key", PASSPHRASE)
    return tmp_path / "my.key"


def test_a_key_is_drawn_and_opens_with_the_passphrase(tmp_path):
    path = tmp_path / "new.key"
    result = run("keygen", path)
    assert result.status == 0, result.err
    assert SecretKey.load(path, PASSPHRASE).fingerprint in result.out
    before = path.read_bytes()
    again = run("keygen", path)
    assert again.status == 2
    assert str(path) in again.err
    assert path.read_bytes() == before


def test_a_new_passphrase_is_asked_twice(tmp_path, monkeypatch):
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    answers = iter(["one long passphrase", "another long passphrase"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    result = run("keygen", tmp_path / "my.key")
    assert result.status == 2
    assert "passphrases differ" in result.err
    assert not (tmp_path / "my.key").exists()


def test_without_a_terminal_the_variable_is_named(tmp_path, monkeypatch):
    def no_terminal(prompt):
        raise EOFError

    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    monkeypatch.setattr("getpass.getpass", no_terminal)
    result = run("keygen", tmp_path / "my.key")
    assert result.status == 2
    assert PASSPHRASE_VARIABLE in result.err


def test_a_key_is_split_and_comes_back(key_file, tmp_path):
    folder = tmp_path / "shares"
    result = run("split", key_file, "--shares", 3, "--threshold", 2, "--out", folder)
    assert result.status == 0, result.err
    shares = sorted(folder.iterdir())
    assert [path.name for path in shares] == [f"my.{i}.share" for i in (1, 2, 3)]
    assert all(str(path) in result.out for path in shares)
    assert all(path.stat().st_mode & 0o077 == 0 for path in shares)
    back = tmp_path / "back.key"
    result = run("combine", *shares[1:], "--out", back)
    assert result.status == 0, result.err
    assert SecretKey.load(back, PASSPHRASE) == KEY


def test_too_few_shares_and_bad_numbers_are_one_line(key_file, tmp_path):
    run("split", key_file, "--shares", 3, "--threshold", 2, "--out", tmp_path)
    back = tmp_path / "back.key"
    for argv in (
        ("combine", tmp_path / "my.1.share", "--out", back),
        ("combine", key_file, "--out", back),
        ("combine", tmp_path / "no.share", "--out", back),
        ("combine", tmp_path / "my.1.share", "--out", key_file),
        ("split", key_file, "--shares", 3, "--threshold", 4, "--out", tmp_path),
        ("split", key_file, "--shares", 3, "--threshold", 1, "--out", tmp_path),
        # Would overwrite shares.
        ("split", key_file, "--shares", 3, "--threshold", 2, "--out", tmp_path),
    ):
        result = run(*argv)
        assert result.status == 2
        assert result.err.count("\n") == 1
    assert not back.exists()


def test_a_wrong_passphrase_is_one_line_and_not_shown(key_file, monkeypatch):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "another passphrase of mine")
    result = run("split", key_file, "--shares", 2, "--threshold", 2)
    assert result.status == 2
    assert "wrong passphrase" in result.err
    assert "of mine" not in result.err


def test_no_key_material_is_printed(key_file, tmp_path):
    raw = KEY.to_bytes()
    for argv in (
        ("split", key_file, "--shares", 2, "--threshold", 2, "--out", tmp_path),
        ("combine", tmp_path / "my.1.share", tmp_path / "my.2.share", "--out",
         tmp_path / "k"),
    ):  # fmt: skip
        result = run(*argv)
        assert result.status == 0, result.err
        for secret in (raw.hex(), repr(raw)[2:-1], PASSPHRASE):
            assert secret not in result.out + result.err
