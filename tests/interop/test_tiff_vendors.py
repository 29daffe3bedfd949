"""
TIFF files of microscopes with private tags: Zeiss LSM, MetaMorph STK, and the codec numbers of Bio-Formats.  They are written here
tag by tag; tifffile, which reads all of them, must find in them what pw-stream finds.
"""

import json
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

TYPES = {"B": 1, "H": 3, "I": 4, "rational": 5}


class Classic:
    """A little-endian TIFF file: directories first, so that they stay below 4 GB, data where they are put."""

    def __init__(self, path):
        self.path, self.pages = path, []

    def page(self, tags, reduced=False):
        """tags: number -> (type, values) or (type, count, bytes of the tag's own making)."""
        self.pages.append({254: ("I", [1 if reduced else 0]), **tags})

    @staticmethod
    def stored(tag):
        if len(tag) == 3:
            return tag
        return tag[0], len(tag[1]), struct.pack(f"<{len(tag[1])}{tag[0]}", *tag[1])

    def head(self):
        """Header, directories and what their tags point to."""
        sizes = [2 + 12 * len(p) + 4 for p in self.pages]
        at = 8 + sum(sizes)
        head, tail, directory = b"II*\0" + struct.pack("<I", 8), b"", 8
        for i, (page, size) in enumerate(zip(self.pages, sizes)):
            directory += size
            head += struct.pack("<H", len(page))
            for number in sorted(page):
                kind, count, raw = self.stored(page[number])
                value = raw.ljust(4, b"\0")
                if len(raw) > 4:
                    value = struct.pack("<I", at + len(tail))
                    tail += raw + b"\0" * (len(raw) % 2)
                head += struct.pack("<HHI", number, TYPES[kind], count) + value
            head += struct.pack("<I", directory if i + 1 < len(self.pages) else 0)
        return head + tail


def layout(width, height, bits, offsets, counts, samples=1, compression=1, predictor=1):
    tags = {256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * samples), 259: ("H", [compression]), 262: ("H", [1]),
            273: ("I", offsets), 277: ("H", [samples]), 278: ("I", [height]), 279: ("I", counts)}
    if samples > 1:
        tags[284] = ("H", [2])
    if predictor > 1:
        tags[317] = ("H", [predictor])
    return tags


def described(pw, path):
    return json.loads(pw("info", path, "--json").text)


def read(pw, path):
    found = described(pw, path)
    data = np.frombuffer(pw("cat", path, "--raw").out, np.dtype(found["dtype"]).newbyteorder("<"))
    return data.reshape(found["shape"]), "".join(a["name"] or "?" for a in found["axes"]), found


def scales(found):
    return {a["name"]: (a["scale"], a.get("unit", "")) for a in found["axes"]}


# ---------------------------------------------------------------------------- Zeiss LSM


def lsm_info(x, y, z, channels, times, scan, positions=1, mosaic=1, voxel=(2e-7, 3e-7, 1.5e-6), interval=2.5):
    raw = bytearray(500)
    struct.pack_into("<IiiiiiiIii", raw, 0, 0x00400494C, 500, x, y, z, channels, times, 1, 8, 8)
    struct.pack_into("<3d3d", raw, 40, *voxel, 0, 0, 0)
    struct.pack_into("<HHI", raw, 88, scan, 0, 0)
    struct.pack_into("<d", raw, 112, interval)
    struct.pack_into("<ii", raw, 264, positions, mosaic)
    return "B", 500, bytes(raw)


def write_lsm(path, image, scan=6, start=1 << 16, predictor=1, compress=None, **info):
    """
    image: t z c y x.  Each plane has its channels in strips of their own, and a thumbnail behind it.  start: where the data
    begins; offsets are what 32 bits hold of the place.
    """
    times, z, channels, height, width = image.shape
    bits = 8 * image.itemsize
    thumbnail = np.zeros((channels, 4, 4), "u1")
    file, at, blobs = Classic(path), start, []
    for number, plane in enumerate(image.reshape(-1, channels, height, width)):
        strips = [compress(p) if compress else p.astype(f"<u{image.itemsize}").tobytes() for p in plane]
        offsets = []
        for strip in strips:
            offsets.append(at & 0xFFFFFFFF)
            blobs.append((at, strip))
            at += len(strip) + len(strip) % 2
        # The counts of compressed strips are those of their pixels.
        tags = layout(width, height, bits, offsets, [plane[0].nbytes] * channels, channels, 5 if compress else 1, predictor)
        if number == 0:
            tags[34412] = lsm_info(width, height, z, channels, times, scan, **info)
        file.page(tags)
        small = [(at + 16 * c) & 0xFFFFFFFF for c in range(channels)]
        blobs.append((at, thumbnail.tobytes()))
        at += thumbnail.nbytes
        file.page(layout(4, 4, 8, small, [16] * channels, channels), reduced=True)
    with open(path, "wb") as out:
        head = file.head()
        assert len(head) <= start
        out.write(head)
        for place, content in blobs:
            out.seek(place)
            out.write(content)
    return path


def noise(*shape, dtype="u2"):
    return np.random.default_rng(len(shape)).integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("sizes,scan,axes", [((3, 4, 3), 6, "tzcyx"), ((1, 5, 1), 0, "zyx"), ((4, 1, 3), 3, "tcyx")])
def test_lsm(pw, tmp_path, sizes, scan, axes, dtype):
    """Planes in t z order, channels in planes of samples, a thumbnail behind every plane; voxels in metres."""
    image = noise(*sizes, 21, 34, dtype=dtype)
    write_lsm(tmp_path / "a.lsm", image, scan)
    got, names, found = read(pw, tmp_path / "a.lsm")
    assert names == axes
    assert np.array_equal(got, image.squeeze())
    assert np.array_equal(got, tifffile.imread(tmp_path / "a.lsm").squeeze())
    assert scales(found)["x"] == (pytest.approx(0.2), "micrometer") and scales(found)["y"] == (pytest.approx(0.3), "micrometer")
    if "z" in axes:
        assert scales(found)["z"] == (pytest.approx(1.5), "micrometer")
    if "t" in axes:
        assert scales(found)["t"] == (pytest.approx(2.5), "second")


def test_lsm_lines_along_z(pw, tmp_path):
    """A scan of lines: rows are z, and pages time points."""
    image = noise(3, 1, 1, 21, 34)
    write_lsm(tmp_path / "a.lsm", image, 4)
    got, names, found = read(pw, tmp_path / "a.lsm")
    assert names == "tyx" and np.array_equal(got, image.squeeze())
    assert scales(found)["y"] == (pytest.approx(1.5), "micrometer")


def test_lsm_that_is_compressed_counts_pixels(pw, tmp_path):
    """LZW, whose byte counts are those of the pixels; noise, which grows, and zeros, which shrink to less than is counted."""
    image = noise(1, 4, 2, 40, 30)
    image[0, 1] = 0
    write_lsm(tmp_path / "a.lsm", image, compress=lambda plane: imagecodecs.lzw_encode(plane.astype("<u2").tobytes()))
    got, _, _ = read(pw, tmp_path / "a.lsm")
    assert np.array_equal(got, image[0])


def test_lsm_above_4_gb_begins_its_offsets_again(pw, tmp_path):
    """Sparse; planes lie on both sides of 2^32, and one of them across it, between its channels."""
    image = noise(2, 3, 3, 21, 34)
    plane = image[0, 0].nbytes + 32
    write_lsm(tmp_path / "a.lsm", image, start=2**32 - 2 * plane - image[0, 0, 0].nbytes)
    assert (tmp_path / "a.lsm").stat().st_size > 2**32
    got, _, _ = read(pw, tmp_path / "a.lsm")
    assert np.array_equal(got, image)
    assert np.array_equal(got, tifffile.imread(tmp_path / "a.lsm").reshape(image.shape))


def test_lsm_with_sizes_that_do_not_agree_is_pages(pw, tmp_path):
    image = noise(1, 4, 1, 21, 34)
    path = write_lsm(tmp_path / "a.lsm", image)
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack("<II", 0x00400494C, 500))
    struct.pack_into("<i", content, at + 16, 7)
    path.write_bytes(content)
    got, names, _ = read(pw, path)
    assert names == "zyx" and np.array_equal(got, image.squeeze())


# ---------------------------------------------------------------------------- MetaMorph STK


def write_stk(path, image, distance=(0, 1), times=None, compression=1, end=0):
    """All planes behind one another, and a directory of the first alone."""
    n, height, width = image.shape
    times = times or [1000] * n
    planes = b"".join(struct.pack("<6I", *distance, 2450000, t, 2450000, t) for t in times)
    file = Classic(path)
    tags = layout(width, height, 16, [4096], [image[0].nbytes], compression=compression)
    tags[33629] = "rational", n, planes
    tags[33630] = "rational", n, struct.pack("<II", 488, 1) * n
    # Calibration: numbers of tags with offsets of their values, in a list of as many entries as are counted.
    unit = b"um\0"
    values = struct.pack("<II", 13, 100) + struct.pack("<II", 15, 100) + struct.pack("<I", len(unit)) + unit
    tags[33628] = "I", 4, struct.pack("<8I", 3, 1, 4, 3000, 5, 3008, 6, 3016)
    file.page(tags)
    head = file.head()
    assert len(head) < 3000
    content = head.ljust(3000, b"\0") + values
    content = content.ljust(4096, b"\0") + image.astype("<u2").tobytes()
    path.write_bytes(content[: len(content) - end])
    return path


def test_stk(pw, tmp_path):
    image = noise(7, 33, 40)
    write_stk(tmp_path / "a.stk", image, distance=(3, 4))
    got, names, found = read(pw, tmp_path / "a.stk")
    assert names == "zyx" and np.array_equal(got, image)
    assert np.array_equal(got, tifffile.imread(tmp_path / "a.stk"))
    assert scales(found) == {"z": (0.75, "micrometer"), "y": (pytest.approx(0.15), "micrometer"), "x": (pytest.approx(0.13), "micrometer")}


def test_stk_of_time_points(pw, tmp_path):
    """Without a distance, and each plane at a time of its own."""
    image = noise(5, 33, 40)
    write_stk(tmp_path / "a.stk", image, times=[1000, 2000, 3000, 4000, 5000])
    with tifffile.TiffFile(tmp_path / "a.stk") as tiff:
        assert tiff.series[0].axes == "TYX"
    got, names, _ = read(pw, tmp_path / "a.stk")
    assert names == "tyx" and np.array_equal(got, image)


def test_stk_that_would_lose_planes_is_refused(pw, tmp_path):
    write_stk(tmp_path / "short.stk", noise(7, 33, 40), end=100)
    pw.refuses("cat", tmp_path / "short.stk", says=("short.stk", "7 planes"))
    write_stk(tmp_path / "lzw.stk", noise(7, 33, 40), compression=5)
    pw.refuses("cat", tmp_path / "lzw.stk", says=("lzw.stk", "7 planes", "bioformats2raw"))


# ---------------------------------------------------------------------------- Bio-Formats


@pytest.mark.parametrize("codec,number,early,predictor", [("zstd", 50000, 34926, False), ("zstd", 50000, 34926, True),
                                                          ("webp", 50001, 34927, False)])
def test_early_numbers_of_codecs(pw, tmp_path, codec, number, early, predictor):
    image = noise(40, 50, 3, dtype="u1") if codec == "webp" else noise(3, 40, 50)
    options = {"predictor": True} if predictor else {"compressionargs": {"lossless": True}} if codec == "webp" else {}
    tifffile.imwrite(tmp_path / "a.tif", image, compression=codec, photometric="rgb" if codec == "webp" else "minisblack", **options)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    entry = struct.pack("<HHI", 259, 3, 1)
    at, changed = content.find(entry), 0
    while at >= 0:
        assert struct.unpack_from("<H", content, at + 8)[0] == number
        struct.pack_into("<H", content, at + 8, early)
        at, changed = content.find(entry, at + 12), changed + 1
    assert changed == (1 if codec == "webp" else 3)
    (tmp_path / "early.tif").write_bytes(content)
    got, _, _ = read(pw, tmp_path / "early.tif")
    assert np.array_equal(got, read(pw, tmp_path / "a.tif")[0])
    assert np.array_equal(got, image)
