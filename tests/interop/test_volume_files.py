"""NRRD, MetaImage and MRC files as pynrrd, SimpleITK and mrcfile write them; the oracle is the array that was written."""

import bz2
import gzip
import struct

import mrcfile
import nrrd
import numpy as np
import pytest
import SimpleITK
from pwtest.reading import axes, info, read
from pwtest.tool import EXIT_FAILED

RNG = np.random.default_rng(7)
TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def noise(shape, dtype=np.uint16):
    if np.dtype(dtype).kind == "f":
        return RNG.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, np.dtype(dtype).newbyteorder("="), endpoint=True).astype(dtype)


# ---------------------------------------------------------------------------- NRRD


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("detached", [False, True])
def test_nrrd(pw, tmp_path, dtype, encoding, detached):
    image = noise((7, 20, 31), dtype)
    path = tmp_path / ("a.nhdr" if detached else "a.nrrd")
    nrrd.write(str(path), image, {"encoding": encoding, "spacings": [2.0, 0.5, 0.25], "units": ["um", "um", "mm"]},
               index_order="C", detached_header=detached)
    described = info(pw, path)
    assert axes(described) == "zyx" and described["format"] == "nrrd"
    assert np.array_equal(read(pw, path), image)


def test_nrrd_calibration(pw, tmp_path):
    image = noise((7, 20, 31))
    nrrd.write(str(tmp_path / "a.nrrd"), image.T, {"spacings": [0.25, 0.5, 2.0], "units": ["um", "nm", "mm"]})
    scales = [(axis["scale"], axis["unit"]) for axis in info(pw, tmp_path / "a.nrrd")["axes"]]
    assert scales == [(2.0, "millimeter"), (0.5, "nanometer"), (0.25, "micrometer")]
    assert np.array_equal(read(pw, tmp_path / "a.nrrd"), image)
    header = {"space": "left-posterior-superior", "space directions": np.diag([0.25, 0.5, 2.0]),
              "space units": ["mm", "mm", "mm"]}
    nrrd.write(str(tmp_path / "b.nrrd"), image.T, header)
    assert [axis["scale"] for axis in info(pw, tmp_path / "b.nrrd")["axes"]] == [2.0, 0.5, 0.25]
    nrrd.write(str(tmp_path / "c.nrrd"), noise((3, 31, 20, 7)), {"kinds": ["RGB-color", "domain", "domain", "domain"]})
    assert axes(info(pw, tmp_path / "c.nrrd")) == "zyxc"


def encoded(image, encoding):
    data = image.tobytes()
    if encoding in ("ascii", "text", "txt"):
        return "\n".join(repr(value.item()) for value in image.ravel()).encode()
    if encoding == "hex":
        return "\n".join(data.hex()[at : at + 71].upper() for at in range(0, 2 * len(data), 71)).encode()
    pack = gzip.compress if encoding[0] == "g" else bz2.compress
    return pack(data[:333]) + pack(data[333:])  # as those who append to such files leave them


TYPE_NAMES = {"i1": "signed char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint", "i8": "longlong",
              "u8": "ulonglong", "f4": "float", "f8": "double"}


@pytest.mark.parametrize("encoding, dtype", [("text", dtype) for dtype in TYPES] + [
    ("ascii", "u2"), ("hex", "u2"), ("hex", "f8"), ("bzip2", "u4"), ("bz2", "i2"), ("gz", "f4")])
def test_nrrd_encodings(pw, tmp_path, encoding, dtype):
    """Attached, in a file of its own behind lines to be skipped, and in a file for each plane; text is exact at the limits."""
    image = noise((4, 9, 11), np.dtype(dtype).newbyteorder(">"))
    image.flat[:2] = (np.iinfo(dtype).min, np.iinfo(dtype).max) if image.dtype.kind != "f" else (np.inf, 1e-30)
    header = (f"NRRD0004\ntype: {TYPE_NAMES[dtype]}\ndimension: 3\nsizes: 11 9 4\nencoding: {encoding}\nendian: big\n")
    (tmp_path / "a.nrrd").write_bytes(header.encode() + b"\n" + encoded(image, encoding))
    (tmp_path / "b.dat").write_bytes(b"first\nsecond\n" + encoded(image, encoding) + b"\n")
    (tmp_path / "b.nhdr").write_text(header + "line skip: 2\ndata file: b.dat\n")
    for z in range(4):
        (tmp_path / f"c{z}.dat").write_bytes(encoded(image[z], encoding))
    (tmp_path / "c.nhdr").write_text(header + "data file: c%d.dat 0 3 1\n")
    for name in ("a.nrrd", "b.nhdr", "c.nhdr"):
        assert np.array_equal(read(pw, tmp_path / name), image), name
    (tmp_path / "c2.dat").write_bytes(encoded(image[2, :5], encoding))
    pw.refuses("run", tmp_path / "c.nhdr", "-o", tmp_path / "o.npy", "--fn", "threshold:value=1", says="c2.dat", code=EXIT_FAILED)


def test_what_is_no_number_is_named(pw, tmp_path):
    head = "NRRD0004\ntype: uint8\ndimension: 2\nsizes: 2 2\n"
    for encoding, body, says in (("text", "1 2 256 4", '"256" is no uint8'), ("text", "1 2 -1 4", '"-1" is no uint8'),
                                 ("text", "1 2 x", '"x" is no uint8'), ("text", "1 2 3", "3 of 4"), ("hex", "00ffg1", "0x67"),
                                 ("hex", "00ff0", "2 of 4"), ("bzip2", "BZh9no", "bzip2"), ("text", "1" * 80, "no number")):
        (tmp_path / "a.nrrd").write_text(head + f"encoding: {encoding}\n\n{body}")
        assert "a.nrrd" in str(pw.refuses("run", tmp_path / "a.nrrd", "-o", tmp_path / "o.npy", "--fn", "threshold:value=1", says=says,
                                        code=EXIT_FAILED))


def test_much_from_little(pw, tmp_path):
    """A compressed file that is read whole long before all that it holds has come out, and numbers cut by reading in pieces."""
    image = np.zeros((40, 512, 512), np.uint16)
    image[::7, 3::5] = 300
    for encoding, pack in (("gzip", gzip.compress), ("bzip2", bz2.compress)):
        (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\ntype: ushort\ndimension: 3\nsizes: 512 512 40\nendian: little\nencoding: "
                                          + encoding.encode() + b"\n\n" + pack(image.tobytes()))
        assert np.array_equal(read(pw, tmp_path / "a.nrrd"), image)
    image = noise((3, 256, 256), np.int32)
    (tmp_path / "a.mha").write_bytes(b"ObjectType = Image\nNDims = 3\nBinaryData = False\nDimSize = 256 256 3\nElementType = MET_INT\n"
                                     b"ElementDataFile = LOCAL\n" + " ".join(map(str, image.ravel().tolist())).encode())
    assert np.array_equal(read(pw, tmp_path / "a.mha"), image)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_components_of_a_voxel_side_by_side_and_compressed(pw, tmp_path, name):
    """x is no fast axis then, and what is inflated has no file until somebody waits for it."""
    image = noise((4, 9, 11, 5))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image, isVector=True), str(tmp_path / name), useCompression=True)
    assert axes(info(pw, tmp_path / name)) == "zyxc"
    assert np.array_equal(read(pw, tmp_path / name), image)
    pw("run", tmp_path / name, "-o", tmp_path / "o.npy", "--channel", "3", "--fn", "threshold:value=30000")
    assert np.array_equal(np.load(tmp_path / "o.npy") > 0, image[..., 3] > 30000)


@pytest.mark.parametrize("kinds", ["", "kinds: vector domain domain domain\n", "kinds: ??? domain domain domain\n"])
@pytest.mark.parametrize("first", [False, True])
def test_an_axis_without_direction_is_of_components(pw, tmp_path, kinds, first):
    """Kinds before the directions, behind them, or none."""
    image = noise((4, 9, 11, 5))
    directions = "space directions: none (0.5,0,0) (0,0.25,0) (0,0,2)\n"
    (tmp_path / "a.nrrd").write_bytes(("NRRD0004\ntype: uint16\ndimension: 4\nsizes: 5 11 9 4\nencoding: raw\nendian: little\nspace: RAS\n"
                                       + (kinds + directions if first else directions + kinds) + "\n").encode() + image.tobytes())
    described = info(pw, tmp_path / "a.nrrd")
    assert axes(described) == "zyxc" and [a["scale"] for a in described["axes"][:3]] == [2, 0.25, 0.5]
    assert np.array_equal(read(pw, tmp_path / "a.nrrd"), image)


@pytest.mark.parametrize("compressed", [False, True])
def test_nrrd_skips_and_byte_order(pw, tmp_path, compressed):
    image = noise((5, 9, 11), ">u2")
    body = bytes(13) + image.tobytes()
    (tmp_path / "a.dat").write_bytes(b"one\ntwo\n" + (gzip.compress(body[:700]) + gzip.compress(body[700:]) if compressed else body))
    (tmp_path / "a.nhdr").write_text(
        "NRRD0004\r\n# comment\r\ntype: unsigned short\r\ndimension: 3\r\nsizes: 11 9 5\r\n"
        f"encoding: {'gz' if compressed else 'raw'}\r\nendian: big\r\nline skip: 2\r\nbyte skip: 13\r\nkey:=value\r\ndata file: a.dat\r\n")
    assert np.array_equal(read(pw, tmp_path / "a.nhdr"), image)
    if not compressed:
        (tmp_path / "a.nhdr").write_text("NRRD0004\ntype: ushort\ndimension: 3\nsizes: 11 9 5\nencoding: raw\n"
                                         "endian: big\nbyte skip: -1\ndata file: a.dat\n")
        assert np.array_equal(read(pw, tmp_path / "a.nhdr"), image)


def test_nrrd_refusals(pw, tmp_path):
    def write(text):
        (tmp_path / "a.nrrd").write_text("NRRD0004\n" + text)

    base = "type: uint8\ndimension: 2\nsizes: 4 4\n"
    for text, says in [(base + "encoding: zrl\n\n", "encoding zrl is not read"),
                       (base + "encoding: bzip2\nbyte skip: -1\n\n", "byte skip"),
                       (base + "encoding: raw\n\n123", "a.nrrd"), (base, "encoding"),
                       ("type: block\ndimension: 1\nsizes: 3\nencoding: raw\n\n", "block"),
                       ("type: uint8\nsizes: 4 x\nencoding: raw\n\n", "sizes"),
                       (base + "encoding: raw\ndata file: missing.raw\n", "missing.raw"),
                       (base + "encoding: raw\ndata file: LIST\na\nb\nc\nd\n", "/a: is missing"),
                       (base + "encoding: raw\ndata file: LIST\n", "list of data files is empty"),
                       (base + "encoding: raw\ndata file: %s 1 2 1\n", "no pattern"),
                       (base + "encoding: gzip\ndata file: a%d 1 7 1\n", "equal shares"),
                       (base + "encoding: gzip\ndata file: a%d 1 2 1\n", "a1: is missing")]:
        write(text)
        pw.refuses("cat", tmp_path / "a.nrrd", says=says, code=EXIT_FAILED)
    write(base + "encoding: gzip\n\n")
    with open(tmp_path / "a.nrrd", "ab") as file:
        file.write(gzip.compress(bytes(16))[:-12])
    pw.refuses("cat", tmp_path / "a.nrrd", says="a.nrrd", code=EXIT_FAILED, streams=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_nrrd_in_several_data_files(pw, tmp_path, threads):
    """Planes in a list, slabs by a pattern that counts down, rows of four axes; each after a header of its own."""
    image = noise((2, 6, 150, 200), ">u2")
    start = "NRRD0004\ntype: uint16\nendian: big\nencoding: raw\nbyte skip: 7\n"

    def put(name, part):
        (tmp_path / name).write_bytes(bytes(7) + part.tobytes())

    for z in range(6):
        put(f"plane {z}.raw", image[0, z])
    names = "\n".join(f"plane {z}.raw" for z in range(6))
    (tmp_path / "list.nhdr").write_text(f"{start}dimension: 3\nsizes: 200 150 6\ndata file: LIST\n{names}\n")
    for i in range(3):
        put(f"slab{7 - 2 * i:03}.raw", image[1, 2 * i : 2 * i + 2])
    (tmp_path / "slabs.nhdr").write_text(f"{start}dimension: 3\nsizes: 200 150 6\ndata file: slab%03d.raw 7 3 -2 3\n")
    for t, z in np.ndindex(2, 6):
        put(f"p{6 * t + z + 9}", image[t, z])
    (tmp_path / "four.nhdr").write_text(f"{start}dimension: 4\nsizes: 200 150 6 2\ndata file: p%d 9 20 1 2\n")
    for name, expected in (("list", image[0]), ("slabs", image[1]), ("four", image)):
        assert np.array_equal(read(pw, tmp_path / f"{name}.nhdr"), expected), name
        if name != "four":
            assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"{name}.nhdr"))), expected), name
    np.save(tmp_path / "a.npy", image[1].astype("=u2"))
    for source in ("a.npy", "slabs.nhdr"):
        pw("run", tmp_path / source, "--fn", "threshold:40000", "--tile", "4,64,64", "--threads", threads, "-o", tmp_path / f"{source}.l.npy")
    assert (tmp_path / "a.npy.l.npy").read_bytes() == (tmp_path / "slabs.nhdr.l.npy").read_bytes()
    (tmp_path / "plane 3.raw").write_bytes(bytes(7) + image[0, 3].tobytes()[:-1])
    pw.refuses("cat", tmp_path / "list.nhdr", says="plane 3.raw")
    (tmp_path / "five.nhdr").write_text(f"{start}dimension: 3\nsizes: 200 150 5\ndata file: p%d 9 20 1\n")
    pw.refuses("cat", tmp_path / "five.nhdr", says=("five.nhdr", "12 data files", "make 5"))


def test_labels_of_a_compressed_image(pw, tmp_path):
    image = noise((40, 60, 50))
    nrrd.write(str(tmp_path / "a.nrrd"), image, index_order="C")
    np.save(tmp_path / "a.npy", image)
    for threads in ("1", "3"):
        pw("run", tmp_path / "a.nrrd", "--fn", "threshold:40000", "--tile", "16,32,32", "--threads", threads, "-o",
           tmp_path / f"{threads}.npy")
    pw("run", tmp_path / "a.npy", "--fn", "threshold:40000", "-o", tmp_path / "expected.npy")
    expected = (tmp_path / "expected.npy").read_bytes()
    assert (tmp_path / "1.npy").read_bytes() == expected and (tmp_path / "3.npy").read_bytes() == expected


# ---------------------------------------------------------------------------- MetaImage


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", ["mha", "mhd"])
def test_metaimage(pw, tmp_path, dtype, compressed, suffix):
    image = noise((6, 21, 34), dtype)
    itk = SimpleITK.GetImageFromArray(image)
    itk.SetSpacing((0.25, 0.5, 2.0))
    SimpleITK.WriteImage(itk, str(tmp_path / f"a.{suffix}"), useCompression=compressed)
    described = info(pw, tmp_path / f"a.{suffix}")
    assert axes(described) == "zyx" and described["format"] == "mhd"
    assert [axis["scale"] for axis in described["axes"]] == [2.0, 0.5, 0.25]
    assert np.array_equal(read(pw, tmp_path / f"a.{suffix}"), image)


def test_metaimage_vectors_and_planes(pw, tmp_path):
    image = noise((6, 21, 34, 3), np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image, isVector=True), str(tmp_path / "a.mha"))
    assert axes(info(pw, tmp_path / "a.mha")) == "zyxc"
    assert np.array_equal(read(pw, tmp_path / "a.mha"), image)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image[0, :, :, 0]), str(tmp_path / "b.mha"))
    assert axes(info(pw, tmp_path / "b.mha")) == "yx"


def test_metaimage_by_hand(pw, tmp_path):
    image = noise((3, 5, 7), ">i2")
    (tmp_path / "a.raw").write_bytes(bytes(20) + image.tobytes())
    for size in ("20", "-1"):
        (tmp_path / "a.mhd").write_text(
            f"NDims = 3\nDimSize = 7 5 3\nElementSize = 1 1 4\nElementType = MET_SHORT\nElementByteOrderMSB = True\n"
            f"HeaderSize = {size}\nElementDataFile = a.raw\n")
        assert np.array_equal(read(pw, tmp_path / "a.mhd"), image)
    assert info(pw, tmp_path / "a.mhd")["axes"][0]["scale"] == 4
    for change, says in [(("a.raw", "b.raw"), "b.raw"), (("a.raw", "LIST"), "list of data files is empty"),
                         (("a.raw", "a%02d.raw 1 3 1"), "a01.raw: is missing"), (("SHORT", "STRING"), "MET_STRING"),
                         (("7 5 3", "7 5 30"), "a.raw"), (("7 5 3", "7 0 3"), "DimSize")]:
        text = (tmp_path / "a.mhd").read_text()
        (tmp_path / "b.mhd").write_text(text.replace(*change))
        pw.refuses("cat", tmp_path / "b.mhd", says=says, code=EXIT_FAILED)


def test_metaimage_in_several_data_files(pw, tmp_path):
    """As SimpleITK reads them: a list of planes, a pattern."""
    image = noise((4, 5, 7), "<i2")
    for z, plane in enumerate(image):
        (tmp_path / f"p{z + 1:02}.raw").write_bytes(plane.tobytes())
    start = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 7 5 4\nElementType = MET_SHORT\n"
    (tmp_path / "list.mhd").write_text(start + "ElementDataFile = LIST\n" + "".join(f"p{z + 1:02}.raw\n" for z in range(4)))
    (tmp_path / "pattern.mhd").write_text(start + "ElementDataFile = p%02d.raw 1 4 1\n")
    for name in ("list", "pattern"):
        assert np.array_equal(read(pw, tmp_path / f"{name}.mhd"), image)
        assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"{name}.mhd"))), image)


# ---------------------------------------------------------------------------- MRC


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_mrc(pw, tmp_path, dtype):
    image = noise((6, 21, 34), dtype)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(image)
        file.voxel_size = (2.5, 5, 10)
    described = info(pw, tmp_path / "a.mrc")
    assert axes(described) == "zyx" and described["format"] == "mrc"
    assert [(axis["scale"], axis["unit"]) for axis in described["axes"]] == [
        (10, "angstrom"), (5, "angstrom"), (2.5, "angstrom")]
    assert np.array_equal(read(pw, tmp_path / "a.mrc"), image)


def test_mrc_extended_header_and_stacks(pw, tmp_path):
    image = noise((2, 3, 8, 9), np.float32)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(image)
        file.set_extended_header(np.zeros(5, "V88"))
    assert info(pw, tmp_path / "a.mrc")["shape"] == [2, 3, 8, 9]
    assert np.array_equal(read(pw, tmp_path / "a.mrc"), image)
    assert axes(info(pw, tmp_path / "a.mrc", "--axes", "tzyx")) == "tzyx"


def test_mrc_of_before_2000(pw, tmp_path):
    """Without a word that it is MRC, but for the name; DeltaVision has another header and the same name."""
    image = noise((3, 8, 9), ">i2")
    header = bytearray(1024)
    struct.pack_into(">10i6f3i", header, 0, 9, 8, 3, 1, 0, 0, 0, 9, 8, 3, 18, 16, 12, 90, 90, 90, 1, 2, 3)
    for name in "a.mrc", "a.rec", "a.ST":
        (tmp_path / name).write_bytes(header + image.tobytes())
        assert np.array_equal(read(pw, tmp_path / name), image)
    (tmp_path / "a.bin").write_bytes(header + image.tobytes())
    pw.refuses("cat", tmp_path / "a.bin", says="format not recognised", code=EXIT_FAILED)
    struct.pack_into(">h", header, 96, -16224)
    (tmp_path / "a.mrc").write_bytes(header + image.tobytes())
    pw.refuses("cat", tmp_path / "a.mrc", says="is DeltaVision", code=EXIT_FAILED)


def test_mrc_big_endian_map_axes_and_modes(pw, tmp_path):
    image = noise((3, 8, 9), ">i2")
    header = bytearray(1024)
    struct.pack_into(">10i", header, 0, 9, 8, 3, 1, 0, 0, 0, 9, 8, 3)
    struct.pack_into(">3f", header, 40, 9, 16, 12)
    struct.pack_into(">3i", header, 64, 3, 2, 1)
    header[208:216] = b"MAP \x11\x11\0\0"
    (tmp_path / "a.map").write_bytes(header + image.tobytes())
    assert axes(info(pw, tmp_path / "a.map")) == "xyz"
    assert np.array_equal(read(pw, tmp_path / "a.map"), image)
    for wrong in ((0, 0, 0), (33, 34, 35), (1, 1, 2), (-1, 2, 3)):
        struct.pack_into(">3i", header, 64, *wrong)
        (tmp_path / "b.map").write_bytes(header + image.tobytes())
        assert axes(info(pw, tmp_path / "b.map")) == "zyx"
    struct.pack_into(">i", header, 12, 0)  # bytes, signed as MRC2014 has them
    (tmp_path / "a.map").write_bytes(header + image.tobytes())
    assert info(pw, tmp_path / "a.map")["dtype"] == "int8"
    struct.pack_into(">2i", header, 152, 1146047817, 0)  # and unsigned as IMOD does
    (tmp_path / "a.map").write_bytes(header + image.tobytes())
    assert info(pw, tmp_path / "a.map")["dtype"] == "uint8"
    for mode, says in ((4, "mode 4 (complex)"), (101, "mode 101"), (2, "a.map")):
        struct.pack_into(">i", header, 12, mode)
        (tmp_path / "a.map").write_bytes(header + image.tobytes())
        pw.refuses("cat", tmp_path / "a.map", says=says, code=EXIT_FAILED)
