"""
pw-stream probe: which halo suffices, by trying.

A part of the image is taken for an image of its own, in every format; objects of a function with a known reach are as alike
as they have to be at each halo; for `dog` everything is equal from the declared halo on.
"""

import json

import numpy as np
import pytest
from pwtest import images, stores

REACH = 6
SPREAD = r"""
#include "patchworks.h"
/* What has a voxel of 200 or more within 6 voxels along y and x; it does not say that it needs a halo. */
static int spread(const struct pw_tile *t, uint32_t *labels, void *state)
{
    (void)state;
    long h = (long)t->shape[1], w = (long)t->shape[2];
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++)
            if (((const unsigned char *)t->voxels)[y * w + x] >= 200)
                for (long b = y - 6 < 0 ? 0 : y - 6; b <= y + 6 && b < h; b++)
                    for (long a = x - 6 < 0 ? 0 : x - 6; a <= x + 6 && a < w; a++)
                        labels[b * w + a] = 1;
    return 0;
}
const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {.abi = PW_PLUGIN_ABI, .struct_size = sizeof plugin, .name = "spread",
                                            .flags = PW_SEGMENT_MASK, .segment = spread};
    return &plugin;
}
"""


def probe(pw, *arguments, **options):
    result = pw("probe", *arguments, "--json", **options)
    assert list(pw.scratch.iterdir()) == [], "the labels of the probe are gone"
    return json.loads(result.text)


def by_halo(report):
    return {tuple(row["halo"]): row for row in report["halos"]}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_function_of_a_known_reach(pw, tmp_path, threads):
    """Squares of 13 about points 2 behind two seams: tiles that see the point from 3 on; without, 81 of 169 voxels are left."""
    image = np.zeros((96, 96), np.uint8)
    for y in (34, 66):
        for x in (34, 66):
            image[y, x] = 255
    image[16, 16] = image[80, 48] = 255
    np.save(tmp_path / "image.npy", image)
    (tmp_path / "spread.c").write_text(SPREAD)
    report = probe(pw, tmp_path / "image.npy", "--fn", tmp_path / "spread.c", "--tile", "1,32,32", "--crop", "1,96,96",
                   "--halos", "6,0,2,3,9", "--threads", threads,
                   env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    rows = by_halo(report)
    assert sorted(rows) == [(0, h, h) for h in (0, 2, 3, 6, 9)] and report["n_objects"] == 6 and report["n_crossing"] == 4
    assert [rows[0, h, h]["crossing"]["f1"] for h in (0, 2, 3, 6, 9)] == [0, 0, 1, 1, 1]
    assert [rows[0, h, h]["all"]["f1"] for h in (0, 2, 3, 6, 9)] == [1 / 3, 1 / 3, 1, 1, 1]
    assert [rows[0, h, h]["is_enough"] for h in (0, 2, 3, 6, 9)] == [False, False, True, True, True]
    assert report["sufficient_halo"] == report["full_run"]["halo"] == [0, 3, 3]
    assert report["full_run"]["n_tiles"] == 9 and report["full_run"]["planned_bytes"] > 0
    for row in rows.values():
        assert row["n_tiles"] == 9 and row["seconds_per_tile"] > 0 and row["tile_bytes"] >= 32 * 32


@pytest.mark.parametrize("image, tile, fn, declared", [
    ("cells/maize_clsm.tif", "1,96,96", "dog:low=1,high=3,threshold=4", [0, 12, 12]),
    ("nuclei/stardist_img3d.tif", "8,32,32", "dog:low=1,high=2,threshold=3,connectivity=3", [8, 8, 8])])
def test_a_real_image(pw, data, image, tile, fn, declared):
    """From the declared halo on all is equal, to the voxel; narrower ones are tried, and the run is planned with its own."""
    report = probe(pw, data / image, "--fn", fn, "--tile", tile, "--halos", "0,1,2,4,8,12,16", "--enough", "1")
    assert report["declared_halo"] == declared and report["n_crossing"] > 0
    for row in report["halos"]:
        if all(h >= d for h, d in zip(row["halo"], declared)):
            assert row["all"]["f1"] == row["crossing"]["f1"] == 1 and row["n_objects"] == report["n_objects"]
    assert by_halo(report)[0, 0, 0]["all"]["f1"] < 1
    assert report["sufficient_halo"] is not None
    assert report["full_run"]["halo"] == declared
    text = pw("probe", data / image, "--fn", fn, "--tile", tile, "--halos", "0,4").text
    assert "declares halo " + ",".join(map(str, declared)) in text and "suffices" in text and "the whole image" in text


@pytest.mark.parametrize("format", stores.FORMATS)
def test_the_part_is_an_image_of_its_own(pw, tmp_path, format):
    """Begun where a chunk begins; its objects are those of the crop, whole and tiled, through every reader."""
    rng = np.random.default_rng(len(format))
    objects = images.blob_mask(rng, (20, 90, 100))
    image, threshold = images.paint(rng, objects, "uint16")
    source = stores.write(rng, tmp_path / "image", image, format)
    report = probe(pw, *source, "--fn", f"threshold:{threshold}", "--at", "7,23,31", "--crop", "9,40,50", "--tile", "4,16,16",
                   "--halos", "0,3")
    start, shape = report["start"], report["shape"]
    ends = [a + n for a, n in zip(start, shape)]
    assert ends == [16, 63, 81] and all(a <= b for a, b in zip(start, (7, 23, 31)))
    part = objects[tuple(slice(a, b) for a, b in zip(start, ends))]
    assert report["n_objects"] == images.components(part, 1).max()
    for row in report["halos"]:
        assert row["all"] == {"whole": report["n_objects"], "tiled": report["n_objects"], "f1": 1.0}


def test_what_cannot_be_is_said(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.random.default_rng(1).integers(0, 9, (64, 64)).astype(np.uint8))
    report = probe(pw, tmp_path / "image.npy", "--fn", "watershed:threshold=4", "--merge", "overlap", "--halos", "0,4", "--tile",
                   "1,32,32")
    assert "halo" in by_halo(report)[0, 0, 0]["refused"] and "refused" not in by_halo(report)[0, 4, 4]
    report = probe(pw, tmp_path / "image.npy", "--fn", "threshold:200", "--tile", "1,32,32")
    assert report["n_crossing"] == 0 and report["sufficient_halo"] is None
    for arguments, says in (([], "--fn"), (["--fn", "threshold:1", "--halos", "8,,9"], "--halos"),
                            (["--fn", "threshold:1", "--halos", "1/2/3/4"], "--halos"), (["--fn", "nothing"], "nothing"),
                            (["--fn", "threshold:1", "--enough", "2"], "--enough"),
                            (["--fn", "threshold:1", "--at", "0,60,60", "--crop", "1,8,8"], "ends beyond the image")):
        pw.refuses("probe", tmp_path / "image.npy", *arguments, says=says)
    pw.refuses("probe", "-", "--fn", "threshold:1", says="pipe")
