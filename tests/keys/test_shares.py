"""Shares of a key: which ones bring it back, and what a single one gives away."""

import base64
import copy
import hmac
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import sklearn_homeo.keys._shares as key_shares
from sklearn_homeo.exceptions import KeyShareError
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.keys._shares import KeyShare, combine_shares, split_secret

SECRET = bytes(range(100, 132))
KEY = SecretKey.from_bytes(SECRET)
NAME = "0123456789abcdef"
secrets32 = st.binary(min_size=32, max_size=32)

# Written once by version 1, as 2 of 3 shares of the key 0, 1, ... 31; they combine
# for ever.
OLD_SHARES = (
    "homeo-share-1:AIAQG2A2HMOJWQSMGJRGNUADYFRJ55NOW3HKXITWGQTC"
    "H3MXHH6IH5S4DQCOF3B4PDBDOFQNXGNVTYDSRWEVHKBN",
    "homeo-share-1:AIBAG2A2HMOJWQSMGJRGNUADYFRJ55KHOSAUQU7DMJCV"
    "5WRLN73QVZNJBA56T5SEZ6SVOBBRI4AJN7GGEA5C43PJ",
    "homeo-share-1:AIBQG2A2HMOJWQSMGJRGNUADYFRJ55PJYNG6B5MQKBSH"
    "KPVWLUDYIHP2AQXBSCLMUJYXOCRF4SANGANKWLPZQNBT",
)


def multiply_by_definition(a, b):
    """Carry-less product of two bytes, reduced by the polynomial 0x11b."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def changed(share, **fields):
    names = ("index", "threshold", "n_shares", "key_fingerprint", "set_id", "payload")
    return KeyShare(**{**{name: getattr(share, name) for name in names}, **fields})


@pytest.fixture
def shares():
    return KEY.split(5, threshold=3)


def test_field_arithmetic_is_that_of_aes():
    a, b = np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2, indexing="ij")
    products = key_shares._multiply(a, b)
    expected = [[multiply_by_definition(x, y) for y in range(256)] for x in range(256)]
    np.testing.assert_array_equal(products, expected)
    # The example of FIPS 197, section 4.2.
    assert products[0x57, 0x83] == 0xC1
    nonzero = np.arange(1, 256, dtype=np.uint8)
    inverses = key_shares._invert(nonzero)
    assert (key_shares._multiply(nonzero, inverses) == 1).all()


def test_shares_of_version_1_combine_for_ever():
    key = SecretKey.from_bytes(bytes(range(32)))
    for pair in itertools.combinations(OLD_SHARES, 2):
        assert SecretKey.combine(pair) == key


def test_old_shares_combined_by_hand():
    """Lagrange at zero for the points 1 and 2: weights 2/3 and 1/3 of GF(256)."""
    one, two = (KeyShare.from_string(text) for text in OLD_SHARES[:2])
    third = next(x for x in range(256) if multiply_by_definition(x, 3) == 1)
    two_thirds = multiply_by_definition(2, third)
    combined = [
        multiply_by_definition(a, two_thirds) ^ multiply_by_definition(b, third)
        for a, b in zip(one.payload, two.payload, strict=True)
    ]
    assert bytes(combined) == bytes(range(32))


@settings(max_examples=25, deadline=None)
@given(secrets32, st.data())
def test_exactly_the_large_enough_subsets_give_the_key(secret, data):
    n_shares = data.draw(st.integers(2, 5))
    threshold = data.draw(st.integers(2, n_shares))
    key = SecretKey.from_bytes(secret)
    shares = key.split(n_shares, threshold=threshold)
    for size in range(1, n_shares + 1):
        for subset in itertools.combinations(shares, size):
            if size >= threshold:
                assert SecretKey.combine(subset) == key
            else:
                with pytest.raises(KeyShareError, match=f"{threshold} .* got {size}"):
                    SecretKey.combine(subset)


@pytest.mark.parametrize(("n_shares", "threshold"), [(255, 255), (255, 2), (255, 128)])
def test_largest_splits(n_shares, threshold):
    shares = KEY.split(n_shares, threshold)
    assert [share.index for share in shares] == list(range(1, 256))
    assert SecretKey.combine(shares[-threshold:]) == KEY
    assert SecretKey.combine(reversed(shares)) == KEY


def test_without_threshold_all_shares_are_needed():
    with pytest.warns(UserWarning, match="all 4 shares are needed") as caught:
        shares = KEY.split(4)
    assert caught[0].filename == __file__
    assert SecretKey.combine(shares) == KEY
    with pytest.raises(KeyShareError, match="4 different shares are needed, got 3"):
        SecretKey.combine(shares[1:])


def test_one_share_is_consistent_with_every_key():
    """For each secret byte there is exactly one polynomial through a known share."""
    share = split_secret(SECRET, 3, 2, NAME)[1]
    for guess in range(256):
        other = KeyShare(1, 2, 3, NAME, share.set_id, bytes([guess]) * 32)
        secret = combine_shares([share, other])
        for place in (0, 31):
            slope = [
                x
                for x in range(256)
                if multiply_by_definition(x, 2) ^ secret[place] == share.payload[place]
            ]
            assert len(slope) == 1
    reached = {
        combine_shares([share, changed(share, index=1, payload=bytes([g]) * 32)])[0]
        for g in range(256)
    }
    assert reached == set(range(256))


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32], ids=["zeros", "ones"])
def test_payloads_below_the_threshold_are_uniform_whatever_the_secret(secret):
    """Two of three shares of a 3-of-3 split, as pairs of half bytes."""
    counts = np.zeros((16, 16), int)
    for _ in range(300):
        first, second, _ = split_secret(secret, 3, 3, NAME)
        for a, b in zip(first.payload, second.payload, strict=True):
            counts[a >> 4, b & 15] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 1e-6


def test_coefficients_may_be_zero(monkeypatch):
    monkeypatch.setattr(key_shares.secrets, "token_bytes", bytes)
    shares = split_secret(SECRET, 3, 2, NAME)
    assert {share.payload for share in shares} == {SECRET}
    assert combine_shares(shares) == SECRET


def test_splits_are_random():
    first, second = KEY.split(2, 2), KEY.split(2, 2)
    assert first[0].payload != second[0].payload
    assert first[0].set_id != second[0].set_id
    assert len({share.set_id for share in first}) == 1
    assert first[0].key_fingerprint == KEY.fingerprint


@pytest.mark.parametrize(
    ("n_shares", "threshold", "name"),
    [
        (1, 1, "n_shares"),
        (0, None, "n_shares"),
        (256, 2, "n_shares"),
        (-3, 2, "n_shares"),
        (3, 1, "threshold"),
        (3, 4, "threshold"),
        (3, 0, "threshold"),
    ],
)
def test_counts_out_of_range_are_named(n_shares, threshold, name):
    with pytest.raises(KeyShareError, match=f"^{name} must be from 2"):
        KEY.split(n_shares, threshold)


@pytest.mark.parametrize(("n_shares", "threshold"), [(3.0, 2), ("3", 2), (3, "2")])
def test_counts_of_another_type_are_refused(n_shares, threshold):
    with pytest.raises(TypeError, match="(n_shares|threshold) must be of type int"):
        KEY.split(n_shares, threshold)


def test_numpy_integers_count():
    shares = KEY.split(np.int64(3), threshold=np.uint8(2))
    assert SecretKey.combine(shares[:2]) == KEY
    assert type(shares[0].threshold) is int


def test_secret_of_another_length_is_refused():
    with pytest.raises(KeyShareError, match="32 bytes, got 16"):
        split_secret(bytes(16), 3, 2, NAME)


def test_copies_count_once(shares):
    twin = KeyShare.from_string(shares[0].to_string())
    with pytest.raises(KeyShareError, match="3 different shares are needed, got 2"):
        SecretKey.combine([shares[0], twin, shares[1]])
    assert SecretKey.combine([shares[0], twin, shares[1], shares[2]]) == KEY


def test_two_versions_of_one_share_are_refused(shares):
    other = changed(shares[0], payload=bytes(32))
    with pytest.raises(KeyShareError, match="index 1"):
        SecretKey.combine([*shares, other])


def test_mixed_shares_are_told_apart(shares):
    other_split = KEY.split(5, threshold=3)
    with pytest.raises(KeyShareError, match="different splits"):
        SecretKey.combine([*shares[:2], other_split[2]])
    other_key = SecretKey.generate().split(5, threshold=3)
    with pytest.raises(KeyShareError, match="different keys"):
        SecretKey.combine([*shares[:2], other_key[2]])
    for fields in ({"threshold": 2}, {"n_shares": 6}):
        with pytest.raises(KeyShareError, match="different splits"):
            SecretKey.combine([*shares[:2], changed(shares[2], **fields)])


@pytest.mark.parametrize("used", [3, 4, 5])
@pytest.mark.parametrize("bit", [0, 77, 255])
def test_a_forged_payload_is_noticed_also_among_spare_shares(shares, used, bit):
    payload = bytearray(shares[used - 1].payload)
    payload[bit // 8] ^= 1 << bit % 8
    forged = changed(shares[used - 1], payload=bytes(payload))
    with pytest.raises(KeyShareError, match="at least one was changed"):
        SecretKey.combine([*shares[: used - 1], forged])


def test_a_forged_index_is_noticed(shares):
    forged = changed(shares[2], index=5)
    with pytest.raises(KeyShareError, match="at least one was changed"):
        SecretKey.combine([*shares[:2], forged])


def test_no_shares_and_other_things(shares):
    with pytest.raises(KeyShareError, match="no shares given"):
        SecretKey.combine([])
    for things in ([None], [shares[0].payload], [1, 2, 3], [*shares, KEY]):
        with pytest.raises(TypeError, match="every share must be a KeyShare"):
            SecretKey.combine(things)
    for single in (shares[0], shares[0].to_string()):
        with pytest.raises(TypeError, match="list of shares"):
            SecretKey.combine(single)


@settings(max_examples=50, deadline=None)
@given(secrets32, st.integers(2, 255), st.data())
def test_text_round_trip(payload, n_shares, data):
    threshold = data.draw(st.integers(2, n_shares))
    index = data.draw(st.integers(1, n_shares))
    share = KeyShare(index, threshold, n_shares, NAME, "fedcba9876543210", payload)
    text = share.to_string()
    assert text.startswith("homeo-share-1:") and len(text) == 14 + 88
    for variant in (text, text.lower(), f" {text[:40]}\n\t{text[40:]}\r\n"):
        again = KeyShare.from_string(variant)
        assert again == share
        assert again.n_shares == n_shares and again.set_id == "fedcba9876543210"


def test_every_mistyped_character_is_noticed(shares):
    text = shares[0].to_string()
    for place in range(14, len(text)):
        for letter in "A7Z":
            if letter != text[place]:
                mistyped = text[:place] + letter + text[place + 1 :]
                with pytest.raises(KeyShareError, match="mistyped") as caught:
                    KeyShare.from_string(mistyped)
                assert text[20:30] not in str(caught.value)


def test_swapped_missing_and_additional_characters_are_noticed(shares):
    text = shares[0].to_string()
    place = next(i for i in range(20, 90) if text[i] != text[i + 1])
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    pieces = [text[:length] for length in range(14, len(text))]
    for wrong in (swapped, text + "A", text + "A" * 8, text * 2, text + "=", *pieces):
        with pytest.raises(KeyShareError, match="mistyped or incomplete"):
            KeyShare.from_string(wrong)


@pytest.mark.parametrize(
    "text", ["", "AAAA", "homeo-share", "homeo-share-x:A", "\u0131"]
)
def test_other_texts_are_called_so(text):
    with pytest.raises(KeyShareError, match="not a key share"):
        KeyShare.from_string(text)


def test_another_version_asks_for_an_upgrade(shares):
    text = shares[0].to_string().replace("share-1:", "share-2:")
    with pytest.raises(KeyShareError, match="unsupported version.*upgrade"):
        KeyShare.from_string(text)


@pytest.mark.parametrize("text", [None, b"homeo-share-1:", 3])
def test_text_of_another_type_is_refused(text):
    with pytest.raises(TypeError, match="text must be of type str"):
        KeyShare.from_string(text)


@pytest.mark.parametrize("counts", [(0, 2, 3), (4, 2, 3), (1, 1, 3), (1, 4, 3)])
def test_text_with_a_right_checksum_but_wrong_counts_is_refused(counts):
    index, threshold, n_shares = counts
    body = bytes((threshold, index, n_shares)) + bytes(48)
    text = base64.b32encode(body + key_shares._checksum(body)).decode()
    with pytest.raises(KeyShareError, match="must be from"):
        KeyShare.from_string("homeo-share-1:" + text)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"index": 0}, KeyShareError),
        ({"index": 6}, KeyShareError),
        ({"index": 1.0}, TypeError),
        ({"index": True}, TypeError),
        ({"threshold": 1}, KeyShareError),
        ({"n_shares": 256}, KeyShareError),
        ({"key_fingerprint": "0123"}, KeyShareError),
        ({"key_fingerprint": NAME.upper()}, KeyShareError),
        ({"key_fingerprint": None}, TypeError),
        ({"set_id": "g" * 16}, KeyShareError),
        ({"payload": bytes(31)}, KeyShareError),
        ({"payload": "0" * 32}, TypeError),
    ],
)
def test_bad_fields_are_named(shares, fields, error):
    with pytest.raises(error, match=next(iter(fields))):
        changed(shares[0], **fields)


def test_a_share_shows_no_payload(shares):
    share = shares[1]
    expected = f"KeyShare(index=2, threshold=3, key_fingerprint='{KEY.fingerprint}')"
    assert repr(share) == str(share) == f"{share}" == expected
    assert repr([share]) == f"[{expected}]"


def test_a_share_is_an_immutable_value(shares):
    share = shares[0]
    with pytest.raises(AttributeError):
        share.index = 2
    for twin in (
        copy.copy(share),
        copy.deepcopy(share),
        pickle.loads(pickle.dumps(share)),
    ):
        assert twin == share and hash(twin) == hash(share)
    assert share != shares[1] and share != share.to_string()
    assert len({*shares, *shares}) == 5
    assert share != changed(share, payload=bytes(32))


def test_comparison_takes_the_same_time_everywhere(shares, monkeypatch):
    compared = []
    original = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda a, b: compared.append(a) or original(a, b)
    )
    assert shares[0] != shares[1]
    assert len(compared) == 1
