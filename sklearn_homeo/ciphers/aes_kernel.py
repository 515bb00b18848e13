"""A Triton kernel of AES-256 in counter mode, for tensors on a CUDA device.

Triton comes with the CUDA builds of torch. `aes` says what is computed; the kernel
keeps blocks in registers from their counter to the masked halves.
"""

import triton
import triton.language as tl

from sklearn_homeo.ciphers.aes import N_ROUNDS

__all__ = ["encrypt_counters"]

_BLOCKS_PER_PROGRAM = 256


@triton.jit
def _mix(tables, a, b, c, d):
    """A column of a round, from a byte of each of four columns."""
    mixed = tl.load(tables + (a & 0xFF))
    mixed ^= tl.load(tables + 256 + (b >> 8 & 0xFF))
    mixed ^= tl.load(tables + 512 + (c >> 16 & 0xFF))
    return mixed ^ tl.load(tables + 768 + (d >> 24 & 0xFF))


@triton.jit
def _round(tables, keys, a, b, c, d):
    return (
        _mix(tables, a, b, c, d) ^ tl.load(keys),
        _mix(tables, b, c, d, a) ^ tl.load(keys + 1),
        _mix(tables, c, d, a, b) ^ tl.load(keys + 2),
        _mix(tables, d, a, b, c) ^ tl.load(keys + 3),
    )


@triton.jit
def _store(out, word, row, column, n_outputs, inside):
    kept = inside & (column < n_outputs)
    tl.store(out + row * n_outputs + column, word, mask=kept)


@triton.jit
def _kernel(  # type: ignore[no-untyped-def]
    seeds, counters, keys, tables, last_tables, out, n_rows, n_blocks, n_outputs, mask,
    ROUNDS: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    index = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = index < n_rows * n_blocks
    row, block = index // n_blocks, index % n_blocks
    seed, counter = seeds + 4 * row, counters + 4 * block
    a = tl.load(seed, mask=inside) | tl.load(counter, mask=inside)
    b = tl.load(seed + 1, mask=inside) | tl.load(counter + 1, mask=inside)
    c = tl.load(seed + 2, mask=inside) | tl.load(counter + 2, mask=inside)
    d = tl.load(seed + 3, mask=inside) | tl.load(counter + 3, mask=inside)
    a, b = a ^ tl.load(keys), b ^ tl.load(keys + 1)
    c, d = c ^ tl.load(keys + 2), d ^ tl.load(keys + 3)
    for i in range(1, ROUNDS):
        a, b, c, d = _round(tables, keys + 4 * i, a, b, c, d)
    a, b, c, d = _round(last_tables, keys + 4 * ROUNDS, a, b, c, d)
    _store(out, a & mask, row, 4 * block, n_outputs, inside)
    _store(out, b & mask, row, 4 * block + 1, n_outputs, inside)
    _store(out, c & mask, row, 4 * block + 2, n_outputs, inside)
    _store(out, d & mask, row, 4 * block + 3, n_outputs, inside)


def encrypt_counters(aes, seeds, counters, n_outputs, mask):
    """Encrypt seeds joined to counters, and mask the words.

    Parameters
    ----------
    aes : TensorAes
    seeds : tensor of shape (n_rows, 4), dtype int32
    counters : tensor of shape (n_blocks, 4), dtype int32
    n_outputs : int
        Words of a row that are wanted.
    mask : int

    Returns
    -------
    words : tensor of shape (n_rows, n_outputs), dtype int32
    """
    n_rows, n_blocks = len(seeds), len(counters)
    out = seeds.new_empty((n_rows, n_outputs))
    grid = (triton.cdiv(n_rows * n_blocks, _BLOCKS_PER_PROGRAM),)
    _kernel[grid](
        seeds, counters, aes.round_keys, aes.tables, aes.last_tables, out,
        n_rows, n_blocks, n_outputs, mask,
        ROUNDS=N_ROUNDS, SIZE=_BLOCKS_PER_PROGRAM,
    )  # fmt: skip
    return out
