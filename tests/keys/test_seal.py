"""Sealed files open whole or not at all."""

import json
import os
import stat
import traceback

import numpy as np
import pytest

from problems import KEY, OTHER
from sklearn_homeo import SealedFileError, SecretKey
from sklearn_homeo.keys._seal import open_sealed, read_header, save_sealed, seal, unseal

TREE = {"depth": 3, "mean": np.arange(20.0), "names": ("age", "ward")}
SECRET = b"ward"


def test_the_tree_comes_back_from_a_file_that_only_its_owner_can_read(tmp_path):
    path = tmp_path / "some.sealed"
    save_sealed(path, TREE, "example", KEY)
    loaded = open_sealed(path, "example", KEY)
    np.testing.assert_array_equal(loaded.pop("mean"), TREE["mean"])
    assert loaded == {"depth": 3, "names": ("age", "ward")}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert SECRET not in content and KEY.to_bytes() not in content
    assert os.listdir(tmp_path) == ["some.sealed"]
    assert read_header(path)["fingerprint"] == KEY.fingerprint
    with pytest.raises(FileExistsError):
        save_sealed(path, TREE, "example", KEY)


def test_two_seals_of_one_tree_share_nothing_but_the_line():
    first, second = seal(TREE, "example", KEY), seal(TREE, "example", KEY)
    start = first.index(b"\n")
    assert first[start:] != second[start:]


def test_wrong_keys_kinds_and_files_are_told(tmp_path):
    data = seal(TREE, "example", KEY)
    with pytest.raises(SealedFileError, match=f"fingerprint {KEY.fingerprint}, not"):
        unseal(data, "example", OTHER)
    with pytest.raises(SealedFileError, match="holds an example, not a table encoder"):
        unseal(data, "table encoder", KEY)
    with pytest.raises(TypeError, match="key must be a SecretKey, got bytes"):
        unseal(data, "example", KEY.to_bytes())
    for other in (b"", b"\n", b"{}\n", b"[1]\n", b"PK\x03\x04", os.urandom(2000)):
        with pytest.raises(SealedFileError, match="not a sealed file"):
            unseal(other, "example", KEY)
    path = tmp_path / "cut.sealed"
    path.write_bytes(data[:-1])
    with pytest.raises(SealedFileError, match="cut.sealed: .* changed or cut off"):
        open_sealed(path, "example", KEY)
    with pytest.raises(SealedFileError, match="is a folder"):
        open_sealed(tmp_path, "example", KEY)
    with pytest.raises(FileNotFoundError):
        open_sealed(tmp_path / "none", "example", KEY)


def with_header(data, **changes):
    end = data.index(b"\n")
    header = json.loads(data[:end]) | changes
    return json.dumps(header).encode() + data[end:]


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"version": 2},
            "version 2, this sklearn_homeo knows versions up to 1; upgrade",
        ),
        ({"version": 0}, "first line"),
        ({"version": True}, "first line"),
        ({"nonce": "00"}, "first line"),
        ({"nonce": "0" * 24}, "changed or cut off"),
        ({"fingerprint": 3}, "first line"),
        ({"fingerprint": "0" * 16}, "fingerprint 0000000000000000"),
        ({"more": 1}, "first line"),
        ({"format": "other"}, "not a sealed file"),
    ],
)
def test_changes_of_the_readable_line_are_told(changes, message):
    with pytest.raises(SealedFileError, match=message):
        unseal(with_header(seal(TREE, "example", KEY), **changes), "example", KEY)


def test_no_edit_and_no_truncation_opens():
    data = seal(TREE, "example", KEY)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        changed = bytearray(data)
        kind = rng.integers(4)
        place = int(rng.integers(len(data)))
        if kind == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del changed[place:]
        elif kind == 2:
            changed.insert(place, int(rng.integers(256)))
        else:
            end = place + int(rng.integers(1, 30))
            changed[place:end] = rng.bytes(end - place)
        if bytes(changed) != data:
            with pytest.raises(SealedFileError):
                unseal(bytes(changed), "example", KEY)


def test_tracebacks_show_no_key():
    key = SecretKey.from_bytes(b"\xab" * 32)
    with pytest.raises(SealedFileError) as caught:
        unseal(seal(TREE, "example", key)[:-1], "example", key)
    trace = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    text = "".join(trace.format())
    assert "\\xab\\xab" not in text
    assert repr(key.subkey("v1/sealed/example"))[2:20] not in text
