"""Fitted estimators on Dask arrays and data frames, on many machines."""

import uuid
import warnings
from urllib.parse import urlsplit

import numpy as np
from sklearn.utils.validation import check_is_fitted

__all__ = ["SharedEstimator"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SharedEstimator:
    """A fitted estimator that Dask's workers apply to their rows.

    Works lazily on Dask arrays and data frames, chunk by chunk, and gives the same
    bytes as the estimator itself, however the rows are cut and wherever they are
    computed.

    The estimator, and with it the key, goes to each worker's memory once and leaves
    it at `close`; workers that join later or come back after a crash get it too.
    It is in no task, so that Dask neither spills it to disk nor logs it. Mapping
    ``encryptor.transform`` yourself works as well, but puts the key into tasks, and
    an encryptor that is scattered or is the result of a task may be spilled.

    Parameters
    ----------
    estimator : estimator
        Fitted, such as `HomeomorphicEncryptor` or a pipeline with one.

    client : distributed.Client or None, default=None
        Of the cluster that will compute. None takes the current one, if there is
        one, else threads of this process.

    Notes
    -----
    Rows are Dask's business: it may spill plain as well as encrypted chunks to the
    workers' ``local-directory``, and moves them over the network. Keep workers on
    machines that may see the plain rows, connect them by TLS
    (``distributed.Security``), and set ``distributed.worker.memory.spill`` to False
    or put the directory on an encrypted disk. Whoever may submit tasks to the
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
        check_is_fitted(estimator)
        self._estimator = estimator
        self._client = _current_client() if client is None else client
        self._handle = _Handle(estimator)
        if self._client is not None:
            _warn_if_unencrypted(self._client)
            plugin = _make_plugin(estimator)
            self._client.register_plugin(plugin, name=self._handle.name)

    def transform(self, X):
        """Transform rows.

        Parameters
        ----------
        X : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small beside the memory.

        Returns
        -------
        Z : dask array or dask data frame
            Of the same chunks or divisions.
        """
        return self._map("transform", X, self._estimator.get_feature_names_out())

    def inverse_transform(self, Z):
        """Transform rows back.

        Parameters
        ----------
        Z : dask array or dask data frame of shape (n_samples, n_features)
            Rows, in chunks that are small beside the memory.

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
            Rows, in chunks that are small beside the memory.

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
            Rows, in chunks that are small beside the memory.

        Returns
        -------
        P : dask array or dask data frame of shape (n_samples, n_classes)
        """
        return self._map("predict_proba", X, self._estimator.classes_)

    def close(self):
        """Take the estimator, and with it the key, from the workers.

        Compute what depends on it before.
        """
        if self._client is not None and self._handle.estimator is not None:
            self._client.unregister_worker_plugin(self._handle.name)
        self._handle.estimator = None

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

    def __init__(self, estimator):
        self.name = f"sklearn_homeo-{uuid.uuid4().hex}"
        self.estimator = estimator

    def __getstate__(self):
        return {"name": self.name}

    def find(self):
        """Return the estimator; RuntimeError where it is not."""
        found = getattr(self, "estimator", None)
        if found is None:
            found = _on_this_worker(self.name)
        if found is None:
            raise RuntimeError(
                "This process has no such estimator: it is closed, or shared with "
                "another cluster. Give SharedEstimator the client that computes, and "
                "compute before it is closed."
            )
        return found


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
        """Return a result as pandas does, beside its index."""
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


def _make_plugin(estimator):
    from distributed import WorkerPlugin

    plugin = WorkerPlugin()
    plugin.estimator = estimator
    return plugin


def _on_this_worker(name):
    try:
        from distributed import get_worker

        return get_worker().plugins[name].estimator
    except (ImportError, ValueError, KeyError):
        return None


def _warn_if_unencrypted(client):
    address = urlsplit(client.scheduler.address)
    if address.scheme == "tcp" and address.hostname not in _LOOPBACK:
        warnings.warn(
            "The key and the rows go to the workers over an unencrypted network. "
            "Start the cluster with TLS: see distributed.Security.",
            UserWarning,
            stacklevel=3,
        )
