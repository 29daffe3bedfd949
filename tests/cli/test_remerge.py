"""Stages that are kept, and merged again."""

import json

import numpy as np
import pytest
from pwtest import images
from pwtest.tool import EXIT_FAILED

RULES = (["touch"], ["face"], ["face", "--tau", "0.3"], ["overlap"], ["overlap", "--metric", "mutual"],
         ["overlap", "--metric", "iomin", "--tau", "0.7"], ["witness"],
         ["witness", "--tau", "0.8"])


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(3)
    np.save(tmp_path / "image.npy", np.where(images.blob_mask(rng, (20, 70, 80)), 200, 50).astype(np.uint8))
    return tmp_path / "image.npy"


@pytest.fixture
def tiled(image):
    return ["run", image, "--fn", "threshold:100", "--tile", "9,32,24", "--halo", "3,6,5"]


@pytest.fixture
def stage(pw, tiled, tmp_path):
    pw(*tiled, "-o", tmp_path / "first.npy", "--keep-stage", tmp_path / "stage")
    return tmp_path / "stage"


@pytest.mark.parametrize("rule", RULES, ids=" ".join)
def test_remerge_equals_a_run_with_that_rule(pw, tiled, stage, tmp_path, rule):
    pw(*tiled, "-o", tmp_path / "run.npy", "--merge", *rule)
    for threads in (1, 3):
        pw("remerge", stage, "-o", tmp_path / "remerged.npy", "--overwrite", "--merge", *rule, "--threads", threads)
        assert (tmp_path / "remerged.npy").read_bytes() == (tmp_path / "run.npy").read_bytes()


def test_remerge_without_options_is_the_run(pw, stage, tmp_path):
    pw("remerge", stage, "-o", tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "first.npy").read_bytes()


def test_a_stage_kept_under_one_rule_serves_the_others(pw, tiled, tmp_path):
    pw(*tiled, "-o", tmp_path / "witness.npy", "--merge", "witness", "--keep-stage", tmp_path / "stage")
    pw(*tiled, "-o", tmp_path / "touch.npy", "--merge", "touch")
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "again.npy", "--merge", "touch")
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "touch.npy").read_bytes()


def test_remerge_needs_no_image(pw, image, stage, tmp_path):
    image.unlink()
    pw("remerge", stage, "-o", tmp_path / "again.npy", "--merge", "face")


def test_a_kept_stage_is_not_replaced_unasked(pw, tiled, stage, tmp_path):
    before = (stage / "records").read_bytes()
    pw.refuses(*tiled, "-o", tmp_path / "second.npy", "--keep-stage", stage, says=[str(stage), "--overwrite"],
               code=EXIT_FAILED)
    assert (stage / "records").read_bytes() == before
    pw(*tiled, "-o", tmp_path / "second.npy", "--keep-stage", stage, "--overwrite")


def test_a_run_that_fails_keeps_no_stage(pw, plugin, image, tmp_path):
    pw.refuses("run", image, "--fn", plugin("failing", "-DFAIL_TILE=3"), "--tile", "10", "-o", tmp_path / "labels.npy",
               "--keep-stage", tmp_path / "stage", code=EXIT_FAILED)
    assert not (tmp_path / "stage").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("file, damage, says", [
    ("records", "flip", "damaged"), ("records", "cut", "ends"), ("candidates", "flip", "candidates"),
    ("candidates", "cut", "candidates"), ("plan.json", "remove", "plan.json"), ("plan.json", "version", "version")])
def test_damaged_stages_are_refused(pw, stage, tmp_path, file, damage, says):
    path = stage / file
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 0x55
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-5])
    elif damage == "remove":
        path.unlink()
    else:
        plan = json.loads(content)
        plan["patchworks_stage"] = 99
        path.write_text(json.dumps(plan))
    pw.refuses("remerge", stage, "-o", tmp_path / "again.npy", says=says, code=EXIT_FAILED)
    assert not (tmp_path / "again.npy").exists()


def test_the_context_is_that_of_the_stage(pw, tiled, tmp_path):
    context = ["--context", "2"]
    pw(*tiled, "-o", tmp_path / "a.npy", *context, "--keep-stage", tmp_path / "stage")
    pw(*tiled, "-o", tmp_path / "b.npy", *context, "--merge", "witness")
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "c.npy", "--merge", "witness")
    assert (tmp_path / "c.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    for other in ("1", "3"):
        pw.refuses("remerge", tmp_path / "stage", "-o", tmp_path / "d.npy", "--context", other, says="context")


def test_labels_of_cores_alone_are_not_compared_where_windows_overlap(pw, data, tmp_path):
    """dog, log and local label no rim, also in a stage that is kept: overlap and witness would join nothing."""
    pw("run", data / "cells" / "maize_clsm.tif", "--fn", "dog:low=1,high=3,threshold=4", "--tile", "1,128,128", "--keep-stage",
       tmp_path / "stage", "-o", tmp_path / "labels.npy")
    for rule in ("overlap", "witness"):
        pw.refuses("remerge", tmp_path / "stage", "--merge", rule, "-o", tmp_path / "no.npy", says=[rule, "dog", "use touch"])
    pw("remerge", tmp_path / "stage", "-o", tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "labels.npy").read_bytes()


def test_what_was_done_to_whole_objects_is_done_again(pw, tiled, tmp_path):
    """Ids of an object that was dilated are others than before: explain does not mix them up."""
    stage, run = tmp_path / "stage", [*tiled, "--merge", "touch"]
    pw(*run, "-o", tmp_path / "plain.npy")
    pw(*run, "-o", tmp_path / "grown.npy", "--dilate", 2, "--fill-holes", "--keep-stage", stage)
    plain, grown = ((tmp_path / name).read_bytes() for name in ("plain.npy", "grown.npy"))
    assert plain != grown
    for more, expected in (([], grown), (["--dilate", 0], plain), (["--dilate", 2, "--fill-holes"], grown)):
        pw("remerge", stage, "-o", tmp_path / "again.npy", "--overwrite", *more)
        assert (tmp_path / "again.npy").read_bytes() == expected, more
    for more in ([], ["--dilate", 2]):
        pw.refuses("explain", stage, 1, *more, says=[str(stage), "--dilate 0"], code=EXIT_FAILED)
    assert json.loads(pw("explain", stage, 1, "--dilate", 0, "--json").text)["id"] == 1
    pw("seams", stage)
