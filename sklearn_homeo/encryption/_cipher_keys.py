"""The sub-keys of a cipher, apart from each other, so that each can go its own way.

An encryptor derives all of them from its key. One that shares its view with others, or
that holds some of the locks, has sub-keys of different origins.
"""

from dataclasses import dataclass, replace

from sklearn_homeo.ciphers.prf import derive_key
from sklearn_homeo.encryption._state import digest
from sklearn_homeo.keys._stream import KeyStream

__all__ = ["CipherKeys", "ViewKeys"]


@dataclass(frozen=True, repr=False)
class ViewKeys:
    """The sub-keys of a view.

    Parameters
    ----------
    map : bytes of length 32
        Of the keyed homeomorphism of label space, which one model needs in common.
    noise_aes, noise_hash : bytes of length 32
        From which the noise of rows is drawn.
    """

    map: bytes
    noise_aes: bytes
    noise_hash: bytes

    @classmethod
    def from_key(cls, key, binding):
        """Derive them from a `SecretKey`; ``binding`` names the fitted state."""
        labels = (f"v3/{of}/{binding}" for of in ("view", "noise/aes", "noise/hash"))
        return cls(*map(key.subkey, labels))

    def stream(self):
        """Open the stream of numbers from which the homeomorphism is drawn."""
        return KeyStream(self.map)

    def __repr__(self):
        return "ViewKeys(<secret>)"


@dataclass(frozen=True, repr=False)
class CipherKeys:
    """All sub-keys of a cipher.

    Parameters
    ----------
    view : ViewKeys
    locks : tuple of bytes of length 32
        One for each lock, in the order of encryption.
    binding : bytes of length 32
        Names the fitted state and the key to the locks. Public: unlike the state's
        digest, nobody can try training rows with it.
    """

    view: ViewKeys
    locks: tuple
    binding: bytes

    @classmethod
    def from_key(cls, key, state):
        """Derive all from a `SecretKey`, bound to a fitted state."""
        named = digest(state)
        return cls(
            ViewKeys.from_key(key, named.hex()),
            tuple(key.for_lock(i).to_bytes() for i in range(state["depth"])),
            derive_key(key.to_bytes(), "v3/locks", named),
        )

    def with_view(self, view):
        """Return the same locks with another view's keys."""
        return replace(self, view=view)

    def for_owner(self, key, state):
        """Return the keys of an owner: of this view's map, and of his own for the rest.

        Parameters
        ----------
        key : SecretKey
            The owner's.
        state : dict
            The fitted state.
        """
        own = CipherKeys.from_key(key, state)
        return own.with_view(replace(own.view, map=self.view.map))

    def tree(self):
        """Return them as what a sealed file takes."""
        view = (self.view.map, self.view.noise_aes, self.view.noise_hash)
        return {"view": view, "locks": self.locks, "binding": self.binding}

    @classmethod
    def from_tree(cls, tree):
        """Read what `tree` returned."""
        return cls(ViewKeys(*tree["view"]), tuple(tree["locks"]), tree["binding"])

    def __repr__(self):
        return "CipherKeys(<secret>)"
