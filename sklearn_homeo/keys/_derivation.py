"""What is derived from the bytes of a key: sub-keys and the public fingerprint."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["KEY_BYTES", "derive_fingerprint", "derive_mask_key", "derive_subkey"]

KEY_BYTES = 32
_SUBKEY_SALT = b"sklearn_homeo"
_MASKS_SALT = b"sklearn_homeo/masks"
# A salt of its own, so that no label of a sub-key can yield the public fingerprint.
_FINGERPRINT_SALT = b"sklearn_homeo/fingerprint"
_FINGERPRINT_INFO = b"v1/fingerprint"
_FINGERPRINT_BYTES = 8


def derive_subkey(secret: bytes, label: str) -> bytes:
    """Return 32 bytes for one purpose, by HKDF with SHA-256 (RFC 5869)."""
    return _hkdf(_SUBKEY_SALT, label.encode(), KEY_BYTES).derive(secret)


def derive_fingerprint(secret: bytes) -> str:
    """Return the public name of a key, 16 hexadecimal digits."""
    hkdf = _hkdf(_FINGERPRINT_SALT, _FINGERPRINT_INFO, _FINGERPRINT_BYTES)
    return hkdf.derive(secret).hex()


def derive_mask_key(shared: bytes, info: bytes) -> bytes:
    """Return 32 bytes for the masks of two owners, of a secret that they share."""
    return _hkdf(_MASKS_SALT, info, KEY_BYTES).derive(shared)


def _hkdf(salt, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info)
