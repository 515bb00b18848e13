"""A key wrapped for storage: under a passphrase, or by whatever else can do it.

Under a passphrase the result is one JSON document.  A memory-hard function turns the
passphrase into a key that encrypts the secret with AES-256-GCM; everything else in the
document is authenticated along with it, so that no field can be changed unnoticed.
"""

import base64
import binascii
import json
import re
import secrets
import unicodedata
from typing import Protocol, runtime_checkable

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo.exceptions import KeyFileError
from sklearn_homeo.keys._derivation import KEY_BYTES, derive_fingerprint

__all__ = ["KeyWrapper", "PassphraseWrapper", "as_wrapper"]

_FORMAT = "sklearn_homeo key"
_VERSION = 1
_CIPHER = "AES-256-GCM"
_MAX_DOCUMENT_BYTES = 64 * 1024
_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_FINGERPRINT = re.compile("[0-9a-f]{16}")
_SURROGATES = re.compile("[\ud800-\udfff]")

# NIST SP 800-63B-4 asks for 15 characters where a password is the only factor, as it is
# for a file that can be copied and tried without limit. Few different characters are
# what `aaaa...` and `121212...` have.
_LEAST_CHARACTERS = 15
_LEAST_DIFFERENT = 5
# Normalising combining marks takes time quadratic in their number.
_MOST_CHARACTERS = 1024

# Costs above the minimum of the OWASP Password Storage Cheat Sheet; the unit of
# memory_cost is KiB, and scrypt takes 128 * n * r bytes.
_ARGON2ID = {"iterations": 3, "lanes": 4, "memory_cost": 64 * 1024}
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
# What a file may demand of its reader: at most 256 MiB, and at most 512 MiB written,
# which takes a second or two. Both functions have one block size that is in use.
_COST_BOUNDS = {
    "argon2id": {
        "iterations": (1, 8),
        "lanes": (1, 8),
        "memory_cost": (64, 256 * 1024),
    },
    "scrypt": {"n": (2**10, 2**18), "r": (8, 8), "p": (1, 2)},
}
_MOST_KIB_WRITTEN = 512 * 1024


@runtime_checkable
class KeyWrapper(Protocol):
    """An object that can protect the bytes of a key for storage, and bring them back.

    Any object with these two methods: one that asks a key management service, a
    hardware token or the keyring of the operating system. `SecretKey.save` and
    `SecretKey.load` take it in place of a passphrase.

    See Also
    --------
    PassphraseWrapper : The one that comes with the package.

    Examples
    --------
    >>> from cryptography.fernet import Fernet
    >>> from sklearn_homeo import KeyWrapper
    >>> class Vault:
    ...     def __init__(self):
    ...         self._service = Fernet(Fernet.generate_key())
    ...
    ...     def wrap(self, secret):
    ...         return self._service.encrypt(secret)
    ...
    ...     def unwrap(self, wrapped):
    ...         return self._service.decrypt(wrapped)
    >>> isinstance(Vault(), KeyWrapper)
    True
    """

    def wrap(self, secret: bytes) -> bytes:
        """Wrap a secret.

        Parameters
        ----------
        secret : bytes of length 32
            The key.

        Returns
        -------
        bytes
            Bytes to store in its place, at most 64 KiB.
        """

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwrap a secret, or raise an error if it was changed.

        Parameters
        ----------
        wrapped : bytes
            What `wrap` returned.

        Returns
        -------
        bytes of length 32
            The key.
        """


class PassphraseWrapper:
    """Wraps a key under a passphrase.

    The passphrase goes through Argon2id [1]_ (scrypt where OpenSSL lacks it) with a
    new random salt, the key through AES-256-GCM with a new random nonce.

    Parameters
    ----------
    passphrase : str or bytes
        At most 1024 characters or bytes, and to `wrap` at least 15, of which five are
        different. Text is normalised to NFKC and encoded as UTF-8, so that the same
        passphrase typed on another system is the same bytes.

    Raises
    ------
    TypeError
        If `passphrase` is neither str nor bytes.
    ValueError
        If `passphrase` is empty, too long or not encodable.

    References
    ----------
    .. [1] A. Biryukov et al., "Argon2 Memory-Hard Function for Password Hashing and
       Proof-of-Work Applications", RFC 9106, 2021.

    Examples
    --------
    >>> from sklearn_homeo import PassphraseWrapper
    >>> wrapper = PassphraseWrapper("correct horse battery staple")
    >>> wrapper.unwrap(wrapper.wrap(bytes(32))) == bytes(32)
    True
    >>> wrapper
    PassphraseWrapper(<secret>)
    """

    def __init__(self, passphrase: str | bytes | bytearray):
        hidden = Hidden(passphrase)
        del passphrase
        self._passphrase = _normalise(hidden)

    def wrap(self, secret: bytes) -> bytes:
        """Wrap a key.

        Parameters
        ----------
        secret : bytes of length 32
            The key.

        Returns
        -------
        bytes
            The JSON document, about 500 bytes, which names the key's fingerprint.

        Raises
        ------
        TypeError
            If `secret` is not bytes.
        ValueError
            If the passphrase is too short, or the key has another length.
        """
        hidden = Hidden(secret)
        del secret
        _check_bytes(hidden.value, "secret")
        _check_strength(self._passphrase)
        if len(hidden.value) != KEY_BYTES:
            raise ValueError(f"a key has 32 bytes, got {len(hidden.value)}")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        header = {
            "format": _FORMAT,
            "version": _VERSION,
            "kdf": _new_kdf(),
            "cipher": {"name": _CIPHER, "nonce": _encode(nonce)},
            "fingerprint": derive_fingerprint(hidden.value),
        }
        cipher = _make_cipher(header["kdf"], self._passphrase)
        wrapped = cipher.encrypt(nonce, bytes(hidden.value), _canonical(header))
        document = {**header, "wrapped_key": _encode(wrapped)}
        return json.dumps(document, indent=2).encode() + b"\n"

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwrap a key.

        Every field is checked before the costly derivation starts, and a document may
        demand no more than 256 MiB of memory.

        Parameters
        ----------
        wrapped : bytes
            What `wrap` returned.

        Returns
        -------
        bytes of length 32
            The key.

        Raises
        ------
        TypeError
            If `wrapped` is not bytes.
        KeyFileError
            If `wrapped` is not such a document, is truncated, has an unsupported
            version, was changed, or has another passphrase.
        """
        _check_bytes(wrapped, "wrapped")
        header = _parse(bytes(wrapped))
        length = KEY_BYTES + _TAG_BYTES
        ciphertext = _decode(header.pop("wrapped_key"), length, "wrapped_key")
        nonce = _decode(header["cipher"]["nonce"], _NONCE_BYTES, "nonce")
        cipher = _make_cipher(header["kdf"], self._passphrase)
        try:
            secret = Hidden(cipher.decrypt(nonce, ciphertext, _canonical(header)))
        except InvalidTag:
            raise KeyFileError(
                "wrong passphrase, or the key file was changed (the two cannot be told "
                "apart); check the passphrase, then restore the file from a backup"
            ) from None
        if derive_fingerprint(secret.value) != header["fingerprint"]:
            raise KeyFileError(
                "the key does not have the fingerprint that its file states, so the "
                "file was not written by SecretKey.save; restore it from a backup"
            )
        return secret.value

    def __repr__(self):
        return "PassphraseWrapper(<secret>)"

    def __reduce__(self):
        raise TypeError("a PassphraseWrapper is not pickled: it holds the passphrase")


def as_wrapper(given: Hidden) -> KeyWrapper:
    """Return the wrapper that was given, or one that takes it for a passphrase."""
    if isinstance(given.value, KeyWrapper):
        return given.value
    return PassphraseWrapper(given.value)


def _check_bytes(value, name):
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"{name} must be bytes, got {type(value).__name__}")


def _normalise(passphrase):
    kind = type(passphrase.value)
    if not issubclass(kind, str | bytes | bytearray):
        raise TypeError(f"passphrase must be str or bytes, got {kind.__name__}")
    length = len(passphrase.value)
    if length == 0:
        raise ValueError("passphrase must not be empty")
    if length > _MOST_CHARACTERS:
        raise ValueError(
            f"passphrase must not have more than {_MOST_CHARACTERS} characters, got "
            f"{length}; several words are enough"
        )
    if not issubclass(kind, str):
        return Hidden(bytes(passphrase.value))
    # Checked beforehand, as a UnicodeEncodeError would carry the passphrase.
    if _SURROGATES.search(passphrase.value):
        raise ValueError("passphrase must not contain lone surrogates")
    return Hidden(unicodedata.normalize("NFKC", passphrase.value))


def _check_strength(passphrase):
    if len(passphrase.value) < _LEAST_CHARACTERS:
        raise ValueError(
            f"passphrase must have at least {_LEAST_CHARACTERS} characters: anyone who "
            "copies the file can try passphrases without limit. Take four or more "
            "words drawn at random"
        )
    if len(set(passphrase.value)) < _LEAST_DIFFERENT:
        raise ValueError(
            f"passphrase must have at least {_LEAST_DIFFERENT} different characters. "
            "Take four or more words drawn at random"
        )


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
    return make(salt=salt, length=KEY_BYTES, **costs)


def _make_cipher(kdf, passphrase):
    try:
        return AESGCM(_make_kdf(kdf).derive(_as_bytes(passphrase)))
    except UnsupportedAlgorithm:
        raise KeyFileError(
            f"this key file needs {kdf['name']}, which the installed OpenSSL lacks; "
            "install a cryptography wheel with OpenSSL 3.2 or later"
        ) from None
    except MemoryError:
        raise KeyFileError(
            f"there is not enough memory for {kdf['name']}, which takes "
            f"{_memory_kib(kdf) // 1024} MiB; free some and try again"
        ) from None


def _as_bytes(passphrase):
    given = passphrase.value
    return given.encode() if isinstance(given, str) else given


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
    if len(data) > _MAX_DOCUMENT_BYTES:
        raise KeyFileError(
            "this is not a key file (longer than 64 KiB); give the path that "
            "SecretKey.save wrote"
        )
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
    if name == "argon2id" and kdf["memory_cost"] < 8 * kdf["lanes"]:
        raise _damaged("memory_cost is less than 8 for each of the lanes")
    if _passes(kdf) * _memory_kib(kdf) > _MOST_KIB_WRITTEN:
        raise _damaged(f"{name} takes more than {_MOST_KIB_WRITTEN // 1024} MiB")


def _memory_kib(kdf):
    if kdf["name"] == "argon2id":
        return kdf["memory_cost"]
    return kdf["n"] * kdf["r"] // 8


def _passes(kdf):
    # scrypt writes its memory once and reads it once.
    return kdf["iterations"] if kdf["name"] == "argon2id" else 2 * kdf["p"]


def _damaged(what):
    return KeyFileError(f"damaged key file: {what}; restore it from a backup")
