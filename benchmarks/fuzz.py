"""Fuzz what comes from outside: key files, shares, images, sealed and encrypted files,
and the plans and summaries of other owners.

Every mutated input must either be read as what it was, or raise an error that is a
ValueError, TypeError or OSError and shows nothing private. Sealed files must not load
at all, unless nothing was changed. Prints how many of each.

    python benchmarks/fuzz.py [--files 10000] [--shares 200000] [--images 600]
        [--sealed 10000] [--ciphertexts 1000] [--summaries 1000]
"""

import argparse
import base64
import collections
import io
import json
import random
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.pipeline import make_pipeline

from sklearn_homeo import (
    HomeomorphicEncryptor,
    ImageAutoencoder,
    KeyShare,
    SecretKey,
    Summary,
    SummaryPlan,
    TableEncoder,
    load_pipeline,
    save_pipeline,
)
from sklearn_homeo.files._decrypting import decrypt_table_file
from sklearn_homeo.files._encrypting import encrypt_table_file
from sklearn_homeo.images._reading import FileImages, Framing
from sklearn_homeo.images._validation import check_images
from sklearn_homeo.keys import _wrapping

SECRET = bytes(range(0x90, 0xB0))
PHRASE = "a passphrase of several words"
ALLOWED = (ValueError, TypeError, OSError)


def mutate(data, rng):
    """Change, drop, repeat or insert some bytes."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = rng.randrange(256)
        elif kind == 2:
            del data[place : place + rng.choice([1, 4, 50, 10**6])]
        elif kind == 3:
            data[place:place] = rng.randbytes(rng.choice([1, 4, 50]))
        elif kind == 4:
            piece = data[place : place + rng.choice([1, 8, 100])]
            data[place:place] = piece * rng.choice([1, 2, 50])
        else:
            text = rng.choice([b"0", b"null", b"-1", b"{}", b"[[[", b"1e999", b"true"])
            data[place : place + len(text)] = text
    return bytes(data)


def outcome(call, is_right, secrets):
    """Name of what a call ended in; AssertionError where that may not be."""
    start = time.perf_counter()
    try:
        found = call()
    except ALLOWED as error:
        for text in (str(error), repr(error)):
            assert not any(secret in text for secret in secrets), text
        result = type(error).__name__
    else:
        assert is_right(found), "a changed input was read as something else"
        result = "read as before"
    seconds = time.perf_counter() - start
    assert seconds < 20, f"{result} took {seconds:.0f} s"
    return result


def fuzz_files(n, rng):
    """Key files under cheap costs, so that many can be tried."""
    cheap = {"iterations": 1, "lanes": 1, "memory_cost": 64}
    _wrapping._ARGON2ID = cheap
    original = _wrapping.PassphraseWrapper(PHRASE).wrap(SECRET)
    secrets = (PHRASE, SECRET.hex(), base64.b64encode(SECRET).decode())
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.key")
        for _ in range(n):
            path.write_bytes(mutate_document(original, rng))
            counts[
                outcome(
                    lambda: SecretKey.load(path, PHRASE),
                    lambda key: key.to_bytes() == SECRET,
                    secrets,
                )
            ] += 1
    return counts


def mutate_document(data, rng):
    """Half of the time change a field's value, else bytes."""
    if rng.random() < 0.5:
        return mutate(data, rng)
    document = json.loads(data)
    place = rng.choice([document, document["kdf"], document["cipher"]])
    name = rng.choice(list(place))
    place[name] = rng.choice(
        [None, True, -1, 0, 2**31, 1e300, "", "x", [], {}, 2**10, 65, "argon2id"]
    )
    return json.dumps(document).encode()


def fuzz_shares(n, rng):
    """Texts of shares, and combinations with forged fields."""
    shares = SecretKey(SECRET).split(3, threshold=2)
    texts = [share.to_string() for share in shares]
    secrets = (SECRET.hex(), *(text[40:70] for text in texts))
    counts = collections.Counter()
    for _ in range(n):
        text = mutate(rng.choice(texts).encode(), rng).decode("latin-1")
        counts[
            outcome(
                lambda text=text: KeyShare.from_string(text),
                lambda share: share in shares,
                secrets,
            )
        ] += 1
    return counts


def fuzz_images(n, rng):
    """Files of every format and mode, changed."""
    files = list(picture_files())
    counts = collections.Counter()
    framing = Framing(32, 32, 3)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            path = Path(folder, f"{i}.png")
            path.write_bytes(mutate(rng.choice(files), rng))
            counts[
                outcome(
                    lambda path=path: FileImages([path]).read(0, framing),
                    lambda pixels: pixels.shape == (32, 32, 3),
                    (),
                )
            ] += 1
            path.unlink()
    estimator = ImageAutoencoder()
    for _ in range(n):
        shape = [rng.choice([0, 1, 2, 3, 5, 70]) for _ in range(rng.randrange(5))]
        values = np.full(shape, rng.choice([0, 1, -1, 300, np.nan, np.inf, 1e308]))
        dtype = rng.choice(["f4", "f8", "u1", "u2", "i8", "?", "c16", "O", "S3", "U3"])
        with np.errstate(all="ignore"):
            try:
                values = values.astype(dtype)
            except (ValueError, TypeError, OverflowError):
                continue
        counts[
            outcome(
                lambda values=values: check_images(estimator, values, reset=True),
                lambda images: len(images) > 0,
                (),
            )
        ] += 1
    return counts


def picture_files():
    """Small files of all modes that common formats have."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 30, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels, "RGBA")
    for mode in ("RGB", "RGBA", "L", "P", "1", "CMYK", "I;16", "LA"):
        source = picture.convert("L") if mode == "I;16" else picture
        for name in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "JPEG2000", "PPM"):
            buffer = io.BytesIO()
            try:
                source.convert(mode).save(buffer, name)
            except (OSError, KeyError, ValueError):
                continue
            yield buffer.getvalue()


def private_table():
    """Return a table whose cells can be recognised."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "name": [f"Kowalska{i}" for i in range(60)],
            "amount": 7319 + rng.random(60).round(3),
            "kind": ["left", "right", "right"] * 20,
        }
    )


def fuzz_sealed(n, rng):
    """Sealed encryptors, table encoders and pipelines, edited and cut short."""
    key, table = SecretKey(SECRET), private_table()
    encoder = TableEncoder()
    pipeline = make_pipeline(encoder, HomeomorphicEncryptor(leakage="space", key=key))
    pipeline.fit(table)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        loaders = {
            "encryptor": HomeomorphicEncryptor.load,
            "encoder": TableEncoder.load,
            "pipeline": load_pipeline,
        }
        pipeline[1].save(Path(folder, "encryptor"))
        pipeline[0].save(Path(folder, "encoder"), key)
        save_pipeline(pipeline, Path(folder, "pipeline"))
        originals = {name: Path(folder, name).read_bytes() for name in loaders}
        path = Path(folder, "changed")
        for i in range(n):
            name = rng.choice(list(loaders))
            data = originals[name]
            changed = data[: rng.randrange(len(data))] if i % 3 else mutate(data, rng)
            path.write_bytes(changed)
            counts[
                outcome(
                    lambda name=name: loaders[name](path, key),
                    lambda _, same=changed == data: same,
                    ("Kowalska", "7319", SECRET.hex()),
                )
            ] += 1
    return counts


def fuzz_ciphertexts(n, rng):
    """Ciphertext files of every format: the same table comes back, or none."""
    key = SecretKey(SECRET)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.csv")
        private_table().to_csv(table, index=False)
        for suffix in (".parquet", ".csv"):
            out = Path(folder, suffix[1:])
            encryptor = HomeomorphicEncryptor(leakage="space")
            encrypt_table_file(
                table, key, out, target="kind", encryptor=encryptor, suffix=suffix
            )
            data = (out / f"ciphertext{suffix}").read_bytes()
            changed, back = out / f"changed{suffix}", out / "back.csv"
            for _ in range(n // 2):
                changed.write_bytes(mutate(data, rng))
                back.unlink(missing_ok=True)
                counts[
                    outcome(
                        lambda out=out, changed=changed, back=back: decrypt_table_file(
                            changed, key, out / "encryptor.sealed", back
                        ),
                        lambda _, back=back: is_part_of(back, table),
                        ("Kowalska", "7319", SECRET.hex()),
                    )
                ] += 1
    return counts


def is_part_of(back, table):
    """Whether every line is one of the table, in its order; rows may be left out."""
    lines = iter(table.read_text().splitlines())
    return all(line in lines for line in back.read_text().splitlines())


def fuzz_summaries(n, rng):
    """Plans and summaries of all rounds: read as what they were, or refused."""
    X = 7319 + np.random.default_rng(0).normal(size=(80, 3))
    y = np.arange(80) % 2
    plans = [SummaryPlan(3, [0, 1], n_cells=2, n_random_features=8)]
    while not plans[-1].is_last:
        plans.append(plans[-1].advance([plans[-1].summarize(X, y)]))
    written = [(plan, plan.summarize(X, y)) for plan in plans]
    counts = collections.Counter()
    for _ in range(n):
        plan, summary = rng.choice(written)
        data = mutate(plan.to_bytes(), rng)
        counts[
            outcome(
                lambda data=data: SummaryPlan.from_bytes(data),
                lambda found, plan=plan: found == plan,
                ("7319",),
            )
        ] += 1
        data = mutate(summary.to_bytes(), rng)
        counts[
            outcome(
                lambda data=data, plan=plan: Summary.from_bytes(data, plan),
                lambda found, sent=summary: found.to_bytes() == sent.to_bytes(),
                ("7319",),
            )
        ] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--shares", type=int, default=200_000)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--sealed", type=int, default=10_000)
    parser.add_argument("--ciphertexts", type=int, default=1000)
    parser.add_argument("--summaries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, fuzz in (
        ("files", fuzz_files),
        ("shares", fuzz_shares),
        ("images", fuzz_images),
        ("sealed", fuzz_sealed),
        ("ciphertexts", fuzz_ciphertexts),
        ("summaries", fuzz_summaries),
    ):
        start = time.perf_counter()
        with warnings.catch_warnings(action="ignore"):
            counts = fuzz(getattr(options, name), random.Random(options.seed))
        seconds = time.perf_counter() - start
        print(f"{name}: {dict(counts.most_common())} in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
