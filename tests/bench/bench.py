"""
bench.py - pw-stream beside the usual ways of doing the same: value > 300, components that share faces, labels stored
as zarr with zstd-1; on a 2-D image of 16384 x 16384 and a 3-D one of 256 x 2048 x 2048, both uint16.  Then resolving
(joining labels by edges and numbering the objects) beside sort(1) of as many bytes as the edges have.

All ways run alternating in one session, because a machine's speed drifts within minutes: only ratios within one run
count.  Prints medians of wall time, CPU time and minor page faults, the peak resident memory, and every ratio beside its
goal; checks that all ways find the same objects, and that pw-stream's labels are those of scipy, voxel for voxel.

run.sh makes the images and the virtual environment and calls this.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import convert
import label_pyramid
import large_files
import reading

HERE = Path(__file__).resolve().parent
MIB = 1024 * 1024
BUDGET_MIB = 512
BUDGET = ["--memory", f"{BUDGET_MIB}M"]
RSS_LIMIT_MIB = BUDGET_MIB + 32
# One level, as the other ways write.
TASK = ["--fn", "threshold:300", "--pyramid", "none", "--progress=never", "--summary=json"]
PARTS = ("2d", "3d", "large", "resolve", "reading", "convert", "files", "pyramid-large")
PEERS = ("scipy", "cc3d", "dask-image", "patchworks")


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = Path(options.work)
        self.tool = str(Path(options.tool).resolve())
        self.results = {}  # (image, way) -> list of usages
        self.both = {}  # image -> seconds that two runs at once took

    # ------------------------------------------------------------------ one measured command

    def measure(self, command, stdout=subprocess.PIPE, whole_tree=False):
        """Usage of one command as tests/lib/measure.c reports it; stops the bench when the command fails."""
        report = self.work / "usage.json"
        run = subprocess.Popen([str(self.work / "measure"), str(report), *command], stdout=stdout, stderr=subprocess.PIPE)
        peak = [0]
        if whole_tree:
            threading.Thread(target=watch_tree, args=(run, peak), daemon=True).start()
        out, err = run.communicate()
        if run.returncode != 0:
            sys.exit(f"bench: {' '.join(command)}\nexit {run.returncode}\n{err.decode(errors='replace')[-3000:]}")
        usage = json.loads(report.read_text())
        usage["peak_rss_bytes"] = max(usage["peak_rss_bytes"], peak[0])
        usage["out"], usage["err"] = (out or b"").decode(), err.decode()
        return usage

    def run_command(self, store, out, threads):
        return [self.tool, "run", store, "-o", out, "--threads", str(threads), *BUDGET, *TASK]

    def commands(self, image):
        """way -> (command, where the standard output goes)."""
        store, out = str(self.work / f"{image}.zarr"), str(self.work / f"out-{image}.zarr")
        python = [sys.executable, str(HERE / "peers.py")]
        ways = {
            "pw-stream": self.run_command(store, out, 2),
            "pw-stream cat": [self.tool, "cat", store, "--raw"],
            "cp -r + sync": ["sh", "-c", f"cp -r '{store}' '{out}' && sync -f '{out}'"],
        }
        for peer in PEERS:
            if peer in self.options.peers:
                ways[peer] = [*python, peer, store, out]
        return ways

    def once(self, image, way, command, cold=False):
        out = self.work / f"out-{image}.zarr"
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run([self.tool, "version"], stdout=subprocess.DEVNULL, check=True)
        os.sync()  # what the way before has written and removed is not this one's
        if cold:
            Path("/proc/sys/vm/drop_caches").write_text("3")
            subprocess.run([self.tool, "version"], stdout=subprocess.DEVNULL, check=True)
        else:
            read_all(self.work / f"{image}.zarr")
        stdout = subprocess.DEVNULL if way == "pw-stream cat" else subprocess.PIPE
        usage = self.measure(command, stdout, whole_tree=way == "patchworks")
        if way.startswith("pw-stream") and way != "pw-stream cat":
            summary = json.loads(usage["err"].rstrip("\n").split("\n")[-1])
            usage["objects"] = summary["n_objects"]
        elif way in PEERS:
            usage["objects"] = int(usage["out"].split()[-1])
        self.results.setdefault((image, way + (", cold" if cold else "")), []).append(usage)
        print(f"  {image} {way}{', cold' if cold else ''}: {usage['wall_s']:.2f} s", file=sys.stderr, flush=True)

    # ------------------------------------------------------------------ one image

    def alternate(self, image):
        """Every way in turn, round after round; the labels of scipy and of pw-stream are kept for the comparison."""
        ways = self.commands(image)
        cold = ["pw-stream", "cp -r + sync"] if self.options.cold else []
        for turn in range(self.options.reps):
            for way, command in ways.items():
                if way in PEERS and turn >= self.options.peer_reps:
                    continue
                self.once(image, way, command)
                if turn == 0 and way in ("scipy", "pw-stream"):
                    kept = self.work / f"keep-{way}-{image}.zarr"
                    shutil.rmtree(kept, ignore_errors=True)
                    os.rename(self.work / f"out-{image}.zarr", kept)
            for way in cold:
                self.once(image, way, ways[way], cold=True)
        shutil.rmtree(self.work / f"out-{image}.zarr", ignore_errors=True)

    def pairs(self, image):
        """
        One thread and two in alternating pairs with nothing between them: they differ by less than what a way that has
        just filled the page cache and the disk's queue does to the next one.  With each pair two runs of one thread
        at once, which share nothing: how much more the machine does with two processors, whoever uses them.
        """
        store, out = str(self.work / f"{image}.zarr"), str(self.work / f"out-{image}.zarr")
        both = [(f"pw-stream, pairs, {n} thread{'s' if n > 1 else ''}", self.run_command(store, out, n)) for n in (1, 2)]
        for turn in range(self.options.pairs):
            for way, command in both if turn % 2 else reversed(both):
                self.once(image, way, command)
            self.both.setdefault(image, []).append(self.two_at_once(store, out))
        shutil.rmtree(out, ignore_errors=True)

    def two_at_once(self, store, out):
        """Seconds that two runs of one thread take side by side."""
        outs = [out, out.replace("out-", "out-other-")]
        for path in outs:
            shutil.rmtree(path, ignore_errors=True)
        os.sync()
        began = time.monotonic()
        runs = [subprocess.Popen(self.run_command(store, path, 1), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for path in outs]
        for run in runs:
            if run.wait() != 0:
                raise SystemExit(f"bench: {' '.join(run.args)}: exit {run.returncode}")
        took = time.monotonic() - began
        shutil.rmtree(outs[1], ignore_errors=True)
        return took

    def median(self, image, way, key="wall_s"):
        usages = self.results.get((image, way))
        if not usages:
            return None
        if key == "cpu_s":
            return statistics.median(u["user_s"] + u["system_s"] for u in usages)
        if key == "peak_rss_bytes":
            return max(u[key] for u in usages)
        return statistics.median(u[key] for u in usages)

    def table(self, image):
        print(f"\n{image}{'':32} n   wall s  (min-max)        CPU s  peak RSS MiB  minor faults   objects")
        for (name, way), usages in self.results.items():
            if name != image:
                continue
            walls = [u["wall_s"] for u in usages]
            print(f"{way:<32} {len(usages):>3} {self.median(image, way):>8.2f}  ({min(walls):.2f}-{max(walls):.2f})".ljust(62)
                  + f"{self.median(image, way, 'cpu_s'):>7.2f} {self.median(image, way, 'peak_rss_bytes') / MIB:>13.0f}"
                  + f"{int(self.median(image, way, 'minor_faults')):>14}   {usages[0].get('objects', '')}")

    def goals(self, image):
        """The ratios that the project set itself."""
        ours = self.median(image, "pw-stream")
        least = {"scipy": (6, 9), "cc3d": (3, 3), "patchworks": (8, 10)}
        rows = []
        for peer, goal in least.items():
            theirs = self.median(image, peer)
            if theirs is not None:
                rows.append((f"{peer} / pw-stream", theirs / ours, ">=", goal[image == "3d"]))
        theirs = self.median(image, "dask-image")
        if theirs is not None:
            rows.append(("dask-image / pw-stream", theirs / ours, "", None))
        rows.append(("pw-stream / (cp -r + sync)", ours / self.median(image, "cp -r + sync"), "<=", 2))
        rows.append(("pw-stream / pw-stream cat", ours / self.median(image, "pw-stream cat"), "", None))
        if self.options.pairs > 0:
            one, two = (self.median(image, f"pw-stream, pairs, {n}") for n in ("1 thread", "2 threads"))
            limit = 2 * one / statistics.median(self.both[image])
            rows.append(("1 thread / 2 threads", one / two, ">=", 1.8))
            rows.append(("the same, two runs at once (limit)", limit, "", None))
            rows.append(("share of that limit", one / two / limit, "", None))
        cold = self.median(image, "pw-stream, cold")
        if cold is not None:
            rows.append(("cold / warm", cold / ours, "<=", 1.35))
            rows.append(("cold / (cp -r + sync, cold)", cold / self.median(image, "cp -r + sync, cold"), "", None))
        rows.append(("minor faults, thousand", self.median(image, "pw-stream", "minor_faults") / 1000, "<=",
                     60 if image == "3d" else 20))
        rows.append(("peak RSS, MiB", self.median(image, "pw-stream", "peak_rss_bytes") / MIB, "<=", RSS_LIMIT_MIB))
        print_goals(image, rows)
        return all(met(value, relation, goal) for _, value, relation, goal in rows)

    def check_objects(self, image):
        """One number of objects from all, and our labels are those of scipy."""
        counts = {way: {u["objects"] for u in usages if "objects" in u}
                  for (name, way), usages in self.results.items() if name == image}
        found = set().union(*counts.values())
        if len(found) != 1:
            sys.exit(f"bench: the ways disagree about the objects of {image}: {counts}")
        theirs = self.work / f"keep-scipy-{image}.zarr"
        if not theirs.is_dir():
            print(f"{image}: {found.pop()} objects; scipy did not run, labels not compared")
            return
        import numpy as np

        ours = open_labels(self.work / f"keep-pw-stream-{image}.zarr")
        theirs = open_labels(theirs, "labels")
        step = 16 if image == "3d" else 1024
        for start in range(0, ours.shape[0], step):
            if not np.array_equal(ours[start : start + step], theirs[start : start + step]):
                sys.exit(f"bench: labels of {image} differ from scipy's between rows {start} and {start + step}")
        print(f"{image}: {found.pop()} objects, labels equal to scipy's voxel for voxel")

    # ------------------------------------------------------------------ an image that cannot be held

    def large(self):
        """65536 x 65536 from hard links to the chunks of the 2-D image: memory must not grow, the count must be exact."""
        store, out = self.work / "large.zarr", self.work / "out-large.zarr"
        if not store.is_dir():
            link_large(self.work / "2d.zarr", store)
        shutil.rmtree(out, ignore_errors=True)
        usage = self.measure([self.tool, "run", str(store), "-o", str(out), "--threads", "2", *BUDGET, *TASK])
        objects = json.loads(usage["err"].rstrip("\n").split("\n")[-1])["n_objects"]
        print(f"\n65536 x 65536: {usage['wall_s']:.1f} s, {usage['user_s'] + usage['system_s']:.1f} CPU s, "
              f"{usage['minor_faults']} minor faults, {objects} objects")
        kept = self.work / "keep-scipy-2d.zarr"
        if kept.is_dir():
            expected = count_of_copies(open_labels(kept, "labels"), 4)
            if objects != expected:
                sys.exit(f"bench: {objects} objects in the large image, {expected} expected")
            print(f"as many as 16 copies of the 2-D image have ({expected})")
        shutil.rmtree(out)
        rows = [("peak RSS, MiB", usage["peak_rss_bytes"] / MIB, "<=", RSS_LIMIT_MIB)]
        small = self.median("2d", "pw-stream", "peak_rss_bytes")
        if small:
            rows.append(("peak RSS, large / 2d", usage["peak_rss_bytes"] / small, "", None))
            rows.append(("wall, large / (16 * 2d)", usage["wall_s"] / (16 * self.median("2d", "pw-stream")), "", None))
        print_goals("large", rows)
        return all(met(value, relation, goal) for _, value, relation, goal in rows)


    # ------------------------------------------------------------------ joining labels, beside sorting as many bytes

    def resolve(self):
        """5/3 edges a label; the memory of both is to 512 MiB as the labels are to 3 * 10^8."""
        labels = self.options.resolve_labels
        memory = max(BUDGET_MIB * MIB * labels // 300_000_000, 16 * MIB)
        program = self.tool_folder() / "tests" / "stress" / "resolve_scale"
        graph = ["--labels", str(labels), "--edges", str(labels * 167 // 100), "--scratch", str(self.work)]
        lines = self.work / "lines.txt"
        sort = ["sort", "--parallel=2", "-S", f"{memory // 1024}K", "-T", str(self.work), "-o", "/dev/null", str(lines)]
        subprocess.run([program, *graph, "--lines", str(lines)], check=True)
        ours, theirs = [], []
        for _ in range(self.options.resolve_reps):
            usage = self.measure([str(program), *graph, "--memory", str(memory)])
            ours.append(json.loads(usage["out"]))
            theirs.append(self.measure(["env", "LC_ALL=C", *sort])["wall_s"])
        sorted_bytes = lines.stat().st_size
        lines.unlink()
        last = ours[-1]
        seconds = statistics.median(report["resolve_s"] for report in ours)
        print(f"\nresolve: {last['labels']} labels, {last['edges']} edges, {last['objects']} objects, memory "
              f"{memory / MIB:.0f} MiB\n{'resolve':<32} {len(ours):>3} {seconds:>8.2f} s, scratch "
              f"{last['scratch_bytes'] / MIB:.0f} MiB of at most {last['scratch_predicted_bytes'] / MIB:.0f}\n"
              f"{'sort':<32} {len(theirs):>3} {statistics.median(theirs):>8.2f} s, {sorted_bytes / MIB:.0f} MiB of lines")
        rows = [("resolve / sort", seconds / statistics.median(theirs), "<=", 2),
                ("peak RSS / memory", max(r["peak_rss_bytes"] for r in ours) / memory, "<=", 1),
                ("scratch / predicted", last["scratch_bytes"] / last["scratch_predicted_bytes"], "<=", 1)]
        print_goals("resolve", rows)
        return all(met(value, relation, goal) for _, value, relation, goal in rows)

    def tool_folder(self):
        return Path(self.tool).parent


def met(value, relation, goal):
    return goal is None or (value >= goal if relation == ">=" else value <= goal)


def print_goals(image, rows):
    for what, value, relation, goal in rows:
        verdict = "" if goal is None else f"goal {relation} {goal:<6} {'met' if met(value, relation, goal) else 'MISSED'}"
        print(f"{image:<6} {what:<30} {value:>8.2f}   {verdict}".rstrip())


def watch_tree(run, peak):
    """Ten times a second, the resident memory of a process and its descendants; the largest sum goes to peak[0]."""
    while run.poll() is None:
        parents, sizes = {}, {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            sizes[int(entry.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        family = {run.pid}
        while True:
            more = {pid for pid, parent in parents.items() if parent in family} - family
            if not more:
                break
            family |= more
        peak[0] = max(peak[0], sum(sizes.get(pid, 0) for pid in family))
        time.sleep(0.1)


def read_all(folder):
    """Brings every file of a store into the page cache."""
    buffer = bytearray(1 << 20)
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def open_labels(path, name=None):
    """The array of a store that a peer wrote, or the full level of the only label image of one that we wrote."""
    import zarr

    if name is not None:
        return zarr.open_array(str(path), path=name, mode="r")
    listed = zarr.open_group(str(path), path="labels", mode="r").attrs["ome"]["labels"]
    return zarr.open_array(str(path), path=f"labels/{listed[0]}/0", mode="r")


def link_large(source, target):
    """A store of 4 x 4 copies of a 2-D one, by hard links."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "0").mkdir(parents=True)
    for name in (".zgroup", ".zattrs"):
        shutil.copy(source / name, target / name)
    metadata = json.loads((source / "0" / ".zarray").read_text())
    grid = [n // c for n, c in zip(metadata["shape"], metadata["chunks"])]
    metadata["shape"] = [n * 4 for n in metadata["shape"]]
    (target / "0" / ".zarray").write_text(json.dumps(metadata))
    for y in range(grid[0] * 4):
        (target / "0" / str(y)).mkdir()
        for x in range(grid[1] * 4):
            os.link(source / "0" / str(y % grid[0]) / str(x % grid[1]), target / "0" / str(y) / str(x))


def count_of_copies(labels, copies):
    """Objects of copies x copies of a labelled image laid side by side, by the contacts at their borders."""
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    top, bottom, left, right = labels[0], labels[-1], labels[:, 0], labels[:, -1]
    per_copy = 0
    for start in range(0, labels.shape[0], 1024):
        per_copy = max(per_copy, int(labels[start : start + 1024].max()))
    rows, columns = [], []
    for y in range(copies):
        for x in range(copies):
            here = (y * copies + x) * per_copy
            if x + 1 < copies:
                both = (right > 0) & (left > 0)
                rows.append(right[both].astype(np.int64) + here)
                columns.append(left[both].astype(np.int64) + here + per_copy)
            if y + 1 < copies:
                both = (bottom > 0) & (top > 0)
                rows.append(bottom[both].astype(np.int64) + here)
                columns.append(top[both].astype(np.int64) + here + copies * per_copy)
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    nodes = copies * copies * per_copy + 1
    graph = coo_matrix((np.ones(len(rows), np.uint8), (rows, columns)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[0] - 1  # node 0 is the background


def has_room(work, part, needed):
    """Whether the disk has room for the large files of a part, or has them already."""
    free, kept = shutil.disk_usage(work).free, any(work.glob("large.tif" if part == "files" else "labels-[0-9]*.zarr"))
    if kept or free > needed + (2 << 30):
        return True
    print(f"{part} left out: it needs {needed / 1e9:.0f} GB of disk below {work}, where {free / 1e9:.0f} GB are free")
    return False


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tool", default=os.environ.get("PW_STREAM", "./pw-stream"))
    parser.add_argument("--work", required=True, help="folder of the images, made by run.sh; outputs go there too")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)} (default: all)")
    parser.add_argument("--reps", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--peer-reps", type=int, default=3, help="rounds that the other programs take part in (default 3)")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs with one thread and with two (default 15)")
    parser.add_argument("--resolve-labels", type=int, default=30_000_000,
                        help="labels to resolve (default 30000000; 300000000 needs 35 GB of disk)")
    parser.add_argument("--resolve-reps", type=int, default=3, help="rounds of resolving and sorting (default 3)")
    parser.add_argument("--file-bytes", type=int, default=20_000_000_000,
                        help="size of the file that is read (default 20000000000)")
    parser.add_argument("--label-bytes", type=int, default=20_000_000_000,
                        help="size of the label volume that gets smaller levels (default 20000000000)")
    parser.add_argument("--no-patchworks", action="store_true", help="leave out patchworks from PyPI")
    parser.add_argument("--no-peers", action="store_true", help="only pw-stream, cat and cp")
    parser.add_argument("--no-cold", action="store_true", help="warm runs only (cold ones need root)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.peers = [p for p in PEERS if not options.no_peers and not (options.no_patchworks and p == "patchworks")]
    options.cold = not options.no_cold and os.access("/proc/sys/vm/drop_caches", os.W_OK)
    return options


def main():
    options = parse_options()
    bench = Bench(options)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.2f} at the start{': the machine is busy, repeat it' if load > 0.7 else ''}")
    if not options.cold:
        print("no cold runs (they need root, to drop the page cache)")
    good = True
    for image in ("2d", "3d"):
        if image in options.only:
            bench.alternate(image)
            bench.pairs(image)
            bench.table(image)
            bench.check_objects(image)
            good = bench.goals(image) and good
    if "large" in options.only:
        good = bench.large() and good
    if "resolve" in options.only:
        good = bench.resolve() and good
    if "reading" in options.only:
        good = reading.pw_bench_reading(bench.tool, bench.work, options.reps) and good
    if "convert" in options.only:
        good = convert.pw_bench_convert(bench.tool, bench.work, options.reps) and good
    if "files" in options.only and has_room(bench.work, "files", options.file_bytes):
        good = large_files.pw_bench_large_files(bench.tool, bench.work, options.reps, options.file_bytes, options.cold) and good
    if "pyramid-large" in options.only and has_room(bench.work, "pyramid-large", options.label_bytes // 4):
        good = label_pyramid.pw_bench_label_pyramid(bench.tool, bench.work, options.label_bytes, BUDGET_MIB, bench.measure) and good
    sys.exit(0 if good or not options.strict else 1)


if __name__ == "__main__":
    main()
