"""Ciphers on torch devices."""

import weakref

from sklearn_homeo.ciphers.view_cipher import ViewCipher

__all__ = ["cipher_on"]

# A cipher goes to a device once. Kept outside of it, so that no pickle holds copies and
# nothing that a user sees changes in `transform`.
_COPIES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def cipher_on(cipher, device):
    """Return a cipher that works on a device; its ciphertexts are the same.

    Parameters
    ----------
    cipher : Cipher
    device : torch.device or None
        On the CPU, and without a device, the cipher itself is the fastest. So it is
        where everything is preserved, as there is nothing that a GPU would speed up.

    Returns
    -------
    cipher : Cipher
    """
    if device is None or device.type == "cpu" or not isinstance(cipher, ViewCipher):
        return cipher
    from sklearn_homeo.ciphers.tensors import TensorCipher

    copies = _COPIES.setdefault(cipher, {})
    if device not in copies:
        copies[device] = TensorCipher(cipher, device)
    return copies[device]
