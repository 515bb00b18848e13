"""What the encryptor's speed is measured against: each maps rows there and back.

A competitor is a function of a fitted encryptor, that returns a pair of functions of
rows: encrypt and decrypt. It raises ImportError if its package is not installed, and
MemoryError if it cannot hold that width.
"""

import os
from functools import partial

import numpy as np
from sklearn.utils import gen_batches

from sklearn_homeo._utils.threads import run_in_threads

# Hidden units of a flow's nets, and couplings for each lock: as many as change all
# columns of a row.
N_HIDDEN, N_COUPLINGS = 64, 2
# Numbers that a flow maps at a time (fewer are slower), that AES-GCM encrypts at once,
# and in a ciphertext of CKKS.
FLOW_ENTRIES, GCM_ENTRIES, N_SLOTS = 2**18, 2**18, 4096


def encryptor_itself(encryptor):
    """The encryptor."""
    return _keeping(encryptor.encrypt_into), _keeping(encryptor.decrypt_into)


def one_product(encryptor):
    """One bare product of the rows with a square matrix, on BLAS's threads."""
    n = encryptor.n_features_in_
    matrix = np.random.default_rng(0).normal(size=(n, n))

    def multiply(rows, out):
        return np.matmul(rows, matrix, out=out)

    return _keeping(multiply), _keeping(multiply)


def _keeping(function):
    """Give a function the same array to write to each time."""
    outs = {}

    def run(rows):
        out = outs.setdefault(rows.shape, np.empty(rows.shape))
        return function(rows, out)

    return run


def aes_gcm(encryptor):
    """AES-256-GCM of the same bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(AESGCM.generate_key(256))
    n_rows = max(1, GCM_ENTRIES // encryptor.n_features_in_)

    def encrypt(rows):
        blobs = [None] * -(-len(rows) // n_rows)

        def work(i):
            plain = memoryview(rows[i * n_rows : (i + 1) * n_rows]).cast("B")
            nonce = os.urandom(12)
            blobs[i] = nonce, cipher.encrypt(nonce, plain, None)

        run_in_threads(work, lambda n: (range(len(blobs)), n))
        return blobs

    def decrypt(blobs):
        rows = [None] * len(blobs)

        def work(i):
            rows[i] = cipher.decrypt(*blobs[i], None)

        run_in_threads(work, lambda n: (range(len(blobs)), n))
        return rows

    return encrypt, decrypt


def ckks_packed(encryptor):
    """CKKS (TenSEAL), with as many numbers in a ciphertext as it holds."""
    return _ckks(N_SLOTS)


def ckks_by_row(encryptor):
    """CKKS (TenSEAL), with a row in a ciphertext, as a model can take it."""
    return _ckks(min(N_SLOTS, encryptor.n_features_in_))


def _ckks(n_numbers):
    import tenseal

    context = tenseal.context(
        tenseal.SCHEME_TYPE.CKKS,
        poly_modulus_degree=2 * N_SLOTS,
        coeff_mod_bit_sizes=[60, 40, 40, 60],
    )
    context.global_scale = 2**40

    def encrypt(rows):
        flat = rows.ravel()
        return [
            tenseal.ckks_vector(context, flat[i : i + n_numbers].tolist())
            for i in range(0, flat.size, n_numbers)
        ]

    return encrypt, lambda blobs: [blob.decrypt() for blob in blobs]


def freia(encryptor):
    """FrEIA: affine couplings (AllInOneBlock)."""
    import FrEIA.framework
    import FrEIA.modules

    n, depth = encryptor.n_features_in_, encryptor.depth
    if n > 4096:
        raise MemoryError("it holds each permutation as two full matrices")
    flow = FrEIA.framework.SequenceINN(n)
    for _ in range(N_COUPLINGS * depth):
        flow.append(FrEIA.modules.AllInOneBlock, subnet_constructor=_net)
    flow = flow.double().eval()
    return _over(n, lambda x: flow(x)[0]), _over(n, lambda z: flow(z, rev=True)[0])


def normflows(encryptor):
    """normflows: affine couplings and swaps (Real NVP)."""
    from normflows.flows import AffineCouplingBlock, Permute
    from normflows.nets import MLP

    n, flows = encryptor.n_features_in_, []
    for _ in range(N_COUPLINGS * encryptor.depth):
        net = MLP([n - n // 2, N_HIDDEN, 2 * (n // 2)])
        flows += [AffineCouplingBlock(net).double(), Permute(n, mode="swap").double()]

    def forward(x):
        for flow in flows:
            x = flow(x)[0]
        return x

    def inverse(z):
        for flow in reversed(flows):
            z = flow.inverse(z)[0]
        return z

    return _over(n, forward), _over(n, inverse)


def nflows(encryptor):
    """nflows: additive couplings (NICE) and permutations."""
    from nflows.nn.nets import ResidualNet
    from nflows.transforms import (
        AdditiveCouplingTransform,
        CompositeTransform,
        RandomPermutation,
    )
    from nflows.utils import create_mid_split_binary_mask

    n = encryptor.n_features_in_
    net = partial(ResidualNet, hidden_features=N_HIDDEN, num_blocks=1)
    steps = []
    for _ in range(N_COUPLINGS * encryptor.depth):
        mask = create_mid_split_binary_mask(n)
        steps += [RandomPermutation(n), AdditiveCouplingTransform(mask, net)]
    flow = CompositeTransform(steps).double().eval()
    return _over(n, lambda x: flow(x)[0]), _over(n, lambda z: flow.inverse(z)[0])


def zuko(encryptor):
    """zuko: affine couplings (NICE)."""
    import zuko.flows

    n = encryptor.n_features_in_
    n_couplings = N_COUPLINGS * encryptor.depth
    flow = zuko.flows.NICE(n, transforms=n_couplings, hidden_features=[N_HIDDEN])
    transform = flow.double()().transform
    return _over(n, transform), _over(n, transform.inv)


def _net(n_in, n_out):
    from torch import nn

    return nn.Sequential(
        nn.Linear(n_in, N_HIDDEN), nn.ReLU(), nn.Linear(N_HIDDEN, n_out)
    )


def _over(n_features, function):
    """Apply a torch function to rows in batches that suit a cache."""
    import torch

    n_rows = max(16, FLOW_ENTRIES // n_features)

    def run(rows):
        out = np.empty_like(rows)
        with torch.inference_mode():
            for batch in gen_batches(len(rows), n_rows):
                out[batch] = function(torch.from_numpy(rows[batch])).numpy()
        return out

    return run


COMPETITORS = {
    "sklearn_homeo": encryptor_itself,
    "one product": one_product,
    "FrEIA": freia,
    "normflows": normflows,
    "nflows": nflows,
    "zuko": zuko,
    "AES-GCM": aes_gcm,
    "CKKS packed": ckks_packed,
    "CKKS by row": ckks_by_row,
}
