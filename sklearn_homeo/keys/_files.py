"""Key files: a key wrapped under a passphrase, and files written safely.

The file is one JSON document.  A memory-hard function turns the passphrase into a
key that encrypts the secret with AES-256-GCM; everything else in the document is
authenticated along with it, so that no field can be changed unnoticed.
"""

import base64
import binascii
import contextlib
import json
import os
import re
import secrets
import unicodedata

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sklearn_homeo.exceptions import KeyFileError

__all__ = ["read_limited", "unwrap", "wrap", "write_private"]

_FORMAT = "sklearn_homeo key"
_VERSION = 1
_CIPHER = "AES-256-GCM"
_MAX_FILE_BYTES = 64 * 1024
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 16, 12, 16
_FINGERPRINT = re.compile("[0-9a-f]{16}")

# Costs above the minimum of the OWASP Password Storage Cheat Sheet; the unit of
# memory_cost is KiB, and scrypt takes 128 * n * r bytes.
_ARGON2ID = {"iterations": 3, "lanes": 4, "memory_cost": 64 * 1024}
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
# What a file may demand of its reader: at most 256 MiB and some seconds.
_COST_BOUNDS = {
    "argon2id": {
        "iterations": (1, 10),
        "lanes": (1, 8),
        "memory_cost": (64, 256 * 1024),
    },
    "scrypt": {"n": (2**10, 2**18), "r": (1, 8), "p": (1, 4)},
}


def wrap(
    key_bytes: bytes, passphrase: str | bytes | bytearray, fingerprint: str
) -> bytes:
    """Wrap a key under a passphrase.

    The passphrase goes through Argon2id [1]_ (scrypt where OpenSSL lacks it) with a
    new random salt, the key through AES-256-GCM with a new random nonce.

    Parameters
    ----------
    key_bytes : bytes of length 32
        The key.
    passphrase : str or bytes
        Not empty.  Text is normalised to NFKC and encoded as UTF-8, so that the
        same passphrase typed on another system is the same bytes.
    fingerprint : str of 16 hexadecimal digits
        Public name of the key, stored readable.

    Returns
    -------
    bytes
        The JSON document, about 500 bytes.

    Raises
    ------
    TypeError
        If `passphrase` is neither str nor bytes.
    ValueError
        If `passphrase` is empty or not encodable, or the key has another length.

    References
    ----------
    .. [1] A. Biryukov et al., "Argon2 Memory-Hard Function for Password Hashing and
       Proof-of-Work Applications", RFC 9106, 2021.

    Examples
    --------
    >>> from sklearn_homeo.keys._files import unwrap, wrap
    >>> document = wrap(bytes(32), "correct horse", "0123456789abcdef")
    >>> unwrap(document, "correct horse") == (bytes(32), "0123456789abcdef")
    True
    """
    phrase = _passphrase_bytes(passphrase)
    if len(key_bytes) != _KEY_BYTES:
        raise ValueError(f"a key has 32 bytes, got {len(key_bytes)}")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "kdf": _new_kdf(),
        "cipher": {"name": _CIPHER, "nonce": _encode(nonce)},
        "fingerprint": fingerprint,
    }
    cipher = AESGCM(_derive(header["kdf"], phrase))
    wrapped = cipher.encrypt(nonce, bytes(key_bytes), _canonical(header))
    document = {**header, "wrapped_key": _encode(wrapped)}
    return json.dumps(document, indent=2).encode() + b"\n"


def unwrap(data: bytes, passphrase: str | bytes | bytearray) -> tuple[bytes, str]:
    """Unwrap a key.

    Every field is checked before the costly derivation starts, and a file may
    demand no more than 256 MiB of memory.

    Parameters
    ----------
    data : bytes
        What `wrap` returned.
    passphrase : str or bytes
        The same one.

    Returns
    -------
    key_bytes : bytes of length 32
        The key.
    fingerprint : str
        The fingerprint given to `wrap`, authenticated.

    Raises
    ------
    KeyFileError
        If `data` is no key file, is truncated, has an unsupported version, was
        changed, or has another passphrase.
    TypeError, ValueError
        If `passphrase` is none, as in `wrap`.
    """
    phrase = _passphrase_bytes(passphrase)
    header = _parse(data)
    wrapped = _decode(header.pop("wrapped_key"), _KEY_BYTES + _TAG_BYTES, "wrapped_key")
    nonce = _decode(header["cipher"]["nonce"], _NONCE_BYTES, "nonce")
    cipher = AESGCM(_derive(header["kdf"], phrase))
    try:
        key_bytes = cipher.decrypt(nonce, wrapped, _canonical(header))
    except InvalidTag:
        raise KeyFileError(
            "wrong passphrase, or the key file was changed (the two cannot be told "
            "apart); check the passphrase, then restore the file from a backup"
        ) from None
    return key_bytes, header["fingerprint"]


def write_private(path: str | os.PathLike, data: bytes) -> None:
    """Write a new file that only its owner can read, completely or not at all.

    A temporary file of mode 0600 in the same directory is written, synced and then
    put in place.  Where the system knows no such modes (Windows), the file has the
    permissions of its directory.

    Parameters
    ----------
    path : str or path-like
        Where to write; nothing may be there.
    data : bytes
        The content.

    Raises
    ------
    FileExistsError
        If anything is at `path`: overwriting a key loses its data for ever.
    OSError
        If the file cannot be written; no temporary file is left behind.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_homeo.keys._files import write_private
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_private(os.path.join(folder, "a.key"), b"content")
    ...     os.listdir(folder)
    ['a.key']
    """
    path = os.path.abspath(os.fsdecode(path))
    if os.path.lexists(path):
        raise _exists(path)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".homeo-{secrets.token_hex(8)}.tmp")
    try:
        _write_synced(temporary, data)
        _publish(temporary, path)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    _sync_folder(folder)


def read_limited(path: str | os.PathLike) -> bytes:
    """Read a key file, but never more than 64 KiB.

    Parameters
    ----------
    path : str or path-like
        Where the file is.

    Returns
    -------
    bytes

    Raises
    ------
    KeyFileError
        If the file is longer.
    OSError
        If it is missing or unreadable.
    """
    with open(path, "rb") as file:
        data = file.read(_MAX_FILE_BYTES + 1)
    _check_size(data)
    return data


def _passphrase_bytes(passphrase):
    if not isinstance(passphrase, str | bytes | bytearray):
        raise TypeError(
            f"passphrase must be str or bytes, got {type(passphrase).__name__}"
        )
    if len(passphrase) == 0:
        raise ValueError("passphrase must not be empty")
    if not isinstance(passphrase, str):
        return bytes(passphrase)
    # Checked beforehand, as a UnicodeEncodeError would carry the passphrase.
    if any("\ud800" <= character <= "\udfff" for character in passphrase):
        raise ValueError("passphrase must not contain lone surrogates")
    return unicodedata.normalize("NFKC", passphrase).encode()


def _new_kdf():
    salt = _encode(secrets.token_bytes(_SALT_BYTES))
    kdf = {"name": "argon2id", **_ARGON2ID, "salt": salt}
    try:
        _make_kdf(kdf)
    except UnsupportedAlgorithm:
        kdf = {"name": "scrypt", **_SCRYPT, "salt": salt}
    return kdf


def _make_kdf(kdf):
    make = {"argon2id": Argon2id, "scrypt": Scrypt}[kdf["name"]]
    costs = {name: kdf[name] for name in _COST_BOUNDS[kdf["name"]]}
    salt = _decode(kdf["salt"], _SALT_BYTES, "salt")
    return make(salt=salt, length=_KEY_BYTES, **costs)


def _derive(kdf, phrase):
    try:
        return _make_kdf(kdf).derive(phrase)
    except UnsupportedAlgorithm:
        raise KeyFileError(
            f"this key file needs {kdf['name']}, which the installed OpenSSL lacks; "
            "install a cryptography wheel with OpenSSL 3.2 or later"
        ) from None


def _canonical(header):
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _encode(raw):
    return base64.b64encode(raw).decode()


def _decode(text, length, name):
    try:
        raw = base64.b64decode(text, validate=True) if type(text) is str else b""
    except (binascii.Error, ValueError):
        raw = b""
    # Compared again because several texts may decode to the same bytes.
    if len(raw) != length or _encode(raw) != text:
        raise _damaged(f"{name} is not the base64 text of {length} bytes")
    return raw


def _parse(data):
    """The document as a dict whose every field has the right type and range."""
    document = _load_json(data)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise KeyFileError(
            "this is not a key file; give the path that SecretKey.save wrote"
        )
    version = document.get("version")
    if type(version) is int and version != _VERSION:
        raise KeyFileError(
            f"unsupported version {version!r:.20} of the key file; this release reads "
            f"version {_VERSION}, so upgrade sklearn_homeo"
        )
    names = {"format", "version", "kdf", "cipher", "fingerprint", "wrapped_key"}
    _check_fields(document, names, "the document")
    if type(version) is not int:
        raise _damaged("version is not an integer")
    _check_kdf(document["kdf"])
    _check_fields(document["cipher"], {"name", "nonce"}, "cipher")
    if document["cipher"]["name"] != _CIPHER:
        raise _damaged(f"the cipher is not {_CIPHER}")
    fingerprint = document["fingerprint"]
    if type(fingerprint) is not str or not _FINGERPRINT.fullmatch(fingerprint):
        raise _damaged("fingerprint is not 16 hexadecimal digits")
    return document


def _load_json(data):
    _check_size(data)
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except KeyFileError:
        raise
    except (ValueError, RecursionError):
        pass
    if _FORMAT.encode() in data:
        raise _damaged("it is truncated or no longer JSON")
    raise KeyFileError(
        "this is not a key file, or only a fragment of one; give the path that "
        "SecretKey.save wrote, or restore the file from a backup"
    )


def _unique(pairs):
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _damaged("a field occurs twice")
    return document


def _check_size(data):
    if len(data) > _MAX_FILE_BYTES:
        raise KeyFileError(
            "this is not a key file (longer than 64 KiB); give the path that "
            "SecretKey.save wrote"
        )


def _check_fields(value, names, where):
    if not isinstance(value, dict) or set(value) != names:
        raise _damaged(f"{where} must have exactly the fields {sorted(names)}")


def _check_kdf(kdf):
    name = kdf.get("name") if isinstance(kdf, dict) else None
    bounds = _COST_BOUNDS.get(name) if isinstance(name, str) else None
    if bounds is None:
        raise _damaged(f"the kdf is none of {sorted(_COST_BOUNDS)}")
    _check_fields(kdf, {"name", "salt", *bounds}, "kdf")
    _decode(kdf["salt"], _SALT_BYTES, "salt")
    for cost, (low, high) in bounds.items():
        if type(kdf[cost]) is not int or not low <= kdf[cost] <= high:
            raise _damaged(f"{cost} is not an integer from {low} to {high}")
    if name == "scrypt" and kdf["n"].bit_count() != 1:
        raise _damaged("n is not a power of two")


def _damaged(what):
    return KeyFileError(f"damaged key file: {what}; restore it from a backup")


def _exists(path):
    return FileExistsError(
        f"{path} exists already; overwriting a key loses its data for ever, so choose "
        "another path or move the old file away"
    )


def _write_synced(path, data):
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        # The process mask may have removed permissions of the owner.
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(temporary, path):
    try:
        # Unlike os.replace, a link fails if another process was first.
        os.link(temporary, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:
        # No hard links on this file system.
        if os.path.lexists(path):
            raise _exists(path) from None
        os.replace(temporary, path)


def _sync_folder(folder):
    """Make the new name survive a power cut, where directories can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
