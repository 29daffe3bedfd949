"""
peers.py WAY STORE OUT - the bench task (value > 300, components that share faces, labels stored with zstd-1) done the
way that a Python user would do it.  One process, one task: the caller measures it.

  scipy       the whole image in memory, scipy.ndimage.label
  cc3d        the whole image in memory, connected-components-3d
  dask-image  dask_image.ndmeasure.label on tiles, two threads
  patchworks  patchworks from PyPI at its best: tiles staged by two processes, their counts given to the merge

Prints the number of objects.
"""

import shutil
import sys

THRESHOLD = 300
WORKERS = 2

# Tiles of the ways that tile, the same for all of them.
TILES = {2: (2048, 2048), 3: (64, 512, 512)}


def open_image(store):
    import zarr

    return zarr.open_array(store, path="0", mode="r")


def store_labels(labels, out, chunks):
    import zarr
    from numcodecs import Zstd

    array = zarr.create_array(out, name="labels", shape=labels.shape, chunks=chunks, dtype=labels.dtype, zarr_format=2,
                              compressors=Zstd(1), overwrite=True)
    array[...] = labels


def way_scipy(store, out):
    import numpy as np
    from scipy import ndimage

    image = open_image(store)
    mask = image[...] > THRESHOLD
    labels = np.empty(mask.shape, np.uint32)
    count = ndimage.label(mask, output=labels)
    del mask
    store_labels(labels, out, image.chunks)
    return count


def way_cc3d(store, out):
    import cc3d

    image = open_image(store)
    mask = image[...] > THRESHOLD
    labels, count = cc3d.connected_components(mask, connectivity=4 if mask.ndim == 2 else 6, return_N=True)
    del mask
    store_labels(labels.astype("uint32", copy=False), out, image.chunks)
    return count


def way_dask_image(store, out):
    import dask
    import dask.array as da
    import zarr
    from dask_image.ndmeasure import label
    from numcodecs import Zstd

    dask.config.set(scheduler="threads", num_workers=WORKERS)
    source = open_image(store)
    image = da.from_zarr(source, chunks=TILES[source.ndim])
    labels, count = label(image > THRESHOLD)
    labels = labels.astype("uint32")
    array = zarr.create_array(out, name="labels", shape=labels.shape, chunks=TILES[source.ndim], dtype="uint32",
                              zarr_format=2, compressors=Zstd(1), overwrite=True)
    _, count = dask.compute(labels.store(array, compute=False, lock=False), count)
    return count


def segment(tile):
    from scipy import ndimage

    return ndimage.label(tile > THRESHOLD)[0]


def stage(arguments):
    import patchworks

    store, staged, index = arguments
    image = open_image(store)
    return index, patchworks.stage_tile(image, segment, staged, index, tile_shape=TILES[image.ndim])


def way_patchworks(store, out):
    import multiprocessing

    import patchworks

    patchworks.set_compression("zstd:1")
    image = open_image(store)
    tile = TILES[image.ndim]
    staged = out + ".stage"
    patchworks.create_stage(staged, image.shape, tile)
    tasks = [(store, staged, index) for index in range(len(patchworks.spatial_tiles(image.shape, tile)))]
    with multiprocessing.Pool(WORKERS) as pool:
        counts = dict(pool.imap_unordered(stage, tasks))
    _, count = patchworks.merge_tile_labels(staged, write_to=out, input_component="staged", label_counts=counts,
                                            sequential_labels=True, n_workers=WORKERS, return_count=True)
    shutil.rmtree(staged)
    return count


WAYS = {"scipy": way_scipy, "cc3d": way_cc3d, "dask-image": way_dask_image, "patchworks": way_patchworks}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in WAYS:
        sys.exit(f"usage: peers.py {'|'.join(WAYS)} STORE OUT")
    print(int(WAYS[sys.argv[1]](sys.argv[2], sys.argv[3])))
