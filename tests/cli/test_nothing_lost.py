"""What --overwrite may take away: earlier results of its own kind.  Never an input, never a foreign directory."""

import json
import shutil

import numpy as np
import pytest
import tifffile
from pwtest import images
from pwtest.tool import EXIT_FAILED, EXIT_USAGE, tree


@pytest.fixture
def work(tmp_path):
    """An image in several formats, labels and seeds of it, and a file that has nothing to do with any of them."""
    rng = np.random.default_rng(4)
    values = np.where(images.blob_mask(rng, (8, 30, 40)), 200, 50).astype(np.uint16)
    np.save(tmp_path / "image.npy", values)
    np.save(tmp_path / "labels.npy", (values > 100).astype(np.uint32))
    tifffile.imwrite(tmp_path / "image.tif", values)
    for z in range(8):
        tifffile.imwrite(tmp_path / f"plane_{z}.tif", values[z])
    (tmp_path / "precious" / "sub").mkdir(parents=True)
    (tmp_path / "precious" / "sub" / "thesis.txt").write_text("years of work")
    return tmp_path


def refuses_and_keeps(pw, work, *arguments, says, code=EXIT_FAILED):
    before = tree(work)
    line = pw.refuses(*arguments, says=says, code=code, cwd=work)
    assert tree(work) == before
    return line


@pytest.mark.parametrize("command", [
    "run image.npy --fn otsu -o image.npy",
    "run image.npy --fn otsu -o ./precious/../image.npy",
    "run image.tif --fn otsu -o image.tif",
    "run plane_*.tif --fn otsu -o plane_3.tif",
    "run image.tif --fn otsu -o labels.npy --mask labels.npy",
    "run image.tif --fn watershed:seeds=labels.npy,threshold=100 -o labels.npy",
    "merge labels.npy --tile 4,16,16 -o labels.npy",
    "convert image.tif image.tif --format npy",
    "convert image.npy image.npy",
    "measure labels.npy image.tif -o labels.npy --format csv",
    "measure labels.npy image.tif -o image.tif --format csv",
])
def test_an_input_is_never_replaced(pw, work, command):
    refuses_and_keeps(pw, work, *command.split(), "--overwrite", "--quiet", says="input")


def test_a_link_to_the_input_is_the_input(pw, work):
    (work / "link.npy").symlink_to("image.npy")
    refuses_and_keeps(pw, work, "run", "image.npy", "--fn", "otsu", "-o", "link.npy", "--overwrite", says="link.npy")


def test_a_store_that_holds_the_input_is_not_replaced(pw, work):
    """Labels of the labels in a store, into that store."""
    pw("run", work / "image.npy", "--fn", "otsu", "-o", work / "store.zarr", "--name", "first")
    refuses_and_keeps(pw, work, "run", "store.zarr/labels/first", "--fn", "label", "-o", "store.zarr", "--overwrite",
                      says=["store.zarr", "input"])
    pw("run", work / "image.npy", "--fn", "threshold:100", "-o", work / "store.zarr", "--overwrite")


def test_standard_input_is_an_input(pw, work):
    before = tree(work)
    with open(work / "image.npy", "rb") as stream:
        pw.refuses("run", "-", "--fn", "otsu", "-o", work / "image.npy", "--overwrite", says="input", stdin=stream)
    assert tree(work) == before


def test_the_image_of_a_stage_is_an_input(pw, work):
    pw("run", "image.npy", "--fn", "otsu", "-o", "out.npy", "--keep-stage", "stage", cwd=work)
    refuses_and_keeps(pw, work, "remerge", "stage", "-o", "image.npy", "--overwrite", says=["image.npy", "input"])
    pw("remerge", "stage", "-o", "out.npy", "--overwrite", cwd=work)


@pytest.mark.parametrize("place", ["precious", "image.tif"])
def test_only_a_stage_gives_way_to_a_stage(pw, work, place):
    for more in (["--overwrite"], []):
        refuses_and_keeps(pw, work, "run", "image.npy", "--fn", "otsu", "-o", "out.npy", "--keep-stage", place, *more,
                          says=["--keep-stage", place])


def test_a_stage_with_a_foreign_file_stays(pw, work):
    run = ["run", "image.npy", "--fn", "otsu", "-o", "out.npy", "--keep-stage", "stage", "--overwrite"]
    pw(*run, cwd=work)
    pw(*run, cwd=work)
    (work / "stage" / "notes.txt").write_text("which cells are mitotic")
    refuses_and_keeps(pw, work, *run, says="stage")
    (work / "stage" / "notes.txt").unlink()
    shutil.copytree(work / "stage", work / "half")
    (work / "half" / "plan.json").write_text(json.dumps({"my": "own plan"}))
    refuses_and_keeps(pw, work, *run[:-2], "half", "--overwrite", says="half")


def test_labels_and_stage_do_not_share_a_name(pw, work):
    for stage in ("out.npy", "./precious/../out.npy/"):
        refuses_and_keeps(pw, work, "run", "image.npy", "--fn", "otsu", "-o", "out.npy", "--keep-stage", stage,
                          "--overwrite", says="--keep-stage", code=EXIT_USAGE)


def test_pictures_replace_nothing_unasked(pw, work):
    pw("run", "image.npy", "--fn", "otsu", "-o", "out.npy", "--keep-stage", "stage", cwd=work)
    for command in (["preview", "image.npy", "labels.npy", "-o"], ["seams", "stage", "--png"]):
        refuses_and_keeps(pw, work, *command, "image.tif", says="image.tif", code=EXIT_USAGE)
        refuses_and_keeps(pw, work, *command, "image.tif", "--overwrite", says="image.tif", code=EXIT_USAGE)
        (work / "old.png").write_bytes(b"a figure of the paper")
        refuses_and_keeps(pw, work, *command, "old.png", says=["old.png", "--overwrite"])
        pw(*command, "old.png", "--overwrite", cwd=work)
        assert (work / "old.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_moved_aside_comes_back(pw, work):
    """A run that was killed between moving the earlier result aside and putting its own there, as is done on NFS."""
    pw("run", work / "image.npy", "--fn", "threshold:100", "-o", work / "x.zarr", "--keep-stage", work / "stage")
    earlier = {name: tree(work / name) for name in ("x.zarr", "stage")}
    for name in earlier:
        (work / name).rename(work / f".{name}.pw-abcdef-old")
        shutil.copytree(work / "precious", work / f".{name}.pw-abcdef")
    pw.refuses("run", work / "image.npy", "--fn", "threshold:60", "-o", work / "x.zarr", says="x.zarr: exists already")
    pw.refuses("run", work / "image.npy", "--fn", "threshold:60", "-o", work / "y.npy", "--keep-stage", work / "stage",
               says="stage: exists")
    assert {name: tree(work / name) for name in earlier} == earlier
    pw("run", work / "image.npy", "--fn", "threshold:40", "-o", work / "x.zarr", "--overwrite")
    assert tree(work / "x.zarr") != earlier["x.zarr"] and not list(work.glob(".x.zarr*"))
