"""No key, and nothing of a row, in reprs, tracebacks, messages or caches."""

import traceback
from dataclasses import astuple
from functools import partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, wine
from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TanhEncryptor

SECRET = b"sixteen secret b" * 2
WRONG_KEYS = {
    "bytes": SECRET,
    "bytearray": bytearray(SECRET),
    "hex": SECRET.hex(),
    "passphrase": "sixteen secret b",
    "list": list(SECRET),
    "tuple": tuple(SECRET),
    "array": np.frombuffer(SECRET, np.uint8),
    "int": int.from_bytes(SECRET),
    "dict": {"key": SECRET},
    "float": 115.105120,
}
SHOWN = ["sixteen secret", SECRET.hex(), "115, 105, 120", "115 105 120"]
SHOWN += [str(int.from_bytes(SECRET)), "115.10512"]


def check_hidden(text):
    assert not [shown for shown in SHOWN if shown in text]


@pytest.mark.parametrize("kind", [HomeomorphicEncryptor, TanhEncryptor])
@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_key_of_a_wrong_type_is_shown_nowhere(wrong, kind):
    X, y = wine()
    encryptor = kind(key=WRONG_KEYS[wrong])
    nested = [
        encryptor,
        clone(encryptor),
        kind().set_params(key=WRONG_KEYS[wrong]),
        make_pipeline(StandardScaler(), encryptor, LogisticRegression()),
        ColumnTransformer([("encryptor", encryptor, [0, 1])]),
        GridSearchCV(make_pipeline(encryptor, LogisticRegression()), {}),
    ]
    for estimator in nested:
        check_hidden(repr(estimator))
        check_hidden(str(estimator._repr_mimebundle_()))
        check_hidden(str(estimator.get_params()))
    for estimator in (encryptor, clone(encryptor), nested[3]):
        with pytest.raises(
            ValueError, match="'key' parameter of .*not shown"
        ) as caught:
            estimator.fit(X, y)
        error = traceback.TracebackException.from_exception(
            caught.value, capture_locals=True
        )
        check_hidden("".join(error.format()))


def test_a_search_over_keys_shows_none_and_refuses_raw_ones():
    X, y = wine()
    pipeline = make_pipeline(HomeomorphicEncryptor(leakage="space"), GaussianNB())
    keys = [KEY, SecretKey.from_bytes(SECRET)]
    grid = {"homeomorphicencryptor__key": keys}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    check_hidden(repr(search) + str(search._repr_mimebundle_()))
    check_hidden(repr(search.cv_results_) + repr(search.best_params_))
    # scikit-learn shows its own parameters, such as a grid; no fit goes that far.
    raw = GridSearchCV(pipeline, {"homeomorphicencryptor__key": [SECRET]}, cv=2)
    with pytest.raises(ValueError, match="not shown") as caught:
        raw.fit(X, y)
    check_hidden("".join(traceback.format_exception(caught.value)))


def test_parameters_keep_scikit_learns_contract():
    encryptor = HomeomorphicEncryptor(key=KEY)
    assert encryptor.key is KEY and encryptor.get_params()["key"] is KEY
    assert clone(encryptor).key is KEY
    assert HomeomorphicEncryptor().key is None
    hidden = HomeomorphicEncryptor(key=SECRET).key
    assert HomeomorphicEncryptor(key=hidden).key is hidden
    assert clone(HomeomorphicEncryptor(key=hidden)).fit is not None


@pytest.mark.parametrize("options", [{}, {"leakage": "space"}, {"randomized": True}])
def test_tracebacks_with_locals_show_no_part_of_the_cipher(options):
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=2, **options).fit(X)

    def fail(encryptor, cipher, view, locks):
        raise RuntimeError

    cipher = encryptor._cipher
    view = getattr(cipher, "view", None)
    noise = getattr(view, "noise", None)
    homeomorphism = getattr(view, "homeomorphism", None)
    with pytest.raises(RuntimeError) as caught:
        fail(
            encryptor,
            cipher,
            [view, noise, homeomorphism],
            getattr(cipher, "locks", None) or cipher._locks,
        )
    error = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    text = str(error.stack[-1].locals)
    assert "array(" not in text and "b'" not in text
    assert text.count("secret") >= 4 and KEY.to_bytes().hex() not in text


def test_a_pipeline_with_a_cache_draws_a_fresh_key(tmp_path):
    X, y = wine()
    pipelines = [
        make_pipeline(
            HomeomorphicEncryptor(n_preserved=2, key=key),
            LogisticRegression(),
            memory=str(tmp_path),
        ).fit(X, y)
        for key in (None, None, KEY, KEY)
    ]
    keys = [pipeline[0].key_ for pipeline in pipelines]
    assert keys[0] != keys[1] and keys[2] == keys[3] == KEY
    assert joblib.hash(HomeomorphicEncryptor()) != joblib.hash(HomeomorphicEncryptor())


VALUE = 7.1234567
BAD_ROWS = {
    "one row": lambda X: X[7],
    "list": lambda X: list(X[7]),
    "scalar": lambda X: X[7, 0],
    "cube": lambda X: X[None],
    "complex": lambda X: X + 1j,
    "complex objects": lambda X: (X + 1j).astype(object),
    "text": lambda X: X.astype(str),
    "some text": lambda X: np.where(X == VALUE, f"id {VALUE}", X.astype(object)),
    "bytes": lambda X: X.astype("S"),
    "dictionaries": lambda X: np.array([[{"a": VALUE}] * 13] * 178, dtype=object),
    "ragged": lambda X: [list(X[0]), [VALUE]],
    "frame of text": lambda X: pd.DataFrame(X).astype({2: str}),
    "polars of text": lambda X: pl.DataFrame(X.astype(str)),
    "sparse": lambda X: csr_array(X),
    "nan": lambda X: np.where(X == VALUE, np.nan, X),
    "infinite": lambda X: np.where(X == VALUE, np.inf, X),
    "huge": lambda X: np.where(X == VALUE, VALUE * 1e300, X),
    "far": lambda X: np.where(X == VALUE, VALUE * 1e10, X),
    "narrow": lambda X: X[:, :5],
    "no rows": lambda X: X[:0],
    "dates": lambda X: np.full(X.shape, "2026-07-07", "datetime64[D]"),
    "spans": lambda X: np.full(X.shape, 7, "timedelta64[s]"),
    "tensor row": lambda X: torch.tensor(X[7]),
    "complex tensor": lambda X: torch.tensor(X + 1j),
    "nan tensor": lambda X: torch.tensor(np.where(X == VALUE, np.nan, X)),
    "None": lambda X: None,
    "string": lambda X: f"{VALUE}",
    "missing": lambda X: pd.DataFrame(X, dtype="Float64").mask(X == VALUE),
    "structured": lambda X: np.zeros(3, dtype=[("a", float)]),
}


@pytest.mark.parametrize("estimator", [HomeomorphicEncryptor, TanhEncryptor])
@pytest.mark.parametrize(
    "method", ["fit", "transform", "inverse_transform", "preserve"]
)
@pytest.mark.parametrize("bad", BAD_ROWS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_messages_name_places_and_show_no_value(bad, method, estimator):
    X, y = wine()
    X[7] = VALUE
    options = {} if estimator is TanhEncryptor else {"n_preserved": 2}
    encryptor = estimator(key=KEY, **options).fit(X)
    arguments = (y,) if method == "fit" else ()
    try:
        getattr(encryptor, method)(BAD_ROWS[bad](X), *arguments)
    except (ValueError, TypeError) as error:
        text = "".join(traceback.format_exception_only(error))
        assert "7.1234" not in text and "2026-07" not in text, text
        assert not isinstance(error, KeyError) and len(text) > 20
    else:
        # Text of numbers is taken for numbers.
        fine = {"far", "text", "bytes", "frame of text", "polars of text"}
        assert (
            bad in fine
            or estimator is TanhEncryptor
            or (bad, method)
            == (
                "narrow",
                "fit",
            )
        )


@pytest.mark.parametrize("kind", ["numpy", "pandas", "polars", "objects"])
def test_columns_of_dates_are_named(kind):
    X, y = wine()
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(13)])
    frame["seen"] = pd.Timestamp("2026-01-01")
    rows, name = frame, "'seen'"
    if kind == "numpy":
        rows, name = np.full((178, 2), "2026-01-01", "datetime64[s]"), "0, 1"
    elif kind == "polars":
        rows = pl.from_pandas(frame)
    elif kind == "objects":
        rows, name = frame.astype(object).to_numpy(), "13"
    for estimator in (HomeomorphicEncryptor(key=KEY), TanhEncryptor(key=KEY)):
        with pytest.raises(ValueError, match=f"hold dates or times: {name}"):
            estimator.fit(rows, y)


def test_sparse_rows_say_what_to_do():
    X, y = wine()
    with pytest.raises(TypeError, match="sparse_output=False in OneHotEncoder"):
        HomeomorphicEncryptor(key=KEY).fit(csr_array(X), y)


STEPS = {
    "save": "sklearn_homeo.keys._files._finish",
    "seal": "sklearn_homeo.keys._seal.dump_tree",
    "load": "sklearn_homeo.encryption._encryptor.build_cipher",
    "for_owner": "sklearn_homeo.encryption._encryptor.build_cipher",
    "first_holder": "sklearn_homeo.encryption._encryptor.build_cipher",
    "rekey": "sklearn_homeo.encryption._encryptor.build_cipher",
}


@pytest.mark.parametrize("step", STEPS)
def test_tracebacks_of_files_owners_and_holders_show_no_sub_key(
    step, tmp_path, monkeypatch
):
    X, y = wine()
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=3, key=KEY).fit(X, y)
    path = tmp_path / "encryptor.sealed"
    encryptor.save(path)
    call = {
        "save": partial(encryptor.save, tmp_path / "other.sealed"),
        "seal": partial(encryptor.save, tmp_path / "other.sealed"),
        "load": partial(HomeomorphicEncryptor.load, path, KEY),
        "for_owner": partial(encryptor.for_owner, "north"),
    }.get(step) or getattr(encryptor, step)

    def fail(*args, **options):
        raise RuntimeError

    monkeypatch.setattr(STEPS[step], fail)
    with pytest.raises(RuntimeError) as caught:
        call()
    report = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    # Of this function, the first frame, everything is known.
    text = "".join(list(report.stack.format())[1:])
    views = [key for view in encryptor._keys.views for key in astuple(view)]
    for secret in (KEY.to_bytes(), *encryptor._keys.locks, *views):
        assert repr(secret)[2:-1] not in text and secret.hex() not in text
