"""Nested Python values and arrays as bytes and back, by JSON and safetensors."""

import base64
import datetime as dt
import hashlib
import json
import math
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

__all__ = ["dump_checked", "dump_tree", "load_checked", "load_tree"]

_LENGTH_BYTES, _DIGEST_BYTES = 8, 32
# What reading other bytes may end in.
_NO_TREE = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def dump_tree(tree):
    """Write a tree as bytes.

    Parameters
    ----------
    tree : dict, list, tuple, ndarray, bool, int, float, str, bytes, Decimal or None
        Also dates, times and durations of Python; nested in any depth. The keys of
        dictionaries are str, arrays hold numbers or truth values.

    Returns
    -------
    data : bytes

    Raises
    ------
    TypeError
        If it holds anything else; the message names the type.

    Examples
    --------
    >>> from sklearn_homeo._utils.trees import dump_tree, load_tree
    >>> load_tree(dump_tree({"a": (1, None), "b": [2.5, b"raw"]}))
    {'a': (1, None), 'b': [2.5, b'raw']}
    """
    from safetensors.numpy import save

    arrays = {}
    text = json.dumps(_write(tree, arrays), separators=(",", ":")).encode()
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text + save(arrays)


def load_tree(data):
    """Return the tree of `dump_tree`.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    TypeError
        If `data` is not bytes.
    ValueError
        If these are other bytes.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = _as_bytes(data)
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    try:
        written = json.loads(data[_LENGTH_BYTES:start])
        return _read(written, load(data[start:]))
    except (*_NO_TREE, SafetensorError) as error:
        raise ValueError("these bytes hold no tree") from error


def dump_checked(tree):
    """Write a tree as bytes that tell whether they were damaged on their way.

    Anybody can write others: what must not be changed on purpose needs a seal.
    """
    data = dump_tree(tree)
    return hashlib.sha256(data).digest() + data


def load_checked(data):
    """Return the tree of `dump_checked`; raises as `load_tree` does."""
    data = _as_bytes(data)
    digest, data = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError(
            "These bytes are damaged or of another kind; have them sent once more."
        )
    return load_tree(data)


def _as_bytes(data):
    if not isinstance(data, bytes | bytearray):
        raise TypeError(f"data must be bytes, got {type(data).__name__}.")
    return bytes(data)


def _write(value, arrays):
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, list):
        return [_write(item, arrays) for item in value]
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value)
        # safetensors knows no arrays of no dimension.
        return {"array": [name, list(value.shape)]}
    if isinstance(value, dict):
        return {"dict": {key: _write(item, arrays) for key, item in value.items()}}
    for name, (kind, write, _) in _KINDS.items():
        if type(value) is kind:
            return {name: _write(write(value), arrays)}
    raise TypeError(f"a {type(value).__name__} cannot be written to a file")


def _read(value, arrays):
    if isinstance(value, list):
        return [_read(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((name, content),) = value.items()
    if name == "float":
        return float(content)
    if name == "array":
        return arrays[content[0]].reshape(content[1])
    if name == "dict":
        return {key: _read(item, arrays) for key, item in content.items()}
    return _KINDS[name][2](_read(content, arrays))


def _write_delta(delta):
    return [delta.days, delta.seconds, delta.microseconds]


def _write_moment(moment):
    """ISO 8601, which knows neither the names of zones nor which of two hours it is."""
    zone = moment.tzinfo
    if zone is None or type(zone) is dt.timezone:
        text, name = moment.isoformat(), None
    elif isinstance(zone, ZoneInfo) and zone.key:
        text, name = moment.replace(tzinfo=None).isoformat(), zone.key
    else:
        kind = type(zone).__name__
        raise TypeError(
            f"a time with a zone of type {kind} cannot be written to a file"
        )
    return text if name is None and not moment.fold else [text, moment.fold, name]


def _read_moment(kind, written):
    if isinstance(written, str):
        return kind.fromisoformat(written)
    text, fold, name = written
    moment = kind.fromisoformat(text).replace(fold=fold)
    return moment if name is None else moment.replace(tzinfo=ZoneInfo(name))


_KINDS = {
    "tuple": (tuple, list, tuple),
    "bytes": (bytes, lambda raw: base64.b64encode(raw).decode(), base64.b64decode),
    "decimal": (Decimal, str, Decimal),
    "datetime": (
        dt.datetime,
        _write_moment,
        lambda part: _read_moment(dt.datetime, part),
    ),
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": (dt.time, _write_moment, lambda part: _read_moment(dt.time, part)),
    "timedelta": (dt.timedelta, _write_delta, lambda parts: dt.timedelta(*parts)),
}
