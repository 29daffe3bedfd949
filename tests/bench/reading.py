"""
reading.py - how fast images are read: `pw-stream cat` beside tensorstore and zarr-python 3 on one 3-D image stored with
no codec, zstd, blosc-lz4 and gzip, with as many threads each; and on the raw file beside cat(1) and dd(1).

bench.py --only reading calls pw_bench_reading(); the same file, run with a way and a store, is the other programs' turn.
"""

import statistics
import subprocess
import sys
import time

SHAPE, CHUNK = (512, 1024, 1024), (64, 128, 128)
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


def make_raw(work):
    """The image, counts of photons on a gradient."""
    import numpy as np

    raw = work / "reading.raw"
    if not raw.is_file():
        generator = np.random.default_rng(1)
        with raw.open("wb") as out:
            for _ in range(SHAPE[0]):
                plane = generator.poisson(100, SHAPE[1:]) + np.arange(SHAPE[2]) // 8
                out.write(plane.astype("<u2").tobytes())
    return raw


def make(work):
    """The image as raw and in every codec."""
    import numpy as np
    import zarr
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    codecs = {"none": [], "zstd": [ZstdCodec(level=1)], "gzip": [GzipCodec(level=1)],
              "blosc": [BloscCodec(cname="lz4", typesize=2, shuffle="shuffle")]}
    raw = make_raw(work)
    for name in CODECS:
        path = work / f"reading-{name}.zarr"
        if not path.is_dir():
            array = zarr.create_array(str(path), shape=SHAPE, chunks=CHUNK, dtype="uint16", compressors=codecs[name])
            array[...] = np.memmap(raw, "<u2", "r", shape=SHAPE)
    return raw


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


def pw_bench_reading(tool, work, reps):
    """Prints the table; returns whether the goals are met."""
    raw = make(work)
    good = True
    for name in CODECS:
        store = work / f"reading-{name}.zarr"
        warm_up(store)
        for threads in (1, 2):
            cat = [tool, "cat", "--raw", "--threads", str(threads), str(store)]
            median = alternate({"pw-stream": lambda: seconds_of(cat),
                                "tensorstore": lambda: seconds_of_peer("tensorstore", store, threads),
                                "zarr-python": lambda: seconds_of_peer("zarr", store, threads)}, reps)
            ratios = median["tensorstore"] / median["pw-stream"], median["zarr-python"] / median["pw-stream"]
            good = good and ratios[0] >= 1 and ratios[1] >= 3
            print(f"reading {name:5} {threads} threads: " + ", ".join(f"{w} {s:.3f} s" for w, s in median.items()) +
                  f"; {ratios[0]:.2f} times tensorstore (goal 1), {ratios[1]:.2f} times zarr-python (goal 3)")
    shape = ",".join(map(str, SHAPE))
    warm_up(raw)
    median = alternate({"pw-stream": lambda: seconds_of([tool, "cat", "--raw", "--shape", shape, "--dtype", "u2", str(raw)]),
                        "cat": lambda: seconds_of(["cat", str(raw)]),
                        "dd": lambda: seconds_of(["dd", f"if={raw}", "bs=1M", "status=none"])}, reps)
    ratio = median["pw-stream"] / min(median["cat"], median["dd"])
    print("reading raw: " + ", ".join(f"{w} {s:.3f} s" for w, s in median.items()) +
          f"; {ratio:.2f} times the faster of cat and dd (goal at most 1.15)")
    return good and ratio <= 1.15


if __name__ == "__main__":
    took, size = {"tensorstore": way_tensorstore, "zarr": way_zarr}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(took)
