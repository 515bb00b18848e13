import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_homeo import MaskingKey

NAMES = ["Ada", "Bo", "Cy", "Di"]
KEYS = {name: MaskingKey.generate() for name in NAMES}
ROSTER = {name: key.public for name, key in KEYS.items()}
ROUNDS = itertools.count()
WORDS = arrays(np.int64, (4, 5), elements=st.integers(-(2**63), 2**63 - 1))


@given(WORDS, st.permutations(range(4)))
@settings(max_examples=25, deadline=None)
def test_masks_cancel_in_any_order(words, order):
    context = f"round {next(ROUNDS)}"
    masked = [
        KEYS[name].mask(own, name, ROSTER, context)
        for name, own in zip(NAMES, words, strict=True)
    ]
    total = sum(masked[i].view(np.uint64) for i in order)
    assert (total == words.view(np.uint64).sum(axis=0)).all()


def test_masked_numbers_look_random():
    masked = KEYS["Bo"].mask(np.zeros(4000, np.int64), "Bo", ROSTER, "zeros")
    bits = np.unpackbits(masked.view(np.uint8))
    assert abs(bits.mean() - 0.5) < 0.005
    other = KEYS["Bo"].mask(np.zeros(4000, np.int64), "Bo", ROSTER, "others")
    assert len(np.intersect1d(masked, other)) == 0
    few = {name: ROSTER[name] for name in NAMES[:3]}
    without = KEYS["Bo"].mask(np.zeros(4000, np.int64), "Bo", few, "zeros")
    assert len(np.intersect1d(masked, without)) == 0


def test_other_numbers_are_not_masked_in_the_same_context():
    key = MaskingKey.generate()
    roster = {"A": key.public, "B": MaskingKey.generate().public}
    first = key.mask(np.arange(3), "A", roster, "round")
    assert (key.mask(np.arange(3), "A", roster, "round") == first).all()
    with pytest.raises(ValueError, match="masked in this round before"):
        key.mask(np.arange(3) + 1, "A", roster, "round")


@pytest.mark.parametrize(
    ("roster", "message"),
    [
        ({"Ada": ROSTER["Ada"]}, "at least 2"),
        ({"Bo": ROSTER["Bo"], "Cy": ROSTER["Cy"]}, "another public key"),
        ({**ROSTER, "Bo": "00"}, "else than public keys"),
        ({**ROSTER, "Bo": "not hex"}, "else than public keys"),
        ({**ROSTER, "Ada": ROSTER["Bo"]}, "another public key"),
    ],
)
def test_bad_rosters_are_refused(roster, message):
    with pytest.raises(ValueError, match=message):
        KEYS["Ada"].mask(np.arange(3), "Ada", roster, message)


def test_the_private_key_is_not_shown():
    key = KEYS["Ada"]
    private = key._private.private_bytes_raw().hex()
    assert private not in repr(key) + str(vars(key))
    assert key.public[:16] in repr(key)
