"""--codec: every compression of a store in both versions of zarr, read by zarr-python, said as it says it itself."""

import json

import numpy as np
import pytest
from pwtest import images, stores
from test_convert import random_image

# The codec, and what the metadata of zarr v3 and v2 say of it for elements of 2 and 4 bytes.
CODECS = {
    "zstd": ({"name": "zstd", "configuration": {"level": 1, "checksum": False}}, {"id": "zstd", "level": 1}),
    "zstd:7": ({"name": "zstd", "configuration": {"level": 7, "checksum": False}}, {"id": "zstd", "level": 7}),
    "gzip:2": ({"name": "gzip", "configuration": {"level": 2}}, {"id": "gzip", "level": 2}),
    "blosc-lz4": ({"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}},
                  {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}),
    "blosc-zstd:4": ({"name": "blosc", "configuration": {"cname": "zstd", "clevel": 4, "shuffle": "shuffle", "blocksize": 0}},
                     {"id": "blosc", "cname": "zstd", "clevel": 4, "shuffle": 1, "blocksize": 0}),
    "none": (None, None),
}


def said(array, element_bytes):
    """The compression in the metadata of an array's directory, less blosc's typesize, which is checked."""
    if (array / ".zarray").exists():
        return json.loads((array / ".zarray").read_text())["compressor"]
    chain = json.loads((array / "zarr.json").read_text())["codecs"][0]["configuration"]["codecs"][1:]
    if chain and chain[0]["name"] == "blosc":
        assert chain[0]["configuration"].pop("typesize") == element_bytes
    assert len(chain) <= 1
    return chain[0] if chain else None


@pytest.mark.parametrize("ngff", ["0.5", "0.4"])
@pytest.mark.parametrize("codec", CODECS)
def test_codec(pw, tmp_path, codec, ngff):
    """Labels and images, all levels of them; none of the bytes depends on the threads."""
    rng = np.random.default_rng(5)
    image, threshold = images.paint(rng, images.blob_mask(rng, (9, 40, 50)), "uint16")
    image[:, 20:] //= 7
    np.save(tmp_path / "i.npy", image)
    expected = CODECS[codec][0 if ngff == "0.5" else 1]
    options = ["--codec", codec, "--ngff", ngff, "--chunk", "4,16,16"]
    read = {}
    for threads in (1, 7):
        for verb, out in ((["convert", tmp_path / "i.npy"], f"i{threads}"), (["run", tmp_path / "i.npy", "--fn", f"threshold:{threshold}"], f"l{threads}")):
            pw(*verb, "-o", tmp_path / f"{out}.zarr", *options, "--threads", threads)
        group = stores.label_group(tmp_path / f"l{threads}.zarr")
        read[threads] = [[a[...] for a in stores.levels(g)] for g in (tmp_path / f"i{threads}.zarr", group)]
        assert said(tmp_path / f"i{threads}.zarr" / "0", 2) == said(tmp_path / f"i{threads}.zarr" / "1", 2) == expected
        assert said(group / "0", 4) == said(group / "1", 4) == expected
    assert np.array_equal(read[1][0][0], image)
    images.assert_same_labels(read[1][1][0], images.components(image > threshold, 1))
    pw("run", tmp_path / "i.npy", "--fn", f"threshold:{threshold}", "-o", tmp_path / "usual.zarr", "--ngff", ngff, "--chunk", "4,16,16")
    usual = stores.levels(stores.label_group(tmp_path / "usual.zarr"))
    for k in (0, 1):
        assert len(read[1][k]) == 3 and all(np.array_equal(a, b) for a, b in zip(read[1][k], read[7][k]))
    assert all(np.array_equal(a, b[...]) for a, b in zip(read[1][1], usual))
    files = [{p.relative_to(tmp_path / s): p.read_bytes() for p in (tmp_path / s).rglob("*") if p.is_file() and p.name[0] != "." and p.suffix != ".json"} for s in ("l1.zarr", "l7.zarr")]
    assert files[0] == files[1] and len(files[0]) > 2


def test_bytes_are_not_shuffled(pw, tmp_path):
    image = random_image((30, 40), "uint8")
    np.save(tmp_path / "i.npy", image)
    pw("convert", tmp_path / "i.npy", tmp_path / "o.zarr", "--codec", "blosc-zstd")
    assert said(tmp_path / "o.zarr" / "0", 1)["configuration"]["shuffle"] == "noshuffle"
    assert np.array_equal(stores.levels(tmp_path / "o.zarr")[0][...], image)
