"""
reading.py - how fast images are read: `pw-stream cat` beside tensorstore and zarr-python 3 on the 2-D and the 3-D bench
image, their chunks stored with no codec, zstd, blosc-lz4 and gzip, with as many threads each; and on a raw file beside
cat(1) and dd(1).

bench.py --only reading calls pw_bench_reading(); the same file, run with a way and a store, is the other programs' turn.
"""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

IMAGES = {"2d": "16384,16384", "3d": "256,2048,2048"}
CODECS = ("none", "zstd", "blosc", "gzip")


def way_tensorstore(store, threads):
    import tensorstore

    limit = {"limit": threads}
    context = tensorstore.Context({"data_copy_concurrency": limit, "file_io_concurrency": limit})
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": store}}
    began = time.monotonic()
    array = tensorstore.open(spec, context=context).result().read().result()
    return time.monotonic() - began, array.nbytes


def way_zarr(store, threads):
    import zarr

    zarr.config.set({"threading.max_workers": threads, "async.concurrency": threads})
    began = time.monotonic()
    array = zarr.open_array(store, mode="r")[...]
    return time.monotonic() - began, array.nbytes


def way_libzstd(store, threads):
    """libzstd alone: chunks that are in memory, into memory that is, by threads that wait for nothing."""
    import concurrent.futures

    import numcodecs
    import numpy as np
    import zarr

    array, codec = zarr.open_array(store, mode="r"), numcodecs.Zstd()
    chunks = [path.read_bytes() for path in Path(store, "c").rglob("*") if path.is_file()]

    def decode(number):
        target = np.ones(array.chunks, array.dtype)
        began = time.monotonic()
        for chunk in chunks[number::threads]:
            codec.decode(chunk, target)
        return time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return max(pool.map(decode, range(threads))), array.nbytes


def make(work, image, codec):
    """A bench image in a codec, chunk for chunk as it is."""
    import zarr
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    codecs = {"none": [], "zstd": [ZstdCodec(level=1)], "gzip": [GzipCodec(level=1)],
              "blosc": [BloscCodec(cname="lz4", typesize=2, shuffle="shuffle")]}
    path, unfinished = work / f"reading-{image}-{codec}.zarr", work / f"reading-{image}-{codec}.new"
    if not path.is_dir():
        shutil.rmtree(unfinished, ignore_errors=True)
        source = zarr.open_array(str(work / f"{image}.zarr" / "0"), mode="r")
        array = zarr.create_array(str(unfinished), shape=source.shape, chunks=source.chunks, dtype="uint16",
                                  compressors=codecs[codec])
        for start in range(0, source.shape[0], source.chunks[0]):
            array[start : start + source.chunks[0]] = source[start : start + source.chunks[0]]
        unfinished.rename(path)
    return path


def make_raw(tool, work, image):
    """A bench image as a raw file, and the options that describe it."""
    raw, unfinished = work / f"reading-{image}.raw", work / f"reading-{image}.new"
    if not raw.is_file():
        with unfinished.open("wb") as out:
            subprocess.run([tool, "cat", "--raw", str(work / f"{image}.zarr")], stdout=out, check=True)
        unfinished.rename(raw)
    return raw, ["--shape", IMAGES[image], "--dtype", "u2"]


def warm_up(path):
    """Into the page cache, so that the first way is not the one that waits for the disk."""
    for file in [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file()):
        with file.open("rb", buffering=0) as opened:
            while opened.read(1 << 20):
                pass


def seconds_of(command):
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def seconds_of_peer(way, store, threads):
    """Without the start of Python: the peer measures itself."""
    run = subprocess.run([sys.executable, __file__, way, str(store), str(threads)], capture_output=True, text=True,
                         check=True)
    return float(run.stdout)


def alternate(ways, reps):
    """Medians of ways that take turns."""
    seconds = {name: [] for name in ways}
    for _ in range(reps):
        for name, measure in ways.items():
            seconds[name].append(measure())
    return {name: statistics.median(values) for name, values in seconds.items()}


def read_store(tool, store, threads, reps):
    """Prints a row; returns whether its goals are met.  Nothing that uses libzstd takes less than libzstd alone."""
    cat = [tool, "cat", "--raw", "--threads", str(threads), str(store)]
    ways = {"pw-stream": lambda: seconds_of(cat),
            "tensorstore": lambda: seconds_of_peer("tensorstore", store, threads),
            "zarr-python": lambda: seconds_of_peer("zarr", store, threads)}
    if "zstd" in store.stem:
        ways["libzstd alone"] = lambda: seconds_of_peer("libzstd", store, threads)
    median = alternate(ways, reps)
    ratios = median["tensorstore"] / median["pw-stream"], median["zarr-python"] / median["pw-stream"]
    print(f"{store.stem:18} {threads} threads: " + ", ".join(f"{w} {s:.3f} s" for w, s in median.items()) +
          f"; {ratios[0]:.2f} times tensorstore (goal 1), {ratios[1]:.2f} times zarr-python (goal 3" +
          (f"; libzstd alone: {median['zarr-python'] / median['libzstd alone']:.2f})" if "libzstd alone" in median else ")"),
          flush=True)
    return ratios[0] >= 1 and ratios[1] >= 3


def read_raw(tool, work, reps):
    raw, described = make_raw(tool, work, "2d")
    warm_up(raw)
    median = alternate({"pw-stream": lambda: seconds_of([tool, "cat", "--raw", *described, str(raw)]),
                        "cat": lambda: seconds_of(["cat", str(raw)]),
                        "dd": lambda: seconds_of(["dd", f"if={raw}", "bs=1M", "status=none"])}, reps)
    ratio = median["pw-stream"] / min(median["cat"], median["dd"])
    print("reading raw: " + ", ".join(f"{w} {s:.3f} s" for w, s in median.items()) +
          f"; {ratio:.2f} times the faster of cat and dd (goal at most 1.15)")
    return ratio <= 1.15


def pw_bench_reading(tool, work, reps):
    """Prints the table; returns whether the goals are met."""
    good = True
    for image in IMAGES:
        for codec in CODECS:
            store = make(work, image, codec)
            warm_up(store)
            for threads in (1, 2):
                good = read_store(tool, store, threads, reps) and good
    return read_raw(tool, work, reps) and good


if __name__ == "__main__":
    ways = {"tensorstore": way_tensorstore, "zarr": way_zarr, "libzstd": way_libzstd}
    took, size = ways[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(took)
