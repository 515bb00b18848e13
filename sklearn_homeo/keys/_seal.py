"""Sealed files: whatever a fit learnt, under the key, without a pickle.

A file is one readable line, which says what it is and which key opens it, and a tree
of values and arrays encrypted with AES-256-GCM. The line is authenticated along with
it, so that nothing in the file can be changed unnoticed.
"""

import json
import os
import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sklearn_homeo._utils.hidden import HiddenDict
from sklearn_homeo._utils.trees import dump_tree, load_tree
from sklearn_homeo.exceptions import SealedFileError
from sklearn_homeo.keys._files import read_limited, write_private
from sklearn_homeo.keys._key import SecretKey

__all__ = ["open_sealed", "read_header", "save_sealed", "seal", "unseal"]

_FORMAT = "sklearn_homeo sealed"
_VERSION = 1
_NONCE_BYTES = 12
_MAX_HEADER_BYTES = 1024
_MAX_FILE_BYTES = 2**32
_HEADER = {"format": str, "version": int, "kind": str, "fingerprint": str, "nonce": str}
_NONCE = re.compile(f"[0-9a-f]{{{2 * _NONCE_BYTES}}}")


def seal(tree: dict, kind: str, key: SecretKey) -> bytes:
    """Seal a tree under a key.

    Parameters
    ----------
    tree : dict
        What `sklearn_homeo._utils.trees.dump_tree` takes.
    kind : str
        What it describes, for example "encryptor"; it stays readable.
    key : SecretKey
        The key; a sub-key for the kind does the work.

    Returns
    -------
    bytes

    Raises
    ------
    TypeError
        If the tree holds what cannot be written.

    Examples
    --------
    >>> from sklearn_homeo import SecretKey
    >>> from sklearn_homeo.keys._seal import seal, unseal
    >>> key = SecretKey.generate()
    >>> dict(unseal(seal({"depth": 3}, "example", key), "example", key))
    {'depth': 3}
    """
    _check_key(key)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "kind": kind,
        "fingerprint": key.fingerprint,
        "nonce": nonce.hex(),
    }
    line = json.dumps(header).encode() + b"\n"
    return line + _cipher(key, kind).encrypt(nonce, dump_tree(tree), line)


def unseal(data: bytes, kind: str, key: SecretKey) -> dict:
    """Return the tree of `seal`.

    Parameters
    ----------
    data : bytes
        What `seal` returned.
    kind : str
        What it must describe.
    key : SecretKey
        The same key.

    Returns
    -------
    dict

    Raises
    ------
    SealedFileError
        If it is not a sealed file, is of another kind, another key or a newer version,
        or was changed or cut off. The message says which, as far as that can be told.
    TypeError
        If `key` is not a SecretKey.
    """
    _check_key(key)
    line, header = _parse(data)
    if header["kind"] != kind:
        raise SealedFileError(
            f"this file holds {_described(header['kind'])}, not {_described(kind)}"
        )
    if header["fingerprint"] != key.fingerprint:
        raise SealedFileError(
            f"this file was sealed under the key with the fingerprint "
            f"{header['fingerprint']}, not under the given one, {key.fingerprint}"
        )
    nonce = bytes.fromhex(header["nonce"])
    try:
        content = _cipher(key, kind).decrypt(nonce, data[len(line) :], line)
    except InvalidTag:
        raise SealedFileError(
            "the sealed file was changed or cut off; restore it from a backup"
        ) from None
    return HiddenDict(load_tree(content))


def _check_key(key):
    if not isinstance(key, SecretKey):
        raise TypeError(f"key must be a SecretKey, got {type(key).__name__}")


def save_sealed(path: str | os.PathLike, tree: dict, kind: str, key: SecretKey) -> None:
    """Write a tree, sealed, to a new file that only its owner can read.

    Parameters
    ----------
    path : str or path-like
        Where to write; nothing may be there.
    tree, kind, key
        As in `seal`.

    Raises
    ------
    FileExistsError
        If anything is at `path`: what it encrypted may be in use still.
    """
    write_private(path, seal(tree, kind, key))


def open_sealed(path: str | os.PathLike, kind: str, key: SecretKey) -> dict:
    """Read the tree of `save_sealed`.

    Parameters
    ----------
    path : str or path-like
        Where the file is.
    kind, key
        As in `unseal`.

    Returns
    -------
    dict

    Raises
    ------
    SealedFileError, TypeError
        As `unseal`; the message names the file.
    OSError
        If it is missing or unreadable.
    """
    data = read_limited(path, SealedFileError, _MAX_FILE_BYTES)
    try:
        return unseal(data, kind, key)
    except SealedFileError as error:
        raise SealedFileError(f"{os.fsdecode(path)}: {error}") from None


def read_header(path: str | os.PathLike) -> dict:
    """Return the readable line of a sealed file: its kind, version and fingerprint.

    Parameters
    ----------
    path : str or path-like
        Where the file is.

    Returns
    -------
    dict
        "format", "version", "kind", "fingerprint" and "nonce".

    Raises
    ------
    SealedFileError
        If it is not a sealed file, or of a newer version.
    """
    data = read_limited(path, SealedFileError, _MAX_FILE_BYTES)
    try:
        return _parse(data)[1]
    except SealedFileError as error:
        raise SealedFileError(f"{os.fsdecode(path)}: {error}") from None


def _cipher(key, kind):
    return AESGCM(key.subkey(f"v{_VERSION}/sealed/{kind}"))


def _parse(data):
    """Return the first line and what it says."""
    end = data.find(b"\n", 0, _MAX_HEADER_BYTES) + 1
    try:
        header = json.loads(data[:end])
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise SealedFileError("this is not a sealed file of sklearn_homeo")
    version = header.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise SealedFileError(
            f"the sealed file has version {version}, this sklearn_homeo knows versions "
            f"up to {_VERSION}; upgrade it"
        )
    fits = all(type(header.get(name)) is kind for name, kind in _HEADER.items())
    if not fits or len(header) != len(_HEADER) or version != _VERSION:
        raise SealedFileError("the first line of the sealed file was changed")
    if not _NONCE.fullmatch(header["nonce"]):
        raise SealedFileError("the first line of the sealed file was changed")
    return data[:end], header


def _described(kind):
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"
