"""Networks that turn images into feature maps."""

from torch import nn
from torch.nn import functional

__all__ = ["EfficientNetLite0"]

N_FEATURES = 1280

# Repeats, kernel, stride, expansion, channels in and out of each stage.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to the average pooling, without the classifier.

    The names of its parameters are those of the published weights.

    Notes
    -----
    Convolutions pad as TensorFlow's "same": on even sizes more at the right and at
    the bottom. PyTorch's symmetric padding would shift the maps against the
    weights.

    References
    ----------
    .. [1] M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional
       Neural Networks", ICML 2019, arXiv:1905.11946.

    Examples
    --------
    >>> import torch
    >>> from sklearn_homeo.networks.efficientnet import EfficientNetLite0
    >>> with torch.random.fork_rng(devices=[]), torch.no_grad():
    ...     EfficientNetLite0().eval()(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 1280])
    """

    def __init__(self):
        super().__init__()
        self._conv_stem = _SameConv2d(3, 32, 3, stride=2)
        self._bn0 = _batch_norm(32)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = _SameConv2d(320, N_FEATURES, 1)
        self._bn1 = _batch_norm(N_FEATURES)

    def forward(self, images):
        """Map (n, 3, height, width) images to (n, 1280) features."""
        return self.feature_map(images).mean(dim=(2, 3))

    def feature_map(self, images):
        """Map (n, 3, height, width) images to (n, 1280, height / 32, width / 32)."""
        x = functional.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x)))


def _blocks():
    for repeats, kernel, stride, expansion, n_in, n_out in _STAGES:
        yield _InvertedResidual(kernel, stride, expansion, n_in, n_out)
        for _ in range(repeats - 1):
            yield _InvertedResidual(kernel, 1, expansion, n_out, n_out)


class _InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; skip where the shapes agree."""

    def __init__(self, kernel, stride, expansion, n_in, n_out):
        super().__init__()
        width = expansion * n_in
        self._expands = expansion > 1
        self._skips = stride == 1 and n_in == n_out
        if self._expands:
            self._expand_conv = _SameConv2d(n_in, width, 1)
            self._bn0 = _batch_norm(width)
        self._depthwise_conv = _SameConv2d(
            width, width, kernel, stride=stride, groups=width
        )
        self._bn1 = _batch_norm(width)
        self._project_conv = _SameConv2d(width, n_out, 1)
        self._bn2 = _batch_norm(n_out)

    def forward(self, inputs):
        x = inputs
        if self._expands:
            x = functional.relu6(self._bn0(self._expand_conv(x)))
        x = functional.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + inputs if self._skips else x


class _SameConv2d(nn.Conv2d):
    """Convolution without bias whose output has ceil(size / stride) pixels."""

    def __init__(self, n_in, n_out, kernel_size, **options):
        super().__init__(n_in, n_out, kernel_size, bias=False, **options)

    def forward(self, x):
        top, bottom = self._margins(x.shape[2])
        left, right = self._margins(x.shape[3])
        if (top, left) == (bottom, right):
            # The convolution's own padding spares a copy.
            return functional.conv2d(
                x, self.weight, None, self.stride, (top, left), groups=self.groups
            )
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, self.weight, None, self.stride, groups=self.groups)

    def _margins(self, size):
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


def _batch_norm(n_channels):
    return nn.BatchNorm2d(n_channels, eps=1e-3, momentum=0.01)
