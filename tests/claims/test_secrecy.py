"""Nothing that a person or a log may see contains a byte of the key."""

import base64
import logging
import pickle
import traceback

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey

RAW = bytes.fromhex("d1c0ffee5ca1ab1ebeefcafef00dfeedfacefeed0badf00ddecafbad8badbeef")


def assert_no_secret(text):
    key = SecretKey.from_bytes(RAW)
    forms = [RAW.hex(), base64.b64encode(RAW).decode(), repr(RAW)[2:-1], str(list(RAW))]
    forms += [key.for_lock(0).to_bytes().hex()]
    for form in forms:
        # A third of a key is a leak too.
        assert form[: len(form) // 3].lower() not in text.lower()
        assert form[len(form) // 3 : 2 * len(form) // 3].lower() not in text.lower()


@pytest.fixture(scope="module")
def fitted():
    X, y = load_wine(return_X_y=True)
    return HomeomorphicEncryptor(key=SecretKey.from_bytes(RAW)).fit(X, y)


def test_key_is_not_shown(fitted):
    shown = [
        repr(fitted),
        str(fitted),
        fitted._repr_html_(),
        repr(fitted.get_params()),
        repr(fitted.key_),
        fitted.key_fingerprint_,
        repr(make_pipeline(fitted, LogisticRegression())),
        make_pipeline(fitted, LogisticRegression())._repr_html_(),
    ]
    for text in shown:
        assert_no_secret(text)


def test_public_attributes_hold_no_key_material(fitted):
    public = {
        name: value for name, value in vars(fitted).items() if not name.startswith("_")
    }
    arrays = [name for name, value in public.items() if isinstance(value, np.ndarray)]
    assert arrays == []
    assert_no_secret(repr(public))


def test_search_results_and_logs_show_no_key(caplog, capsys):
    X, y = load_wine(return_X_y=True)
    key = SecretKey.from_bytes(RAW)
    pipeline = make_pipeline(
        StandardScaler(), HomeomorphicEncryptor(), LogisticRegression()
    )
    grid = {"homeomorphicencryptor__key": [key], "homeomorphicencryptor__depth": [1, 2]}
    with caplog.at_level(logging.DEBUG):
        search = GridSearchCV(pipeline, grid, cv=3, verbose=3).fit(X, y)
    printed = capsys.readouterr()
    assert "depth" in printed.out
    for text in (repr(search.cv_results_), caplog.text, printed.out, printed.err):
        assert_no_secret(text)
    assert_no_secret(search._repr_html_())


def test_exceptions_show_no_key(fitted):
    X, y = load_wine(return_X_y=True)
    far = X * 1e9
    calls = [
        lambda: fitted.transform(far),
        lambda: fitted.inverse_transform(X),
        lambda: fitted.transform(X[:, :3]),
        lambda: HomeomorphicEncryptor(key=SecretKey.from_bytes(RAW)).fit(X),
        lambda: HomeomorphicEncryptor(
            key=SecretKey.from_bytes(RAW), n_preserved=99
        ).fit(X, y),
        lambda: HomeomorphicEncryptor(key=SecretKey.from_bytes(RAW), depth=-1).fit(
            X, y
        ),
    ]
    for call in calls:
        with pytest.raises(ValueError) as caught:
            call()
        assert_no_secret("".join(traceback.format_exception(caught.value)))


def test_pickle_holds_the_key_as_the_docs_say(fitted):
    assert RAW in pickle.dumps(fitted)
    assert "contain" in HomeomorphicEncryptor.__doc__


@pytest.mark.parametrize("form", [bytes, bytes.hex, bytearray])
def test_key_of_a_wrong_type_is_not_shown(form):
    X, y = load_wine(return_X_y=True)
    encryptor = HomeomorphicEncryptor(key=form(RAW))
    assert_no_secret(repr(encryptor))
    assert_no_secret(encryptor._repr_html_())
    assert_no_secret(repr(encryptor._repr_mimebundle_()))
    with pytest.raises(ValueError, match="not shown") as caught:
        encryptor.fit(X, y)
    assert_no_secret("".join(traceback.format_exception(caught.value)))
