"""Any number of rows: the same bits in any batch, in the memory of three."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import tracemalloc

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from problems import KEY, correlated, ignore_no_protection
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError


def fitted(n_features, n_samples=60, **options):
    X, y = correlated(n_samples, n_features, scales=(-1, 1))
    options = {"n_preserved": 1, "key": KEY, **options}
    return HomeomorphicEncryptor(**options).fit(X, y), X


def rows_like(X, n_samples, seed=1):
    rng = np.random.default_rng(seed)
    return X.mean(axis=0) + X.std(axis=0) * rng.normal(size=(n_samples, X.shape[1]))


# Odd widths meet the edges of BLAS's kernels, 500 and 513 split its sums.
CASES = [
    (1, {}, 700),
    (2, {}, 700),
    (13, {"n_preserved": 2}, 700),
    (31, {"leakage": "space"}, 700),
    (65, {"n_preserved": 65}, 700),
    (257, {"n_preserved": 9}, 700),
    (500, {"leakage": "space"}, 600),
    (513, {}, 600),
    (4200, {}, 40),
]


@ignore_no_protection
@pytest.mark.parametrize("n_features, options, n_samples", CASES)
def test_bits_do_not_depend_on_batches_threads_or_layout(
    n_features, options, n_samples
):
    encryptor, X = fitted(n_features, **options)
    X = rows_like(X, n_samples)
    Z = encryptor.transform(X)
    back = encryptor.inverse_transform(Z)
    for i in (0, 1, n_samples // 2, n_samples - 1):
        np.testing.assert_array_equal(encryptor.transform(X[i : i + 1])[0], Z[i])
        np.testing.assert_array_equal(
            encryptor.inverse_transform(Z[i : i + 1])[0], back[i]
        )
    for batch_size, n_threads in ((7, 1), (64, 2), (331, 3), (None, 2)):
        encryptor.set_params(batch_size=batch_size)
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(encryptor.transform(X), Z)
            np.testing.assert_array_equal(encryptor.inverse_transform(Z), back)
    np.testing.assert_array_equal(encryptor.transform(np.asfortranarray(X)), Z)
    np.testing.assert_array_equal(encryptor.transform(X[3::2]), Z[3::2])


def blas_threads():
    return [blas["num_threads"] for blas in threadpool_info()]


def test_calls_at_the_same_time_agree_and_leave_blas_as_it_was():
    encryptor, X = fitted(100, batch_size=200)
    X, before = rows_like(X, 3000), blas_threads()
    Z, found = encryptor.transform(X), {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: encryptor.transform(X)}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for again in found.values():
        np.testing.assert_array_equal(again, Z)
    assert blas_threads() == before


def test_the_first_bad_row_is_named_whatever_the_threads():
    encryptor, X = fitted(20, batch_size=40)
    X = rows_like(X, 1000)
    X[[333, 334, 900], 2] = 1e9
    before = blas_threads()
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads), pytest.raises(ValueError, match="Row 333 "):
            encryptor.transform(X)
    X[10, 1] = np.nan
    with pytest.raises(ValueError, match="Row 10 of X holds NaN .* column 1"):
        encryptor.transform(X)
    assert blas_threads() == before


def test_an_error_says_how_far_it_got():
    encryptor, X = fitted(20)
    X, out = rows_like(X, 30_000), np.zeros((30_000, 20))
    X[25_000, 3] = np.nan
    with pytest.raises(ValueError, match=r"before row \d+ were done") as caught:
        encryptor.encrypt_into(X, out)
    n_done = int(re.search(r"before row (\d+) were", str(caught.value))[1])
    assert 10_000 < n_done <= 25_000
    np.testing.assert_array_equal(out[:n_done], encryptor.transform(X[:n_done]))


def test_the_tail_of_an_unfinished_file_is_refused():
    encryptor, X = fitted(20)
    out = np.zeros((100, 20))
    encryptor.encrypt_into(rows_like(X, 60), out[:60])
    with pytest.raises(InvalidCiphertextError, match="40 of 100 rows"):
        encryptor.decrypt_into(out, np.empty_like(out))


def test_a_shifted_part_of_the_same_memory_is_refused(tmp_path):
    encryptor, X = fitted(20)
    X = rows_like(X, 51)
    for method in (encryptor.encrypt_into, encryptor.decrypt_into):
        for rows, out in [
            (X[:-1], X[1:]),
            (X[1:], X[:-1]),
            (X[::-1], X),
            (X[:20, :], X[:40:2]),
        ]:
            with pytest.raises(ValueError, match="out shares a part of its memory"):
                method(rows, out)
    path = tmp_path / "X.npy"
    np.save(path, X)
    first, second = np.load(path, mmap_mode="r+"), np.load(path, mmap_mode="r+")
    with pytest.raises(ValueError, match="out shares a part of its memory"):
        encryptor.encrypt_into(first[:-1], second[1:])
    Z = encryptor.transform(X)
    encryptor.encrypt_into(first, second)
    np.testing.assert_array_equal(second, Z)
    halves = np.vstack([Z, Z])
    encryptor.decrypt_into(halves[:51], halves[51:])
    np.testing.assert_array_equal(halves[51:], encryptor.inverse_transform(Z))


def test_batches_come_one_by_one_from_arrays_frames_and_iterables():
    encryptor, X = fitted(20, batch_size=400)
    X = rows_like(X, 1000)
    Z, asked = encryptor.transform(X), []
    batches = list(encryptor.encrypt_batches(X))
    assert [len(batch) for batch in batches] == [400, 400, 200]
    np.testing.assert_array_equal(np.vstack(batches), Z)
    np.testing.assert_array_equal(
        np.vstack(list(encryptor.encrypt_batches(pd.DataFrame(X)))), Z
    )

    def source():
        for start in range(0, 1000, 300):
            asked.append(start)
            yield X[start : start + 300]

    stream = encryptor.decrypt_batches(encryptor.encrypt_batches(source()))
    np.testing.assert_allclose(next(stream), X[:300], rtol=0, atol=1e-6)
    assert asked == [0]
    np.testing.assert_allclose(np.vstack(list(stream)), X[300:], rtol=0, atol=1e-6)
    assert asked == [0, 300, 600, 900]


def test_into_an_array_that_exists_or_the_rows_themselves(tmp_path):
    encryptor, X = fitted(20)
    X = rows_like(X, 1000)
    Z = encryptor.transform(X)
    on_disk = np.lib.format.open_memmap(
        tmp_path / "Z.npy", mode="w+", dtype=np.float64, shape=X.shape
    )
    assert encryptor.encrypt_into(X, on_disk) is on_disk
    np.testing.assert_array_equal(np.load(tmp_path / "Z.npy"), Z)
    own = X.copy()
    encryptor.encrypt_into(own, own)
    np.testing.assert_array_equal(own, Z)
    encryptor.decrypt_into(own, own)
    np.testing.assert_array_equal(own, encryptor.inverse_transform(Z))
    with pytest.raises(InvalidCiphertextError, match="1 of 1000 rows"):
        encryptor.decrypt_into(np.where(Z == Z[7, 3], 0.123, Z), own)
    for out, message in [
        (np.empty((999, 20)), r"shape \(999, 20\), but the rows need \(1000, 20\)"),
        (np.empty((1000, 20), np.float32), "out holds float32"),
        (np.broadcast_to(0.0, (1000, 20)), r"out is read-only: .* mode \"r\+\""),
    ]:
        with pytest.raises(ValueError, match=message):
            encryptor.encrypt_into(X, out)
        with pytest.raises(ValueError, match=message):
            encryptor.decrypt_into(Z, out)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8, bool])
def test_other_numbers_are_converted_piece_by_piece(dtype):
    encryptor, _ = fitted(20, batch_size=100)
    X = np.random.default_rng(0).integers(0, 2, size=(300, 20)).astype(dtype)
    np.testing.assert_array_equal(
        encryptor.transform(X), encryptor.transform(X.astype(np.float64))
    )


@pytest.mark.parametrize("n_threads", [1, 2, 8])
@pytest.mark.parametrize(
    "n_features, n_samples", [(64, 8192), (512, 4000), (4200, 512)]
)
def test_scratch_space_does_not_follow_the_number_of_rows(
    n_features, n_samples, n_threads
):
    encryptor, X = fitted(n_features, depth=1)
    X = rows_like(X, n_samples)
    Z, back = np.empty_like(X), np.empty_like(X)
    with threadpool_limits(n_threads):
        for work, rows, out in (
            (encryptor.encrypt_into, X, Z),
            (encryptor.decrypt_into, Z, back),
        ):
            tracemalloc.start()
            work(rows, out)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak <= n_threads * 24 * 2**20


def test_a_file_passes_through_a_twentieth_of_its_size(tmp_path):
    """As 20 GB through 1 GiB: the process may take 1/20 of the file for itself."""
    script = """
        import resource, sys, threading
        from concurrent.futures import ThreadPoolExecutor
        import numpy as np
        from sklearn_homeo import HomeomorphicEncryptor, SecretKey

        def own_memory():
            lines = open("/proc/self/status").read().splitlines()
            return 1024 * int(next(l for l in lines if "VmData" in l).split()[1])

        rng = np.random.default_rng(0)
        block = rng.normal(size=(4096, 256))
        encryptor = HomeomorphicEncryptor(
            1, n_preserved=1, batch_size=1024, key=SecretKey.from_bytes(bytes(32))
        ).fit(block[:100])
        n_blocks = 20
        X, Z = (
            np.lib.format.open_memmap(
                f"{sys.argv[1]}/{name}.npy", mode="w+", dtype=np.float64,
                shape=(n_blocks * len(block), 256),
            )
            for name in "XZ"
        )
        for i in range(n_blocks):
            X[i * 4096 : (i + 1) * 4096] = block
        expected = encryptor.transform(block)
        # OpenBLAS keeps 32 MB for every thread that multiplies at the same time as
        # others: let it take them now, since pieces of one pass may not have met.
        threading.stack_size(2**18)
        square = np.ones((1500, 1500))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(square.dot, [square] * 8))
        del block, square
        # Counts what is the process's own, not pages of shared files.
        limit = own_memory() + X.nbytes // 20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        encryptor.encrypt_into(X, Z)
        for i in (0, 7, 19):
            part = slice(i * 4096, (i + 1) * 4096)
            for start in range(0, 4096, 512):
                few = slice(start, start + 512)
                assert np.array_equal(Z[part][few], expected[few])
        encryptor.decrypt_into(Z, Z)
        assert all(
            np.abs(Z[i : i + 512] - X[i : i + 512]).max() < 1e-6
            for i in range(0, len(Z), 40_000)
        )
        try:
            np.ones(X.nbytes // 8)
        except MemoryError:
            print("limited")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "limited\n"


@pytest.mark.parametrize("n_features", [13, 300])
def test_tensors_in_and_out(n_features):
    encryptor, X = fitted(n_features)
    X = rows_like(X, 300)
    Z = encryptor.transform(torch.tensor(X))
    assert isinstance(Z, torch.Tensor) and Z.dtype == torch.float64
    expected = encryptor.transform(X)
    np.testing.assert_array_equal(Z.numpy(), expected)
    back = encryptor.inverse_transform(Z)
    assert isinstance(back, torch.Tensor)
    np.testing.assert_allclose(back.numpy(), X, atol=1e-6)
    on_torch = HomeomorphicEncryptor(n_preserved=1, key=KEY, device="cpu")
    assert isinstance(on_torch.fit(X).transform(X), np.ndarray)
    few = torch.tensor(X[:5], dtype=torch.float32, requires_grad=True)
    assert encryptor.transform(few).dtype == torch.float64
    with pytest.raises(ValueError, match="X is complex|holds complex numbers"):
        encryptor.transform(torch.tensor(X + 1j))
    into = torch.zeros(300, n_features, dtype=torch.float64)
    assert encryptor.encrypt_into(torch.tensor(X), into) is into
    np.testing.assert_array_equal(into.numpy(), expected)
    with pytest.raises(ValueError, match="out shares a part of its memory"):
        encryptor.encrypt_into(into[1:], into[:-1])
    with pytest.raises(ValueError, match="Row 0 of X holds NaN"):
        encryptor.transform(torch.full((2, n_features), torch.nan))
    with pytest.raises(ValueError, match=f"X has 2 features, but {n_features}"):
        encryptor.transform(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="2D tensor"):
        encryptor.inverse_transform(torch.zeros(n_features))
    far = torch.tensor(X)
    far[7, 0] = 1e12
    with pytest.raises(ValueError, match="Row 7 of X"):
        encryptor.transform(far)


def test_the_same_bits_on_every_processor(tmp_path):
    """One fitted encryptor, under BLAS kernels of four processors."""
    encryptor, X = fitted(300, n_preserved=9)
    X = rows_like(X, 200)
    joblib.dump((encryptor, X, encryptor.transform(X)), tmp_path / "all")
    script = """
        import sys, joblib, numpy as np
        from threadpoolctl import threadpool_limits
        encryptor, X, Z = joblib.load(sys.argv[1])
        for n_threads in (1, 2):
            with threadpool_limits(n_threads):
                again = encryptor.transform(X)
                assert np.array_equal(again, Z)
                assert np.abs(encryptor.inverse_transform(Z) - X).max() < 1e-6
    """
    for kernel in ("Haswell", "SkylakeX", "Zen", "Nehalem"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "all")],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "2",
                "OPENBLAS_CORETYPE": kernel,
            },
        )
        # A kernel of instructions that this processor does not have.
        assert done.returncode in (0, -4), done.stderr
