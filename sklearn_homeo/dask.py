"""Fitted estimators on Dask arrays and data frames, on many machines."""

import asyncio
import contextlib
import pickle
import threading
import uuid
import weakref
from urllib.parse import urlsplit

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.keys._derivation import derive_subkey

try:
    from distributed import WorkerPlugin
except ImportError:
    WorkerPlugin = object  # type: ignore[assignment, misc]

__all__ = ["SharedEstimator"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PUBLIC_BYTES = 32
# Every key is used once.
_NONCE = bytes(12)
# Seconds between two questions of a worker for the estimator, and how many it asks.
_WAIT, _MAX_QUESTIONS = 1.0, 60


class SharedEstimator:
    """A fitted estimator that Dask's workers apply to their rows.

    Works lazily on Dask arrays and data frames, chunk by chunk, and gives the same
    bytes as the estimator itself, however the rows are cut and wherever they are
    computed.

    The estimator, and with it the key, goes to each worker's memory once. It leaves it
    at `close`, at the end of a ``with`` block, or when neither this object nor a lazy
    result of it is left. Workers that join later or come back after a crash get it
    too. It is in no task, so that Dask neither spills it to disk nor logs it. Mapping
    ``encryptor.transform`` yourself works as well, but puts the key into tasks, and
    an encryptor that is scattered or is the result of a task may be spilled.

    Parameters
    ----------
    estimator : estimator
        Fitted, such as `HomeomorphicEncryptor` or a pipeline with one.

    client : distributed.Client or None, default=None
        Client of the cluster that will compute. None takes the current one, if there is
        one, else threads of this process.

    Notes
    -----
    The scheduler keeps a random name only. A worker asks this process for the
    estimator and gets it sealed (X25519 and AES-256-GCM) to a key pair of its own, so
    that nothing is found in the scheduler's memory or messages. A scheduler that
    answers in a worker's name is not detected: it could run tasks there anyhow.

    Keep the object until what `persist` or `Client.compute` started is done. Once all
    is dropped, workers have no estimator any more.

    Rows are Dask's business: it may spill plain as well as encrypted chunks to the
    workers' ``local-directory``, and moves them over the network. Keep workers on
    machines that may see the plain rows, connect them by TLS
    (``distributed.Security``), and set ``distributed.worker.memory.spill`` to False
    or put the directory on an encrypted disk. Anyone who may submit tasks to the
    cluster while the estimator is shared can read the key.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.dask import SharedEstimator
    >>> X = np.random.default_rng(0).normal(size=(1000, 10))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> with SharedEstimator(encryptor) as shared:
    ...     Z = shared.transform(da.from_array(X, chunks=(300, 10))).compute()
    >>> bool((Z == encryptor.transform(X)).all())
    True
    """

    def __init__(self, estimator, client=None):
        check_fitted(estimator, "estimator")
        self._estimator = estimator
        self._client = _current_client() if client is None else client
        source = _Source(estimator, self._client)
        self._handle = _Handle(source)
        if self._client is not None:
            _warn_if_unencrypted(self._client)
            source.share()
            # Lazy results hold the handle too, and need the estimator.
            self._forget = weakref.finalize(self._handle, source.forget)
            self._forget.atexit = False

    def transform(self, X):
        """Transform rows.

        Parameters
        ----------
        X : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small against the memory.

        Returns
        -------
        Z : dask array or dask data frame
            Ciphertexts, in the same chunks or divisions.
        """
        return self._map("transform", X, self._estimator.get_feature_names_out())

    def inverse_transform(self, Z):
        """Transform rows back.

        Parameters
        ----------
        Z : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small against the memory.

        Returns
        -------
        X : dask array or dask data frame
        """
        n = self._estimator.n_features_in_
        names = [f"x{i}" for i in range(n)]
        names = getattr(self._estimator, "feature_names_in_", names)
        return self._map("inverse_transform", Z, names)

    def predict(self, X):
        """Predict the target of rows, if the estimator ends in a predictor.

        Parameters
        ----------
        X : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small against the memory.

        Returns
        -------
        y : dask array or dask series of shape (n_samples,)
        """
        return self._map("predict", X, None)

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small against the memory.

        Returns
        -------
        P : dask array or dask data frame of shape (n_samples, n_classes)
        """
        return self._map("predict_proba", X, self._estimator.classes_)

    def close(self):
        """Take the estimator, and with it the key, from the workers.

        Compute what depends on it before.
        """
        if self._client is not None and self._forget.detach():
            self._handle.source.withdraw()
        self._handle.source.estimator = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        return f"{type(self).__name__}({self._estimator!r})"

    def _map(self, method, rows, names):
        dtype = np.dtype(np.float64)
        if method == "predict":
            dtype = getattr(self._estimator, "classes_", np.empty(0)).dtype
        name = f"{type(self._estimator).__name__}.{method}"
        apply = _Apply(self._handle, method, names, dtype)
        if hasattr(rows, "map_partitions"):
            meta = apply.frame(np.empty(apply.shape(0), dtype), rows._meta.index[:0])
            return rows.map_partitions(apply, meta=meta, token=uuid.uuid4().hex)
        token = f"{name}-{uuid.uuid4().hex}"
        rows = rows.rechunk({1: -1})
        if names is None:
            return rows.map_blocks(apply, dtype=dtype, drop_axis=1, name=token)
        chunks = (rows.chunks[0], (len(names),))
        return rows.map_blocks(apply, dtype=dtype, chunks=chunks, name=token)


class _Handle:
    """Finds the estimator where it is: here, or in a worker's memory by name."""

    def __init__(self, source):
        self.name, self.source = source.name, source

    def __getstate__(self):
        return {"name": self.name}

    def find(self):
        """Return the estimator; RuntimeError where it is not."""
        source = getattr(self, "source", None)
        found = _on_this_worker(self.name) if source is None else source.estimator
        if found is None:
            raise RuntimeError(
                "This process has no such estimator: it is closed or dropped, or "
                "shared with another cluster. Give SharedEstimator the client that "
                "computes, and compute before it is closed or dropped."
            )
        return found


class _Source:
    """The estimator in the client's process, which answers workers that ask for it."""

    def __init__(self, estimator, client):
        self.name = f"sklearn_homeo-{uuid.uuid4().hex}"
        self.estimator, self.client = estimator, client
        self._answers = set()

    def share(self):
        """Let workers, those of now and those to come, ask."""
        self.client.subscribe_topic(self.name, self.answer)
        self.client.register_plugin(_Asking(self.name), name=self.name)

    def answer(self, event):
        """Send the estimator to a worker; in the client's loop, which must not wait."""
        _, message = event
        if self.estimator is None:
            return
        answer = asyncio.get_running_loop().create_task(self._send(**message))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _send(self, worker, public):
        sealed = _seal(self.estimator, bytes.fromhex(public), self.name)
        # A worker that is gone does not need it, and one that lives asks again.
        with contextlib.suppress(OSError):
            await self.client.run(
                _receive, self.name, sealed, workers=[worker], on_error="ignore"
            )

    def withdraw(self):
        """Take the estimator from the workers, and ask no more."""
        self.estimator = None
        self.client.unsubscribe_topic(self.name)
        return self.client.unregister_worker_plugin(self.name)

    def forget(self):
        """Withdraw as soon as the client's loop can: any thread collects garbage."""
        self.estimator = None
        # The client may be closed.
        with contextlib.suppress(AttributeError, RuntimeError):
            self.client.loop.add_callback(self.withdraw)

    def __repr__(self):
        return f"<{self.name}>"


class _Asking(WorkerPlugin):
    """In a worker: asks for the estimator and keeps it in memory."""

    def __init__(self, name):
        self.name = name

    def setup(self, worker):
        """Ask; what comes is for this worker's key pair."""
        self._private = Hidden(X25519PrivateKey.generate())
        self._estimator, self._came = None, threading.Event()
        self.ask(worker)

    def teardown(self, worker):
        """Forget the estimator."""
        self._estimator = self._private = None

    def ask(self, worker):
        """Ask the client; questions and answers may be lost."""
        public = self._private.value.public_key().public_bytes_raw().hex()
        worker.log_event(self.name, {"worker": worker.address, "public": public})

    def receive(self, sealed):
        """Take an answer; that to a worker of this address that is gone is none."""
        if not self._came.is_set():
            with contextlib.suppress(InvalidTag):
                self._estimator = _open(sealed, self._private.value, self.name)
                self._came.set()

    def find(self, worker):
        """Return the estimator, perhaps after waiting for it."""
        for _ in range(_MAX_QUESTIONS):
            if self._came.wait(_WAIT):
                return self._estimator
            self.ask(worker)
        raise RuntimeError(
            "The estimator did not come to this worker: the client that shares it is "
            "gone or does not answer. Share it again."
        )


def _receive(name, sealed, dask_worker):
    asking = dask_worker.plugins.get(name)
    if asking is not None:
        asking.receive(sealed)


def _seal(estimator, public, name):
    """Return an estimator that only the owner of a key pair can read."""
    import cloudpickle

    own = X25519PrivateKey.generate()
    shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    own_public = own.public_key().public_bytes_raw()
    plain = Hidden(cloudpickle.dumps(estimator))
    cipher = _one_time_cipher(shared, own_public, public)
    return own_public + cipher.encrypt(_NONCE, plain.value, name.encode())


def _open(sealed, private, name):
    """Return the estimator of `_seal`; InvalidTag if it is for another."""
    other, content = sealed[:_PUBLIC_BYTES], sealed[_PUBLIC_BYTES:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(other))
    cipher = _one_time_cipher(shared, other, private.public_key().public_bytes_raw())
    return pickle.loads(cipher.decrypt(_NONCE, content, name.encode()))


def _one_time_cipher(shared, sender, receiver):
    label = f"v1/dask/{sender.hex()}/{receiver.hex()}"
    return AESGCM(derive_subkey(shared, label))


class _Apply:
    """The task: a method on a chunk."""

    def __init__(self, handle, method, names, dtype):
        self.handle, self.method = handle, method
        self.names, self.dtype = names, dtype

    def __call__(self, rows):
        found = np.empty(self.shape(0), self.dtype)
        if len(rows) > 0:
            found = getattr(self.handle.find(), self.method)(rows)
        return self.frame(found, rows.index) if hasattr(rows, "index") else found

    def shape(self, n_rows):
        """Shape of the result for a number of rows."""
        return (n_rows,) if self.names is None else (n_rows, len(self.names))

    def frame(self, found, index):
        """Return a result as pandas does, with its index."""
        import pandas as pd

        if self.names is None:
            return pd.Series(found, index=index)
        return pd.DataFrame(np.asarray(found), index=index, columns=self.names)

    def __repr__(self):
        return f"<{self.method} of {self.handle.name}>"


def _current_client():
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


def _on_this_worker(name):
    try:
        from distributed import get_worker

        worker = get_worker()
        asking = worker.plugins[name]
    except (ImportError, ValueError, KeyError):
        return None
    return asking.find(worker)


def _warn_if_unencrypted(client):
    address = urlsplit(client.scheduler.address)
    if address.scheme == "tcp" and address.hostname not in _LOOPBACK:
        warn(
            "The key and the rows go to the workers over an unencrypted network. "
            "Start the cluster with TLS: see distributed.Security.",
        )
