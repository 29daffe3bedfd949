"""
Programs as users of the Python program have them: the calls that its documentation shows, with the import changed.  The
programs are our own; tests/models/documented_examples.py runs the documented ones.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from pwtest.worker_host import PACKAGE
from scipy import ndimage

THRESHOLD = 1100


@pytest.fixture(scope="module")
def stack():
    field = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal((6, 96, 110)), (0.8, 3, 3))
    return np.clip(1000 + field / field.std() * 200, 0, 65535).astype(np.uint16)


@pytest.fixture
def run(tool_file, tmp_path, stack):
    """run(program): in a folder with image.zarr (two channels), image.tif, plain.zarr and the stand-in libraries."""
    group = zarr.open_group(tmp_path / "image.zarr", mode="w")
    data = np.stack([stack, stack[:, ::-1]])
    group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1, 4, 48, 48))[...] = data
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "micrometer"} for a in "zyx")]
    transform = {"type": "scale", "scale": [1.0, 2.0, 0.5, 0.5]}
    sets = [{"path": "0", "coordinateTransformations": [transform]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": sets}]}
    zarr.create_array(tmp_path / "plain.zarr", shape=stack.shape, dtype=stack.dtype, chunks=(4, 48, 48))[...] = stack
    tifffile.imwrite(tmp_path / "image.tif", stack)

    def call(program):
        preamble = "import numpy as np\nfrom scipy import ndimage\n"
        (tmp_path / "program.py").write_text(preamble + textwrap.dedent(program))
        environment = {**os.environ, "PW_STREAM": str(tool_file), "PYTHONPATH": str(PACKAGE)}
        done = subprocess.run(
            [sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def labels_of(image, threshold=THRESHOLD):
    return ndimage.label(image > threshold)[0]


def test_five_lines(run, stack, tmp_path):
    out = run("""
        from pwstream import tile_process

        def my_fn(tile):
            from skimage.filters import threshold_otsu
            from skimage.measure import label
            return label(tile > threshold_otsu(tile)).astype("int32")

        result = tile_process("image.zarr", my_fn, tile_shape=(6, 96, 110))
        print(result.shape, int(result.max().compute()))
    """)
    from skimage.filters import threshold_otsu
    from skimage.measure import label

    expected = label(stack > threshold_otsu(stack))
    assert out.split(") ")[0] == str(stack.shape)[:-1] and int(out.split(") ")[1]) == expected.max()
    inside = zarr.open(tmp_path / "image.zarr")["labels/labels/0"][...]
    assert ((inside > 0) == (expected > 0)).all()


def test_planes_with_overlap_into_a_store(run, stack, tmp_path):
    run("""
        from pwstream import tile_process

        def smooth(tile: np.ndarray) -> np.ndarray:
            assert tile.shape[0] == 1
            return ndimage.label(ndimage.gaussian_filter(tile.astype("float32"), (0, 2, 2)) > 1050)[0].astype("int32")

        tile_process("image.zarr", smooth, channel=1, tile_shape=(1, 50, 50), overlap=16, write_to="labels.zarr",
                     sequential_labels=True, progress=True)
    """)
    labels = zarr.open(tmp_path / "labels.zarr")["labels"][...]
    expected = ndimage.gaussian_filter(stack[:, ::-1].astype("float32"), (0, 2, 2)) > 1050
    assert np.array_equal(labels, ndimage.label(expected)[0])


def test_arrays(run, stack):
    run(f"""
        import dask.array as da, tifffile
        from functools import partial
        from pwstream import auto_tile_shape_cellpose, tile_process

        def fn(tile):
            return ndimage.label(tile > {THRESHOLD})[0].astype("int32")

        expected = fn(tifffile.imread("image.tif"))
        assert (tile_process(da.from_zarr("plain.zarr"), fn, overlap=0).compute() == expected).all()
        arr = da.from_array(tifffile.imread("image.tif"), chunks=(2, 64, 64))
        assert (tile_process(arr, fn, overlap=0).compute() == expected).all()
        assert (tile_process(arr, fn, tile_shape="auto", use_gpu=True).compute() == expected).all()
        tile_fn = partial(auto_tile_shape_cellpose, diameter=3, use_gpu=True)
        assert (tile_process("image.tif", fn, tile_shape=tile_fn).compute() == expected).all()
    """)


def test_empty_tiles(run, stack, tmp_path):
    out = run("""
        from pwstream import estimate_empty_tiles, tile_process

        def fn(tile):
            assert tile.max() > 1100
            return ndimage.label(tile > 1100)[0].astype("int32")

        info = estimate_empty_tiles("image.zarr", tile_shape=(3, 24, 24), threshold=1100)
        print(f"{info['empty_fraction']:.0%} of tiles are background")
        tile_process("image.zarr", fn, tile_shape=(3, 24, 24), overlap=0, skip_empty=True,
                     empty_threshold=info["threshold"], write_to="labels.zarr")
        tile_process("image.zarr", lambda tile: ndimage.label(tile > 1100)[0], skip_empty=True, write_to="auto.zarr")
    """)
    assert "of tiles are background" in out
    assert np.array_equal(zarr.open(tmp_path / "labels.zarr")["labels"], labels_of(stack))


def test_a_cluster_around_it(run):
    run("""
        from pwstream import make_local_cluster, tile_process

        client, cluster = make_local_cluster(use_gpu=True)
        print("Dashboard:", client.dashboard_link)
        try:
            tile_process("image.zarr", lambda tile: ndimage.label(tile > 1100)[0], write_to="labels.zarr")
        finally:
            client.close()
            cluster.close()
    """)


def test_merging_only(run, stack, tmp_path):
    run(f"""
        import dask.array as da, zarr
        from pwstream import merge_tile_labels

        def my_fn(tile):
            return ndimage.label(tile > {THRESHOLD})[0].astype("int32")

        image = da.from_zarr("plain.zarr").rechunk((1, 40, 40))
        labeled = image.map_blocks(my_fn, dtype="int32", meta=np.empty((0,) * image.ndim, dtype="int32"))
        merged = merge_tile_labels(labeled, write_to="merged.zarr", progress=True)
        assert (merged.compute() == my_fn(image.compute())).all()

        zarr.create_array("staged.zarr", name="raw_labels", shape=labeled.shape, dtype="int32",
                          chunks=(1, 40, 40))[...] = labeled.compute()
        again = merge_tile_labels("staged.zarr", input_component="raw_labels", write_to="again.zarr",
                                  sequential_labels=True)
        assert (again.compute() == merged.compute()).all()
    """)
    assert np.array_equal(zarr.open(tmp_path / "merged.zarr")["labels"], labels_of(stack))


def test_relations_between_two_runs(run):
    run("""
        import dask.array as da
        from pwstream import label_relations, load_ome_zarr, tile_process

        for name, above in (("nuclei", 1250), ("cells", 1100)):
            tile_process("image.zarr", lambda tile: ndimage.label(tile > above)[0], output_component=name, overlap=0)
        nuclei = da.from_zarr("image.zarr", component="labels/nuclei/0")
        cells = da.from_zarr("image.zarr", component="labels/cells/0")
        table = label_relations(nuclei, cells)
        assert len(table) == int(nuclei.max()) and all(m["overlap_fraction"] == 1.0 for m in table.values())
        same = label_relations("image.zarr/labels/nuclei", "image.zarr/labels/cells")
        assert same == table
        tile = load_ome_zarr("image.zarr", channel=0, level=0)[:, :50, :50].compute()
        assert tile.shape == (6, 50, 50)
    """)


def test_spots_that_grow(run, stack, tmp_path):
    run("""
        from pwstream import dilate_labels, tile_process
        from pwstream.plugins.dog import dog_label_fn
        from pwstream.plugins.ome_zarr import read_pixel_size

        assert read_pixel_size("image.zarr") == {"z": 2.0, "y": 0.5, "x": 0.5}
        fn = dog_label_fn(low_sigma=1.0, high_sigma=3.0, threshold=60)
        tile_process("image.zarr", fn, tile_shape=(6, 50, 50), write_to="dog.zarr")
        tile_process("image.zarr", dilate_labels(fn, iterations=2), tile_shape=(6, 50, 50), overlap=20,
                     write_to="grown.zarr")
    """)
    image = stack.astype(np.float32)
    difference = ndimage.gaussian_filter(image, 1.0) - ndimage.gaussian_filter(image, 3.0)
    labels = zarr.open(tmp_path / "dog.zarr")["labels"][...]
    assert np.array_equal(labels, ndimage.label(difference > 60)[0]), "tiled is as untiled"
    grown = zarr.open(tmp_path / "grown.zarr")["labels"][...]
    assert ((grown > 0) == (ndimage.distance_transform_edt(labels == 0) <= 2)).all()


def test_cellpose(run, tmp_path):
    (tmp_path / "cellpose").mkdir()
    (tmp_path / "cellpose" / "__init__.py").write_text("version = '3.1.1'\n")
    (tmp_path / "cellpose" / "models.py").write_text(
        "import numpy as np\nfrom scipy import ndimage\nMODEL_NAMES = ['cyto3']\n"
        "class CellposeModel:\n"
        "    def __init__(self, gpu, model_type): assert gpu and model_type == 'cyto3'\n"
        "    def eval(self, x, diameter, **more):\n"
        "        assert diameter == 30 and x.ndim == 2\n"
        "        return ndimage.label(x > 0.7)[0], None, None\n"
    )
    run("""
        from functools import partial
        from pwstream import auto_tile_shape_cellpose, tile_process
        from pwstream.plugins.cellpose import cellpose_fn

        fn = cellpose_fn("cyto3", gpu=True, diameter=30)
        tile_fn = partial(auto_tile_shape_cellpose, diameter=30, use_gpu=True)
        tile_process("image.zarr", fn, channel=0, tile_shape=tile_fn, overlap=20, write_to="labels.zarr")
    """)
    assert zarr.open(tmp_path / "labels.zarr")["labels"][...].max() > 3
    assert Path(tmp_path / "labels.zarr" / "zarr.json").is_file()
