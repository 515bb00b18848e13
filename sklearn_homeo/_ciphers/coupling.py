"""The exact integer coupling lock.

Three additive couplings (NICE, Dinh et al. 2015) on lattice integers, which is a
lifting scheme, which is a Feistel network whose round function is a triangle
wave of keyed integer phases.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._ciphers._arrays import namespace
from sklearn_homeo._ciphers.lattice import PhaseMatrix, triangle_wave

__all__ = ["CouplingLock"]

# A mask is driven by at most this many coordinates of the other half. More add
# nothing to its strength and would cost memory quadratic in the width.
MAX_DRIVERS = 1024


@dataclass(frozen=True)
class CouplingLock:
    """One keyed bijection of lattice rows ``[S, C]``.

    The complement C is permuted and halved into (u, v); then ``v += T([u, S])``,
    ``u += T([v, S])`` and ``S += t([u, v])``, each T a triangle wave of the phases
    that a keyed integer matrix gives.

    Parameters
    ----------
    n_preserved : int
        Width of S.
    permutation, order_back : ndarray of shape (n_complement,), dtype int64
    blocks_u, blocks_v : tuple of (int, int)
        Column ranges of u and v that drive each other.
    masks_v, masks_u : tuple of PhaseMatrix
        One for each block.
    mask_s : PhaseMatrix or None
        None without complement or noise.
    amplitude, noise : float
        Peak of the masks on C and on S, in standard deviations.
    """

    n_preserved: int
    permutation: np.ndarray
    order_back: np.ndarray
    blocks_u: tuple
    blocks_v: tuple
    masks_v: tuple
    masks_u: tuple
    mask_s: PhaseMatrix | None
    amplitude: float
    noise: float

    @classmethod
    def from_key(cls, key, label, n, n_preserved, frequency, amplitude, noise):
        """Derive the lock named ``label`` for rows of ``n`` columns."""
        k, q = n_preserved, n - n_preserved
        permutation = key.stream(f"{label}/permutation").permutation(q)
        blocks_u, blocks_v = _split(q)
        driven_v = _draw_masks(
            key, f"{label}/W1", _widths(blocks_u, k), blocks_v, frequency
        )
        turned = blocks_v[1:] + blocks_v[:1]
        driven_u = _draw_masks(
            key, f"{label}/W2", _widths(turned, k), blocks_u, frequency
        )
        mask_s = None
        if noise > 0:
            stream = key.stream(f"{label}/W3")
            mask_s = PhaseMatrix.from_stream(stream, q, k, frequency)
        order_back = np.argsort(permutation)
        return cls(
            k, permutation, order_back, blocks_u, turned, driven_v, driven_u, mask_s,
            amplitude, noise,
        )  # fmt: skip

    def forward(self, y):
        """Lock lattice rows of shape (n_samples, n)."""
        s, c = y[:, : self.n_preserved], y[:, self.n_preserved :]
        u, v = self._halves(c[:, self.permutation])
        v = v + self._mask_v(u, s)
        u = u + self._mask_u(v, s)
        s = s + self._mask_s(u, v)
        return namespace(y).concatenate([s, u, v], axis=1)

    def inverse(self, y):
        """Unlock lattice rows, bit for bit."""
        s, c = y[:, : self.n_preserved], y[:, self.n_preserved :]
        u, v = self._halves(c)
        s = s - self._mask_s(u, v)
        u = u - self._mask_u(v, s)
        v = v - self._mask_v(u, s)
        xp = namespace(y)
        c = xp.concatenate([u, v], axis=1)[:, self.order_back]
        return xp.concatenate([s, c], axis=1)

    def _halves(self, c):
        middle = c.shape[1] // 2
        return c[:, :middle], c[:, middle:]

    def _mask_v(self, u, s):
        return self._wave(self.masks_v, self.blocks_u, u, s)

    def _mask_u(self, v, s):
        return self._wave(self.masks_u, self.blocks_v, v, s)

    def _wave(self, masks, blocks, drivers, s):
        waves = [
            triangle_wave(
                mask.phases(drivers[:, start:stop], s), mask.period, self.amplitude
            )
            for mask, (start, stop) in zip(masks, blocks, strict=True)
        ]
        return namespace(s).concatenate(waves, axis=1)

    def _mask_s(self, u, v):
        if self.mask_s is None:
            return 0.0
        return triangle_wave(self.mask_s.phases(u, v), self.mask_s.period, self.noise)


def _split(q):
    """Column ranges of the two halves of ``q`` columns, as many in each."""
    middle = q // 2
    n_blocks = max(1, -(-(q - middle) // MAX_DRIVERS))
    return _ranges(middle, n_blocks), _ranges(q - middle, n_blocks)


def _ranges(width, n_blocks):
    edges = [width * i // n_blocks for i in range(n_blocks + 1)]
    return tuple(zip(edges[:-1], edges[1:], strict=True))


def _widths(blocks, n_preserved):
    return [stop - start + n_preserved for start, stop in blocks]


def _draw_masks(key, label, n_drivers, blocks, frequency):
    return tuple(
        PhaseMatrix.from_stream(
            key.stream(f"{label}/{i}"), width, stop - start, frequency
        )
        for i, (width, (start, stop)) in enumerate(zip(n_drivers, blocks, strict=True))
    )
