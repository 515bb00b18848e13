"""AES and the cipher on tensors: the same bits as OpenSSL's and NumPy's."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from views import BitsView

from sklearn_homeo.ciphers.aes import TensorAes
from sklearn_homeo.ciphers.base import RowOutOfRange
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.prf import Prf
from sklearn_homeo.ciphers.tensors import TensorCipher, TensorPrf
from sklearn_homeo.ciphers.view_cipher import ViewCipher

CPU = torch.device("cpu")


def make_ciphers(n, depth=2, **settings):
    rng = np.random.default_rng(n)
    lattice = Lattice(rng.normal(size=n), rng.uniform(0.1, 9, n), **settings)
    keys = [bytes([i]) * 32 for i in range(depth)]
    cipher = ViewCipher(lattice, BitsView(lattice.width), keys, b"digest")
    return cipher, TensorCipher(cipher, CPU)


def normal(n_rows, n):
    return np.random.default_rng(0).normal(size=(n_rows, n)) * 20


def on_numpy(cipher, X, **settings):
    Z = np.empty((len(X), cipher.width))
    cipher.encrypt(X, Z, **settings)
    return Z


def on_tensors(cipher, X, **settings):
    Z = torch.empty((len(X), cipher.width), dtype=torch.float64)
    cipher.encrypt(torch.from_numpy(X), Z, **settings)
    return Z


def test_aes_of_the_standard():
    # FIPS 197, appendix C.3.
    key, plain = bytes(range(32)), bytes(0x11 * i for i in range(16))
    block = torch.frombuffer(bytearray(plain), dtype=torch.int32)[None]
    found = TensorAes(key, CPU).encrypt(block).numpy().tobytes()
    assert found.hex() == "8ea2b7ca516745bfeafc49904b496089"


@pytest.mark.parametrize("seed", range(3))
def test_aes_equals_openssl(seed):
    rng = np.random.default_rng(seed)
    key, plain = rng.bytes(32), rng.bytes(16 * 1000)
    blocks = torch.frombuffer(bytearray(plain), dtype=torch.int32).reshape(-1, 4)
    found = TensorAes(key, CPU).encrypt(blocks).numpy().tobytes()
    assert found == Cipher(AES(key), ECB()).encryptor().update(plain)


@pytest.mark.parametrize("n", [1, 3, 5, 13, 300, 1500])
@pytest.mark.parametrize("context", [None, b"table"])
def test_same_bits_both_ways(n, context):
    cipher, tensors = make_ciphers(n)
    X = normal(20, n)
    Z = on_numpy(cipher, X, context=context)
    found = on_tensors(tensors, X, context=context)
    np.testing.assert_array_equal(found.numpy(), Z)
    back, expected = torch.empty(X.shape, dtype=torch.float64), np.empty(X.shape)
    assert tensors.decrypt(found, back, context=context).all()
    assert cipher.decrypt(Z, expected, context=context).all()
    np.testing.assert_array_equal(back.numpy(), expected)
    assert not tensors.decrypt(found, back, context=b"other").any()


def test_function_of_halves_alone():
    rows = np.random.default_rng(0).integers(-(2**23), 2**23, (9, 30)) * 1.0
    prf = Prf(bytes(32), bytes(32), 30, 0, 24, 12, n_outputs=3)
    found = TensorPrf(prf, CPU).of_integers(torch.from_numpy(rows))
    np.testing.assert_array_equal(found.numpy(), prf.of_integers(rows).view(np.int32))


def test_what_is_no_ciphertext_decrypts_alike():
    cipher, tensors = make_ciphers(8)
    Z = on_numpy(cipher, normal(9, 8))
    wrong = [np.nan, np.inf, -0.0, 4.0, -5.0, 0.1, 1e300, 0.0]
    Z[np.arange(8), np.arange(8)] = wrong
    back, expected = torch.empty((9, 8), dtype=torch.float64), np.empty((9, 8))
    valid = tensors.decrypt(torch.from_numpy(Z), back)
    np.testing.assert_array_equal(valid, cipher.decrypt(Z, expected))
    assert valid.tolist() == [False] * 8 + [True]
    np.testing.assert_array_equal(back.numpy(), expected)


def test_randomized_rows_differ_and_come_back_on_both():
    cipher, tensors = make_ciphers(3, randomized=True)
    X = np.tile(normal(1, 3), (50, 1))
    Z = on_tensors(tensors, X)
    assert len(np.unique(Z.numpy()[:, 0])) == 50
    back = np.empty_like(X)
    assert cipher.decrypt(Z.numpy(), back).all()
    np.testing.assert_allclose(back, X, atol=1e-7)


def test_pieces_and_other_types(monkeypatch):
    cipher, tensors = make_ciphers(6)
    X = np.arange(60.0).reshape(10, 6)
    Z = on_numpy(cipher, X)
    monkeypatch.setattr("sklearn_homeo.ciphers.tensors._PIECE_NUMBERS", 20)
    np.testing.assert_array_equal(on_tensors(tensors, X.astype(np.float32)).numpy(), Z)
    np.testing.assert_array_equal(on_tensors(tensors, X.astype(np.int64)).numpy(), Z)
    found = tensors.preserve(torch.from_numpy(X))
    np.testing.assert_array_equal(found, cipher.preserve(X))


def test_arrays_give_arrays():
    cipher, tensors = make_ciphers(6)
    X = normal(10, 6)
    Z, back = np.empty_like(X), np.empty_like(X)
    tensors.encrypt(X, Z)
    np.testing.assert_array_equal(Z, on_numpy(cipher, X))
    assert tensors.decrypt(Z, back).all()
    np.testing.assert_allclose(back, X, atol=1e-7)
    np.testing.assert_array_equal(tensors.preserve(X), cipher.preserve(X))


def test_a_row_out_of_range_is_named(monkeypatch):
    monkeypatch.setattr("sklearn_homeo.ciphers.tensors._PIECE_NUMBERS", 20)
    _, tensors = make_ciphers(6)
    for value, reason in [(1e9, "more than 8192"), (np.nan, "NaN or infinity")]:
        X = np.zeros((10, 6))
        X[7, 2] = value
        with pytest.raises(RowOutOfRange, match=f"row 7 .*{reason}.* in column 2"):
            on_tensors(tensors, X)


KERNEL = """
import numpy as np, torch
from sklearn_homeo.ciphers.aes import TensorAes
from sklearn_homeo.ciphers.aes_kernel import encrypt_counters
device = torch.device({device!r})
aes = TensorAes(bytes(range(32)), device)
rng = np.random.default_rng(0)
seeds = torch.tensor(rng.integers(-2**31, 2**31, (5, 4)), device=device).int()
seeds &= -256
counters = torch.zeros((70, 4), dtype=torch.int32, device=device)
counters[:, 2] = torch.arange(70)
blocks = (seeds[:, None] | counters).reshape(-1, 4)
expected = aes.encrypt(blocks).reshape(5, -1)[:, :277] & -512
assert (encrypt_counters(aes, seeds, counters, 277, -512) == expected).all()
"""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_kernel_equals_look_ups(device):
    pytest.importorskip("triton", reason="comes with the CUDA builds of torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    # On the CPU Triton's interpreter runs the kernel, which is set on import.
    interpret = {"TRITON_INTERPRET": "1"} if device == "cpu" else {}
    subprocess.run(
        [sys.executable, "-c", KERNEL.format(device=device)],
        env={**os.environ, **interpret},
        check=True,
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("n", [13, 300, 512, 4200])
def test_same_bits_on_a_gpu(n):
    cipher, _ = make_ciphers(n, depth=3)
    device = torch.device("cuda")
    X = normal(50, n)
    Z = torch.empty((50, cipher.width), dtype=torch.float64, device=device)
    tensors = TensorCipher(cipher, device)
    tensors.encrypt(torch.from_numpy(X).to(device), Z)
    np.testing.assert_array_equal(Z.cpu().numpy(), on_numpy(cipher, X))
    back = torch.empty(X.shape, dtype=torch.float64, device=device)
    assert tensors.decrypt(Z, back).all()
    expected = np.empty_like(X)
    cipher.decrypt(Z.cpu().numpy(), expected)
    np.testing.assert_array_equal(back.cpu().numpy(), expected)


@pytest.mark.filterwarnings("error")
def test_arrays_of_any_memory():
    cipher, tensors = make_ciphers(13)
    X = normal(40, 13)
    frozen, Z = X.copy(), on_numpy(cipher, X)
    frozen.flags.writeable = False
    for rows in (frozen, np.asfortranarray(X), X[::-1].copy()[::-1]):
        for out in (
            np.empty_like(Z),
            np.empty_like(Z)[::-1],
            np.empty_like(Z, order="F"),
        ):
            tensors.encrypt(rows, out)
            np.testing.assert_array_equal(out, Z)
    assert (frozen == X).all()


def test_secrets_stay_out_of_the_repr():
    cipher, tensors = make_ciphers(5)
    assert repr(tensors) == "TensorCipher(<2 secret locks>)"
    assert repr(TensorAes(bytes(32), CPU)) == "TensorAes(<secret>)"
    assert repr(cipher.locks[0].f1) == "Prf(<secret>)"
    assert repr(cipher.locks[0].h1) == "Hash(<secret>)"
