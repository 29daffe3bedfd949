"""
TIFF files as tifffile and hand-made writers lay them out: axes, levels, sets of several files, compressions, sample
types.  The oracle is the array that was written.
"""

import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from pwtest.reading import info, read
from pwtest.tool import EXIT_FAILED, data_path

RNG = np.random.default_rng(5)


def noise(shape, dtype=np.uint16):
    if np.dtype(dtype).kind == "f":
        return RNG.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def smooth(shape, dtype=np.uint16):
    index = np.indices(shape).sum(axis=0)
    return (index % 251).astype(dtype)


def axes(pw, path, *options):
    return "".join(axis["name"] or "?" for axis in info(pw, path, *options)["axes"])


# ---------------------------------------------------------------------------- compressions and layouts

COMPRESSIONS = ["none", "lzw", "deflate", "adobe_deflate", "zstd", "packbits", "lerc", "lzma"]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_compressions(pw, tmp_path, compression, dtype, tile):
    image = smooth((3, 61, 83), dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, tile=tile, photometric="minisblack")
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd", "packbits"])
def test_predictors(pw, tmp_path, compression, dtype, order):
    image = noise((2, 40, 70), dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, predictor=True, byteorder=order,
                     photometric="minisblack", rowsperstrip=7)
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


@pytest.mark.parametrize("order", ["<", ">"])
def test_predictors_that_libtiff_passes_over(pw, tmp_path, order):
    """tifffile writes them with PackBits too; of several samples, in tiles, in several pages."""
    for dtype, planar in (("u2", "contig"), ("f4", "contig"), ("i4", "separate"), ("f8", "separate")):
        image = noise((2, 45, 51, 3) if planar == "contig" else (2, 3, 45, 51), dtype)
        tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", planarconfig=planar, tile=(16, 32), byteorder=order,
                         compression="packbits", predictor=True)
        assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for predictor in (True, False):
            file.write(noise((20, 30)), compression="packbits", predictor=predictor, metadata=None)
    pw.refuses("cat", tmp_path / "b.tif", says="predictor", code=EXIT_FAILED)


def test_strips_whose_bytes_nobody_counted(pw, tmp_path):
    """Uncompressed rows are where their offsets say, whatever the counts; only what has no offset is left out."""
    image = noise((40, 30))
    tifffile.imwrite(tmp_path / "a.tif", image, rowsperstrip=10, metadata=None, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages[0].tags["StripByteCounts"].overwrite([0, 0, 0, 0])
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        offsets = list(file.pages[0].dataoffsets)
        file.pages[0].tags["StripOffsets"].overwrite([offsets[0], 0, offsets[2], offsets[3]])
    image[10:20] = 0
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_samples_side_by_side_and_planarconfig_2(pw, tmp_path, order, tile, planar, bigtiff):
    shape = (4, 45, 51, 3) if planar == "contig" else (4, 3, 45, 51)
    image = noise(shape)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", planarconfig=planar, tile=tile, byteorder=order,
                     bigtiff=bigtiff)
    assert axes(pw, tmp_path / "a.tif") == ("zyxc" if planar == "contig" else "zcyx")
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


def test_jpeg_and_webp(pw, tmp_path):
    image = np.repeat(np.repeat(smooth((8, 8, 3), np.uint8), 16, 0), 16, 1)
    for compression, options in (("jpeg", {"level": 95}), ("webp", {"level": 100})):
        tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, compressionargs=options, tile=(64, 64),
                         photometric="rgb")
        got = read(pw, tmp_path / "a.tif").astype(int)
        assert np.abs(got - tifffile.imread(tmp_path / "a.tif").astype(int)).max() <= 4


@pytest.mark.parametrize("compression", ["jpeg2000", "jpegxl", "jpegxr"])
def test_other_compressions_are_refused_by_name(pw, tmp_path, compression):
    tifffile.imwrite(tmp_path / "a.tif", smooth((64, 64), np.uint8), compression=compression, tile=(64, 64))
    message = pw.refuses("cat", tmp_path / "a.tif", says="a.tif", code=EXIT_FAILED)
    assert {"jpeg2000": "JPEG 2000", "jpegxl": "JPEG XL", "jpegxr": "JPEG XR"}[compression] in str(message)


def test_sparse_tiles_read_as_zeros(pw, tmp_path):
    """Offset 0 and count 0, as GDAL writes tiles of nothing."""
    image = noise((96, 96), np.uint8) | 1
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(32, 32), compression="deflate", bigtiff=True)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        tags = [tif.pages[0].tags[name].valueoffset for name in ("TileOffsets", "TileByteCounts")]
        wide = [tif.pages[0].tags[name].dtype for name in ("TileOffsets", "TileByteCounts")]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    for offset, kind in zip(tags, wide):
        size = {3: 2, 4: 4, 16: 8}[int(kind)]
        data[offset + 4 * size : offset + 5 * size] = bytes(size)
    (tmp_path / "a.tif").write_bytes(data)
    image[32:64, 32:64] = 0
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


def test_white_is_zero_and_palettes_are_data(pw, tmp_path):
    image = noise((30, 40), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="miniswhite")
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    tifffile.imwrite(tmp_path / "b.tif", image, photometric="palette", colormap=noise((3, 256)))
    assert np.array_equal(read(pw, tmp_path / "b.tif"), image)


def test_a_loop_of_directories_ends(pw, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", smooth((3, 20, 20)), photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        offsets = [page.offset for page in tif.pages]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    entries = struct.unpack_from("<H", data, offsets[-1])[0]
    struct.pack_into("<I", data, offsets[-1] + 2 + 12 * entries, offsets[0])
    (tmp_path / "a.tif").write_bytes(data)
    result = pw.any("cat", tmp_path / "a.tif", "--raw")
    assert result.code in (0, EXIT_FAILED) and result.seconds < 5


# ---------------------------------------------------------------------------- axes


@pytest.mark.parametrize("order", ["TZCYX", "TZCYXS"])
def test_imagej_hyperstacks(pw, tmp_path, order):
    shape = (2, 3, 4, 20, 30, 3)[: len(order)]
    image = noise(shape, np.uint8 if order.endswith("S") else np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, resolution=(4, 5),
                     metadata={"axes": order, "spacing": 1.5, "unit": "um", "finterval": 7})
    described = info(pw, tmp_path / "a.tif")
    assert axes(pw, tmp_path / "a.tif") == order.lower().replace("s", "c")
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    by_name = {axis["name"]: axis for axis in described["axes"]}
    assert by_name["z"]["scale"] == 1.5 and by_name["z"]["unit"] == "micrometer"
    assert (by_name["y"]["scale"], by_name["x"]["scale"]) == (pytest.approx(0.2), pytest.approx(0.25))
    assert by_name["t"]["scale"] == 7


def test_imagej_hyperstack_with_one_directory(pw, tmp_path):
    """As above 4 GB: the other planes follow the first without directories."""
    image = noise((2, 3, 20, 30))
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "ZCYX"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        page = tif.pages[0]
        entries, start, planes = len(page.tags), page.offset, page.dataoffsets[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    struct.pack_into(">I", data, start + 2 + 12 * entries, 0)
    (tmp_path / "a.tif").write_bytes(data)
    assert axes(pw, tmp_path / "a.tif") == "zcyx"
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    (tmp_path / "a.tif").write_bytes(data[: planes + image.nbytes - 600])
    pw.refuses("cat", tmp_path / "a.tif", says="a.tif", code=EXIT_FAILED)


@pytest.mark.parametrize("shape, order, expected", [
    ((5, 20, 30), None, "zyx"),
    ((2, 5, 20, 30), "TZYX", "tzyx"),
    ((2, 5, 20, 30), "CZYX", "czyx"),
    ((2, 5, 20, 30), None, "?zyx"),
    ((2, 1, 5, 20, 30), "TCZYX", "tzyx"),
    ((2, 3, 4, 20, 30), "TZCYX", "tzcyx"),
])
@pytest.mark.parametrize("truncate", [False, True])
def test_shaped_by_tifffile(pw, tmp_path, shape, order, expected, truncate):
    image = noise(shape)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", metadata={"axes": order} if order else {},
                     **({"truncate": True} if truncate else {}))
    assert axes(pw, tmp_path / "a.tif") == expected
    assert np.array_equal(read(pw, tmp_path / "a.tif").reshape(shape), image)


def test_ome_orders(pw, tmp_path):
    for order in ("TCZYX", "TZCYX", "ZTCYX", "CTZYX", "ZCTYX", "CZTYX"):
        image = noise((2, 3, 4, 16, 24))
        tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata={
            "axes": order, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 250,
            "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 2, "PhysicalSizeZUnit": "mm"})
        assert axes(pw, tmp_path / "a.ome.tif") == order.lower()
        assert np.array_equal(read(pw, tmp_path / "a.ome.tif"), image)
        by_name = {axis["name"]: axis for axis in info(pw, tmp_path / "a.ome.tif")["axes"]}
        assert (by_name["x"]["scale"], by_name["x"]["unit"]) == (0.25, "micrometer")
        assert (by_name["y"]["scale"], by_name["y"]["unit"]) == (250, "nanometer")
        assert (by_name["z"]["scale"], by_name["z"]["unit"]) == (2, "millimeter")


def test_ome_rgb(pw, tmp_path):
    image = noise((4, 20, 30, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", image, photometric="rgb", metadata={"axes": "ZYXS"})
    assert axes(pw, tmp_path / "a.ome.tif") == "zyxc"
    assert np.array_equal(read(pw, tmp_path / "a.ome.tif"), image)


def test_ome_channel_names(pw, tmp_path):
    image = noise((2, 3, 20, 30))
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata={"axes": "ZCYX", "Channel": {"Name": ["DAPI", "GFP", "<&>"]}})
    assert info(pw, tmp_path / "a.ome.tif")["channels"] == ["DAPI", "GFP", "<&>"]


@pytest.mark.parametrize("shapes", [((3, 20, 30), (2, 40, 50)), ((3, 20, 30), (3, 20, 30), (20, 30))])
def test_ome_series(pw, tmp_path, shapes):
    arrays = [noise(shape) for shape in shapes]
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        for i, image in enumerate(arrays):
            tif.write(image, photometric="minisblack", metadata={"axes": "ZYX"[-image.ndim :], "Name": f"part {i}"})
    described = info(pw, tmp_path / "a.ome.tif")
    assert described["series"] == 0 and described["series_names"] == [f"part {i}" for i in range(len(shapes))]
    for i, image in enumerate(arrays):
        for series in (str(i), f"part {i}"):
            assert np.array_equal(read(pw, tmp_path / "a.ome.tif", "--series", series), image)
    message = pw.refuses("cat", tmp_path / "a.ome.tif", "--series", "9", says="--series 9", code=EXIT_FAILED)
    assert "part 1" in message
    tifffile.imwrite(tmp_path / "b.tif", arrays[0])
    pw.refuses("cat", tmp_path / "b.tif", "--series", "1", says="b.tif", code=EXIT_FAILED)


# ---------------------------------------------------------------------------- levels


def write_pyramid(path, image, ome, **options):
    with tifffile.TiffWriter(path, ome=ome, bigtiff=True) as tif:
        tif.write(image, subifds=2, photometric="minisblack", **options)
        tif.write(image[..., ::2, ::2], subfiletype=1, photometric="minisblack", **options)
        tif.write(image[..., ::4, ::4], subfiletype=1, photometric="minisblack", **options)


@pytest.mark.parametrize("ome", [True, False])
@pytest.mark.parametrize("options", [{"tile": (32, 32), "compression": "deflate"}, {"tile": (16, 16)}, {}])
def test_levels_in_subifds(pw, tmp_path, ome, options):
    image = noise((3, 101, 130))
    path = tmp_path / "a.ome.tif"
    write_pyramid(path, image, ome, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5}, **options)
    for level in range(3):
        step = 2**level
        assert np.array_equal(read(pw, path, "--level", str(level)), image[..., ::step, ::step])
        described = info(pw, path, "--level", str(level))
        assert described["axes"][-1]["scale"] == pytest.approx((0.5 if ome else 1) * step)
    assert len(info(pw, path)["levels"]) == 3
    pw.refuses("cat", path, "--level", "3", says="level", code=EXIT_FAILED)


def test_levels_in_the_chain(pw, tmp_path):
    image = noise((3, 120, 100), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for level in range(3):
            tif.write(image[..., :: 2**level, :: 2**level], subfiletype=1 if level else 0, photometric="rgb",
                      planarconfig="separate", tile=(32, 32), metadata=None)
    for level in range(3):
        assert np.array_equal(read(pw, tmp_path / "a.tif", "--level", str(level)), image[..., :: 2**level, :: 2**level])


# ---------------------------------------------------------------------------- sets of files


def ome_set(folder, image, binary_only=False):
    """One file for each channel, all with the same OME-XML."""
    n, depth, height, width = image.shape
    names = [f"channel {c}.ome.tif" for c in range(n)]
    planes = "".join(f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="0" IFD="{z}" PlaneCount="1">'
                     f'<UUID FileName="{names[c]}">urn:uuid:{c}</UUID></TiffData>'
                     for c in range(n) for z in range(depth))
    def text(c):
        return (f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
                f'UUID="urn:uuid:{c}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
                f'SizeX="{width}" SizeY="{height}" SizeZ="{depth}" SizeC="{n}" SizeT="1" PhysicalSizeZ="3">'
                f'{planes}</Pixels></Image></OME>')
    for c, name in enumerate(names):
        tifffile.imwrite(folder / name, image[c], photometric="minisblack", compression="deflate", metadata=None,
                         description=text(c))
    return names


def test_a_set_of_several_files(pw, tmp_path):
    image = noise((3, 4, 25, 35))
    names = ome_set(tmp_path, image)
    for name in names:
        assert axes(pw, tmp_path / name) == "czyx"
        assert np.array_equal(read(pw, tmp_path / name), image)
    assert info(pw, tmp_path / names[0])["axes"][1]["scale"] == 3
    # A file that was renamed keeps its UUID.
    (tmp_path / names[1]).rename(tmp_path / "renamed.ome.tif")
    message = pw.refuses("cat", tmp_path / names[0], says=names[1], code=EXIT_FAILED)
    assert "missing" in str(message)
    (tmp_path / names[0]).rename(tmp_path / "first.ome.tif")
    (tmp_path / "renamed.ome.tif").rename(tmp_path / names[1])
    assert np.array_equal(read(pw, tmp_path / "first.ome.tif"), image)


def test_a_set_with_one_file_that_differs(pw, tmp_path):
    names = ome_set(tmp_path, noise((3, 4, 25, 35)))
    tifffile.imwrite(tmp_path / names[2], noise((4, 25, 36)), photometric="minisblack")
    pw.refuses("cat", tmp_path / names[0], says=names[2], code=EXIT_FAILED)


def test_a_file_of_a_set_that_goes_away_is_no_zeros(pw, tmp_path):
    names = ome_set(tmp_path, noise((3, 4, 25, 35)))
    described = info(pw, tmp_path / names[0])
    assert described["shape"] == [3, 4, 25, 35]
    (tmp_path / names[2]).unlink()
    pw.refuses("run", tmp_path / names[0], "--channel", "2", "--fn", "otsu", "-o", tmp_path / "labels.tif",
               says=names[2], code=EXIT_FAILED)


def test_companion(pw):
    folder = data_path() / "tiff" / "ome" / "multifile-companion"
    if not folder.is_dir():
        pytest.skip("no test images (PW_TEST_DATA)")
    planes = [tifffile.imread(folder / f"multifile-Z{z}.ome.tiff") for z in range(1, 6)]
    assert np.array_equal(read(pw, folder / "multifile.companion.ome"), np.stack(planes))


def test_companion_with_one_file_missing(pw, tmp_path):
    folder = data_path() / "tiff" / "ome" / "multifile-companion"
    if not folder.is_dir():
        pytest.skip("no test images (PW_TEST_DATA)")
    shutil.copytree(folder, tmp_path / "set", copy_function=shutil.copyfile)
    (tmp_path / "set").chmod(0o755)
    (tmp_path / "set" / "multifile-Z4.ome.tiff").unlink()
    pw.refuses("cat", tmp_path / "set" / "multifile.companion.ome", says="multifile-Z4.ome.tiff", code=EXIT_FAILED)


def test_an_acquisition_that_ended_early(pw, tmp_path):
    """TiffData tells the planes there are; the others are not stored."""
    image = noise((3, 20, 30))
    planes = "".join(f'<TiffData FirstT="{t}" IFD="{t}" PlaneCount="1"/>' for t in range(3))
    tifffile.imwrite(tmp_path / "a.ome.tif", image, photometric="minisblack", metadata=None, description=(
        '<OME><Image><Pixels DimensionOrder="XYZCT" Type="uint16" SizeX="30" SizeY="20" SizeZ="1" SizeC="1" SizeT="5">'
        f"{planes}</Pixels></Image></OME>"))
    got = read(pw, tmp_path / "a.ome.tif")
    assert got.shape == (5, 20, 30)
    assert np.array_equal(got[:3], image) and not got[3:].any()


# ---------------------------------------------------------------------------- the files of gen_tiff.py


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    script = data_path() / "gen_tiff.py"
    if not script.is_file():
        pytest.skip("no test images (PW_TEST_DATA)")
    folder = tmp_path_factory.mktemp("generated")
    code = compile(script.read_text(), str(script), "exec")
    arguments, sys.argv = sys.argv, [str(script), str(folder)]
    try:
        exec(code, {"__name__": "generated"})
    finally:
        sys.argv = arguments
    return folder


def test_generated_pyramid(pw, generated):
    image = (np.arange(2 * 3 * 256 * 300, dtype=np.uint32) * 2654435761 >> 16).astype(np.uint16).reshape(2, 3, 256, 300)
    for level in range(3):
        got = read(pw, generated / "ome_pyramid.ome.tif", "--level", str(level))
        assert np.array_equal(got, image[..., :: 2**level, :: 2**level])
    assert np.array_equal(read(pw, generated / "be_bigtiff_f32.tif"), image[0, 0].astype("f4"))


def test_generated_pages(pw, generated):
    got = read(pw, generated / "many_ifd.tif")
    assert got.shape == (3000, 64, 64)
    assert np.array_equal(got[:, 5, 7], np.arange(3000, dtype=np.uint8))
    assert (got == got[:, :1, :1]).all()


def test_generated_imagej_stack_above_4_gb(pw, generated):
    path = generated / "ij_5gb_sparse.tif"
    assert info(pw, path)["shape"] == [2200, 1024, 1024]
    with subprocess.Popen([pw.path, "cat", path, "--raw"], stdout=subprocess.PIPE) as process:
        for z in range(2200):
            plane = process.stdout.read(2 << 20)
            assert plane[:2] == (z + 1).to_bytes(2, "little") and plane.count(0) >= (2 << 20) - 2
        assert process.stdout.read() == b""
    assert process.returncode == 0
