"""How well the extractor keeps its network and its readers busy.

Times in turn the network alone, on pictures that are decoded already, decoding alone,
and the extractor, which does both at once. Prints images a second, and the extractor's
share of the slower of the two.

    python benchmarks/image_reading.py [--images 400] [--device auto] [--n-jobs N]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from sklearn_homeo import ImageFeatureExtractor
from sklearn_homeo.images._backbones import CPU_PIECE
from sklearn_homeo.images._reading import FileImages, count_readers, read_batches
from sklearn_homeo.networks.inference import resolve_device


def write_photographs(folder, n_images):
    """Crops of photographs, 500 x 375 pixels as photographs on the web are."""
    rng = np.random.default_rng(0)
    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    paths = []
    for i in range(n_images):
        left, top = rng.integers(0, 140), rng.integers(0, 50)
        picture = photographs[i % 2].crop((left, top, left + 500, top + 375))
        paths.append(Path(folder, f"{i}.jpg"))
        picture.save(paths[-1], quality=92)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--n-jobs", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(write_photographs(folder, options.images), options)


def measure(paths, options):
    extractor = ImageFeatureExtractor(n_jobs=options.n_jobs, device=options.device)
    extractor.fit(paths[:2])
    device = resolve_device(options.device)
    backbone = extractor._backbone.to(device)
    images, size = FileImages(paths), extractor.batch_size
    piece = CPU_PIECE if device.type == "cpu" else None

    def read():
        yield from read_batches(
            images, backbone.framing, size, n_jobs=options.n_jobs, device=device
        )

    decoded = list(read())

    def network():
        for _, pixels in decoded:
            backbone.compute(pixels, piece)

    def decoding():
        for _ in read():
            pass

    def both():
        extractor.transform(paths)

    network()  # Loads what is loaded once.
    seconds = {call.__name__: [] for call in (network, decoding, both)}
    for _ in range(options.rounds):
        for call in (network, decoding, both):
            start = time.perf_counter()
            call()
            seconds[call.__name__].append(time.perf_counter() - start)
    rates = {
        name: len(paths) / statistics.median(times) for name, times in seconds.items()
    }
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} images/s")
    share = rates["both"] / min(rates["network"], rates["decoding"])
    print(
        f"share of the slower: {share:.0%} ({device}, "
        f"{count_readers(options.n_jobs, device)} readers)"
    )


if __name__ == "__main__":
    main()
