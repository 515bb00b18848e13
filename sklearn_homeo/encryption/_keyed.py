"""The parameter ``key`` of estimators, which is never shown."""

import math
import os

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo._utils.validation import InvalidParameterError
from sklearn_homeo.keys._key import SecretKey

__all__ = ["KeyedMixin"]


class KeyedMixin:
    """For estimators with a parameter ``key`` and, once fitted, ``key_``.

    What somebody takes for a key, bytes or a passphrase, must not show in the repr of
    this estimator, nor in that of one around it, which reads the parameter. So the
    attribute hides anything that is not a key. Scikit-learn's `clone` and `set_params`
    get the same object back that they put in, as they must: what is hidden once stays
    as it is.
    """

    @property
    def key(self):
        """The parameter; `Hidden` around what is neither a key nor None."""
        return self.__dict__["key"]

    @key.setter
    def key(self, value):
        # scikit-learn's checks set infinite numbers, which no one takes for a key.
        known = isinstance(value, SecretKey | Hidden | None)
        if not (known or (isinstance(value, float) and math.isinf(value))):
            value = Hidden(value)
        self.__dict__["key"] = value

    def _validate_params(self):
        if isinstance(self.key, Hidden):
            # scikit-learn's own message would show the value of others.
            raise InvalidParameterError(
                f"The 'key' parameter of {type(self).__name__} must be an instance of "
                f"'SecretKey' or None. Got {type(self.key.value).__name__} instead "
                "(not shown); SecretKey.from_bytes makes a key of 32 bytes."
            )
        super()._validate_params()

    def __getstate__(self):
        state = super().__getstate__()
        if self.key is None and "key_" not in state:
            # Pipeline(memory=...) takes estimators of equal pickles for one, and would
            # give the key of an earlier fit to this one, which is to draw its own.
            return {**state, "_own": os.urandom(16)}
        return state

    def __setstate__(self, state):
        super().__setstate__({k: v for k, v in state.items() if k != "_own"})
