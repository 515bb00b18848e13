"""The sub-keys of a cipher, apart from each other, so that each can go its own way.

An encryptor derives all of them from its key. One that shares its view with others, or
that holds some of the locks, has sub-keys of different origins.
"""

from dataclasses import dataclass, replace

from sklearn_homeo._utils.hidden import HiddenDict
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
        Key of the homeomorphism of label space, which one model needs in common.
    noise_aes, noise_hash : bytes of length 32
        Keys from which the noise of rows is drawn.
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
    views : tuple of ViewKeys
        One for each target whose view is carried.
    locks : tuple of bytes of length 32
        One for each lock, in the order of encryption.
    order : tuple of str
        Fingerprints of all locks, of those too whose keys others hold. Public.
    binding : bytes of length 32
        Names the fitted state and the key to the locks. Public: unlike the state's
        digest, nobody can try training rows with it.
    """

    views: tuple
    locks: tuple
    order: tuple
    binding: bytes

    @classmethod
    def from_key(cls, key, state):
        """Derive all from a `SecretKey`, bound to a fitted state."""
        named = digest(state)
        bindings = (f"{named.hex()}{place}" for place in _places(state["view"]))
        locks = [key.for_lock(i) for i in range(state["depth"])]
        return cls(
            tuple(ViewKeys.from_key(key, binding) for binding in bindings),
            tuple(lock.to_bytes() for lock in locks),
            tuple(lock.fingerprint for lock in locks),
            derive_key(key.to_bytes(), "v3/locks", named),
        )

    def with_views(self, views):
        """Return the same locks with the keys of other views."""
        return replace(self, views=views)

    def for_first_holder(self):
        """Return the keys of the views and of the first lock alone."""
        return replace(self, locks=self.locks[:1])

    def for_owner(self, key, state):
        """Return the keys of an owner: these views' maps, and his own for the rest.

        Parameters
        ----------
        key : SecretKey
            The owner's.
        state : dict
            The fitted state.
        """
        own = CipherKeys.from_key(key, state)
        pairs = zip(own.views, self.views, strict=True)
        return own.with_views(tuple(replace(a, map=b.map) for a, b in pairs))

    def tree(self):
        """Return them as what a sealed file takes."""
        return HiddenDict(
            views=[(view.map, view.noise_aes, view.noise_hash) for view in self.views],
            locks=self.locks,
            order=self.order,
            binding=self.binding,
        )

    @classmethod
    def from_tree(cls, tree):
        """Read what `tree` returned."""
        views = tuple(ViewKeys(*view) for view in tree["views"])
        return cls(views, tree["locks"], tree["order"], tree["binding"])

    def __repr__(self):
        return "CipherKeys(<secret>)"


def _places(view):
    """What tells the views of targets apart in labels: nothing for the first."""
    n_views = len(view["views"]) if view["kind"] == "joined" else 1
    return ["", *(f"/{i}" for i in range(1, n_views))]
