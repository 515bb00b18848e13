"""No message shows what is in a row: not of an error, its causes, or a warning.

Every public method and function that takes rows gets each kind of bad input, made of
rows whose values can be recognised. It may refuse it by a ValueError, TypeError or
OSError that names what to do, or take it; no value may appear in what it says.
"""

import datetime
import decimal
import inspect
import re
import traceback
import warnings
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone

from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    ImageAutoencoder,
    ImageFeatureExtractor,
    KeyShare,
    LeakageDisplay,
    MaskingKey,
    PassphraseWrapper,
    SecretKey,
    Summary,
    SummaryPlan,
    TableEncoder,
    TanhEncryptor,
    audit,
    encrypt_images,
    load_ciphertexts,
    lock_file,
    reencrypt,
    reencrypt_into,
    save_ciphertexts,
    save_pipeline,
    unlock_file,
    views_of,
)

# What every private value is recognised by, however it is printed.
PRIVATE = re.compile(r"7[.,]?319|Kowalska|1987")
ALLOWED = (ValueError, TypeError, OSError)
N, D = 24, 5
y = np.arange(N) % 2


def private(low=7319.0, shape=(N, D)):
    """Rows whose values all begin with the same four digits."""
    noise = np.random.default_rng(0).random(shape)
    noise[1::2, 0] = 0.9 + noise[1::2, 0] / 20
    return low * (1 + noise / 8000)


class Person:
    """An object whose repr is private."""

    def __repr__(self):
        return "Kowalska"


def with_cell(X, value):
    table = X.astype(object)
    table[3, 1] = value
    return table


def frame(X, module, **columns):
    table = {f"c{i}": X[:, i] for i in range(X.shape[1])}
    return module.DataFrame({**table, **columns})


DATE = datetime.datetime(1987, 3, 21)
BAD_ROWS = {
    "text cell": lambda X: with_cell(X, "Kowalska"),
    "text cell in a list": lambda X: with_cell(X, "Kowalska").tolist(),
    "text in a pandas column": lambda X: frame(X, pd, c2=["Kowalska"] * len(X)),
    "text in a polars column": lambda X: frame(X, pl, c2=["Kowalska"] * len(X)),
    "bytes": lambda X: with_cell(X, b"Kowalska"),
    "array of text": lambda X: np.full(X.shape, "Kowalska"),
    "array of bytes": lambda X: np.full(X.shape, b"Kowalska"),
    "object": lambda X: with_cell(X, Person()),
    "list in a cell": lambda X: with_cell(X, ["Kowalska", 7319.5]),
    "NaN": lambda X: np.where(np.arange(X.shape[1]) == 1, np.nan, X),
    "infinity": lambda X: np.where(np.arange(X.shape[1]) == 1, np.inf, X),
    "None": lambda X: with_cell(X, None),
    "pandas.NA": lambda X: frame(X, pd, c2=pd.array([pd.NA] * len(X), dtype="Int64")),
    "polars null": lambda X: frame(X, pl, c2=pl.Series([None] * len(X))),
    "1e308": lambda X: np.where(np.arange(X.shape[1]) == 1, 1.7319e308, X),
    "huge integers": lambda X: with_cell(X, 7319 * 10**400),
    "decimal": lambda X: with_cell(X, decimal.Decimal("7319.123456789")),
    "one row": lambda X: X[0],
    "one row in a list": lambda X: X[0].tolist(),
    "one tensor row": lambda X: torch.from_numpy(X[0].copy()),
    "three dimensions": lambda X: X[None],
    "a number": lambda X: float(X[0, 0]),
    "text": lambda X: "Kowalska",
    "complex": lambda X: X + 1j * X,
    "complex tensor": lambda X: torch.from_numpy(X + 1j * X),
    "dates": lambda X: np.full(X.shape, "1987-03-21", dtype="datetime64[D]"),
    "date in a pandas column": lambda X: frame(X, pd, c2=[DATE] * len(X)),
    "date in a polars column": lambda X: frame(X, pl, c2=[DATE] * len(X)),
    "dictionary": lambda X: dict(enumerate(X)),
    "ragged list": lambda X: [list(row[: 2 + i % 3]) for i, row in enumerate(X)],
    "generator": lambda X: (row for row in X),
    "sparse": lambda X: sp.csr_array(X),
    "fewer columns": lambda X: X[:, :-1],
    "more columns": lambda X: np.hstack([X, X]),
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "other names": lambda X: pd.DataFrame(
        X, columns=list("edcbazyxwvutsrq"[: X.shape[1]])
    ),
    "masked": lambda X: np.ma.masked_array(X, mask=X > np.median(X)),
    "nothing": lambda X: None,
}
BAD_LABELS = {
    "continuous": lambda y: 7319 + np.linspace(0.1, 0.9, len(y)),
    "complex": lambda y: 7319 + 1j * y,
    "text and numbers": lambda y: ["Kowalska", 7319, *y[2:]],
    "missing text": lambda y: np.array(["Kowalska", None] * (len(y) // 2)),
    "rare text": lambda y: np.array(["Kowalska", *["b"] * (len(y) - 1)]),
    "missing": lambda y: np.where(y == 1, np.nan, 7319.0),
    "infinite": lambda y: np.where(y == 1, np.inf, 7319.0),
    "objects": lambda y: np.array([Person() for _ in y]),
    "dates": lambda y: np.array([DATE] * len(y)),
    "short": lambda y: y[:-1] + 7319,
    "two dimensions": lambda y: np.column_stack([y, y]) + 7319,
    "three dimensions": lambda y: (y + 7319)[None, None],
    "one class": lambda y: np.full(len(y), "Kowalska"),
    "dictionary": lambda y: {"Kowalska": 7319},
    "text": lambda y: "Kowalska",
    "one label": lambda y: np.array(7319.0),
}
KEY = SecretKey.from_bytes(bytes(range(32)))


def said(call):
    """What a call says: its warnings, its error and what caused it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        error = None
        try:
            found = call()
            if inspect.isgenerator(found):
                list(found)
        except Exception as raised:
            error = raised
    texts = [str(warning.message) for warning in caught]
    if error is not None:
        texts += traceback.format_exception(error)
    return error, "\n".join(texts)


def problems(calls):
    """Names of the calls that said something private, or failed in another way."""
    wrong = []
    for name, call in calls:
        error, text = said(call)
        if PRIVATE.search(text):
            wrong.append(f"{name} shows {PRIVATE.search(text)[0]!r}: {error!r:.200}")
        elif error is not None and not isinstance(error, ALLOWED):
            wrong.append(f"{name}: {error!r:.200}")
    return wrong


def estimators():
    table, images = private(), private(0.7319)
    # Nothing is chosen by a search.
    scores = {"leakage": "scores", "n_preserved": 1, "linkage_noise": 0.1}
    yield HomeomorphicEncryptor(key=KEY, **scores), table
    yield HomeomorphicEncryptor(key=KEY, leakage="space"), table
    cells = {"leakage": "cells", "n_cells": 2, "min_cell_size": 2}
    yield HomeomorphicEncryptor(key=KEY, **cells), table
    yield TanhEncryptor(key=KEY), table
    yield TableEncoder(), table
    yield ClassConditionalSynthesizer(random_state=0), table
    yield ClassConditionalSynthesizer("kde", min_distance=0.1), table
    yield ClassConditionalSynthesizer(epsilon=1.0, bounds=(0, 9000)), table
    yield ImageFeatureExtractor(torch.nn.Flatten(), image_shape=(1, D)), images
    yield ImageAutoencoder(2, image_shape=(1, D), max_epochs=1, batch_size=N), images


def calls_of(estimator, X):
    fitted = clone(estimator).fit(X, y)
    for name, method in inspect.getmembers(type(estimator), callable):
        if name.startswith(("_", "set_", "get_")) or not hasattr(fitted, name):
            continue
        names = list(inspect.signature(method).parameters)[1:]
        if not names or names[0] not in ("X", "Z"):
            continue
        good = X if names[0] == "X" else np.asarray(fitted.transform(X), dtype=float)
        options = {"out": np.empty(good.shape)} if "out" in names else {}
        fits = name.startswith("fit")
        for kind, spoil in BAD_ROWS.items():
            used = clone(estimator) if fits else fitted
            call = partial(getattr(used, name), spoil(good), **options)
            yield f"{name} of {kind}", partial(call, y) if fits else call
        for kind, spoil in BAD_LABELS.items() if fits else ():
            call = partial(getattr(clone(estimator), name), X, spoil(y))
            yield f"{name} of labels: {kind}", call


CASES = list(estimators())


def test_plans_show_no_values():
    plan, calls = SummaryPlan(D, [0, 1]), []
    for name, values, kinds in (("X", private(), BAD_ROWS), ("y", y, BAD_LABELS)):
        for kind, spoil in kinds.items():
            rows = {"X": private(), "y": y, name: spoil(values)}
            calls.append((f"{name}: {kind}", partial(plan.summarize, **rows)))
    wrong = problems(calls)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case[0])[:60])
def test_estimators_show_no_values(case):
    wrong = problems(calls_of(*case))
    assert not wrong, "\n".join(wrong)


BAD_PARAMETERS = {
    "rows": private(),
    "rows in a list": private()[:2].tolist(),
    "a frame": frame(private(), pd),
    "an object": Person(),
    "bytes": b"Kowalska",
    "a dictionary": {"Kowalska": 7319},
    "a passphrase": "Kowalska sings, at dawn; in 1987",
}
# Texts that mean something: where it runs, and whose weights.
TEXTS = {"device", "backbone", "weights"}


def calls_with_bad_parameters(estimator):
    for name in estimator.get_params(deep=False):
        for kind, value in BAD_PARAMETERS.items():
            if isinstance(value, str) and name in TEXTS:
                continue
            bad = clone(estimator).set_params(**{name: value})
            yield f"{name}: {kind}", partial(bad.fit, np.empty((0, D)), [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case[0])[:60])
def test_estimators_show_no_parameters_that_may_be_rows(case):
    wrong = problems(calls_with_bad_parameters(case[0]))
    assert not wrong, "\n".join(wrong)


def test_outputs_ciphertexts_and_certificates_show_nothing(encryptor, tmp_path):
    X, other = private(), encryptor.rekey(KEY.for_lock(1))
    Z, table = encryptor.transform(X), TableEncoder().fit(X)
    calls = []
    for kind, spoil in BAD_ROWS.items():
        rows, ciphertexts = spoil(X), spoil(Z)
        path = tmp_path / f"{kind}.parquet"
        calls += [
            (f"{kind}: {name}", partial(function, *arguments))
            for name, function, *arguments in (
                ("add_target", encryptor.add_target, rows, y),
                ("certificate", encryptor.certificate, rows),
                ("encrypt_into", encryptor.encrypt_into, X, rows),
                ("decrypt_into", encryptor.decrypt_into, Z, rows),
                ("reencrypt", reencrypt, ciphertexts, encryptor, other),
                ("reencrypt_into", reencrypt_into, Z, rows, encryptor, other),
                ("views_of", views_of, rows),
                ("save_ciphertexts", save_ciphertexts, rows, path, encryptor),
                ("split", table.split, rows),
                ("join", table.join, rows, None),
                ("sealed", table.inverse_transform, X, rows),
            )
        ]
    wrong = problems(calls)
    assert not wrong, "\n".join(wrong)


def test_the_display_of_leakage_shows_nothing(encryptor):
    pytest.importorskip("matplotlib")
    shown = partial(LeakageDisplay.from_estimator, encryptor, y=y, n_cells=[2])
    # Those that are taken would only be drawn.
    refused = ("bytes", "text", "object", "NaN", "complex", "number", "integers")
    kinds = [kind for kind in BAD_ROWS if any(word in kind for word in refused)]
    wrong = problems(
        (kind, partial(shown, BAD_ROWS[kind](private()))) for kind in kinds
    )
    assert not wrong, "\n".join(wrong)


# What may be passed by mistake for a number, a seed, names, bytes or a path.
MISTAKES = {
    "rows": private(),
    "a row": private()[0],
    "a number in an array": np.array(7319.0),
    "a list": ["Kowalska"],
    "an object": Person(),
    "bytes": b"Kowalska",
    "a complex number": 7319 + 1j,
    "huge": 7319 * 10**400,
    "nothing": None,
}


def calls_with_mistakes(encryptor):
    """Every argument that is not rows, of what other tests do not call."""
    X = private()
    plan, masking = SummaryPlan(D, [0, 1]), MaskingKey.generate()
    summary, wrapper = plan.summarize(X, y), PassphraseWrapper("four words or more")
    roster = {"a": masking.public, "b": MaskingKey.generate().public}
    mask = {"words": np.arange(3), "owner": "a", "roster": roster, "context": "c"}
    synthesizer = ClassConditionalSynthesizer(random_state=0).fit(X, y)
    images = {"image_shape": (1, D), "max_epochs": 1, "variational": True}
    painter = ImageAutoencoder(2, **images).fit(X / 10_000)
    colluding = {"encryptor": encryptor.for_owner("a"), "Z": X, "X": X}
    arguments = [
        (encryptor.certificate, "n_fits", {}),
        (encryptor.certificate, "n_repeats", {}),
        (synthesizer.sample, "n_samples", {}),
        (synthesizer.sample, "random_state", {"n_samples": 2}),
        (synthesizer.sample_batches, "batch_size", {"n_samples": 2}),
        (painter.sample, "n_samples", {}),
        (painter.sample, "random_state", {}),
        (audit.known_plaintext_curve, "n_leaked", {"Z": X, "X": X}),
        (audit.known_plaintext_attack, "attacks", {"Z": X, "X": X}),
        (audit.preserved_linkage_bound, "linkage_noise", {"S": X}),
        (audit.colluding_owner_attack, "random_state", colluding),
        (KEY.stream("a").words, "n", {}),
        (MaskingKey, "private", {}),
        (wrapper.wrap, "secret", {}),
        (wrapper.unwrap, "wrapped", {}),
        (SummaryPlan.from_bytes, "data", {}),
        (Summary.from_bytes, "data", {"plan": plan}),
        (Summary.from_bytes, "plan", {"data": summary.to_bytes()}),
        (plan.noise_of, "name", {}),
        (plan.save, "path", {}),
        (summary.save, "path", {}),
        (plan.totals, "summaries", {}),
        *((masking.mask, name, mask) for name in mask),
        *(
            (SummaryPlan, name, {"columns": D, "classes": [0, 1]})
            for name in ("n_outputs", "n_cells", "min_group_size", "epsilon")
        ),
    ]
    for function, name, others in arguments:
        for kind, mistake in MISTAKES.items():
            # A name in bytes is a path.
            if name != "path" or kind != "bytes":
                call = partial(function, **{**others, name: mistake})
                yield f"{function.__qualname__}({name}): {kind}", call


def test_other_arguments_show_no_records(encryptor):
    wrong = problems(calls_with_mistakes(encryptor))
    assert not wrong, "\n".join(wrong)


# What functions of the audit call rows, and values of everything else that they need.
TABLES = re.compile(
    "(X|Z)(_(leak|target|known|other|true|pred|reference|synthetic|real|control|member"
    "|non_member|validation_true|validation_pred))?$|S$|x$|z$|(encrypted_)?features$"
)
IMAGES = ("originals", "images", "images_leak", "images_target")
VECTORS = ("attribute", "scores_with", "scores_without")
OTHERS = {
    "attacks": ["ridge"],
    "linkage_noise": 0.1,
    "n_keys": 2,
    "n_estimators": 2,
    "max_epochs": 1,
    "random_state": 0,
    "seeds": range(2),
    "n_known": 8,
}
WITHOUT_ROWS = {"best_private_index", "clopper_pearson", "make_privacy_scorer"}
# What may be passed by mistake for an encryptor.
BAD_ENCRYPTORS = {
    "rows": private(),
    "rows in a list": private().tolist(),
    "a frame": frame(private(), pd),
    "text": "Kowalska",
    "an object": Person(),
    "bytes": b"Kowalska",
    "a dictionary": {"Kowalska": 7319},
    "None": None,
    "not fitted": HomeomorphicEncryptor(key=KEY),
    "another estimator": TableEncoder(),
}
FUNCTIONS = sorted(
    name
    for name in audit.__all__
    if inspect.isfunction(getattr(audit, name)) and name not in WITHOUT_ROWS
)


@pytest.fixture(scope="module")
def encryptor():
    params = {"leakage": "scores", "n_preserved": 1}
    return HomeomorphicEncryptor(key=KEY, **params).fit(private(), y)


def arguments_of(name, encryptor):
    """Good arguments of a function of the audit, and which of them hold rows."""
    good, tables = {}, []
    for parameter in inspect.signature(getattr(audit, name)).parameters:
        if TABLES.match(parameter):
            good[parameter] = private()
        elif parameter in IMAGES:
            good[parameter] = private(0.7319, (N, 8, 8))
        elif parameter in VECTORS:
            good[parameter] = private(7319.0, (N, 1))[:, 0]
        elif parameter in ("y", "labels"):
            good[parameter] = y
        elif parameter == "encryptor":
            good[parameter] = encryptor
        elif parameter == "encrypt":
            good[parameter] = encryptor.transform
        elif parameter in OTHERS:
            good[parameter] = OTHERS[parameter]
            continue
        else:
            continue
        if parameter not in ("encryptor", "encrypt"):
            tables.append(parameter)
    if name == "membership_attack":
        good.update(attacks=["mean"], encryptor=None, labels=None)
        tables.remove("labels")
    return good, tables


def calls_of_function(name, encryptor):
    good, tables = arguments_of(name, encryptor)
    for parameter in {"encryptor", "encrypt"} & set(good):
        for kind, bad in BAD_ENCRYPTORS.items():
            call = partial(getattr(audit, name), **{**good, parameter: bad})
            yield f"{parameter}: {kind}", call
    for parameter in tables:
        kinds = BAD_LABELS if parameter in ("y", "labels") else BAD_ROWS
        for kind, spoil in kinds.items():
            try:
                bad = spoil(good[parameter])
            except (IndexError, TypeError, ValueError):
                continue  # Not of vectors or images.
            arguments = {**good, parameter: bad}
            yield f"{parameter}: {kind}", partial(getattr(audit, name), **arguments)


def test_other_functions_show_nothing_that_was_passed_by_mistake(tmp_path):
    calls = []
    for kind, bad in BAD_ENCRYPTORS.items():
        calls.append((f"save_pipeline: {kind}", partial(save_pipeline, bad, tmp_path)))
        path = tmp_path / "a.parquet"
        save = partial(save_ciphertexts, np.zeros((2, D)), path, bad)
        calls.append((f"save_ciphertexts: {kind}", save))
        calls.append(
            (f"load_ciphertexts: {kind}", partial(load_ciphertexts, path, bad))
        )
        for function in (lock_file, unlock_file):
            name, other = function.__name__, tmp_path / "b.parquet"
            calls.append((f"{name}: {kind}", partial(function, path, bad, other)))
        save = partial(TableEncoder().fit(private()).save, tmp_path / "t.sealed", bad)
        calls.append((f"save: {kind}", save))
        images = partial(encrypt_images, bad, private(0.7319, (N, 8, 8)))
        calls.append((f"encrypt_images: {kind}", images))
        if not isinstance(bad, str):
            calls.append((f"load: {kind}", partial(SecretKey.load, tmp_path, bad)))
        calls.append((f"from_bytes: {kind}", partial(SecretKey.from_bytes, bad)))
        calls.append((f"from_string: {kind}", partial(KeyShare.from_string, bad)))
        calls.append((f"combine: {kind}", partial(SecretKey.combine, [bad, bad])))
    wrong = problems(calls)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_audit_shows_no_values(name, encryptor):
    wrong = problems(calls_of_function(name, encryptor))
    assert not wrong, "\n".join(wrong)
