"""Reading images: modes, orientation, damage, and reading ahead."""

import io
import os
import resource
import threading
import time
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from sklearn_homeo import ImageAutoencoder, ImageFeatureExtractor
from sklearn_homeo.images._reading import (
    MAX_PIXELS,
    ArrayImages,
    FileImages,
    Framing,
    PictureImages,
    count_readers,
    read_batches,
)
from sklearn_homeo.images._validation import check_images

COLOUR = Framing(height=12, width=16, channels=3)
GREY = Framing(height=12, width=16, channels=1)


@pytest.fixture
def pixels():
    """A smooth colour image of the framings' size."""
    rows, columns = np.mgrid[0:12, 0:16]
    planes = [rows * 20, columns * 15, 200 - rows * 10]
    return np.stack(planes, axis=2).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    def save(picture, name="image.png", **options):
        path = tmp_path / name
        picture.save(path, **options)
        return path

    return save


def read(path, framing=COLOUR):
    return FileImages([path]).read(0, framing)


@pytest.mark.parametrize(
    ("mode", "name", "tolerance"),
    [
        ("RGB", "a.png", 0),
        ("RGBA", "a.png", 0),
        ("RGB", "a.bmp", 0),
        ("RGB", "a.tiff", 0),
        ("RGB", "a.jpg", 25),
        ("CMYK", "a.jpg", 25),
        ("CMYK", "a.tif", 2),
        ("P", "a.png", 50),
        ("P", "a.gif", 50),
    ],
)
def test_colour_files_of_all_modes(pixels, save, mode, name, tolerance):
    path = save(Image.fromarray(pixels).convert(mode), name)
    found = read(path)
    assert found.shape == (12, 16, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - pixels).max() <= tolerance


def test_grey_and_colour_are_converted(pixels, save):
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_array_equal(
        read(save(Image.fromarray(pixels)), GREY)[..., 0], grey
    )
    found = read(save(Image.fromarray(grey)), COLOUR)
    np.testing.assert_array_equal(found, np.repeat(grey[..., np.newaxis], 3, axis=2))


def test_black_and_white_files_are_read(save):
    picture = Image.fromarray(np.eye(12, 16, dtype=bool))
    assert picture.mode == "1"
    np.testing.assert_array_equal(
        read(save(picture), GREY)[..., 0], np.eye(12, 16) * 255
    )


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_are_scaled_not_clipped(save, name):
    values = np.linspace(0, 65535, 12 * 16).reshape(12, 16)
    found = read(save(Image.fromarray(values.astype(np.uint16)), name), GREY)
    assert np.abs(found[..., 0] - values / 257).max() <= 1


@pytest.mark.parametrize("white", [1, 255])
def test_files_of_floats_are_scaled(save, white):
    values = np.linspace(0, white, 12 * 16, dtype=np.float32).reshape(12, 16)
    found = read(save(Image.fromarray(values), "a.tif"), GREY)
    assert np.abs(found[..., 0] - values * (255 / white)).max() <= 1


def test_files_of_other_floats_are_refused(save):
    path = save(Image.fromarray(np.full((12, 16), 1e4, dtype=np.float32)), "a.tif")
    with pytest.raises(ValueError, match=r"Row 0 of X: .*a\.tif.*beyond 255"):
        read(path)


def test_transparent_pixels_are_laid_on_white(pixels, save):
    alpha = np.zeros((12, 16, 1), dtype=np.uint8)
    alpha[:6] = 255
    found = read(save(Image.fromarray(np.dstack([pixels, alpha]))))
    np.testing.assert_array_equal(found[:6], pixels[:6])
    assert (found[6:] == 255).all()


def test_transparent_palette_entries_are_laid_on_white(save):
    picture = Image.new("P", (16, 12), 1)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    found = read(save(picture, transparency=1))
    assert (found == 255).all()


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90)],
)
def test_exif_orientation_is_applied(pixels, save, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(pixels).transpose(undo)
    np.testing.assert_array_equal(read(save(stored, exif=exif)), pixels)


def test_first_frame_of_an_animation_is_read(save):
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "blue")]
    path = save(frames[0], "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read(path)[0, 0], [255, 0, 0])


def test_whole_images_are_resized_whatever_their_shape(save):
    values = np.zeros((40, 200), dtype=np.uint8)
    values[:, :20] = 255
    found = read(save(Image.fromarray(values)), Framing(20, 20, 1))[..., 0]
    assert (found[:, 0] > 250).all()
    assert (found[:, 5:] == 0).all()


def test_large_jpegs_decoded_small_look_the_same(save):
    photograph = Image.fromarray(load_sample_images().images[0])
    path = save(photograph.resize((1920, 1281)), "a.jpg", quality=95)
    framing = Framing(96, 96, 3)
    with Image.open(path) as picture:
        whole = framing.frame_picture(picture.convert("RGB")).astype(int)
    assert np.abs(read(path, framing) - whole).mean() < 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"not an image", "UnidentifiedImageError"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "UnidentifiedImageError",
        ),
    ],
)
def test_broken_files_are_named_with_their_row(tmp_path, pixels, content, message):
    Image.fromarray(pixels).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(content)
    images = FileImages([tmp_path / "good.png", tmp_path / "bad.png"])
    with pytest.raises(ValueError, match=rf"Row 1 of X: .*bad\.png.*{message}"):
        list(read_batches(images, COLOUR, 2))


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_truncated_files_are_named(save, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=rf"Row 0 of X: cannot read .*{name}"):
        read(path)


def test_folders_are_named(tmp_path):
    with pytest.raises(ValueError, match="Row 0 of X: .*it is a folder"):
        read(tmp_path)


def test_missing_files_are_listed_before_any_is_read(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "good.png")
    paths = [tmp_path / name for name in ("good.png", "gone.png", "lost.png")]
    with pytest.raises(
        FileNotFoundError, match=r"2 of 3 .*row 1: .*gone.*row 2: .*lost"
    ):
        FileImages(paths)


@pytest.mark.parametrize("framing", [COLOUR, GREY, Framing(8, 8, 3), Framing(30, 9, 1)])
def test_arrays_equal_files(pixels, save, framing):
    from_file = read(save(Image.fromarray(pixels)), framing)
    from_array = ArrayImages(pixels[np.newaxis]).read(0, framing)
    np.testing.assert_array_equal(from_array, from_file)


@pytest.mark.parametrize("framing", [COLOUR, GREY, Framing(8, 8, 3), Framing(30, 9, 1)])
@pytest.mark.parametrize(
    ("dtype", "scale", "white_level"),
    [
        (np.float64, 1 / 255, 1.0),
        (np.float32, 1, 255.0),
        (np.uint16, 257, 1.0),
        (np.int64, 1, 1.0),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_dtypes_mean_the_same(pixels, framing, dtype, scale, white_level, channels):
    image = np.dstack([pixels, np.full((12, 16), 180, np.uint8)])[..., :channels]
    expected = ArrayImages(image[np.newaxis]).read(0, framing).astype(float)
    other = (image[np.newaxis] * float(scale)).astype(dtype)
    found = ArrayImages(other, white_level).read(0, framing)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2


def test_booleans_are_black_and_white():
    found = ArrayImages(np.eye(12, 16, dtype=bool)[np.newaxis, ..., np.newaxis])
    np.testing.assert_array_equal(found.read(0, GREY)[..., 0], np.eye(12, 16) * 255)


def noise_images(n_images=11):
    rng = np.random.default_rng(0)
    return ArrayImages(rng.integers(0, 256, (n_images, 6, 6, 3), dtype=np.uint8))


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
@pytest.mark.parametrize("n_jobs", [None, 3])
def test_batches_come_in_order(batch_size, n_jobs):
    images = noise_images()
    batches = list(read_batches(images, COLOUR, batch_size, n_jobs=n_jobs))
    assert [rows.start for rows, _ in batches] == list(range(0, 11, batch_size))
    expected = [images.read(row, COLOUR) for row in range(11)]
    np.testing.assert_array_equal(
        np.concatenate([batch for _, batch in batches]), expected
    )


class CountingImages:
    """Counts how many images were read."""

    dtype = np.int64

    def __init__(self, n_images):
        self.n_images = n_images
        self.n_read = 0
        self._lock = threading.Lock()

    def __len__(self):
        return self.n_images

    def read(self, row, framing):
        with self._lock:
            self.n_read += 1
        return np.full((framing.height, framing.width, 1), row)


def test_no_more_than_one_batch_is_read_ahead():
    images = CountingImages(100)
    batches = read_batches(images, GREY, 5, n_jobs=2)
    for n_taken, _ in enumerate(batches, start=1):
        time.sleep(0.01)
        assert images.n_read <= 5 * (n_taken + 1)
    assert images.n_read == 100


def test_stopping_early_ends_the_readers():
    images, n_threads = CountingImages(100), threading.active_count()
    batches = read_batches(images, GREY, 5, n_jobs=2)
    next(batches)
    batches.close()
    assert threading.active_count() == n_threads
    assert images.n_read <= 10


def test_progress_is_shown_only_if_verbose(capsys):
    list(read_batches(noise_images(), COLOUR, 4))
    assert capsys.readouterr().err == ""
    list(read_batches(noise_images(), COLOUR, 4, verbose=1))
    assert "11/11" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "PA", "L", "LA", "1", "CMYK"])
@pytest.mark.parametrize("framing", [COLOUR, GREY, Framing(5, 7, 3)])
def test_opened_pictures_equal_their_files(pixels, save, mode, framing):
    source = Image.fromarray(pixels).convert("P" if mode == "PA" else mode)
    picture = source.convert(mode)
    name = "a.tif" if mode == "CMYK" else "a.png"
    expected = picture.convert("RGBA") if mode == "PA" else picture
    from_file = read(save(expected, name), framing)
    for X in ([picture], (picture,), np.array([picture, None], dtype=object)[:1]):
        images = check_images(ImageAutoencoder(), X, reset=True)
        np.testing.assert_array_equal(images.read(0, framing), from_file)
    if mode in ("RGB", "CMYK", "P"):
        colour = PictureImages([picture]).read(0, COLOUR).astype(int)
        assert np.abs(colour - pixels).max() <= (50 if mode == "P" else 2)


def test_opened_files_of_different_sizes(pixels, save):
    paths = [
        save(Image.fromarray(pixels).resize(size), f"{size[0]}.png")
        for size in ((16, 12), (50, 40), (7, 99))
    ]
    pictures = [Image.open(path) for path in paths]
    opened, files = PictureImages(pictures * 2), FileImages(paths * 2)
    for batches in zip(
        read_batches(opened, COLOUR, 4, n_jobs=3),
        read_batches(files, COLOUR, 4),
        strict=True,
    ):
        np.testing.assert_array_equal(*(pixels for _, pixels in batches))


@pytest.mark.parametrize("estimator", [ImageAutoencoder(), ImageFeatureExtractor()])
def test_pictures_beside_other_things(pixels, estimator):
    picture = Image.fromarray(pixels)
    with pytest.raises(ValueError, match="list of images, got a single one"):
        check_images(estimator, picture, reset=True)
    with pytest.raises(ValueError, match="Row 1 of X is not an image"):
        check_images(estimator, [picture, "a.png"], reset=True)


def large_png(width, height, depth, colour):
    """A file of some kilobytes whose picture has so many pixels, all zero."""

    def chunk(name, content):
        checked = name + content
        end = zlib.crc32(checked).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + checked + end

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header += bytes([depth, colour, 0, 0, 0])
    row = bytes(1 + width * depth // 8 * {0: 1, 2: 3, 6: 4}[colour])
    packer, packed = zlib.compressobj(9), io.BytesIO()
    for _ in range(height):
        packed.write(packer.compress(row))
    packed.write(packer.flush())
    content = chunk(b"IHDR", header) + chunk(b"IDAT", packed.getvalue())
    return b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b"")


@pytest.mark.parametrize(("depth", "colour"), [(16, 0), (1, 0), (8, 2)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pictures_that_ask_for_gigabytes_are_refused_before_decoding(
    tmp_path, depth, colour
):
    path = tmp_path / "bomb.png"
    path.write_bytes(large_png(12_000, 12_000, depth, colour))
    assert path.stat().st_size < 600_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    for images in (FileImages([path]), PictureImages([Image.open(path)])):
        with pytest.raises(ValueError, match="12000 x 12000 .* max_pixels=33554432"):
            images.read(0, COLOUR)
    assert time.perf_counter() - start < 5
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 50 * 1024  # KiB


def test_pixel_limits_are_parameters(save, pixels):
    path = save(Image.fromarray(pixels))
    for kind in (ImageAutoencoder, ImageFeatureExtractor):
        assert kind().max_pixels == MAX_PIXELS
        for limit, is_read in ((12 * 16, True), (12 * 16 - 1, False)):
            images = check_images(kind(max_pixels=limit), [str(path)], reset=True)
            if is_read:
                images.read(0, COLOUR)
                continue
            with pytest.raises(ValueError, match="16 x 12 pixels"):
                images.read(0, COLOUR)


def test_long_sides_are_refused(save):
    path = save(Image.new("1", (70_000, 2)))
    with pytest.raises(ValueError, match="70000 x 2 .* 65535 along a side"):
        read(path)


def test_jpegs_count_at_the_size_at_which_they_are_decoded(save):
    path = save(Image.new("L", (2000, 1600)), "a.jpg")
    small = FileImages([path], max_pixels=250 * 200).read(0, Framing(32, 32, 1))
    assert small.shape == (32, 32, 1)


@pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", "/dev/zero"):
        with pytest.raises(ValueError, match="1 of 1 .* pipes or devices.*row 0"):
            FileImages([path])


def test_sixteen_bits_equal_the_rounded_quotient():
    values = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    for picture in (Image.fromarray(values), Image.fromarray(values.astype(np.int32))):
        found = Framing(256, 256, 1).frame_picture(picture)[..., 0]
        np.testing.assert_array_equal(found, np.rint(values * (255 / 65535)))


def test_readers_beside_a_gpu_take_all_processors():
    assert count_readers(None, torch.device("cpu")) == count_readers(None, None) == 1
    assert count_readers(None, torch.device("meta")) == (os.cpu_count() or 1)
    assert count_readers(2, torch.device("meta")) == 2


def test_decoding_goes_on_while_the_last_batch_is_in_use():
    images = CountingImages(50)
    batches = read_batches(images, GREY, 10, n_jobs=2)
    next(batches)
    # The network is at work on the first batch.
    deadline = time.perf_counter() + 20
    while images.n_read < 20 and time.perf_counter() < deadline:
        time.sleep(0.001)
    assert images.n_read == 20
    batches.close()
