"""Reading images from files and arrays."""

import os
import stat
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

import numpy as np
from joblib import effective_n_jobs
from PIL import Image, ImageOps
from sklearn.utils import gen_batches
from tqdm import tqdm

from sklearn_homeo._utils.messages import listed

__all__ = [
    "MAX_PIXELS",
    "ArrayImages",
    "FileImages",
    "Framing",
    "PictureImages",
    "count_readers",
    "read_batches",
]

# Not all that Pillow knows: some formats start other programs.
Image.init()
FORMATS = tuple(
    name
    for name in "AVIF BMP GIF JPEG JPEG2000 PNG PPM TIFF WEBP".split()
    if name in Image.OPEN
)
# Luma of ITU-R 601, as Pillow's.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# Of a picture that is decoded. A file of some kilobytes can ask for gigabytes.
MAX_PIXELS = 2**25
# Resizing takes memory in proportion to the longer side, too. JPEG's limit.
MAX_SIDE = 2**16 - 1
# Rounded 255 / 65535 of every value of 16 bits.
SIXTEEN_BITS = np.rint(np.arange(2**16) / 257).astype(np.uint8)


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
        # What is grey becomes colour when it is small, which saves memory.
        is_grey = self.channels == 1 or picture.mode in ("1", "L")
        picture = self._resize(picture.convert("L" if is_grey else "RGB"))
        pixels = np.asarray(picture.convert("L" if self.channels == 1 else "RGB"))
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
    max_pixels : int, default=MAX_PIXELS
        Most pixels of a picture that is decoded.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message lists rows and paths.
    ValueError
        If something is neither a file nor a folder: a pipe would be waited for.
    """

    dtype = np.uint8

    def __init__(self, paths, max_pixels=MAX_PIXELS):
        self.paths = [os.fspath(path) for path in paths]
        self.max_pixels = max_pixels
        modes = [_mode(path) for path in self.paths]
        missing = self._where([mode is None for mode in modes])
        if missing:
            raise FileNotFoundError(
                f"{len(missing)} of {len(self.paths)} image files are missing: "
                f"{listed(missing)}"
            )
        strange = self._where(
            [not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) for mode in modes]
        )
        if strange:
            raise ValueError(
                f"{len(strange)} of {len(self.paths)} image files are pipes or "
                f"devices, which may never end: {listed(strange)}"
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
                _check_size(picture, self.max_pixels)
                return framing.frame_picture(ImageOps.exif_transpose(picture))
        except Exception as error:  # Damaged files make Pillow raise nearly anything.
            raise ValueError(
                f"Row {row} of X: cannot read the image {path!r}: "
                f"{_reason(path, error)}"
            ) from error

    def _where(self, mask):
        return [
            f"row {row}: {path!r}"
            for row, (path, is_meant) in enumerate(zip(self.paths, mask, strict=True))
            if is_meant
        ]


class PictureImages:
    """Images that Pillow has opened, of any size and mode.

    Parameters
    ----------
    pictures : sequence of PIL.Image.Image
    max_pixels : int, default=MAX_PIXELS
        Most pixels of a picture.
    """

    dtype = np.uint8

    def __init__(self, pictures, max_pixels=MAX_PIXELS):
        self.pictures = list(pictures)
        self.max_pixels = max_pixels
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.pictures)

    def read(self, row, framing):
        """Return one image as uint8 of shape (height, width, channels)."""
        picture = self.pictures[row]
        try:
            _check_size(picture, self.max_pixels)
            # The same picture may be in several rows.
            with self._lock:
                picture.load()
            return framing.frame_picture(ImageOps.exif_transpose(picture))
        except Exception as error:  # As of files: some are decoded only now.
            raise ValueError(
                f"Row {row} of X: cannot read the image: "
                f"{type(error).__name__}: {error}"
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
        self._is_bytes = pixels.dtype.kind in "iu" and self.white_level == 255
        self.dtype = np.uint8 if self._is_bytes else np.float32

    def __len__(self):
        return len(self.pixels)

    def read(self, row, framing):
        """Return one image, of shape (height, width, channels).

        uint8 if the pixels are integers, else float32 with values from 0 to 255.
        """
        pixels = self.pixels[row]
        if self._is_bytes:
            pixels = pixels.astype(np.uint8)
            flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
            return framing.frame_picture(Image.fromarray(np.ascontiguousarray(flat)))
        scale = np.float32(255 / self.white_level)
        return framing.frame_array(pixels.astype(np.float32) * scale)


def count_readers(n_jobs, device):
    """Return how many threads read images for a network on a device.

    Parameters
    ----------
    n_jobs : int or None
        Counted as joblib counts. None is 1 if the network runs on the CPU, where it
        takes the processors itself, and all of them if it runs on a GPU, which would
        wait.
    device : torch.device or None
    """
    if n_jobs is None and device is not None and device.type != "cpu":
        n_jobs = -1
    return effective_n_jobs(n_jobs)


def read_batches(images, framing, batch_size, *, n_jobs=None, device=None, verbose=0):
    """Read images batch by batch, the next one while the last one is in use.

    Decoding and resizing release Python's lock, so that threads work at the same time
    as each other and as the network.

    Parameters
    ----------
    images : FileImages, PictureImages or ArrayImages
    framing : Framing
    batch_size : int
    n_jobs : int or None, default=None
        Threads that decode and resize, as `count_readers` counts them.
    device : torch.device or None, default=None
        Where the batches go. For a GPU they are in memory that it can fetch by itself.
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
    n_readers = count_readers(n_jobs, device)
    pool = ThreadPoolExecutor(n_readers)
    progress = tqdm(total=len(images), unit="image", disable=not verbose)
    waiting = deque()

    def read(start, pixels):
        for i in range(len(pixels)):
            pixels[i] = images.read(start + i, framing)

    def submit(rows):
        shape = (rows.stop - rows.start, framing.height, framing.width)
        pixels = _new_pixels((*shape, framing.channels), images.dtype, device)
        # A few tasks a thread: one for each image would cost more than small images.
        piece = ceil(len(pixels) / (4 * n_readers))
        futures = [
            pool.submit(read, rows.start + part.start, pixels[part])
            for part in gen_batches(len(pixels), piece)
        ]
        waiting.append((rows, pixels, futures))

    def collect():
        rows, pixels, futures = waiting.popleft()
        for future in futures:
            future.result()
        progress.update(len(pixels))
        return rows, pixels

    try:
        for rows in gen_batches(len(images), batch_size):
            submit(rows)
            if len(waiting) > 1:
                yield collect()
        yield collect()
    finally:
        pool.shutdown(cancel_futures=True)
        progress.close()


def _new_pixels(shape, dtype, device):
    if device is None or device.type != "cuda":
        return np.empty(shape, dtype)
    import torch

    dtype = torch.from_numpy(np.empty(0, dtype)).dtype
    return torch.empty(shape, dtype=dtype, pin_memory=True).numpy()


def _white_level(pixels, of_floats):
    if pixels.dtype.kind == "f":
        return of_floats
    return {"bool": 1.0, "uint16": 65535.0}.get(pixels.dtype.name, 255.0)


def _mode(path):
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return None


def _check_size(picture, max_pixels):
    width, height = picture.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise ValueError(
            f"it has {width} x {height} pixels, more than max_pixels={max_pixels} or "
            f"{MAX_SIDE} along a side; make it smaller, or set max_pixels"
        )


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
        raise ValueError(f"it has values below 0 or beyond {white}")
    if white == 65535:
        return Image.fromarray(SIXTEEN_BITS[pixels])
    pixels = pixels * np.float32(255 / white)
    return Image.fromarray(np.rint(pixels, out=pixels).astype(np.uint8))


def _without_alpha(picture):
    """Lay a picture on white, since what is transparent has no colour of its own."""
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


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
