"""
Groups that hold copies of all metadata below them stay true: labels and levels that are added are found by readers that look
nowhere else.
"""

import json
import shutil
import warnings

import numpy as np
import pytest
import zarr


def build(pw, folder, version, ngff):
    """A group with two images, one beside the other, and copies of all their metadata at the top and in the images."""
    top = folder / "top.zarr"
    zarr.open_group(str(top), mode="w", zarr_format=version)
    image = np.zeros((4, 40, 50), "uint16")
    image[:, 5:20, 5:30] = 900
    np.save(folder / "i.npy", image)
    for name in ("a", "b"):
        pw("convert", folder / "i.npy", top / name, "--pyramid", "none", "--chunk", "2,16,16", "--ngff", ngff, "--format", "zarr")
    consolidate(top / "a", version)
    consolidate(top, version)
    return top, image


def consolidate(path, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(str(path), zarr_format=version)


def copies(path, version):
    if version == 3:
        return json.loads((path / "zarr.json").read_text())["consolidated_metadata"]["metadata"]
    return json.loads((path / ".zmetadata").read_text())["metadata"]


def what_matters(kept):
    """zarr-python writes out defaults where it copies: names, shapes and attributes tell old from new."""
    return {key: (value.get("shape"), value.get("attributes", value if key.endswith(".zattrs") else None))
            for key, value in kept.items()}


@pytest.mark.parametrize("version, ngff", [(3, "0.5"), (2, "0.4")])
def test_copies_follow(pw, tmp_path, version, ngff):
    top, image = build(pw, tmp_path, version, ngff)
    pw("run", top / "a", "--fn", "threshold:300", "--name", "cells")
    pw("pyramid", top / "a")
    pw("run", top / "a", "--fn", "threshold:300", "--name", "cells", "--overwrite", "--pyramid", "none")
    for path in (top, top / "a"):
        group = zarr.open_consolidated(str(path), zarr_format=version)
        group = group["a"] if path == top else group
        assert np.array_equal(group["0"][...], image)
        assert group["1"].shape == (2, 20, 25)
        assert np.array_equal(group["labels/cells/0"][...] > 0, image > 0)
        assert "1" not in group["labels/cells"]
        kept = copies(path, version)
        consolidate(path, version)
        assert what_matters(copies(path, version)) == what_matters(kept)
    assert not ((top / "b" / ".zmetadata").exists() or '"consolidated_metadata"' in "".join(
        p.read_text() for p in (top / "b").glob("zarr.json")))


@pytest.mark.parametrize("version, ngff", [(2, "0.4"), (3, "0.5")])
def test_nothing_but_copies(pw, tmp_path, version, ngff):
    """Stores of which somebody kept the consolidated metadata alone; what was deleted with its copy left is not brought back."""
    top, image = build(pw, tmp_path, version, ngff)
    for path in top.glob("*/**/*"):
        if path.name in ("zarr.json", ".zarray", ".zgroup", ".zattrs"):
            path.unlink()
    if version == 2:
        (top / ".zgroup").unlink()
    assert np.array_equal(np.frombuffer(pw("cat", top / "a", "--raw").out, "u2").reshape(image.shape), image)
    assert np.array_equal(np.frombuffer(pw("cat", top / "b" / "0", "--raw").out, "u2").reshape(image.shape), image)
    assert json.loads(pw("info", top / "a", "--json").text)["ngff"] == ngff
    shutil.rmtree(top / "b" / "0")
    assert "0" in str(pw.refuses("cat", top / "b", says="top.zarr/b"))
