"""
A run cannot be killed: whatever ends it at whatever moment, --resume goes on and comes to the same bytes.

SIGKILL at random moments, a limit on the length of files, a file system that is full.  PW_KILL_TURNS=N kills N runs to
their end (default 3 for each output).
"""

import os
import random
import resource
import subprocess
import time

import numpy as np
import pytest
from pwtest import calls as calls_plugin
from pwtest import images
from pwtest.tool import tree

TURNS = int(os.environ.get("PW_KILL_TURNS", "3"))
SHAPE, TILE = (40, 90, 100), "10,30,25"  # 48 tiles


@pytest.fixture(scope="module")
def scene(tmp_path_factory, compiler):
    folder = tmp_path_factory.mktemp("kill")
    rng = np.random.default_rng(11)
    np.save(folder / "image.npy", images.blob_mask(rng, SHAPE).astype(np.uint8))
    return folder / "image.npy", calls_plugin.build(folder)


def run(scene, log, folder, output, *options):
    """The arguments of a run; the word stage in options is a directory of the folder."""
    options = [folder / "stage" if option == "stage" else option for option in options]
    return ["run", scene[0], "--fn", f"{scene[1]}:{log}", "--tile", TILE, "-o", folder / output, *options]


def whole(pw, scene, log, folder, output, *options):
    folder.mkdir()
    pw(*run(scene, log, folder, output, *options))
    log.unlink()
    return tree(folder / output)


def no_trace(folder, output):
    """Beside what was asked for there is nothing, but for hidden halves that the next run of that name takes away."""
    left = {p.name for p in folder.iterdir()} - {output, "stage"}
    return {name for name in left if ".pw-" not in name}


@pytest.mark.parametrize("output, options", [
    ("labels.npy", ["--merge", "touch"]),
    ("labels.zarr", ["--merge", "witness", "--halo", "3"]),
    ("labels.tif", ["--merge", "overlap", "--halo", "3", "--threads", "2"]),
    ("labels.zarr", ["--keep-stage", "stage", "--halo", "2"]),
])
def test_killed_until_it_is_done(pw, scene, tmp_path, output, options):
    """Killed at a random moment, again and again; every tile that was in the log is not worked on once more."""
    random.seed(output)
    log = tmp_path / "calls.txt"
    expected = whole(pw, scene, log, tmp_path / "whole", output, *options)
    all_kills = 0
    for turn in range(TURNS):
        folder = tmp_path / str(turn)
        folder.mkdir()
        arguments = run(scene, log, folder, output, *options, "--resume")
        kills = 0
        for _ in range(400):
            running = pw.start(*arguments, env={"CALLS_SLEEP_US": "10000"})
            try:
                error = running.communicate(timeout=random.uniform(0.0, 0.15 if kills < 40 else 5))[1].decode()
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
                kills += 1
                continue
            # Killed after everything was in its place, the next one has nothing to go on from.
            assert running.returncode == 0 or "exists" in error, error
            break
        assert tree(folder / output) == expected
        called = calls_plugin.tiles(log)
        log.unlink()
        assert set(called) == set(range(48))
        all_kills += kills
        # One that is killed between the function and the log is called for again: at most the tiles in flight.
        assert len(called) <= 48 + kills * 4, (len(called), kills)
        assert no_trace(folder, output) == set()
    assert all_kills > 0


def with_limit(bytes_):
    def set_limit():
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
    return set_limit


def test_files_that_may_not_grow(pw, scene, tmp_path):
    """The log, then the output, meet a limit: one line that says what is left; the next run goes on from there."""
    log = tmp_path / "calls.txt"
    expected = whole(pw, scene, log, tmp_path / "whole", "labels.npy")
    command = pw.command(*run(scene, log, tmp_path, "labels.npy", "--resume", "--threads", "1"))
    done = 0
    for kib in (5, 20, 40, 60, 100, 400, 1200):
        result = subprocess.run(command, env=pw.environment(), preexec_fn=with_limit(kib << 10), capture_output=True, text=True)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result
        if "--resume" in result.stderr:
            now = int(result.stderr.split(" has ")[1].split()[0])
            assert now >= done, result.stderr
            done = now
    assert done == 48, "the output is longer than the log, and was the last to meet its limit"
    pw(*command[1:])
    assert tree(tmp_path / "labels.npy") == expected
    assert sorted(set(calls_plugin.tiles(log))) == list(range(48))


def test_a_full_disk(pw, scene, tmp_path):
    """A file system of a fixed size (a tmpfs, where one may be mounted) that is full, and has room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        log = tmp_path / "calls.txt"
        expected = whole(pw, scene, log, tmp_path / "whole", "labels.npy")
        filler = disk / "filler"
        filler.write_bytes(bytes(640 << 10))
        arguments = run(scene, log, disk, "labels.npy", "--resume", "--threads", "1")
        done = []
        for kib in (640, 600, 560, 300):
            os.truncate(filler, kib << 10)
            line = pw.refuses(*arguments)
            done.append(int(line.split(" has ")[1].split()[0]) if "--resume" in line else 0)
        assert done == sorted(done) and done[-1] == 48, done
        subprocess.run(["mount", "-o", "remount,size=40M", str(disk)], check=True)
        pw(*arguments)
        assert tree(disk / "labels.npy") == expected
        assert sorted(p.name for p in disk.iterdir()) == ["filler", "labels.npy"]
    finally:
        for _ in range(50):
            if subprocess.run(["umount", str(disk)], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
