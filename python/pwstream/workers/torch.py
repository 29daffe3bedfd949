"""
A PyTorch network: a TorchScript file, or the weights (a state dict) of a class.

    pw-stream run image.zarr --fn py:pwstream.workers.torch:segment,model=unet.pt
    pw-stream run image.zarr --fn 'py:pwstream.workers.torch:segment,model=weights.pth,network=my_nets:UNet'

The network is given float32 [1, channels, (z,) y, x] and returns [1, n, (z,) y, x]: one channel is the foreground, more
are classes, of which 0 is background and 1 is the inside of objects (further ones, outlines say, separate them).
Objects are the connected components of the inside.

    network     "module:Class" for weights; arguments: a JSON object of what it is made with
    ndim        2 (default): planes; 3: volumes
    output      "logits" (default) or "probability"
    threshold   of the foreground's probability (default 0.5)
    context     voxels around a tile that the network looks at (default 32)
    multiple    sides are padded to multiples of it (default 16)
    grow        voxels by which objects grow into background again, when outlines were trained as a class (default 0)
    low, high   percentiles of the whole image that become 0 and 1 (default 1, 99.8)
    device      "cpu", "cuda", ... (default: cuda when there is one)
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np

from ..worker import ImageInfo, Tile, WorkerError, load, worker
from . import library, one_plane, percentiles, scaled, spatial_axes

INSTALL = "pip install torch"
BYTES_PER_VOXEL = 512  # features of a small U-Net


@lru_cache(maxsize=2)
def load_model(path: str, network: str | None, arguments: str, device: str | None) -> tuple[Any, str]:
    torch = library("torch", INSTALL)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if network is None:
        try:
            model = torch.jit.load(path, map_location=place)
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            raise WorkerError(f"{path} is no TorchScript ({first}); for weights say network=module:Class") from None
    else:
        model = load(network)(**json.loads(arguments))
        state = torch.load(path, map_location=place, weights_only=True)
        model.load_state_dict(state.get("state_dict", state))
        model.to(place)
    return model.eval(), place


def declare(
    info: ImageInfo,
    model: str = "",
    network: str | None = None,
    arguments: Any = None,
    ndim: int = 2,
    context: int = 32,
    grow: float = 0.0,
    device: str | None = None,
    low: float = 1.0,
    high: float = 99.8,
    **_: Any,
) -> dict[str, Any]:
    if not model:
        raise WorkerError("torch:segment needs the option 'model', a file")
    load_model(model, network, _json(arguments), device)
    halo = int(context) + int(grow)
    wants: dict[str, Any] = {
        "halo": halo if ndim == 3 else (0, halo, halo),
        "bytes_per_voxel": BYTES_PER_VOXEL,
        "percentiles": percentiles(low, high),
        "components": not grow,
        "connectivity": 1,
    }
    if ndim == 2:
        wants["max_tile"] = (1, 1 << 30, 1 << 30)
    return wants


def _json(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments or {})


@worker(declare=declare)
def segment(
    image: np.ndarray,
    tile: Tile | None = None,
    model: str = "",
    network: str | None = None,
    arguments: Any = None,
    ndim: int = 2,
    output: str = "logits",
    threshold: float = 0.5,
    context: int = 32,
    multiple: int = 16,
    grow: float = 0.0,
    low: float = 1.0,
    high: float = 99.8,
    device: str | None = None,
) -> np.ndarray:
    torch = library("torch", INSTALL)
    from scipy import ndimage

    net, place = load_model(model, network, _json(arguments), device)
    spatial = spatial_axes(image, tile)
    scale = scaled(image, tile, low, high, spatial)
    planes = list(scale) if image.ndim > spatial else [scale]
    if ndim == 2:
        planes = [one_plane(plane, "a 2-D network") for plane in planes]
    stack = np.stack(planes)
    sides = stack.shape[1:]
    padding = [(0, 0), *[(0, -n % int(multiple)) for n in sides]]
    with torch.inference_mode():
        result = net(torch.from_numpy(np.pad(stack, padding, mode="reflect")[None]).to(place)).float().cpu().numpy()[0]
    result = result[(slice(None), *[slice(n) for n in sides])]
    mask = _inside(result, output, threshold)
    labels = ndimage.label(mask)[0]
    if grow:
        from .._postprocess import grow as grown

        labels = grown(labels, float(grow))
    return labels.astype(np.uint32).reshape(image.shape[-spatial:])


def _inside(result: np.ndarray, output: str, threshold: float) -> np.ndarray:
    if len(result) > 1:
        inside: np.ndarray = result.argmax(axis=0) == 1
        return inside
    probability = result[0] if output == "probability" else 1.0 / (1.0 + np.exp(-result[0]))
    above: np.ndarray = probability > threshold
    return above
