import numpy as np
import pytest

from owners import curved, plans_of, shares
from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, MaskingKey, Summary, SummaryPlan


@pytest.fixture
def keys():
    return {name: MaskingKey.generate() for name in ("A", "B", "C")}


@pytest.fixture
def roster(keys):
    return {name: key.public for name, key in keys.items()}


def masked_of(summaries, keys, roster):
    return [
        one.masked(name, key, roster)
        for one, (name, key) in zip(summaries, keys.items(), strict=True)
    ]


def test_masked_totals_are_the_plain_ones(keys, roster):
    owners = shares(*curved())
    plan = SummaryPlan(5, [0, 1], n_random_features=24, masked=True)
    while True:
        plain = [plan.summarize(*rows) for rows in owners]
        masked = masked_of(plain, keys, roster)
        sent = [Summary.from_bytes(one.to_bytes(), plan) for one in masked]
        totals = plan.totals(sum(sent[::-1]))
        for name, value in sum(plain)._arrays.items():
            assert (totals[name] == value).all()
            assert not (sent[0]._arrays[name] == plain[0]._arrays[name]).any()
        if plan.is_last:
            break
        plan = plan.advance(sent)
    encryptor = HomeomorphicEncryptor.from_summaries(sent, key=KEY)
    assert encryptor.transform(owners[0][0]).shape == (len(owners[0][0]), 5)


def test_masks_change_nothing_of_what_is_learnt(keys, roster):
    owners = shares(*curved())
    known = []
    for masked in (False, True):
        plan = SummaryPlan(5, [0, 1], masked=masked)
        for _ in range(2):
            sent = [plan.summarize(*rows) for rows in owners]
            plan = plan.advance(masked_of(sent, keys, roster) if masked else sent)
        known.append(plan.known)
    assert (known[0]["mean"] == known[1]["mean"]).all()
    assert (known[0]["scale"] == known[1]["scale"]).all()


def test_owners_who_are_missing_are_named(keys, roster):
    owners = shares(*curved())
    plan = SummaryPlan(5, [0, 1], masked=True)
    sent = masked_of([plan.summarize(*rows) for rows in owners], keys, roster)
    assert (sent[0] + sent[2]).missing == ["B"]
    with pytest.raises(ValueError, match="The sums of B are missing"):
        plan.advance([sent[0], sent[2]])
    with pytest.raises(ValueError, match="The masked sums of A are there twice"):
        sent[0] + sent[0]


def test_plans_and_masks_belong_together(keys, roster):
    X, y = curved()
    plan, plain = SummaryPlan(5, [0, 1], masked=True), SummaryPlan(5, [0, 1])
    with pytest.raises(ValueError, match="wants masks"):
        plan.summarize(X, y).to_bytes()
    with pytest.raises(ValueError, match="wants masks"):
        plan.advance(plan.summarize(X, y))
    with pytest.raises(ValueError, match="has no masks"):
        plain.summarize(X, y).masked("A", keys["A"], roster)
    two = {name: roster[name] for name in "AB"}
    with pytest.raises(ValueError, match="masked for different owners"):
        plan.summarize(X, y).masked("A", keys["A"], roster) + plan.summarize(
            X, y
        ).masked("B", keys["B"], two)


def test_small_groups_of_owners_add_up_to_large_ones(keys, roster):
    X, y = curved(54)
    owners = [(X[i::3], np.arange(18) % 2) for i in range(3)]
    plan = SummaryPlan(5, [0, 1], masked=True)
    sent = [plan.summarize(*rows) for rows in owners]
    plan.advance(masked_of(sent, keys, roster))
    # Another plan has other masks.
    small = SummaryPlan(5, [0, 1], masked=True, min_group_size=28)
    sent = [small.summarize(*rows) for rows in owners]
    with pytest.raises(ValueError, match="2 of 2 classes have fewer than"):
        small.advance(masked_of(sent, keys, roster))


def test_all_rounds_are_of_the_same_rows():
    owners = shares(*curved())
    rounds = plans_of(SummaryPlan(5, [0, 1], n_random_features=24), owners)
    plan, summaries = rounds[2]
    with pytest.raises(ValueError, match="but 240 in the first round"):
        plan.advance(summaries[:2])
