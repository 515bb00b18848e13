"""Work on as many threads as BLAS has, each with a BLAS of one thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from joblib import parallel_config
from threadpoolctl import ThreadpoolController

__all__ = ["ahead", "in_this_process", "run_in_threads", "single_threaded_blas"]


def in_this_process():
    """Context in which fits of scikit-learn's models stay in this thread's process.

    A search fits hundreds of small models; a backend of joblib that spreads over
    processes or machines (Dask's, inside one of its tasks) would send each of them.
    """
    return parallel_config(backend="threading", n_jobs=1)


def run_in_threads(function, cut):
    """Call a function for each piece of some work; the first that fails raises.

    Work other than matrix products spreads over the cores too. ``OMP_NUM_THREADS``,
    threadpoolctl and joblib limit the threads as they limit BLAS.

    Parameters
    ----------
    function : callable
    cut : callable
        Takes a number of threads; returns the pieces and how many of them at a time.

    Examples
    --------
    >>> from sklearn_homeo._utils.threads import run_in_threads
    >>> squares = {}
    >>> run_in_threads(lambda i: squares.update({i: i * i}), lambda n: ([1, 2], n))
    >>> sorted(squares.items())
    [(1, 1), (2, 4)]
    """
    with _BLAS.single_threaded() as n_threads:
        pieces, most = cut(n_threads)
        pieces = list(pieces)
        n_threads = min(n_threads, most, len(pieces))
        if n_threads <= 1:
            for piece in pieces:
                function(piece)
            return
        with ThreadPoolExecutor(n_threads) as pool:
            futures = [pool.submit(function, piece) for piece in pieces]
            try:
                for future in futures:
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def ahead(function, items, n_threads):
    """Yield a function's values for items in turn, with the next ones under way.

    Parameters
    ----------
    function : callable
    items : sequence
    n_threads : int
        How many values are worked out at a time; a caller that stops early has had
        so many at most worked out in vain.

    Examples
    --------
    >>> from sklearn_homeo._utils.threads import ahead
    >>> list(ahead(abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    if n_threads <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        for start in range(0, len(items), n_threads):
            yield from pool.map(function, items[start : start + n_threads])


def single_threaded_blas():
    """Context in which BLAS has one thread: many small products are faster so."""
    return _BLAS.single_threaded()


class _Blas:
    """BLAS's number of threads, which belongs to the whole process.

    The first caller takes all threads and sets BLAS to one, callers that come
    meanwhile work alone, and the last one out sets it back.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_users = 0
        self._limits = None

    @contextmanager
    def single_threaded(self):
        """Yield how many threads to use while BLAS has one."""
        n_threads = self._enter()
        try:
            yield n_threads
        finally:
            self._leave()

    def _enter(self):
        with self._lock:
            self._n_users += 1
            if self._n_users > 1:
                return 1
            blas = _find_blas()
            sizes = [library.num_threads for library in blas.lib_controllers]
            self._limits = blas.limit(limits=1)
            return max(sizes, default=1)

    def _leave(self):
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                self._limits.restore_original_limits()


@cache
def _find_blas():
    return ThreadpoolController().select(user_api="blas")


_BLAS = _Blas()
