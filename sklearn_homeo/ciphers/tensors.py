"""The cipher on torch tensors: the same integers, so the same bits, on any device.

Halves are int32 here, since torch has little arithmetic of unsigned numbers: the same
32 bits. `ViewCipher` says what is computed, `prf` and `lock` why.
"""

import os

import numpy as np
import torch

from sklearn_homeo._utils.arrays import to_device, to_numpy
from sklearn_homeo.ciphers.aes import TensorAes
from sklearn_homeo.ciphers.base import RowOutOfRange, Workspace, slices
from sklearn_homeo.ciphers.lock import LEFT_BITS, N_HASHED, RIGHT_BITS
from sklearn_homeo.ciphers.packing import RESIDUE_BITS
from sklearn_homeo.ciphers.view_cipher import context_halves

try:
    from sklearn_homeo.ciphers.aes_kernel import encrypt_counters
except ImportError:  # Triton comes with the CUDA builds of torch.
    encrypt_counters = None  # type: ignore[assignment]

__all__ = ["TensorCipher", "TensorPrf"]

# Numbers of a piece: up to about 100 bytes each.
_PIECE_NUMBERS = 2**24
_UNIT = 2.0**-50
_CODES_PER_HALF = 4


class TensorCipher:
    """A `ViewCipher` on a torch device; ciphertexts are the same on both.

    Rows come from and go to tensors anywhere, or arrays, a piece at a time.

    Its view must take tensors, once `to_device` has brought it there.

    Parameters
    ----------
    cipher : ViewCipher
    device : torch.device

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.ciphers.lattice import Lattice
    >>> from sklearn_homeo.ciphers.tensors import TensorCipher
    >>> from sklearn_homeo.ciphers.view_cipher import ViewCipher
    >>> class Sign:
    ...     n_cells = 2
    ...     def codes(self, u):
    ...         return (u[:, :1].sign() * 16).expand(-1, 5)
    >>> X = torch.tensor([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]], dtype=torch.float64)
    >>> cipher = ViewCipher(Lattice.from_data(X.numpy()), Sign(), [bytes(32)], b"")
    >>> cipher = TensorCipher(cipher, X.device)
    >>> Z, back = X.new_empty((3, 5)), torch.empty_like(X)
    >>> cipher.encrypt(X, Z)
    >>> cipher.decrypt(Z, back).tolist()
    [True, True, True]
    >>> torch.allclose(X, back)
    True
    """

    def __init__(self, cipher, device):
        self.lattice = cipher.lattice
        self.view = to_device(cipher.view, device)
        self.locks = [_TensorLock(lock, device) for lock in cipher.locks]
        self._mean = torch.tensor(self.lattice.mean, device=device)
        self._step = torch.tensor(self.lattice.step, device=device)
        self._whole = torch.tensor(self.lattice.whole, device=device)

    @property
    def n_features(self):
        """Columns of a row."""
        return self.lattice.n_features

    @property
    def width(self):
        """Columns of a ciphertext."""
        return self.lattice.width

    def encrypt(self, X, out, context=None):
        """Encrypt rows, as `ViewCipher.encrypt`.

        Parameters
        ----------
        X : tensor or ndarray of shape (n_samples, n_features)
        out : tensor or ndarray of shape (n_samples, width), dtype float64
        context : bytes, default=None
        """
        for piece in self._pieces(X):
            u = self._round(self._taken(X[piece]), piece.start)
            codes = self.view.codes(u)
            _write(self._closed(codes, u, context), out, piece)

    def decrypt(self, Z, out, context=None):
        """Decrypt ciphertexts, as `ViewCipher.decrypt`.

        Parameters
        ----------
        Z : tensor or ndarray of shape (n_samples, width)
        out : tensor or ndarray of shape (n_samples, n_features), dtype float64
        context : bytes, default=None

        Returns
        -------
        valid : ndarray of shape (n_samples,), dtype bool
        """
        valid = np.empty(len(Z), dtype=bool)
        for piece in self._pieces(Z):
            _, u, passed = self._opened(self._taken(Z[piece]), context)
            valid[piece] = to_numpy(passed)
            _write(self._restored(u[:, : self.n_features]), out, piece)
        return valid

    def reencrypt(self, Z, old, out, context=None, *, keeps_view):
        """Encrypt ciphertexts of another cipher anew, as `ViewCipher.reencrypt`.

        Parameters
        ----------
        Z : tensor or ndarray of shape (n_samples, old.width), dtype float64
        old : TensorCipher
            On the same device.
        out : tensor or ndarray of shape (n_samples, width), dtype float64
        context : bytes, default=None
        keeps_view : bool

        Returns
        -------
        valid : ndarray of shape (n_samples,), dtype bool
        """
        valid = np.empty(len(Z), dtype=bool)
        for piece in self._pieces(Z):
            codes, u, passed = old._opened(self._taken(Z[piece]), context)
            u = u[:, : self.n_features]
            if not keeps_view:
                codes = self.view.codes(u)
            found = self._closed(codes, u, context)
            found[~passed] = float("nan")
            valid[piece] = to_numpy(passed)
            _write(found, out, piece)
        return valid

    def preserve(self, X):
        """Return the view's coordinates, as `ViewCipher.preserve`."""
        found = []
        for piece in self._pieces(X):
            u = self._round(self._taken(X[piece]), piece.start)
            found.append(to_numpy(self.view.coordinates(u)))
        return np.concatenate(found)

    def _opened(self, Z, context):
        """Codes and integers of ciphertexts and, of each row, whether it is valid."""
        integers, written = _unpacked(Z)
        left = (integers >> 15).int() & _mask(LEFT_BITS)
        right = integers.int() << 9
        codes = integers >> RESIDUE_BITS
        inputs = _TensorInputs(self.width, _tweak(codes, context))
        for lock in reversed(self.locks):
            lock.inverse(left, right, inputs)
        u = (left.long() << 15) + (right >> 9 & 0x7FFFFF)
        return codes, u, written & self._covers(u)

    def _closed(self, codes, u, context):
        """The ciphertexts of codes and integers."""
        u = self._widened(u)
        # The low 32 bits of each: halves are at the top of them.
        left, right = (u >> 15).int() & _mask(LEFT_BITS), u.int() << 9
        inputs = _TensorInputs(self.width, _tweak(codes, context))
        for lock in self.locks:
            lock.forward(left, right, inputs)
        return _packed(codes, left, right)

    def _pieces(self, rows):
        return slices(len(rows), max(1, _PIECE_NUMBERS // self.width))

    def _taken(self, rows):
        """Rows as a tensor of float64 on the device."""
        if isinstance(rows, np.ndarray):
            # Torch takes no arrays that run backwards, and warns of read-only ones.
            rows = torch.from_numpy(np.require(rows, np.float64, ["C", "W"]))
        return rows.to(self._mean.device, torch.float64)

    def _round(self, X, start):
        """The integers of rows, as `Lattice.round`."""
        real = ((X - self._mean) / self._step).round_()
        end = 2.0**self.lattice.range_bits
        inside = (real >= -end) & (real < end)
        if not bool(inside.all()):
            first = int((~inside.all(dim=1)).nonzero()[0, 0])
            self._raise_out_of_range(X[first : first + 1], start + first)
        return real.long()

    def _raise_out_of_range(self, row, index):
        try:
            self.lattice.round(to_numpy(row), Workspace())
        except RowOutOfRange as error:
            raise RowOutOfRange(index, error.reason, error.column, index) from None

    def _widened(self, u):
        if self.width == self.n_features:
            return u
        wide = np.empty((len(u), self.width), np.int64)
        randoms = os.urandom(16 * len(u)) if self.lattice.randomized else b""
        self.lattice.widen(np.zeros((len(u), self.n_features)), randoms, wide)
        wide = torch.from_numpy(wide).to(u.device)
        wide[:, : self.n_features] = u
        return wide

    def _covers(self, u):
        """Whether integers are in range, as `Lattice.covers`."""
        end = 2**self.lattice.range_bits
        inside = ((u >= -end) & (u < end)).all(dim=1)
        for zeros in (
            u[:, self.n_features : self.lattice.n_fixed],
            u[:, self.lattice.n_drawn :],
        ):
            inside &= (zeros == 0).all(dim=1)
        return inside

    def _restored(self, u):
        # Two steps: a multiply-add would round once, and to other bits.
        scaled = u.double() * self._step
        rows = scaled + self._mean
        values = rows[:, self._whole]
        nearest = values.round()
        near = (values - nearest).abs() <= self._step[self._whole]
        rows[:, self._whole] = torch.where(near, nearest + 0.0, values)
        return rows

    def __repr__(self):
        return f"TensorCipher(<{len(self.locks)} secret locks>)"


class _TensorInputs:
    """`Inputs` of tensors."""

    def __init__(self, width, tweak):
        n_rows, n_tweaks = tweak.shape
        n_columns = width + 1 + n_tweaks
        self.real = torch.empty(
            (n_rows, n_columns), dtype=torch.float64, device=tweak.device
        )
        self.real[:, width] = 2.0**8
        self.real[:, width + 1 :] = tweak
        self._halves = self.real[:, :width]

    def put(self, half):
        self._halves.copy_(half)


class _TensorHash:
    """`Hash` of tensors."""

    def __init__(self, hash_, device):
        self._chunks = [torch.tensor(limbs[0], device=device) for limbs in hash_.limbs]

    def words(self, inputs):
        """Words of the hash, of shape (2, n_samples), dtype int64."""
        total, first = 0, 0
        for limbs in self._chunks:
            rows = inputs.real[:, first : first + len(limbs)]
            # The last chunk is filled up with zeros, or needs not all of a tweak.
            total = total + (rows @ limbs[: rows.shape[1]]).long()
            first += len(limbs)
        limbs = total.T.reshape(4, 2, -1)
        return (limbs[0] >> 20) + (limbs[1] << 1) + (limbs[2] << 22) + (limbs[3] << 43)


class TensorPrf:
    """`Prf` of tensors.

    Parameters
    ----------
    prf : Prf
    device : torch.device
    """

    def __init__(self, prf, device):
        self.hash = _TensorHash(prf.hash, device)
        self._aes = TensorAes(prf.aes_key, device)
        self._n_outputs = prf.n_outputs
        self._mask = int(prf.mask.view(np.int32))
        self._hash_mask = torch.tensor(prf.hash_mask.view(np.int64), device=device)
        self._counters = torch.tensor(prf.counters.view(np.int32), device=device)

    def of_integers(self, rows):
        """Return the function's value for rows without a tweak.

        Parameters
        ----------
        rows : tensor of shape (n_samples, width), dtype float64
            Signed integers of 24 bits.

        Returns
        -------
        halves : tensor of shape (n_samples, n_outputs), dtype int32
        """
        inputs = _TensorInputs(rows.shape[1], rows.new_empty((len(rows), 0)))
        inputs.put(rows * 2.0**8)
        return self.of(inputs)

    def of(self, inputs):
        """Halves of the function's value, of shape (n_samples, n_outputs)."""
        words = self.hash.words(inputs) & self._hash_mask
        seeds = words.T.contiguous().view(torch.int32)
        if seeds.is_cuda and encrypt_counters is not None:
            return encrypt_counters(
                self._aes, seeds, self._counters, self._n_outputs, self._mask
            )
        blocks = seeds[:, None] | self._counters
        drawn = self._aes.encrypt(blocks.reshape(-1, 4)).reshape(len(seeds), -1)
        return drawn[:, : self._n_outputs] & self._mask

    def __repr__(self):
        return "TensorPrf(<secret>)"


class _TensorLock:
    """`Lock` of tensors."""

    def __init__(self, lock, device):
        self._h1, self._h2 = (_TensorHash(h, device) for h in (lock.h1, lock.h2))
        self._f1, self._f2 = (TensorPrf(f, device) for f in (lock.f1, lock.f2))

    def forward(self, left, right, inputs):
        """Set the lock, in place."""
        left[:, :N_HASHED] += _hashed(self._h1, right, LEFT_BITS, inputs)
        inputs.put(left)
        right += self._f1.of(inputs)
        inputs.put(right)
        left += self._f2.of(inputs)
        right[:, :N_HASHED] -= _hashed(self._h2, left, RIGHT_BITS, inputs)

    def inverse(self, left, right, inputs):
        """Open the lock, in place."""
        right[:, :N_HASHED] += _hashed(self._h2, left, RIGHT_BITS, inputs)
        inputs.put(right)
        left -= self._f2.of(inputs)
        inputs.put(left)
        right -= self._f1.of(inputs)
        left[:, :N_HASHED] -= _hashed(self._h1, right, LEFT_BITS, inputs)


def _write(found, out, piece):
    if isinstance(out, np.ndarray) and min(out.strides, default=0) >= 0:
        # Straight to its memory.
        out = torch.from_numpy(out)
    out[piece] = found if isinstance(out, torch.Tensor) else to_numpy(found)


def _mask(bits):
    """`half_mask` as a signed number."""
    return -(1 << (32 - bits))


def _hashed(hash_, half, bits, inputs):
    """`hashed_columns` of the hash of halves."""
    inputs.put(half)
    words = hash_.words(inputs)
    rest = words & 0xFFF0
    last = (rest[0] << 16) | (rest[1] << 4)
    columns = [*(words >> 32), *(words >> 8), last]
    return torch.stack(columns, dim=1).int() & _mask(bits)


def _tweak(codes, context):
    """The view, four codes to a half, and the context, in float64."""
    n_rows, width = codes.shape
    n_halves = -(-width // _CODES_PER_HALF)
    packed = torch.zeros((n_rows, n_halves), dtype=torch.int64, device=codes.device)
    for i in range(_CODES_PER_HALF):
        part = codes[:, i::_CODES_PER_HALF].long() & 63
        packed[:, : part.shape[1]] |= part << (8 + 6 * i)
    halves = torch.tensor(context_halves(context), device=codes.device)
    return torch.cat([packed.int(), halves.expand(n_rows, -1)], dim=1)


def _packed(codes, left, right):
    """`pack` of tensors."""
    integers = codes.long() << RESIDUE_BITS
    # Words without their signs.
    integers |= (left.long() & 0xFFFFFFFF) << 15
    integers |= right.long() >> 9 & 0x7FFFFF
    return integers.double() * _UNIT


def _unpacked(Z):
    """Integers of numbers and, of each row, whether `pack` can have written it."""
    end, scaled = 2.0**52, Z / _UNIT
    usual = (scaled >= -end) & (scaled < end)
    integers = torch.where(usual, scaled, 0.0).long()
    again = integers.double() * _UNIT
    written = (again.view(torch.int64) == Z.view(torch.int64)).all(dim=1)
    integers[~written] = 0
    return integers, written
