"""
The ready workers.  Their libraries are stood in for by modules of a few lines that have the same calls; tests/models
runs the real ones.
"""

import json
import sys
import textwrap

import numpy as np
import pytest
from pwtest.worker_host import Host
from scipy import ndimage

FLAT = np.zeros((48, 64), np.uint16)
FLAT[5:15, 5:15], FLAT[30:40, 20:30], FLAT[20:26, 50:60] = 1000, 900, 1100
STACK = np.stack([FLAT, FLAT // 2, FLAT * 0])
STATISTICS = [{"min": 0, "max": 1100, "percentiles": [0.0, 1000.0]}]


@pytest.fixture
def ready(tmp_path):
    """ready(name, shape, files={"fake.py": source}, **options): the worker name, with these modules in its way."""

    def make(name, shape=FLAT.shape, files=None, channels=1, **options):
        for file, source in (files or {}).items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(textwrap.dedent(source))
        command = [sys.executable, "-m", "pwstream.worker", f"pwstream.workers.{name}:segment"]
        return Host(command, shape, cwd=tmp_path, options=options, channels=channels)

    return make


def said(tmp_path):
    """What a stand-in was called with."""
    return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


CALLS = """
import json
def note(**what):
    with open("calls", "a") as file:
        file.write(json.dumps(what) + "\\n")
"""

MISSING = "raise ModuleNotFoundError(\"No module named 'NAME'\", name='NAME')"


@pytest.mark.parametrize(
    "name, install",
    [
        ("cellpose", "pip install cellpose"),
        ("stardist", "pip install stardist tensorflow"),
        ("torch", "pip install torch"),
        ("skimage", "pip install scikit-image"),
    ],
)
def test_what_is_missing_says_how_to_install_it(ready, name, install):
    options = {} if name == "skimage" else {"model": "any"}
    with ready(name, files={f"{name}.py": MISSING.replace("NAME", name)}, **options) as host:
        assert host.hello["error"].startswith(f"{name} is not installed here: {install}")
    with ready(name, files={f"{name}.py": MISSING.replace("NAME", "tensorflow")}, **options) as host:
        assert "it needs tensorflow" in host.hello["error"] and install in host.hello["error"]


def test_unknown_options_are_refused_before_anything_is_loaded(ready):
    for name in ("cellpose", "stardist", "torch", "skimage"):
        with ready(name, files={f"{name}.py": "raise SystemExit('loaded')"}, diametr=3) as host:
            assert "no option 'diametr'; it has" in host.hello["error"]


# ---------------------------------------------------------------------------- scikit-image, the real one


def test_otsu_and_watershed(ready):
    image = ndimage.gaussian_filter(FLAT.astype(float), 1).astype(np.uint16)
    with ready("skimage") as host:
        assert host.hello["halo"] == [0, 46, 46] and host.hello["bytes_per_voxel"] == 48
        labels = host.tile(image)
        assert len(np.unique(labels)) == 4
        assert not host.tile(image * 0).any()
        assert not host.tile(image * 0 + 7).any()
    with ready("skimage", threshold=950, min_size=1, sigma=0) as host:
        assert np.array_equal(host.tile(FLAT) > 0, FLAT > 950)
    with ready("skimage", STACK.shape, threshold=100, diameter=9, min_distance=3) as host:
        assert host.hello["halo"] == [3, 13, 13]
        assert host.tile(STACK).max() >= 3


def test_touching_discs_are_two(ready):
    y, x = np.indices((50, 80))
    image = (((y - 25) ** 2 + (x - 28) ** 2 < 150) | ((y - 25) ** 2 + (x - 48) ** 2 < 150)).astype(np.uint16) * 500
    with ready("skimage", image.shape, threshold=100) as host:
        assert host.tile(image).max() == 2
    assert ndimage.label(image)[1] == 1


# ---------------------------------------------------------------------------- cellpose

CELLPOSE_EVAL = """
    def eval(self, x, **arguments):
        import numpy as np
        from scipy import ndimage
        from notes import note
        x = np.asarray(x)
        note(eval=arguments, shape=x.shape, dtype=str(x.dtype), low=float(x.min()), high=float(x.max()))
        axis = arguments.get("channel_axis")
        labels = ndimage.label((x if axis is None else x[0]) > 0.5)[0].astype("uint16")
        return RESULT
"""
CELLPOSE_3 = (
    """
version = "3.1.1"
""",
    """
MODEL_NAMES = ["cyto3", "nuclei"]
class CellposeModel:
    def __init__(self, gpu=False, pretrained_model=False, model_type=None):
        from notes import note
        note(gpu=gpu, pretrained_model=pretrained_model, model_type=model_type)
"""
    + CELLPOSE_EVAL.replace("RESULT", "labels, [], None"),
)
CELLPOSE_4 = (
    """
version = "4.0.6"
""",
    """
class CellposeModel:
    def __init__(self, gpu=False, pretrained_model="cpsam"):
        from notes import note
        note(gpu=gpu, pretrained_model=pretrained_model)
"""
    + CELLPOSE_EVAL.replace("RESULT", "labels, [], None"),
)


def cellpose(version):
    package, models = version
    return {"cellpose/__init__.py": package, "cellpose/models.py": models, "notes.py": CALLS}


@pytest.mark.parametrize("version", [CELLPOSE_3, CELLPOSE_4], ids=["3", "4"])
def test_cellpose_in_two_dimensions(ready, tmp_path, version):
    with ready("cellpose", files=cellpose(version), diameter=20) as host:
        assert host.hello["halo"] == [0, 40, 40] and host.hello["max_tile"][0] == 1
        assert host.hello["percentiles"] == [1.0, 99.0] and host.hello["bytes_per_voxel"] == 80
        labels = host.tile(FLAT, statistics=STATISTICS)
        assert np.array_equal(labels, ndimage.label(FLAT > 500)[0])
        assert np.array_equal(host.tile(FLAT[:, :40], statistics=STATISTICS), ndimage.label(FLAT[:, :40] > 500)[0])
    made, *evaluated = said(tmp_path)
    if version is CELLPOSE_3:
        assert made == {"gpu": False, "pretrained_model": False, "model_type": "cyto3"}
    else:
        assert made == {"gpu": False, "pretrained_model": "cpsam"}
    assert len(evaluated) == 2, "the model is made once"
    first = evaluated[0]
    assert first["shape"] == [48, 64] and first["dtype"] == "float32"
    assert first["low"] == 0 and first["high"] == pytest.approx(1.1), "scaled by the whole image's percentiles"
    assert evaluated[1]["high"] == pytest.approx(1.0), "and the tile's own do not matter"
    assert first["eval"]["diameter"] == 20 and first["eval"]["normalize"] is False
    assert first["eval"].get("channels") == ([0, 0] if version is CELLPOSE_3 else None)


def test_cellpose_planes_of_a_stack(ready):
    with ready("cellpose", STACK.shape, files=cellpose(CELLPOSE_3)) as host:
        assert np.array_equal(host.tile(STACK[:1], statistics=STATISTICS)[0], ndimage.label(FLAT > 500)[0])
        assert "--tile 1," in host.error(STACK, statistics=STATISTICS)["error"]


@pytest.mark.parametrize("version", [CELLPOSE_3, CELLPOSE_4], ids=["3", "4"])
def test_cellpose_volumes_and_channels(ready, tmp_path, version):
    both = np.stack([STACK, STACK])
    two = [STATISTICS[0], {"percentiles": [0.0, 2000.0]}]
    with ready("cellpose", STACK.shape, files=cellpose(version), channels=2, do_3D=True, nuclei=True) as host:
        assert host.hello["halo"] == [60, 60, 60] and host.hello["channels"] == 2 and "max_tile" not in host.hello
        assert np.array_equal(host.tile(both, statistics=two), ndimage.label(STACK > 500)[0])
    call = said(tmp_path)[-1]
    assert call["eval"]["do_3D"] is True and call["eval"]["z_axis"] == 1 and call["eval"]["channel_axis"] == 0
    assert call["eval"]["anisotropy"] == 4.0, "from the voxels' size"
    assert call["eval"].get("channels") == ([1, 2] if version is CELLPOSE_3 else None)


def test_cellpose_models_by_name_and_by_file(ready, tmp_path):
    for model, expected in (("nuclei", {"model_type": "nuclei"}), ("./mine", {"pretrained_model": "./mine"})):
        with ready("cellpose", files=cellpose(CELLPOSE_3), model=model, gpu=True) as host:
            assert "error" not in host.hello
        assert {**said(tmp_path)[-1], **expected} == said(tmp_path)[-1] and said(tmp_path)[-1]["gpu"] is True


# ---------------------------------------------------------------------------- stardist

STARDIST = {
    "notes.py": CALLS,
    "stardist/__init__.py": "",
    "stardist/models.py": """
        import types
        class Base:
            def __init__(self, config, name=None, basedir=None):
                from notes import note
                note(name=name, basedir=basedir)
                self.config = types.SimpleNamespace(n_dim=self.n_dim)
            @classmethod
            def from_pretrained(cls, name):
                return cls(None, name=name) if "versatile" in name or "demo" in name else None
            def _axes_tile_overlap(self, axes):
                return {"YX": (20, 24), "ZYX": (4, 20, 24)}[axes]
            def predict_instances(self, image, prob_thresh=None, nms_thresh=None):
                from notes import note
                from scipy import ndimage
                note(shape=image.shape, prob_thresh=prob_thresh, nms_thresh=nms_thresh)
                return ndimage.label(image > 0.5)[0].astype("int32"), {"prob": []}
        class StarDist2D(Base):
            n_dim = 2
        class StarDist3D(Base):
            n_dim = 3
    """,
}


def test_stardist_in_two_dimensions(ready, tmp_path):
    with ready("stardist", files=STARDIST, prob_thresh=0.4) as host:
        assert host.hello["halo"] == [0, 52, 56], "as far as the network looks, and an object"
        assert host.hello["percentiles"] == [1.0, 99.8] and host.hello["max_tile"][0] == 1
        assert np.array_equal(host.tile(FLAT, statistics=STATISTICS), ndimage.label(FLAT > 500)[0])
    calls = said(tmp_path)
    assert calls[0]["name"] == "2D_versatile_fluo" and len(calls) == 2 and calls[1]["prob_thresh"] == 0.4


def test_stardist_in_three_dimensions(ready, tmp_path):
    with ready("stardist", STACK.shape, files=STARDIST, model="3D_demo", diameter=10) as host:
        assert host.hello["halo"] == [14, 30, 34] and "max_tile" not in host.hello
        assert np.array_equal(host.tile(STACK, statistics=STATISTICS), ndimage.label(STACK > 500)[0])
    with ready("stardist", files=STARDIST, model="3D_demo") as host:
        assert "3D_demo is a model for volumes" in host.hello["error"]
    with ready("stardist", files=STARDIST, model="unheard") as host:
        assert "no model 'unheard'" in host.hello["error"]


def test_stardist_from_a_folder(ready, tmp_path):
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "config.json").write_text('{"n_dim": 2}')
    with ready("stardist", files=STARDIST, model="models/mine") as host:
        assert "error" not in host.hello
    assert said(tmp_path)[0] == {"name": "mine", "basedir": str(tmp_path / "models")}


# ---------------------------------------------------------------------------- torch

TORCH = {
    "notes.py": CALLS,
    "torch/__init__.py": """
        import numpy as np
        from contextlib import nullcontext as inference_mode
        from types import SimpleNamespace
        class cuda:
            is_available = staticmethod(lambda: False)
        class Tensor:
            def __init__(self, values): self.values = values
            def to(self, device): return self
            def float(self): return self
            def cpu(self): return self
            def numpy(self): return self.values
        from_numpy = Tensor
        class Network:
            def __init__(self, classes=1): self.classes = classes
            def load_state_dict(self, state): assert state == {"weights": 1}
            def to(self, device): return self
            def eval(self): return self
            def __call__(self, x):
                from notes import note
                note(shape=x.values.shape, dtype=str(x.values.dtype))
                logits = (x.values[:, :1] - 0.5) * 20
                return Tensor(logits if self.classes == 1 else np.concatenate([-logits, logits, logits * 0 - 50], 1))
        def load(path, map_location=None, weights_only=False):
            assert weights_only and path == "weights.pth"
            return {"state_dict": {"weights": 1}}
        def jit_load(path, map_location=None):
            if path != "net.pt":
                raise RuntimeError("PytorchStreamReader failed\\nmore")
            return Network()
        jit = SimpleNamespace(load=jit_load)
    """,
    "nets.py": "from torch import Network",
}


def test_a_torchscript_file(ready, tmp_path):
    with ready("torch", files=TORCH, model="net.pt") as host:
        assert host.hello["halo"] == [0, 32, 32] and host.hello["components"] is True
        window = FLAT[:41, :50]
        assert np.array_equal(host.tile(window, statistics=STATISTICS), ndimage.label(window > 500)[0])
    assert said(tmp_path)[0] == {"shape": [1, 1, 48, 64], "dtype": "float32"}, "padded to multiples of 16"
    with ready("torch", files=TORCH, model="other") as host:
        assert (
            host.hello["error"]
            == "other is no TorchScript (PytorchStreamReader failed); for weights say network=module:Class"
        )
    with ready("torch", files=TORCH) as host:
        assert "needs the option 'model'" in host.hello["error"]


def test_weights_of_a_class(ready, tmp_path):
    options = dict(model="weights.pth", network="nets:Network", arguments={"classes": 3}, ndim=3, context=7, multiple=4)
    with ready("torch", STACK.shape, files=TORCH, channels=2, **options) as host:
        assert host.hello["halo"] == [7, 7, 7]
        both = np.stack([STACK, STACK])
        expected = ndimage.label(STACK > 500)[0]
        assert np.array_equal(host.tile(both, statistics=STATISTICS * 2), expected)
    assert said(tmp_path)[0]["shape"] == [1, 2, 4, 48, 64]


def test_objects_grow_to_their_outlines(ready):
    with ready("torch", files=TORCH, model="net.pt", grow=2, threshold=0.5) as host:
        assert host.hello["components"] is False and host.hello["halo"] == [0, 34, 34]
        labels = host.tile(FLAT, statistics=STATISTICS)
        assert (labels > 0).sum() > (FLAT > 500).sum() and labels.max() == 3
