"""Reading images from files and arrays."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from joblib import effective_n_jobs
from PIL import Image, ImageOps
from sklearn.utils import gen_batches
from tqdm import tqdm

__all__ = ["ArrayImages", "FileImages", "Framing", "read_batches"]

# Not all that Pillow knows: some formats start other programs.
Image.init()
FORMATS = tuple(
    name
    for name in "AVIF BMP GIF JPEG JPEG2000 PNG PPM TIFF WEBP".split()
    if name in Image.OPEN
)
# Luma of ITU-R 601, as Pillow's.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Framing:
    """The one size and the channels to which images are brought.

    The whole image is resized, by bicubic interpolation with antialiasing. Its aspect
    ratio is not kept: cutting out the centre would lose what lies at the edges.

    Parameters
    ----------
    height, width : int
        Size of the result, in pixels.
    channels : {1, 3}
        Grey or colour.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.images._reading import ArrayImages, Framing
    >>> images = ArrayImages(np.zeros((5, 30, 20, 3), dtype=np.uint8))
    >>> images.read(0, Framing(height=8, width=8, channels=1)).shape
    (8, 8, 1)
    """

    height: int
    width: int
    channels: int

    def frame_picture(self, picture):
        """Frame a Pillow image; return uint8 of shape (height, width, channels)."""
        picture = _without_alpha(_to_eight_bits(picture))
        picture = picture.convert("L" if self.channels == 1 else "RGB")
        pixels = np.asarray(self._resize(picture))
        return pixels.reshape(self.height, self.width, self.channels)

    def frame_array(self, pixels):
        """Frame float32 of shape (H, W, C) with values from 0 to 255."""
        pixels = _to_channels(pixels, self.channels)
        planes = [
            np.asarray(self._resize(Image.fromarray(np.ascontiguousarray(plane))))
            for plane in np.moveaxis(pixels, 2, 0)
        ]
        # Bicubic interpolation overshoots at edges; Pillow clips only 8-bit pixels.
        return np.stack(planes, axis=2).clip(0, 255)

    def _resize(self, picture):
        size = (self.width, self.height)
        if picture.size == size:
            return picture
        return picture.resize(size, Image.Resampling.BICUBIC)


class FileImages:
    """Images in files, of any size and mode.

    Parameters
    ----------
    paths : sequence of str or path-like

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message lists rows and paths.
    """

    def __init__(self, paths):
        self.paths = [os.fspath(path) for path in paths]
        missing = [
            f"row {row}: {path!r}"
            for row, path in enumerate(self.paths)
            if not os.path.exists(path)
        ]
        if missing:
            raise FileNotFoundError(
                f"{len(missing)} of {len(self.paths)} image files are missing: "
                f"{_shorten(missing)}"
            )

    def __len__(self):
        return len(self.paths)

    def read(self, row, framing):
        """Return one image as uint8 of shape (height, width, channels)."""
        path = self.paths[row]
        try:
            with Image.open(path, formats=FORMATS) as picture:
                # JPEG decoders halve pictures for free. Thrice the target is left, so
                # that the resizing decides the result.
                enough = 3 * max(framing.height, framing.width)
                picture.draft(None, (enough, enough))
                return framing.frame_picture(ImageOps.exif_transpose(picture))
        except Exception as error:  # Damaged files make Pillow raise nearly anything.
            raise ValueError(
                f"Row {row} of X: cannot read the image {path!r}: "
                f"{_reason(path, error)}"
            ) from error


class ArrayImages:
    """Images in an array.

    Parameters
    ----------
    pixels : ndarray of shape (n_samples, height, width, channels)
        1 (grey), 3 (colour) or 4 (with alpha) channels.
    white_level : float, default=1.0
        Value of white if `pixels` are floats. Of integers it is 255, of uint16
        65535, of booleans 1.
    """

    def __init__(self, pixels, white_level=1.0):
        self.pixels = pixels
        self.white_level = _white_level(pixels, white_level)

    def __len__(self):
        return len(self.pixels)

    def read(self, row, framing):
        """Return one image, of shape (height, width, channels).

        uint8 if the pixels are integers, else float32 with values from 0 to 255.
        """
        pixels = self.pixels[row]
        if self.pixels.dtype.kind in "iu" and self.white_level == 255:
            pixels = pixels.astype(np.uint8)
            flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
            return framing.frame_picture(Image.fromarray(np.ascontiguousarray(flat)))
        scale = np.float32(255 / self.white_level)
        return framing.frame_array(pixels.astype(np.float32) * scale)


def read_batches(images, framing, batch_size, *, n_jobs=None, verbose=0):
    """Read images batch by batch, the next one while the last one is in use.

    Parameters
    ----------
    images : FileImages or ArrayImages
    framing : Framing
    batch_size : int
    n_jobs : int or None, default=None
        Threads that decode and resize, counted as joblib counts.
    verbose : int, default=0
        Whether to show a progress bar.

    Yields
    ------
    rows : slice
    pixels : ndarray of shape (n_rows, height, width, channels)
        uint8 or float32, with values from 0 to 255.
    """
    # Not joblib.Parallel: it reads on however slow the consumer is, until all images
    # are in memory.
    pool = ThreadPoolExecutor(effective_n_jobs(n_jobs))
    progress = tqdm(total=len(images), unit="image", disable=not verbose)
    waiting = deque()
    try:
        for rows in gen_batches(len(images), batch_size):
            futures = [
                pool.submit(images.read, row, framing)
                for row in range(rows.start, rows.stop)
            ]
            waiting.append((rows, futures))
            if len(waiting) > 1:
                yield _collect(waiting.popleft(), progress)
        yield _collect(waiting.popleft(), progress)
    finally:
        pool.shutdown(cancel_futures=True)
        progress.close()


def _collect(waiting, progress):
    rows, futures = waiting
    pixels = np.stack([future.result() for future in futures])
    progress.update(len(futures))
    return rows, pixels


def _white_level(pixels, of_floats):
    if pixels.dtype.kind == "f":
        return of_floats
    return {"bool": 1.0, "uint16": 65535.0}.get(pixels.dtype.name, 255.0)


def _to_eight_bits(picture):
    """Bring pixels of 16 bits, 32 bits or floats to 8 bits instead of clipping."""
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return picture
    pixels = np.asarray(picture)
    if pixels.dtype.kind == "f":
        white = 1 if pixels.max() <= 1 else 255
    else:
        white = 65535
    if not (pixels.min() >= 0 and pixels.max() <= white):
        raise ValueError(
            f"its values run from {pixels.min()} to {pixels.max()}, beyond {white}"
        )
    return Image.fromarray(np.rint(pixels * (255 / white)).astype(np.uint8))


def _without_alpha(picture):
    """Lay a picture on white, since what is transparent has no colour of its own."""
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _to_channels(pixels, channels):
    if pixels.shape[2] == 4:
        opacity = pixels[..., 3:] / 255
        pixels = pixels[..., :3] * opacity + 255 * (1 - opacity)
    if pixels.shape[2] == channels:
        return pixels
    if channels == 1:
        return (pixels @ LUMA)[..., np.newaxis]
    return np.repeat(pixels, channels, axis=2)


def _reason(path, error):
    if os.path.isdir(path):
        return "it is a folder."
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        return "the file is empty."
    return f"{type(error).__name__}: {error}"


def _shorten(items, limit=10):
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return "; ".join(items[:limit]) + more
