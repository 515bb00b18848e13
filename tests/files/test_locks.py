"""Locks in several hands: each holder sets and opens his own on a file."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.datasets import load_wine

from problems import KEY, OTHER
from sklearn_homeo import (
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    SecretKey,
    load_ciphertexts,
    lock_file,
    save_ciphertexts,
    unlock_file,
    views_of,
)
from sklearn_homeo.files._ciphertexts import (
    Ciphertexts,
    read_ciphertexts,
    write_ciphertexts,
)

X, _ = load_wine(return_X_y=True)
OPTIONS = {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1}
WHOLE = HomeomorphicEncryptor(key=KEY, **OPTIONS).fit(X)
FIRST = WHOLE.first_holder()
SECOND, THIRD = KEY.for_lock(1), KEY.for_lock(2)


@pytest.fixture
def paths(tmp_path):
    """Names of files to write, the first one with the first lock set."""
    names = [tmp_path / f"{i}.parquet" for i in range(8)]
    save_ciphertexts(FIRST.transform(X), names[0], FIRST)
    return names


def test_all_locks_in_turn_are_the_whole_cipher(paths):
    assert lock_file(paths[0], SECOND, paths[1]) == len(X)
    lock_file(paths[1], THIRD, paths[2])
    Z = load_ciphertexts(paths[2], WHOLE)
    np.testing.assert_array_equal(Z, WHOLE.transform(X))
    unlock_file(paths[2], THIRD, paths[3])
    unlock_file(paths[3], SECOND, paths[4])
    np.testing.assert_array_equal(load_ciphertexts(paths[4], FIRST), FIRST.transform(X))
    back = FIRST.inverse_transform(load_ciphertexts(paths[4], FIRST))
    np.testing.assert_array_equal(back, WHOLE.inverse_transform(Z))
    for path in paths[1:4]:
        locked = read_ciphertexts(path)
        np.testing.assert_array_equal(views_of(locked.Z), views_of(Z))
        with pytest.raises(InvalidCiphertextError):
            FIRST.inverse_transform(locked.Z)


def test_the_order_is_kept_and_missing_holders_are_named(paths):
    with pytest.raises(ValueError, match=f"next lock is .* {SECOND.fingerprint}, not"):
        lock_file(paths[0], THIRD, paths[1])
    with pytest.raises(ValueError, match="is set already"):
        lock_file(paths[0], KEY.for_lock(0), paths[1])
    with pytest.raises(ValueError, match="opening it decrypts the rows"):
        unlock_file(paths[0], KEY.for_lock(0), paths[1])
    lock_file(paths[0], SECOND, paths[1])
    lock_file(paths[1], THIRD, paths[2])
    with pytest.raises(ValueError, match="its holder comes first"):
        unlock_file(paths[2], SECOND, paths[3])
    with pytest.raises(ValueError, match="which this key does not open"):
        unlock_file(paths[2], OTHER, paths[3])
    others = f"{SECOND.fingerprint}, {THIRD.fingerprint}"
    with pytest.raises(ValueError, match=f"locks of other holders .* {others}"):
        load_ciphertexts(paths[2], FIRST)
    unlock_file(paths[2], THIRD, paths[3])
    with pytest.raises(ValueError, match=f"keys {THIRD.fingerprint} are open"):
        load_ciphertexts(paths[3], WHOLE)
    assert not paths[4].exists()


def test_holders_may_bring_keys_of_their_own(paths):
    save_ciphertexts(WHOLE.transform(X), paths[1], WHOLE)
    auditor = SecretKey.generate()
    lock_file(paths[1], auditor, paths[2])
    with pytest.raises(ValueError, match=f"with the keys {auditor.fingerprint}"):
        load_ciphertexts(paths[2], WHOLE)
    with pytest.raises(InvalidCiphertextError):
        WHOLE.inverse_transform(read_ciphertexts(paths[2]).Z)
    unlock_file(paths[2], auditor, paths[3])
    np.testing.assert_array_equal(load_ciphertexts(paths[3], WHOLE), WHOLE.transform(X))
    # The file still expects the auditor's lock.
    with pytest.raises(ValueError, match=f"that of the key {auditor.fingerprint}, not"):
        lock_file(paths[3], OTHER, paths[4])
    lock_file(paths[3], auditor, paths[4])
    assert paths[4].read_bytes() == paths[2].read_bytes()


def test_a_context_is_part_of_the_locks(paths):
    save_ciphertexts(FIRST.transform(X, context=b"ward 3"), paths[1], FIRST)
    lock_file(paths[1], SECOND, paths[2], context=b"ward 3")
    lock_file(paths[2], THIRD, paths[3], context=b"ward 3")
    Z = load_ciphertexts(paths[3], WHOLE)
    np.testing.assert_array_equal(Z, WHOLE.transform(X, context=b"ward 3"))


def test_the_first_holder_has_no_other_key(tmp_path):
    FIRST.save(tmp_path / "first.sealed")
    loaded = HomeomorphicEncryptor.load(tmp_path / "first.sealed", KEY.for_lock(0))
    np.testing.assert_array_equal(loaded.transform(X), FIRST.transform(X))
    held = str(loaded._keys.tree())
    for secret in (KEY, SECOND, THIRD):
        assert str(secret.to_bytes()) not in held
    assert "1 locks" in str(loaded.certificate())
    with pytest.raises(ValueError, match="nobody can hold a lock of it"):
        HomeomorphicEncryptor(leakage="space").fit(X).first_holder()


def test_files_show_fingerprints_only(paths):
    lock_file(paths[0], SECOND, paths[1])
    about = json.loads(parquet.read_schema(paths[1]).metadata[b"sklearn_homeo"])
    order = [KEY.for_lock(i).fingerprint for i in range(3)]
    assert about["locks"]["order"] == order
    assert about["locks"]["n_set"] == 2
    content = paths[1].read_bytes()
    for secret in (KEY, KEY.for_lock(0), SECOND, THIRD):
        assert secret.to_bytes() not in content
        assert secret.to_bytes().hex().encode() not in content
    # The binding names state and key, and is none of the state's digest.
    assert bytes.fromhex(about["locks"]["binding"]) == WHOLE._keys.binding


def test_labels_and_sealed_cells_stay(paths):
    read = read_ciphertexts(paths[0])
    labels, sealed = pa.array(["a"] * len(X)), [b"cell"] * len(X)
    full = Ciphertexts(
        read.Z, read.names, read.fingerprint, "ward", labels, sealed, read.locks
    )
    write_ciphertexts(full, paths[1])
    lock_file(paths[1], SECOND, paths[2])
    found = read_ciphertexts(paths[2])
    assert (found.target, found.labels, found.sealed) == ("ward", labels, sealed)
    assert found.fingerprint == FIRST.key_fingerprint_


def test_other_files_and_keys_are_refused(paths, tmp_path):
    with pytest.raises(TypeError, match="key must be a SecretKey, got bytes"):
        lock_file(paths[0], bytes(32), paths[1])
    with pytest.raises(ValueError, match="end in .parquet"):
        lock_file(paths[0], SECOND, tmp_path / "out.csv")
    with pytest.raises(FileExistsError):
        lock_file(paths[0], SECOND, paths[0])
    save_ciphertexts(FIRST.transform(X), tmp_path / "bare.npy", FIRST)
    with pytest.raises(ValueError, match="does not tell its locks"):
        lock_file(tmp_path / "bare.npy", SECOND, paths[1])
    read = read_ciphertexts(paths[0])
    read.Z[5, 1] = 1 / 3
    write_ciphertexts(read, paths[1])
    with pytest.raises(ValueError, match="rows 5 are not ciphertexts"):
        lock_file(paths[1], SECOND, paths[2])


def test_a_changed_row_shows_when_it_is_decrypted(paths):
    lock_file(paths[0], SECOND, paths[1])
    read = read_ciphertexts(paths[1])
    read.Z[5, 1] += 2.0**-50
    write_ciphertexts(read, paths[2])
    unlock_file(paths[2], SECOND, paths[3])
    with pytest.raises(InvalidCiphertextError) as caught:
        FIRST.inverse_transform(load_ciphertexts(paths[3], FIRST))
    assert list(caught.value.rows) == [5]


def test_another_process_does_the_same(paths, tmp_path):
    passphrase = "correct horse battery staple"
    SECOND.save(tmp_path / "second.key", passphrase)
    arguments = ["lock", paths[0], "--key", tmp_path / "second.key", "--out", paths[1]]
    subprocess.run(
        [sys.executable, "-m", "sklearn_homeo", *map(str, arguments)],
        env={"SKLEARN_HOMEO_PASSPHRASE": passphrase},
        check=True,
    )
    lock_file(paths[0], SECOND, paths[2])
    assert paths[1].read_bytes() == paths[2].read_bytes()
