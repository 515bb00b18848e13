"""Convolutional networks from images to codes and back, for images of any size."""

import torch
from torch import nn

__all__ = ["ConvolutionalDecoder", "ConvolutionalEncoder"]

# A side this short is not halved any more.
SMALLEST_SIDE = 4
N_GROUPS = 8
MOST_CHANNELS = 256


class ConvolutionalEncoder(nn.Module):
    """Halve images until they are about 4 pixels wide and high, then flatten them.

    Parameters
    ----------
    shape : tuple (height, width, channels)
        Shape of the images; any size from one pixel.
    n_outputs : int
        Length of the code.
    n_channels : int, default=32
        Channels after the first convolution, a multiple of 8. They double at each
        further one, up to 256.

    Notes
    -----
    Group normalisation and no operation in place, so that gradients of single images
    exist, as differentially private training needs them.

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.convolutional import ConvolutionalEncoder
    >>> with torch.random.fork_rng(devices=[]):
    ...     encoder = ConvolutionalEncoder((30, 20, 3), n_outputs=7)
    >>> encoder(torch.zeros(2, 30, 20, 3, dtype=torch.uint8)).shape
    torch.Size([2, 7])
    """

    def __init__(self, shape, n_outputs, n_channels=32):
        super().__init__()
        sizes, channels = _plan(shape, n_channels)
        steps = zip(sizes[:-1], sizes[1:], channels[:-1], channels[1:], strict=True)
        self._stages = nn.Sequential(*[_activate(_narrow(*step)) for step in steps])
        self._head = nn.Linear(channels[-1] * sizes[-1][0] * sizes[-1][1], n_outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, pixels):
        """Map pixels from 0 to 255, of shape (n, *shape), to codes (n, n_outputs)."""
        images = pixels.permute(0, 3, 1, 2) / 127.5 - 1
        return self._head(self._stages(images).flatten(1))


class ConvolutionalDecoder(nn.Module):
    """Turn codes into images: the encoder's stages backwards.

    Parameters
    ----------
    n_inputs : int
        Length of the code.
    shape : tuple (height, width, channels)
        Shape of the images; any size from one pixel.
    n_channels : int, default=32
        Channels before the last convolution, a multiple of 8.

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.convolutional import ConvolutionalDecoder
    >>> with torch.random.fork_rng(devices=[]):
    ...     decoder = ConvolutionalDecoder(7, (30, 20, 3))
    >>> decoder(torch.zeros(2, 7)).shape
    torch.Size([2, 30, 20, 3])
    """

    def __init__(self, n_inputs, shape, n_channels=32):
        super().__init__()
        sizes, channels = _plan(shape, n_channels)
        self._seed_shape = (channels[-1], *sizes[-1])
        self._seed = nn.Linear(n_inputs, channels[-1] * sizes[-1][0] * sizes[-1][1])
        steps = zip(
            sizes[:0:-1], sizes[-2::-1], channels[:0:-1], channels[-2::-1], strict=True
        )
        *stages, last = [_widen(*step) for step in steps]
        self._stages = nn.Sequential(*map(_activate, stages), last)
        self.to(memory_format=torch.channels_last)

    def forward(self, codes):
        """Map codes (n, n_inputs) to pixels from 0 to 255, of shape (n, *shape)."""
        seeds = self._seed(codes).view(-1, *self._seed_shape)
        maps = self._stages(seeds.contiguous(memory_format=torch.channels_last))
        return 255 * maps.sigmoid().permute(0, 2, 3, 1)


def _plan(shape, n_channels):
    """Sizes and channels of the maps between the stages, from the images on."""
    *size, n_images = shape
    sizes, channels = [tuple(size)], [n_images, n_channels]
    sizes.append(_halve(sizes[-1]))
    while max(sizes[-1]) > SMALLEST_SIDE:
        sizes.append(_halve(sizes[-1]))
        channels.append(min(2 * channels[-1], MOST_CHANNELS))
    return sizes, channels


def _halve(size):
    return tuple(-(-side // 2) if side > SMALLEST_SIDE else side for side in size)


def _narrow(size, smaller, n_in, n_out):
    stride = tuple(-(-a // b) for a, b in zip(size, smaller, strict=True))
    return nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)


def _widen(size, larger, n_in, n_out):
    """Reverse `_narrow`: a kernel of 4 doubles a side, one of 3 falls 1 short."""
    pairs = list(zip(size, larger, strict=True))
    stride = tuple(-(-b // a) for a, b in pairs)
    kernel = tuple(4 if b == 2 * a else 3 for a, b in pairs)
    return nn.ConvTranspose2d(n_in, n_out, kernel, stride=stride, padding=1)


def _activate(layer):
    return nn.Sequential(layer, nn.GroupNorm(N_GROUPS, layer.out_channels), nn.SiLU())
