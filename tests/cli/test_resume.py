"""
A run that came to no end, and goes on: what is left, what is taken over, what is refused.

The function is one that writes down which tiles it is called for, and fails or takes its time when it is told to.
"""

import json
import os
import signal
import time

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from pwtest import calls as calls_plugin
from pwtest import images, stores
from pwtest.tool import tree

TILES = 12


@pytest.fixture(scope="session")
def calls(compiler, tmp_path_factory):
    return calls_plugin.build(tmp_path_factory.mktemp("calls"))


@pytest.fixture
def scene(tmp_path, calls):
    """An image of 3 x 4 tiles, and run(output, options...) over it; log has the tiles that the function was called for."""

    class Scene:
        image = (np.random.default_rng(4).random((30, 40)) < 0.6).astype(np.uint8)
        log = tmp_path / "calls.txt"
        source = tmp_path / "image.npy"

        def arguments(self, output, *options):
            return ["run", self.source, "--fn", f"{calls}:{self.log}", "--tile", "10", "--halo", "2", "-o", output, *options]

        def called(self):
            return calls_plugin.tiles(self.log)

    np.save(Scene.source, Scene.image)
    return Scene()


def fails_at(tile):
    return {"CALLS_FAIL": str(tile)}


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("rule", ["touch", "face", "overlap", "witness"])
@pytest.mark.parametrize("output", ["labels.npy", "labels.zarr", "labels.tif", "labels.raw"])
def test_goes_on_to_the_same_bytes(pw, scene, tmp_path, threads, rule, output):
    """Labels, table and summary are those of a run that was not interrupted; no tile is called for twice."""
    options = ["--merge", rule, "--threads", threads, "--min-size", "2"]
    whole = tmp_path / "whole"
    whole.mkdir()
    one = pw(*scene.arguments(whole / output, *options, "--objects", whole / "objects.csv"), "--summary=json").summary()
    scene.log.unlink()
    table = ["--objects", tmp_path / "objects.csv"]
    pw.refuses(*scene.arguments(tmp_path / output, *options, *table), env=fails_at(7),
               says=["tile 7", f"{output}.part has", "--resume"])
    assert not (tmp_path / output).exists() and not (tmp_path / "objects.csv").exists()
    done = len(scene.called())
    two = pw(*scene.arguments(tmp_path / output, *options, *table), "--resume", "--summary=json").summary()
    assert tree(tmp_path / output) == tree(whole / output)
    assert (tmp_path / "objects.csv").read_text() == (whole / "objects.csv").read_text()
    # Workers may have finished tiles that were not written down any more when another failed.
    assert 0 < two["n_resumed_tiles"] <= done and len(scene.called()) == done + TILES - two["n_resumed_tiles"]
    if threads == 1:
        assert sorted(scene.called()) == list(range(TILES)) and two["n_resumed_tiles"] == 7
    for key in ("n_objects", "foreground_voxels", "n_tile_labels", "n_empty_tiles", "n_dropped", "dropped_voxels"):
        assert one[key] == two[key], key
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.endswith(".part")) == []


def test_nothing_to_go_on_from(pw, scene, tmp_path):
    """--resume may always be given: then a run simply begins."""
    pw(*scene.arguments(tmp_path / "labels.npy", "--resume"))
    assert sorted(scene.called()) == list(range(TILES)) and not (tmp_path / "labels.npy.part").exists()
    pw.refuses(*scene.arguments(tmp_path / "labels.npy", "--resume"), says="exists")


def test_nothing_was_done(pw, scene, tmp_path):
    """A run that fails before its first tile is done leaves nothing."""
    pw.refuses(*scene.arguments(tmp_path / "labels.npy", "--threads", "1"), env=fails_at(0), says="tile 0")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calls.txt", "image.npy", "scratch.tmp"]


def test_work_is_not_thrown_away_unasked(pw, scene, tmp_path):
    """The same run once more is refused, begins anew with --overwrite, and another run takes the place."""
    out = tmp_path / "labels.npy"
    first = scene.arguments(out, "--threads", "1")
    pw.refuses(*first, env=fails_at(5), says="5 of 12")
    pw.refuses(*first, says=["labels.npy.part", "--resume", "--overwrite"])
    pw.refuses(*first, "--dry-run", says="labels.npy.part")
    assert len(scene.called()) == 5
    pw.refuses(*first, "--overwrite", env=fails_at(3), says="3 of 12")
    other = scene.arguments(out, "--threads", "1", "--halo", "1")
    pw.refuses(*other, says=["labels.npy.part holds 3 finished tiles of another run", "halo", "--resume", "--overwrite"])
    assert len(scene.called()) == 5 + 3
    pw.refuses(*other, "--overwrite", env=fails_at(4), says="4 of 12")
    pw.refuses(*first, "--resume", says=["--resume", "halo"])
    pw(*scene.arguments(out, "--halo", "1"), "--resume", "--summary=json")
    assert not (tmp_path / "labels.npy.part").exists()


@pytest.mark.parametrize("change, says", [
    (["--tile", "20"], "tile"), (["--halo", "3"], "halo"), (["--roi", "0:30,0:39"], "roi_shape"),
    (["--skip-empty", "0"], "skip_empty"), (["--merge", "touch"], "keeps_rims"), (["--context", "1"], "context"),
])
def test_another_run(pw, scene, tmp_path, change, says):
    """What the tiles depend on may not change, and is named."""
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), env=fails_at(9), says="--resume")
    before = tree(tmp_path / "labels.npy.part")
    line = pw.refuses(*scene.arguments(tmp_path / "labels.npy", *change), "--resume", says=["labels.npy.part is of another run", says])
    assert "not" in line and tree(tmp_path / "labels.npy.part") == before


def test_another_image_or_function(pw, scene, calls, tmp_path):
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), env=fails_at(9), says="--resume")
    os.utime(scene.source, ns=(0, 10**18))
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), "--resume", says="image")
    np.save(scene.source, scene.image.astype(np.uint16))
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), "--resume", says="image")
    copy = tmp_path / "copy.so"
    copy.write_bytes(calls.read_bytes())
    arguments = ["run", scene.source, "--fn", f"{copy}:{scene.log}", "--tile", "10", "-o", tmp_path / "other.npy"]
    pw.refuses(*arguments, env=fails_at(9), says="--resume")
    copy.write_bytes(calls.read_bytes() + b"\0")
    pw.refuses(*arguments, "--resume", says="copy.so, which its function reads, has changed since")


def dots(value):
    """More objects than uint8 has numbers for: a run that is to write these fails when all tiles are done."""
    image = np.zeros((2, 40, 40), np.uint16)
    image[:, ::2, ::2] = value
    return image


def write_series(folder, image):
    for z, plane in enumerate(image):
        tifffile.imwrite(folder / f"p_{z}.tif", plane)
    return folder / "p_*.tif"


def write_ome(folder, image):
    path = folder / "b.ome.tif"
    planes = "".join(f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{n}">urn:uuid:{n}</UUID></TiffData>'
                     for z, n in enumerate(("a.ome.tif", "b.ome.tif")))
    xml = ('<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
           'ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="40" SizeY="40" SizeZ="2" SizeC="1" SizeT="1">'
           f'<Channel ID="Channel:0:0"/>{planes}</Pixels></Image></OME>')
    for z, name in enumerate(("a.ome.tif", "b.ome.tif")):
        tifffile.imwrite(folder / name, image[z], description=xml, metadata=None)
    os.utime(path, ns=(10**18, 10**18))
    return path


def write_hdf5(folder, image):
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = image
    return f"{folder}/a.h5:/x"


def write_zip(folder, image):
    (folder / "a.zarr.zip").unlink(missing_ok=True)
    with zarr.storage.ZipStore(folder / "a.zarr.zip", mode="w") as store:
        zarr.create_array(store, name="x", data=image, compressors=None)
    return folder / "a.zarr.zip" / "x"


def write_detached(folder, image):
    image.tofile(folder / "a.raw")
    (folder / "a.nhdr").write_text("NRRD0004\ntype: uint16\ndimension: 3\nsizes: 40 40 2\nencoding: raw\n"
                                   "endian: little\ndata file: a.raw\n")
    os.utime(folder / "a.nhdr", ns=(10**18, 10**18))
    return folder / "a.nhdr"


@pytest.mark.parametrize("write, says", [
    (write_series, "p_0.tif has changed since"), (write_ome, "a.ome.tif has changed since"), (write_hdf5, "a.h5 has changed since"),
    (write_zip, "a.zarr.zip has changed since"), (write_detached, "a.raw has changed since")])
def test_another_image_in_several_files(pw, tmp_path, write, says):
    """Whatever the voxels are read from, not only what was named, is compared."""
    arguments = ["run", write(tmp_path, dots(500)), "--fn", "threshold:300", "-o", tmp_path / "labels.npy"]
    pw.refuses(*arguments, "--out-dtype", "uint8", says="labels.npy.part has")
    time.sleep(0.01)
    write(tmp_path, dots(600))
    pw.refuses(*arguments, "--resume", says=["labels.npy.part is of another run", says])


def test_other_files_of_the_function(pw, tmp_path):
    """Seeds, a mask, files that a worker is told of, names with spaces too; not the log that it writes."""
    np.save(tmp_path / "image.npy", dots(500))
    np.save(tmp_path / "my seeds.npy", dots(1) * np.arange(1600, dtype=np.uint16).reshape(40, 40))
    np.save(tmp_path / "mask.npy", dots(1))
    (tmp_path / "model.bin").write_bytes(b"one")
    worker = tmp_path / "worker.sh"
    worker.write_text("echo start >> $2; exec cat\n")
    output = tmp_path / "labels.npy"
    seeds = ["run", tmp_path / "image.npy", "--fn", f"watershed:threshold=1,smooth=0,size=2,seeds={tmp_path / 'my seeds.npy'}"]
    mask = ["run", tmp_path / "image.npy", "--fn", "threshold:300", "--mask", tmp_path / "mask.npy"]
    for arguments, name in ((seeds, "my seeds.npy"), (mask, "mask.npy")):
        pw.refuses(*arguments, "-o", output, "--out-dtype", "uint8", says="labels.npy.part has")
        os.utime(tmp_path / name, ns=(0, 10**18))
        pw.refuses(*arguments, "-o", output, "--resume", says=[name, "has changed since"])
        pw(*arguments, "-o", output, "--overwrite")
        output.unlink()
    image = (np.arange(1600, dtype=np.uint32) + 1).reshape(40, 40)  # cat: the image is what is returned
    np.save(tmp_path / "numbers.npy", image)
    arguments = ["run", tmp_path / "numbers.npy", "--fn", f"exec:sh {worker} {tmp_path / 'model.bin'} {tmp_path / 'log.txt'}",
                 "--worker-io", "npy", "-o", output, "--overwrite", "--workers", "1"]
    for _ in range(2):  # the log was not there; and then is, and grows
        pw.refuses(*arguments, "--out-dtype", "uint8", says="labels.npy.part has")
        pw(*arguments, "--resume")
    pw.refuses(*arguments, "--out-dtype", "uint8", says="labels.npy.part has")
    (tmp_path / "model.bin").write_bytes(b"two")
    pw.refuses(*arguments, "--resume", says="model.bin, which its function reads, has changed since")


def test_what_may_change(pw, scene, tmp_path):
    """Threads, memory, engine and everything that comes after the tiles."""
    out, whole = tmp_path / "labels.npy", tmp_path / "whole.tif"
    pw(*scene.arguments(whole, "--merge", "overlap", "--tau", "0.7", "--out-dtype", "uint16"))
    pw.refuses(*scene.arguments(out, "--threads", "1"), env=fails_at(9), says="--resume")
    pw(*scene.arguments(out, "--merge", "overlap", "--tau", "0.7", "--threads", "7", "--memory", "256M", "--io", "sync",
                        "--out-dtype", "uint16", "--resume"))
    images.assert_same_labels(np.load(out), stores.read_labels(whole))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal(pw, scene, tmp_path, stop):
    """Tiles in flight are finished and kept; the message says where."""
    pw(*scene.arguments(tmp_path / "whole.npy"))
    scene.log.unlink()
    running = pw.start(*scene.arguments(tmp_path / "labels.npy", "--threads", "2"), env={"CALLS_SLEEP_US": "300000"})
    while len(scene.called()) < 2:
        time.sleep(0.01)
    running.send_signal(stop)
    error = running.communicate()[1].decode()
    assert running.returncode == -stop and "labels.npy.part has" in error and "--resume" in error, error
    done = len(scene.called())
    pw(*scene.arguments(tmp_path / "labels.npy"), "--resume")
    assert sorted(scene.called()) == list(range(TILES)) and done < TILES
    assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_two_at_once(pw, scene, tmp_path):
    """A run does not go on from what another is still working at."""
    running = pw.start(*scene.arguments(tmp_path / "labels.npy"), env={"CALLS_SLEEP_US": "300000"})
    while len(scene.called()) < 1:
        time.sleep(0.01)
    for option in ([], ["--resume"], ["--overwrite"]):
        pw.refuses(*scene.arguments(tmp_path / "labels.npy", *option), says="another run is at work there")
    assert running.wait() == 0
    assert sorted(scene.called()) == list(range(TILES))


def test_a_log_that_was_torn(pw, scene, tmp_path):
    """Whatever of the log is damaged or lost from some byte on: the records before it count, the others are made again."""
    pw(*scene.arguments(tmp_path / "whole.npy"))
    arguments = scene.arguments(tmp_path / "labels.npy", "--threads", "1")
    rng = np.random.default_rng(1)
    part = tmp_path / "labels.npy.part"
    for turn in range(12):
        pw.refuses(*arguments, "--overwrite", env=fails_at(11), says="11 of 12")
        log = bytearray((part / "records").read_bytes())
        at = int(rng.integers(4096, len(log)))
        torn = [log[:at], log[:at] + bytes(len(log) - at), log + bytes(5000), log + rng.bytes(700),
                log[:at] + bytes([log[at] ^ 1]) + log[at + 1:], log[:17]][turn % 6]
        (part / "records").write_bytes(torn)
        scene.log.unlink()
        resumed = pw(*arguments, "--resume", "--overwrite", "--summary=json").summary()["n_resumed_tiles"]
        assert len(scene.called()) == TILES - resumed
        assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_plan_that_is_broken(pw, scene, tmp_path):
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), env=fails_at(9), says="--resume")
    (tmp_path / "labels.npy.part" / "fingerprint.json").write_text("{")
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), "--resume", says=["labels.npy.part", "cannot be read"])
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), says=["labels.npy.part holds", "cannot be read"])
    pw(*scene.arguments(tmp_path / "labels.npy"), "--overwrite")
    assert not (tmp_path / "labels.npy.part").exists()


def test_something_else_of_that_name(pw, scene, tmp_path):
    (tmp_path / "labels.npy.part").mkdir()
    (tmp_path / "labels.npy.part" / "mine.txt").write_text("mine")
    for option in ([], ["--resume"], ["--overwrite"]):
        pw.refuses(*scene.arguments(tmp_path / "labels.npy", *option), says="labels.npy.part: is in the way")
    assert (tmp_path / "labels.npy.part" / "mine.txt").read_text() == "mine"


def test_with_a_stage_that_is_kept(pw, scene, tmp_path):
    """It is called DIR.part until it is whole, goes on from there, and is then as if nothing had happened."""
    pw(*scene.arguments(tmp_path / "whole.npy", "--keep-stage", tmp_path / "one"))
    arguments = scene.arguments(tmp_path / "labels.npy", "--keep-stage", tmp_path / "two")
    pw.refuses(*arguments, env=fails_at(6), says=f"{tmp_path / 'two.part'} has")
    assert not (tmp_path / "two").exists()
    pw(*arguments, "--resume")
    assert not (tmp_path / "two.part").exists()
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == sorted(p.name for p in (tmp_path / "one").iterdir())
    for rule in ("face", "witness"):
        for stage in ("one", "two"):
            pw("remerge", tmp_path / stage, "--merge", rule, "-o", tmp_path / f"{stage}.npy", "--overwrite")
        assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_kept_stage_whose_labels_failed(pw, scene, tmp_path):
    """All tiles are done and kept; what fails later is done again from there, without a call."""
    arguments = scene.arguments(tmp_path / "labels.npy", "--keep-stage", tmp_path / "stage", "--merge", "face")
    single = {"CALLS_BLOCK": "1"}
    whole = pw(*scene.arguments(tmp_path / "whole.npy", "--merge", "face"), "--summary=json", env=single).summary()
    assert whole["n_objects"] > 255
    scene.log.unlink()
    pw.refuses(*arguments, "--out-dtype", "uint8", says=["uint8", "stage has 12 of 12 tiles"], env=single)
    assert (tmp_path / "stage" / "plan.json").exists() and len(scene.called()) == TILES
    assert pw(*arguments, "--resume", "--summary=json").summary()["n_resumed_tiles"] == TILES
    assert len(scene.called()) == TILES
    assert (tmp_path / "labels.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "again.npy")
    assert sorted(p.name for p in (tmp_path / "stage").iterdir()) == ["candidates", "fingerprint.json", "plan.json", "records"]


def test_labels_that_go_into_the_image(pw, calls, tmp_path):
    image = (np.random.default_rng(4).random((30, 40)) < 0.6).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    pw("run", tmp_path / "image.npy", "--fn", "label", "-o", tmp_path / "image.zarr", "--name", "given")
    group = tmp_path / "image.zarr" / "labels" / "given"
    arguments = ["run", group, "--fn", f"{calls}:{tmp_path / 'calls.txt'}", "--tile", "10", "--threads", "1", "--name", "cells"]
    pw.refuses(*arguments, env=fails_at(5), says=["given.cells.part has 5 of 12"])
    pw(*arguments, "--resume")
    assert sorted(calls_plugin.tiles(tmp_path / "calls.txt")) == list(range(TILES))
    assert not list(tmp_path.rglob("*.part"))


def test_a_scratch_directory(pw, scene, tmp_path):
    """Outputs of one name in two places do not get in each other's way."""
    scratch = tmp_path / "there"
    scratch.mkdir()
    for folder, tile in (("a", 4), ("b", 8)):
        (tmp_path / folder).mkdir()
        pw.refuses(*scene.arguments(tmp_path / folder / "labels.npy", "--scratch", scratch, "--threads", "1"), env=fails_at(tile),
                   says=[str(scratch), f"{tile} of 12"])
    assert len(list(scratch.iterdir())) == 2
    for folder, tile in (("a", 4), ("b", 8)):
        result = pw(*scene.arguments(tmp_path / folder / "labels.npy", "--scratch", scratch), "--resume", "--summary=json")
        assert result.summary()["n_resumed_tiles"] == tile
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("arguments", [["-o", "-"], ["--segment-stdin"]])
def test_what_cannot_go_on(pw, scene, arguments):
    if arguments == ["-o", "-"]:
        pw.refuses("run", scene.source, "--fn", "threshold:0", "-o", "-", "--resume", says="--resume", streams=True)
    else:
        pw.refuses("run", "-", "--fn", "threshold:0", "-o", scene.log, "--resume", "--format", "npy",
                   stdin=scene.source.read_bytes(), says="--resume")


def test_the_plan_is_readable(pw, scene, tmp_path):
    pw.refuses(*scene.arguments(tmp_path / "labels.npy"), env=fails_at(9), says="--resume")
    plan = json.loads((tmp_path / "labels.npy.part" / "fingerprint.json").read_text())
    assert plan["tile"] == [1, 10, 10] and plan["halo"] == [0, 2, 2] and plan["image"]["shape"] == [30, 40]
    assert plan["image"]["files"][str(scene.source)]["bytes"] == scene.source.stat().st_size
