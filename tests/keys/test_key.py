"""The secret key: derivation, what it never shows, and how it is stored."""

import base64
import copy
import hashlib
import hmac
import json
import logging
import os
import pickle
import re
import stat
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone

import sklearn_homeo.keys._wrapping as wrapping
from sklearn_homeo import KeyShare, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning, KeyFileError, KeyShareError
from sklearn_homeo.keys._stream import KeyStream

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "data" / "keystream_v1.json").read_text()
)
# No byte occurs twice, none is a printable character, none occurs in a plain text.
RAW = bytes(range(0x90, 0xB0))
PHRASE = "a pass phrase of words"
keys32 = st.binary(min_size=32, max_size=32)


class Holder(BaseEstimator):
    """An estimator with a key as its parameter."""

    def __init__(self, key=None):
        self.key = key


@pytest.fixture
def key():
    return SecretKey.from_bytes(RAW)


@pytest.fixture
def cheap(monkeypatch):
    costs = {"iterations": 1, "lanes": 1, "memory_cost": 64}
    monkeypatch.setattr(wrapping, "_ARGON2ID", costs)


def hkdf_by_hand(secret, salt, info, length):
    """RFC 5869 from HMAC alone."""
    extracted = hmac.digest(salt, secret, "sha256")
    expanded, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        expanded += block
    return expanded[:length]


def assert_no_leak(text):
    """No three neighbouring bytes of the key, in any usual notation."""
    text = text if isinstance(text, str) else text.decode("latin-1")
    squeezed = re.sub(r"0x|[\s,\\x:'\"]", "", text).lower()
    for start in range(len(RAW) - 2):
        piece = RAW[start : start + 3]
        assert piece.hex() not in squeezed
        assert "".join(map(str, piece)) not in squeezed
        assert piece.decode("latin-1") not in text
        assert repr(piece)[2:-1] not in text
    for start in range(0, len(RAW) - 5, 3):
        assert base64.b64encode(RAW[start : start + 6]).decode() not in text
        assert base64.urlsafe_b64encode(RAW[start : start + 6]).decode() not in text


@pytest.mark.parametrize(
    "leak",
    [
        RAW.hex(),
        RAW.hex(" "),
        repr(RAW),
        repr(list(RAW)),
        repr([hex(byte) for byte in RAW]),
        repr(np.frombuffer(RAW, np.uint8)),
        base64.b64encode(RAW).decode(),
        RAW,
    ],
    ids=range(8),
)
def test_the_leak_detector_detects(leak):
    with pytest.raises(AssertionError):
        assert_no_leak(leak)


def test_reference_hkdf_is_that_of_rfc_5869():
    """Test case 1 of its appendix A."""
    salt, info = bytes(range(13)), bytes(range(0xF0, 0xFA))
    assert hkdf_by_hand(b"\x0b" * 22, salt, info, 42).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        "34007208d5b887185865"
    )


@settings(max_examples=50, deadline=None)
@given(keys32, st.text(st.characters(codec="utf-8"), min_size=1))
def test_subkeys_and_fingerprint_are_hkdf(raw, label):
    key = SecretKey.from_bytes(raw)
    expected = hkdf_by_hand(raw, b"sklearn_homeo", label.encode(), 32)
    assert key.subkey(label) == expected
    salt = b"sklearn_homeo/fingerprint"
    assert key.fingerprint == hkdf_by_hand(raw, salt, b"v1/fingerprint", 8).hex()


def test_golden_keys():
    for case in GOLDEN["keys"]:
        key = SecretKey.from_bytes(bytes.fromhex(case["key"]))
        assert key.fingerprint == case["fingerprint"]
        for label, expected in case["subkeys"].items():
            assert key.subkey(label).hex() == expected


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.InsecureKeyWarning")
def test_golden_seeds():
    for seed, expected in GOLDEN["seeds"].items():
        key = SecretKey.insecure_from_seed(int(seed))
        assert key.to_bytes().hex() == expected
        text = f"sklearn_homeo/seed/{int(seed):x}"
        assert expected == hashlib.sha256(text.encode()).hexdigest()


def test_stream_is_that_of_the_subkey(key):
    expected = KeyStream(key.subkey("v1/a")).words(5)
    np.testing.assert_array_equal(key.stream("v1/a").words(5), expected)
    assert (key.stream("v1/b").words(5) != expected).all()


def test_labels_are_told_apart(key):
    labels = ["v1/1/11", "v1/11/1", "v1/1", "v1/1 ", "V1/1", "v1/fingerprint", "\0"]
    assert len({key.subkey(label) for label in labels}) == len(labels)
    assert not any(
        key.subkey(label).hex().startswith(key.fingerprint) for label in labels
    )


@pytest.mark.parametrize("label", [None, b"v1/a", 1])
def test_label_of_another_type_is_refused(key, label):
    with pytest.raises(TypeError, match="label must be a str"):
        key.stream(label)


def test_empty_label_is_refused(key):
    with pytest.raises(ValueError, match="label must not be empty"):
        key.subkey("")


@settings(max_examples=20, deadline=None)
@given(keys32, st.integers(0, 255))
def test_one_bit_of_the_key_changes_everything(raw, bit):
    changed = (int.from_bytes(raw) ^ (1 << bit)).to_bytes(32)
    one, two = SecretKey.from_bytes(raw), SecretKey.from_bytes(changed)
    assert one != two and one.fingerprint != two.fingerprint
    words = one.stream("v1/a").words(1000) ^ two.stream("v1/a").words(1000)
    assert 0.485 < np.bitwise_count(words).sum() / 64_000 < 0.515


def test_generated_keys_differ():
    keys = {SecretKey.generate() for _ in range(50)}
    assert len(keys) == 50 == len({key.fingerprint for key in keys})


def test_generate_asks_the_operating_system(monkeypatch):
    monkeypatch.setattr("secrets.token_bytes", lambda n: bytes(range(n)))
    assert SecretKey.generate().to_bytes() == bytes(range(32))


@pytest.mark.parametrize("make", [SecretKey, SecretKey.from_bytes])
def test_bytes_round_trip(make):
    buffer = bytearray(RAW)
    key = make(buffer)
    buffer[0] = 0
    assert key.to_bytes() == RAW and type(key.to_bytes()) is bytes


@pytest.mark.parametrize("make", [SecretKey, SecretKey.from_bytes])
@pytest.mark.parametrize("raw", [b"", RAW[:31], RAW + b"0", bytearray(RAW[:-1])])
def test_bytes_of_another_length_are_refused_without_showing_them(make, raw):
    with pytest.raises(ValueError, match=f"exactly 32 bytes, got {len(raw)}") as caught:
        make(raw)
    assert_no_leak("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("raw", [RAW.hex(), list(RAW), memoryview(RAW), None, 32])
def test_keys_of_another_type_are_refused_without_showing_them(raw):
    with pytest.raises(TypeError, match="a key must be bytes") as caught:
        SecretKey.from_bytes(raw)
    assert_no_leak(str(caught.value))


@pytest.mark.parametrize("seed", [0, 1, 2**32, 10**5000, np.int64(7)], ids=range(5))
def test_seeds_give_keys_and_a_warning(seed):
    with pytest.warns(InsecureKeyWarning, match="guessable") as caught:
        key = SecretKey.insecure_from_seed(seed)
    assert caught[0].filename == __file__
    with warnings.catch_warnings(action="ignore"):
        assert key == SecretKey.insecure_from_seed(int(seed))
        assert key != SecretKey.insecure_from_seed(int(seed) + 1)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.0, TypeError)])
def test_bad_seeds_are_refused(seed, error):
    with pytest.raises(error):
        SecretKey.insecure_from_seed(seed)


def test_no_text_form_shows_the_key(key, caplog):
    expected = f"SecretKey(fingerprint='{key.fingerprint}')"
    assert repr(key) == str(key) == f"{key}" == f"{key!r}" == expected
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("%s %r %s", key, key, [key])
    texts = [caplog.text, repr({"key": key}), key._repr_html_(), *map(str, dir(key))]
    texts += [repr(Holder(key)), str(Holder(key).get_params()), key.__class__.__doc__]
    texts += [Holder(key)._repr_html_(), repr(key.stream("v1/a"))]
    texts += [repr(np.array([key], dtype=object)), format(key, "")]
    for text in texts:
        assert_no_leak(text)
    assert key.fingerprint in key._repr_html_()
    assert re.fullmatch("[0-9a-f]{16}", key.fingerprint)


def test_no_exception_of_a_key_shows_it(key, tmp_path):
    calls = [
        lambda: vars(key),
        lambda: key.raw,
        lambda: setattr(key, "raw", 1),
        lambda: bytes(key),
        lambda: list(key),
        lambda: len(key),
        lambda: key + key,
        lambda: key < key,
        lambda: json.dumps(key),
        lambda: format(key, ">80"),
        lambda: key.subkey(key),
        lambda: key.split(key),
        lambda: key.save(tmp_path / "a.key", key),
        lambda: SecretKey.from_bytes(key),
        lambda: SecretKey.combine([key]),
    ]
    for call in calls:
        with pytest.raises((TypeError, AttributeError, ValueError)) as caught:
            call()
        assert_no_leak("".join(traceback.format_exception(caught.value)))


def test_a_key_cannot_be_changed(key):
    for name in ("fingerprint", "new", "_SecretKey__raw"):
        with pytest.raises(AttributeError):
            setattr(key, name, b"")
        with pytest.raises(AttributeError):
            delattr(key, name)
    assert key.to_bytes() == RAW


@given(keys32, keys32)
def test_equality_is_that_of_the_bytes(first, second):
    one, two = SecretKey(first), SecretKey(second)
    assert (one == two) == (first == second)
    assert one == SecretKey(first) and hash(one) == hash(SecretKey(first))


@pytest.mark.parametrize("other", [RAW, RAW.hex(), None, 0, object()])
def test_a_key_equals_nothing_else(key, other):
    assert key != other and other != key
    assert key.__eq__(other) is NotImplemented


def test_comparison_takes_the_same_time_everywhere(key, monkeypatch):
    compared = []
    original = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda a, b: compared.append(a) or original(a, b)
    )
    assert key == SecretKey(RAW)
    assert key != SecretKey(bytes(32))
    assert len(compared) == 2


def test_copies_and_clones_are_equal(key):
    assert copy.copy(key) is key and copy.deepcopy(key) is key
    assert clone(Holder(key)).key == key
    assert clone(key, safe=False) == key


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_round_trip(key, protocol):
    again = pickle.loads(pickle.dumps(key, protocol=protocol))
    assert again == key and again.fingerprint == key.fingerprint


def test_pickles_are_documented_to_hold_the_key(key):
    assert RAW in pickle.dumps(key)
    assert "pickle of a key contains the key" in " ".join(SecretKey.__doc__.split())


def test_joblib_workers_receive_the_key(key):
    prints = Parallel(n_jobs=2)(delayed(getattr)(key, "fingerprint") for _ in range(2))
    assert prints == [key.fingerprint] * 2


def test_save_and_load_at_full_cost(key, tmp_path):
    path = tmp_path / "my.key"
    key.save(path, PHRASE)
    assert SecretKey.load(str(path), PHRASE) == key
    data = path.read_bytes()
    assert_no_leak(data)
    kdf = json.loads(data)["kdf"]
    assert kdf["name"] in ("argon2id", "scrypt")
    if kdf["name"] == "argon2id":
        assert kdf["memory_cost"] >= 65_536 and kdf["iterations"] >= 3
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["my.key"]


def test_save_refuses_to_overwrite(key, tmp_path, cheap):
    path = tmp_path / "my.key"
    key.save(path, PHRASE)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="nothing was overwritten"):
        SecretKey.generate().save(path, PHRASE)
    assert path.read_bytes() == before


@pytest.mark.parametrize("phrase", ["", b"", None, 3, "too short"])
def test_save_without_passphrase_writes_nothing(key, tmp_path, phrase):
    with pytest.raises((TypeError, ValueError), match="passphrase"):
        key.save(tmp_path / "my.key", phrase)
    assert os.listdir(tmp_path) == []


def test_load_errors(key, tmp_path, cheap):
    path = tmp_path / "my.key"
    with pytest.raises(FileNotFoundError):
        SecretKey.load(path, PHRASE)
    key.save(path, PHRASE)
    with pytest.raises(KeyFileError, match="wrong passphrase") as caught:
        SecretKey.load(path, PHRASE + "s")
    assert_no_leak("".join(traceback.format_exception(caught.value)))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(KeyFileError, match="truncated"):
        SecretKey.load(path, PHRASE)


def test_a_vault_can_hold_the_key(key, tmp_path):
    class Vault:
        def wrap(self, secret):
            return bytes(byte ^ 1 for byte in secret)

        unwrap = wrap

    path = tmp_path / "my.key"
    key.save(path, Vault())
    assert path.read_bytes() == bytes(byte ^ 1 for byte in RAW)
    assert SecretKey.load(path, Vault()) == key
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes, got 5"):
        SecretKey.load(path, Vault())


def test_change_passphrase(key, tmp_path, cheap):
    path, new = tmp_path / "my.key", "another phrase of words"
    key.save(path, PHRASE)
    for old, wanted, error in (
        ("wrong phrase of words", new, "wrong passphrase"),
        (PHRASE, "short", "at least 15"),
        (PHRASE, None, "str or bytes"),
    ):
        before = path.read_bytes()
        with pytest.raises((KeyFileError, ValueError, TypeError), match=error):
            SecretKey.change_passphrase(path, old, wanted)
        assert path.read_bytes() == before
    SecretKey.change_passphrase(path, PHRASE, new)
    assert SecretKey.load(path, new) == key
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        SecretKey.load(path, PHRASE)
    assert os.listdir(tmp_path) == ["my.key"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_of_locks_are_independent_sub_keys(key):
    locks = [key.for_lock(i) for i in range(300)]
    assert len({key, *locks}) == 301
    assert locks[7].to_bytes() == key.subkey("v3/lock/7")
    assert key.for_lock(np.int64(7)) == locks[7]


@pytest.mark.parametrize(("i", "error"), [(-1, ValueError), (1.0, TypeError)])
def test_bad_locks_are_refused(key, i, error):
    with pytest.raises(error):
        key.for_lock(i)


def frames(error):
    """The traceback as error reporters print it, local variables included.

    Without the frames of this file, whose own variables nobody can hide.
    """
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    trace.stack = traceback.StackSummary.from_list(
        [frame for frame in trace.stack if frame.filename != __file__]
    )
    return "".join(trace.format())


def test_tracebacks_with_locals_show_no_secret(key, tmp_path, cheap):
    path, missing = tmp_path / "my.key", tmp_path / "no" / "my.key"
    key.save(path, PHRASE)
    (tmp_path / "long").write_bytes(PHRASE.encode() * 10_000)
    (tmp_path / "share").write_text(PHRASE)
    share = key.split(3, threshold=2)[0]
    mistyped = share.to_string()[:-1] + "="
    fields = (1, 2, 3, key.fingerprint, "0" * 16)
    calls = [
        lambda: SecretKey(RAW[:31]),
        lambda: SecretKey.from_bytes(RAW[:31]),
        lambda: SecretKey.from_bytes(list(RAW)),
        lambda: SecretKey.load(path, PHRASE + "s"),
        lambda: SecretKey.load(missing, PHRASE),
        lambda: SecretKey.load(path, [PHRASE]),
        lambda: SecretKey.load(path, PHRASE * 100),
        lambda: SecretKey.load(tmp_path / "long", PHRASE),
        lambda: key.save(path, PHRASE),
        lambda: key.save(missing, PHRASE),
        lambda: key.save(tmp_path / "b", PHRASE[:14]),
        lambda: key.save(tmp_path / "b", PHRASE + "\ud800"),
        lambda: SecretKey.change_passphrase(path, PHRASE, PHRASE[:14]),
        lambda: SecretKey.change_passphrase(path, PHRASE + "s", PHRASE),
        lambda: key.split(1),
        lambda: key.split(3, threshold=9),
        lambda: key.split(3, threshold="2"),
        lambda: KeyStream(RAW[:31]),
        lambda: KeyShare(*fields, RAW[:31]),
        lambda: KeyShare(*fields, list(RAW)),
        lambda: KeyShare(9, *fields[1:], RAW),
        lambda: KeyShare.from_string(mistyped),
        lambda: KeyShare.from_string([mistyped]),
        lambda: KeyShare.load(tmp_path / "share"),
        lambda: share.save(path),
        lambda: SecretKey.combine([mistyped]),
        lambda: SecretKey.combine(mistyped),
        lambda: SecretKey.combine([share.to_string(), "x"]),
        lambda: SecretKey.combine([share]),
        lambda: SecretKey.combine([share, RAW]),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError, OSError)) as caught:
            call()
        text = frames(caught.value)
        assert_no_leak(text)
        for secret in (PHRASE[:14], share.to_string()[30:60], share.payload[:3].hex()):
            assert secret not in text


@pytest.mark.parametrize("kind", [SecretKey, KeyShare])
def test_half_made_objects_have_a_repr(kind):
    assert kind.__name__ in repr(kind.__new__(kind))


def test_split_and_combine_also_as_text(key):
    shares = key.split(3, threshold=2)
    assert SecretKey.combine(shares[1:]) == key
    assert SecretKey.combine([shares[0].to_string(), shares[2]]) == key
    with pytest.raises(KeyShareError, match="2 different shares are needed, got 1"):
        SecretKey.combine(shares[:1])
    for share in shares:
        assert_no_leak(repr(share))
