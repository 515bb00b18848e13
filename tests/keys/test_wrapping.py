"""Wrapped keys: every change is noticed, and nothing demands too much."""

import base64
import hashlib
import json
import pickle
import time

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_homeo.keys._wrapping as wrapping
from sklearn_homeo.exceptions import KeyFileError
from sklearn_homeo.keys._derivation import derive_fingerprint
from sklearn_homeo.keys._wrapping import KeyWrapper, PassphraseWrapper

KEY = bytes(range(32))
PHRASE = "correct horse"
LONG = "correct horse battery"
NAME = "681a3b1c9b424c32"
CHEAP = {"iterations": 1, "lanes": 1, "memory_cost": 64}

# Written once by version 1 (and laid out by hand); readable for ever.
OLD_FILES = {
    "argon2id": """{
  "format": "sklearn_homeo key",
  "version": 1,
  "kdf": {"name": "argon2id", "iterations": 1, "lanes": 1, "memory_cost": 64,
          "salt": "LEiDKY9c/f65APfggMSBCA=="},
  "cipher": {"name": "AES-256-GCM", "nonce": "fiiDeGyHOoojhmlS"},
  "fingerprint": "681a3b1c9b424c32",
  "wrapped_key": "E/6IQpUABAYzY6z8tT7gYOBBANUuz2zXqdiJe6Byk22yfiRdBDjCx6NON8oimZjs"
}
""",
    "scrypt": """{
  "format": "sklearn_homeo key",
  "version": 1,
  "kdf": {"name": "scrypt", "n": 1024, "r": 8, "p": 1,
          "salt": "rOB2l+i6pHN7L4++g7BFHQ=="},
  "cipher": {"name": "AES-256-GCM", "nonce": "yypux4u16n3WdBWw"},
  "fingerprint": "681a3b1c9b424c32",
  "wrapped_key": "wniCWNfdt7GV7uHMqWAmyRrkt00QkiRVMy8y+Y7VKz41IEZ6gOmsN2YssNRrohCi"
}
""",
}


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Costs that make a test fast and protect nothing."""
    monkeypatch.setattr(wrapping, "_ARGON2ID", CHEAP)
    monkeypatch.setattr(wrapping, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})


@pytest.fixture
def no_argon2(monkeypatch):
    def refuse(**options):
        raise UnsupportedAlgorithm("not here")

    monkeypatch.setattr(wrapping, "Argon2id", refuse)


@pytest.fixture(scope="module")
def document():
    return OLD_FILES["argon2id"].encode()


@pytest.fixture
def refuse_derivation(monkeypatch):
    """Fail where a file gets as far as the costly derivation."""

    def derive(kdf, passphrase):
        pytest.fail("the derivation was started")

    monkeypatch.setattr(wrapping, "_make_cipher", derive)


def wrap(key, phrase):
    return PassphraseWrapper(phrase).wrap(key)


def unwrap(document, phrase):
    return PassphraseWrapper(phrase).unwrap(document)


def edited(document, path, value):
    fields = json.loads(document)
    place = fields
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(fields).encode()


@pytest.mark.parametrize("name", ["argon2id", "scrypt"])
def test_files_of_version_1_stay_readable(name):
    assert unwrap(OLD_FILES[name].encode(), PHRASE) == KEY


def test_scrypt_file_opened_by_hand():
    fields = json.loads(OLD_FILES["scrypt"])
    wrapped = base64.b64decode(fields.pop("wrapped_key"))
    kdf, nonce = fields["kdf"], base64.b64decode(fields["cipher"]["nonce"])
    costs = {name: kdf[name] for name in "nrp"}
    salt = base64.b64decode(kdf["salt"])
    wrapping = hashlib.scrypt(PHRASE.encode(), salt=salt, dklen=32, **costs)
    header = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    assert AESGCM(wrapping).decrypt(nonce, wrapped, header) == KEY


@settings(max_examples=25, deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=900)
    | st.binary(min_size=1, max_size=900),
)
def test_round_trip(key, phrase):
    phrase += "and a few words" if isinstance(phrase, str) else b"more of a phrase"
    assert unwrap(wrap(key, phrase), phrase) == key


def test_document_has_the_documented_fields_and_no_secret():
    data = wrap(KEY, LONG)
    fields = json.loads(data)
    assert fields["format"] == "sklearn_homeo key" and fields["version"] == 1
    assert fields["fingerprint"] == NAME
    assert fields["cipher"]["name"] == "AES-256-GCM"
    assert fields["kdf"]["name"] == "argon2id"
    for secret in (KEY, KEY.hex().encode(), base64.b64encode(KEY), LONG.encode()):
        assert secret not in data


def test_salt_and_nonce_are_new_every_time():
    first, second = (json.loads(wrap(KEY, LONG)) for _ in range(2))
    assert first["kdf"]["salt"] != second["kdf"]["salt"]
    assert first["cipher"]["nonce"] != second["cipher"]["nonce"]
    assert first["wrapped_key"] != second["wrapped_key"]


def test_without_argon2_scrypt_protects_the_file(no_argon2):
    data = wrap(KEY, LONG)
    assert json.loads(data)["kdf"]["name"] == "scrypt"
    assert unwrap(data, LONG) == KEY


def test_argon2_file_where_argon2_is_missing(no_argon2, document):
    with pytest.raises(KeyFileError, match="argon2id.*OpenSSL 3.2"):
        unwrap(document, PHRASE)


def test_composed_and_decomposed_text_are_the_same_passphrase():
    data = wrap(KEY, "the old caf\u00e9 \ufb01n")
    assert unwrap(data, "the old cafe\u0301 fin") == KEY
    assert unwrap(data, "the old caf\u00e9 fin".encode()) == KEY


@pytest.mark.parametrize("phrase", ["Correct horse", "correct horse ", b"x", "\0"])
def test_wrong_passphrase(document, phrase):
    with pytest.raises(KeyFileError, match="wrong passphrase, or .* changed"):
        unwrap(document, phrase)


@pytest.mark.parametrize("phrase", [None, 5, ["a"], object()])
def test_passphrase_of_another_type(document, phrase):
    for call in (lambda: wrap(KEY, phrase), lambda: unwrap(document, phrase)):
        with pytest.raises(TypeError, match="passphrase must be str or bytes"):
            call()


@pytest.mark.parametrize("phrase", ["", b"", "secret\ud800"])
def test_passphrase_that_is_empty_or_not_text(document, phrase):
    for call in (lambda: wrap(KEY, phrase), lambda: unwrap(document, phrase)):
        with pytest.raises(ValueError, match="passphrase must not") as caught:
            call()
        assert "secret" not in repr(caught.value)
        assert caught.value.__context__ is None


def test_key_of_another_length_is_not_wrapped():
    with pytest.raises(ValueError, match="32 bytes, got 31"):
        wrap(KEY[:31], LONG)


def test_every_truncation_is_noticed(document, refuse_derivation):
    for length in range(len(document.rstrip())):
        with pytest.raises(KeyFileError, match="truncated|fragment"):
            unwrap(document[:length], PHRASE)


def test_every_flipped_bit_is_noticed(document):
    for place in range(len(document.rstrip())):
        changed = bytearray(document)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(KeyFileError):
            unwrap(bytes(changed), PHRASE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["kdf", "iterations"], 2),
        (["kdf", "lanes"], 2),
        (["kdf", "memory_cost"], 65),
        (["kdf", "salt"], base64.b64encode(bytes(16)).decode()),
        (["cipher", "nonce"], base64.b64encode(bytes(12)).decode()),
        (["fingerprint"], "0" * 16),
        (["wrapped_key"], base64.b64encode(bytes(48)).decode()),
    ],
)
def test_every_plausible_edit_is_noticed(document, path, value):
    with pytest.raises(KeyFileError, match="wrong passphrase, or .* changed"):
        unwrap(edited(document, path, value), PHRASE)


BAD_VALUES = [None, True, -1, 0, 1.0, 10**30, "", "x", "=", [], {}, ["x"], {"name": 1}]
BAD_VALUES.append("LEiDKY9c/f65APfggMSBCB==")  # Its unused bits are not zero.
PATHS = [
    path.split(".")
    for path in (
        "format version kdf kdf.name kdf.iterations kdf.lanes kdf.memory_cost kdf.salt "
        "cipher cipher.name cipher.nonce fingerprint wrapped_key"
    ).split()
]


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_implausible_fields_are_refused_before_the_derivation(
    document, path, refuse_derivation
):
    for value in BAD_VALUES:
        with pytest.raises(KeyFileError) as caught:
            unwrap(edited(document, path, value), PHRASE)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_missing_fields_are_refused(document, path, refuse_derivation):
    fields = json.loads(document)
    place = fields[path[0]] if len(path) == 2 else fields
    del place[path[-1]]
    with pytest.raises(KeyFileError):
        unwrap(json.dumps(fields).encode(), PHRASE)


@pytest.mark.parametrize("place", [[], ["kdf"], ["cipher"]])
def test_additional_and_repeated_fields_are_refused(document, place, refuse_derivation):
    with pytest.raises(KeyFileError, match="exactly the fields"):
        unwrap(edited(document, [*place, "note"], "harmless"), PHRASE)
    repeated = document.replace(b'"version": 1', b'"version": 1, "version": 1')
    with pytest.raises(KeyFileError, match="twice"):
        unwrap(repeated, PHRASE)


@pytest.mark.parametrize(
    ("kdf", "cost", "value"),
    [
        ("argon2id", "memory_cost", 2**30),
        ("argon2id", "memory_cost", 2**18 + 1),
        ("argon2id", "iterations", 2**31),
        ("argon2id", "lanes", 2**20),
        ("scrypt", "n", 2**40),
        ("scrypt", "n", 2**17 + 1),
        ("scrypt", "r", 2**20),
        ("scrypt", "p", 2**20),
        ("scrypt", "r", 1),
        ("scrypt", "p", 4),
        ("argon2id", "iterations", 10),
    ],
)
def test_hostile_costs_are_refused_at_once(kdf, cost, value, refuse_derivation):
    start = time.perf_counter()
    with pytest.raises(KeyFileError, match=cost):
        unwrap(edited(OLD_FILES[kdf], ["kdf", cost], value), PHRASE)
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("version", [0, 2, 10**4000, -1])
def test_another_version_asks_for_an_upgrade(document, version):
    data = document.replace(b'"version": 1', b'"version": %d' % version)
    with pytest.raises(KeyFileError, match="unsupported version.*upgrade") as caught:
        unwrap(data, PHRASE)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'"sklearn_homeo"',
        b"-----BEGIN PRIVATE KEY-----",
        b"\xff\xfe{}",
        b"[" * 60_000,
        b"9" * 60_000,
        b"{}" + b" " * 70_000,
        KEY,
    ],
    ids=range(12),
)
def test_other_files_are_called_so(data):
    with pytest.raises(KeyFileError, match="not a key file"):
        unwrap(data, PHRASE)


def test_line_ends_and_indentation_do_not_matter(document):
    fields = json.loads(document)
    for data in (document.replace(b"\n", b"\r\n"), json.dumps(fields).encode()):
        assert unwrap(data, PHRASE) == KEY


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_key_file_errors(data):
    with pytest.raises(KeyFileError):
        unwrap(data, PHRASE)


def test_every_accepted_cost_is_affordable():
    """No setting within the bounds writes more than 512 MiB or makes scrypt fail."""
    most = {"argon2id": [(1, 2**18), (2, 2**18), (4, 2**17)], "scrypt": []}
    for iterations, memory in most["argon2id"]:
        kdf = {"name": "argon2id", "iterations": iterations, "memory_cost": memory}
        wrapping._check_kdf({**kdf, "lanes": 1, "salt": wrapping._encode(bytes(16))})
    for kdf in (
        {"name": "argon2id", "iterations": 3, "memory_cost": 2**18, "lanes": 1},
        {"name": "argon2id", "iterations": 8, "memory_cost": 2**17, "lanes": 8},
        {"name": "argon2id", "iterations": 1, "memory_cost": 64, "lanes": 8 + 1},
        {"name": "scrypt", "n": 2**18, "r": 8, "p": 2},
        {"name": "scrypt", "n": 2**16, "r": 1, "p": 1},
    ):
        with pytest.raises(KeyFileError, match="damaged"):
            wrapping._check_kdf({**kdf, "salt": wrapping._encode(bytes(16))})


def test_lack_of_memory_is_said(monkeypatch, document):
    class Greedy:
        def __init__(self, **options):
            pass

        def derive(self, phrase):
            raise MemoryError

    monkeypatch.setattr(wrapping, "Argon2id", Greedy)
    with pytest.raises(KeyFileError, match="not enough memory for argon2id"):
        unwrap(document, PHRASE)


@pytest.mark.parametrize("phrase", ["x", "fourteen chars", b"only 14 bytes.", "ﬁ" * 7])
def test_short_passphrases_protect_no_new_file(phrase):
    with pytest.raises(ValueError, match="at least 15 characters.*words") as caught:
        wrap(KEY, phrase)
    assert str(phrase) not in str(caught.value)


@pytest.mark.parametrize("phrase", ["a" * 40, "12" * 20, bytes(32)])
def test_monotonous_passphrases_protect_no_new_file(phrase):
    with pytest.raises(ValueError, match="at least 5 different characters"):
        wrap(KEY, phrase)


def test_characters_count_not_bytes():
    data = wrap(KEY, "日本語の合言葉は長くてもよいです")
    assert unwrap(data, "日本語の合言葉は長くてもよいです") == KEY
    with pytest.raises(ValueError, match="at least 15 characters"):
        wrap(KEY, "日本語の合言葉")


@pytest.mark.parametrize(
    "phrase", ["a" + "\u0301\u0323" * 50_000, "a" * 1025, bytes(2000)]
)
def test_long_passphrases_are_refused_at_once(phrase, document):
    start = time.perf_counter()
    for call in (lambda: wrap(KEY, phrase), lambda: unwrap(document, phrase)):
        with pytest.raises(ValueError, match="more than 1024 characters"):
            call()
    assert time.perf_counter() - start < 0.5


def test_the_fingerprint_stated_is_that_of_the_key(monkeypatch):
    monkeypatch.setattr(wrapping, "derive_fingerprint", lambda secret: "0" * 16)
    data = wrap(KEY, LONG)
    monkeypatch.setattr(wrapping, "derive_fingerprint", derive_fingerprint)
    with pytest.raises(KeyFileError, match="fingerprint"):
        unwrap(data, LONG)


def test_a_passphrase_wrapper_is_a_key_wrapper_and_shows_nothing():
    wrapper = PassphraseWrapper(LONG)
    assert isinstance(wrapper, KeyWrapper)
    assert LONG not in repr(wrapper) + repr(vars(wrapper))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(wrapper)
