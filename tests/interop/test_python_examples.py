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

def test_voxel_sizes_for_functions_that_ask(run, stack, tmp_path):
    """custom_segmentation: voxel_size is what the image says, by axis; what is given wins; else the default."""
    np.save(tmp_path / "bare.npy", stack)
    run("""
        from functools import partial
        from pwstream import tile_process

        def segment(tile, *, voxel_size=None, min_diameter_um=5.0):
            min_px = min_diameter_um / voxel_size["x"]
            assert voxel_size == {"z": 2.0, "y": 0.5, "x": 0.5}, voxel_size
            return (tile > 1100).astype("int32") * int(min_px)

        def unknown(tile, voxel_size={"x": 3}):
            assert voxel_size == {"x": 3}
            return np.zeros(tile.shape, int)

        def needed(tile, voxel_size):
            assert voxel_size is None
            return np.zeros(tile.shape, int)

        tile_process("image.zarr", segment, write_to="labels.zarr", overlap=0)
        tile_process("image.zarr", partial(unknown, voxel_size={"x": 3}), write_to="given.zarr")
        tile_process("bare.npy", unknown, write_to="bare.zarr")
        tile_process("bare.npy", needed, write_to="needed.zarr")
    """)
    assert np.array_equal(zarr.open(tmp_path / "labels.zarr")["labels"][...] > 0, stack > 1100)


def test_sizes_of_objects(run, stack, tmp_path):
    run("""
        from pwstream import filter_labels_by_size, max_voxels_for_volume, min_voxels_for_volume, tile_process
        from pwstream import voxel_volume
        from pwstream.plugins.ome_zarr import read_pixel_size

        def my_fn(tile):
            return ndimage.label(tile > 1150)[0]

        size = {"z": 0.24, "y": 0.10833, "x": 0.10833}
        assert (min_voxels_for_volume(5.0, size), max_voxels_for_volume(5.0, size)) == (1776, 1775)
        assert min_voxels_for_volume(0.3, {"x": 0.1}) == max_voxels_for_volume(0.3, {"x": 0.1}) == 3
        voxel_size = read_pixel_size("image.zarr")
        assert voxel_volume(voxel_size) == 0.5
        low, high = min_voxels_for_volume(5.0, voxel_size), max_voxels_for_volume(100.0, voxel_size)
        assert (low, high) == (10, 200)
        for name in ("labels", "gaps"):
            tile_process("image.zarr", my_fn, overlap=0, write_to=f"{name}.zarr")
        kept, removed = filter_labels_by_size("labels.zarr", "labels", low, high)
        assert filter_labels_by_size("gaps.zarr", "labels", min_voxels=low, max_voxels=high, relabel=False) == (kept, removed)
        assert kept > 3 and removed > 3, (kept, removed)
    """)
    whole = labels_of(stack, 1150)
    voxels = np.bincount(whole.ravel())
    stays = np.nonzero((voxels >= 10) & (voxels <= 200))[0]
    expected = np.where(np.isin(whole, stays), whole, 0)
    assert np.array_equal(zarr.open(tmp_path / "gaps.zarr")["labels"][...], expected)
    dense = np.where(expected > 0, np.searchsorted(stays, expected) + 1, 0)
    assert np.array_equal(zarr.open(tmp_path / "labels.zarr")["labels"][...], dense)


def test_tiles_that_are_segmented_one_by_one(run, stack, tmp_path):
    run("""
        from pwstream import create_stage, load_ome_zarr, merge_tile_labels, spatial_tiles, stage_tile

        def my_fn(tile):
            return ndimage.label(ndimage.gaussian_filter(tile.astype(float), 1) > 1060)[0]

        TILE = (3, 50, 64)
        img = load_ome_zarr("image.zarr", channel=0)
        tiles = spatial_tiles(img.shape, tile_shape=TILE)
        assert tiles[0] == (slice(0, 3), slice(0, 50), slice(0, 64))
        assert len(tiles) == 8 and tiles[-1] == (slice(3, 6), slice(50, 96), slice(64, 110))
        create_stage("stage.zarr", img.shape, TILE)
        counts = {}
        for i in reversed(range(len(tiles))):
            counts[i] = stage_tile(img, my_fn, "stage.zarr", i, tile_shape=TILE, overlap=[3, 5, 5])
        assert sum(counts.values()) > 5
        merge_tile_labels("stage.zarr", input_component="staged", write_to="merged.zarr", sequential_labels=True,
                          label_counts=counts)
        both = load_ome_zarr("image.zarr", channel=None)
        assert stage_tile(both, lambda t: ndimage.label(t[0] > 1100)[0], "stage.zarr", 0, tile_shape=TILE,
                          channel_axis=0) > 0
        try:
            stage_tile(img, lambda tile: tile[:, 1:] * 0, "stage.zarr", 5, tile_shape=TILE)
        except ValueError as error:
            assert "tile 5" in str(error) and "(3, 49, 46)" in str(error), error
        else:
            raise AssertionError("a wrong shape is refused")
    """)
    merged = zarr.open(tmp_path / "merged.zarr")["labels"][...]
    assert np.array_equal(merged, ndimage.label(ndimage.gaussian_filter(stack.astype(float), 1) > 1060)[0])


def test_overlaps_and_plans(run):
    run("""
        from pwstream import load_ome_zarr, suggest_overlap, tile_process

        def smooth(tile):
            return ndimage.label(ndimage.gaussian_filter(tile.astype(float), (0, 2, 2)) > 1090)[0]

        image = load_ome_zarr("image.zarr", channel=0)
        found = suggest_overlap(image, smooth, tile_shape=(6, 24, 24), candidates=(0, 2, 14))
        assert found["overlap"] == 14 and found["scores"][14] == 1.0 and found["scores"][2] < 0.99, found
        region = image[found["region"]].compute()
        assert region.shape == (6, 48, 48) and smooth(region).max() == found["reference_objects"]
        again = suggest_overlap(image, smooth, (6, 24, 24), candidates=(0,), region=found["region"], stitch="iou")
        assert again["overlap"] is None and again["reference_objects"] == found["reference_objects"]

        plan = tile_process("image.zarr", smooth, tile_shape=(6, 40, 40), skip_empty=True, dry_run=True, plan_sample=3,
                            stitch="iou")
        assert plan["n_tiles"] == 9 and 1 <= plan["tiles_with_signal"] <= 9, plan
        assert 0 < plan["estimated_seconds"] / 3600 < 1 and plan["seconds_per_tile"] > 0, plan
        plan = tile_process(image[0], smooth, tile_shape=(40, 40), dry_run=True, skip_empty=True, empty_threshold=9999)
        assert plan["n_tiles"] == 9 and plan["tiles_with_signal"] == 0, plan
    """)


def test_compression(run, tmp_path):
    run("""
        import zarr
        from pwstream import compression, set_compression, tile_process

        def my_fn(tile):
            return ndimage.label(tile > 1100)[0]

        with compression("blosc:lz4"):
            tile_process("image.zarr", my_fn, write_to="blosc.zarr")
        tile_process("image.zarr", my_fn, write_to="usual.zarr")
        set_compression("none")
        tile_process("image.zarr", my_fn, write_to="none.zarr")
        try:
            set_compression("snappy")
        except ValueError as error:
            assert "'snappy'" in str(error)
        said = [str(zarr.open(f"{name}.zarr")["labels"].metadata.codecs) for name in ("blosc", "usual", "none")]
        assert "lz4" in said[0] and "Zstd" in said[1] and "lz4" not in said[1] and "Zstd" not in said[2], said
    """)


def test_spots_by_micrometers(run, stack, tmp_path):
    run("""
        from pwstream import tile_process
        from pwstream.plugins.dog import dog_label_fn

        fn = dog_label_fn(low_sigma=0.5, high_sigma=(2.0, 1.5, 1.5), threshold=60, sigma_units="um", connectivity=3)
        tile_process("image.zarr", fn, tile_shape=(6, 40, 40), overlap=None, write_to="spots.zarr", stitch="auto")
    """)
    image = stack.astype(np.float32)
    low, high = (ndimage.gaussian_filter(image, sigma) for sigma in ((0.25, 1, 1), (1, 3, 3)))
    expected = ndimage.label(low - high > 60, np.ones((3, 3, 3)))[0]
    assert np.array_equal(zarr.open(tmp_path / "spots.zarr")["labels"][...], expected)


def test_holes_and_spurs(run):
    run("""
        from pwstream import fill_holes, open_labels
        from skimage.morphology import ball, disk, opening

        ring = np.zeros((3, 30, 30), int)
        ring[:, 3:20, 3:20] = 7
        ring[:, 6:12, 6:12] = 0
        ring[1, 8, 8] = 4               # another object in the hole stays
        ring[0, 14:16, 14:16] = 0       # open above: a hole of a plane only
        ring[:, 10, 20:28] = 7          # a spur
        tile = lambda image: image

        planes = fill_holes(tile, per_plane=True)(ring)
        assert (planes[:, 3:20, 3:20] > 0).all() and (planes == 4).sum() == 1 and (planes[:, :, 20:] == ring[:, :, 20:]).all()
        volume = fill_holes(tile)(ring)
        assert (volume == ring).all(), "holes that are open in z are none of a volume"
        assert (open_labels(tile, 0)(ring) == ring).all()
        rng = np.random.default_rng(3)
        blobs = ndimage.label(ndimage.gaussian_filter(rng.standard_normal((20, 60, 60)), 2) > 0.02)[0]
        for radius in (1, 2, 3):
            flat, deep = open_labels(tile, radius)(blobs[5]), open_labels(tile, radius)(blobs)
            # Beyond the border is background here; skimage's opening sees neither.
            mask = np.pad(blobs[5], radius + 1) > 0
            assert (flat == np.where(opening(mask, disk(radius))[radius + 1:-radius - 1, radius + 1:-radius - 1],
                                     blobs[5], 0)).all(), radius
            mask = np.pad(blobs, radius + 1) > 0
            inner = (slice(radius + 1, -radius - 1),) * 3
            assert (deep == np.where(opening(mask, ball(radius))[inner], blobs, 0)).all(), radius
    """)
