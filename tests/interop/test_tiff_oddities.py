"""
TIFF files of writers beside tifffile: GDAL, libtiff's tools and what cameras and scripts leave out.  They are written here tag by
tag; the oracle is the array that was written.
"""

import struct

import numpy as np
import pytest
import tifffile
from pwtest.reading import info, read
from pwtest.tool import EXIT_FAILED


def noise(shape, dtype):
    return np.random.default_rng(7).integers(1, 120, shape).astype(dtype)


def overwrite(path, **tags):
    """Changes values of tags of the first page, which stay of the same number."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        for name, value in tags.items():
            tif.pages[0].tags[name].overwrite(value)


def leave_out(path, page, tile):
    """Makes the tile one that is not stored: offset 0 and count 0, as GDAL has it."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        for name in "TileOffsets", "TileByteCounts":
            values = list(page(tif).tags[name].value)
            values[tile] = 0
            page(tif).tags[name].overwrite(values)


@pytest.mark.parametrize("dtype,text,value", [("u2", "7", 7), ("i2", "-9999", -9999), ("f4", "nan", np.nan), ("f8", "-3.4e+38", -3.4e38),
                                              ("u1", "-9999", 0)])
def test_tiles_left_out_are_what_means_no_data(pw, tmp_path, dtype, text, value):
    """GDAL's tag, of the image and of its smaller level; a value that the type has not is 0."""
    image, small = noise((96, 96), dtype), noise((48, 48), dtype)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        tag = [(42113, 2, len(text) + 1, text, True)]
        out.write(image, tile=(32, 32), compression="deflate", subifds=1, extratags=tag, metadata=None)
        out.write(small, tile=(32, 32), compression="deflate", subfiletype=1, metadata=None)
    leave_out(path, lambda tif: tif.pages[0], 4)
    leave_out(path, lambda tif: tif.pages[0].pages[0], 0)
    image[32:64, 32:64] = value
    small[:32, :32] = value
    assert np.array_equal(read(pw, path), image, equal_nan=dtype[0] == "f")
    assert np.array_equal(read(pw, path, "--level", "1"), small, equal_nan=dtype[0] == "f")


def test_jbig_of_more_than_one_bit_is_refused(pw, tmp_path):
    """libtiff writes such files, and reads from them less than there was."""
    tifffile.imwrite(tmp_path / "a.tif", noise((30, 40), "u1"), photometric="minisblack")
    overwrite(tmp_path / "a.tif", Compression=34661)
    pw.refuses("cat", tmp_path / "a.tif", says="JBIG, which is for one bit per pixel", code=EXIT_FAILED)


def test_pages_of_several_kinds(pw, tmp_path):
    """Each kind is a series; that there are others is said."""
    thumbnail, stack, colour = noise((9, 9), "u2"), noise((3, 30, 40), "u2"), noise((30, 40, 3), "u1")
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        out.write(thumbnail, metadata=None)
        for plane in stack[:2]:
            out.write(plane, metadata=None)
        out.write(colour, photometric="rgb", metadata=None)
        out.write(stack[2], metadata=None)
    found = info(pw, path)
    assert found["series_names"] == ["9 x 9 uint16", "30 x 40 uint16", "30 x 40 x 3 uint8"]
    assert found["warning"] == "pages of another size or type are left out; --series 0 to 2 reads each kind"
    chosen = info(pw, path, "--series", "1")
    assert chosen["note"] == found["warning"] and "warning" not in chosen
    for options, image in ((), thumbnail), (("--series", "1"), stack), (("--series", "30 x 40 x 3 uint8"), colour):
        assert np.array_equal(read(pw, path, *options), image)
    pw.refuses("cat", path, "--series", "3", says="3 kinds of pages, from 0: 9 x 9 uint16, 30 x 40 uint16, ", code=EXIT_FAILED)
    run = ["run", path, "--fn", "threshold:value=60", "--overwrite", "-o", tmp_path / "o.npy"]
    result = pw.any(*run)
    assert result.code == 2 and "--series 0 to 2 reads each kind" in result.err, str(result)
    assert pw(*run, "--series", "1").code == 0
    assert np.array_equal(np.load(tmp_path / "o.npy") > 0, stack > 60)


def test_a_thumbnail_behind_its_image(pw, tmp_path):
    """Nothing is doubtful about that."""
    image = noise((30, 40), "u2")
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(image, metadata=None)
        out.write(image[::4, ::4], metadata=None)
    assert "warning" not in info(pw, tmp_path / "a.tif")
    assert info(pw, tmp_path / "a.tif")["note"].startswith("pages of another size or type are left out")
    assert pw("run", tmp_path / "a.tif", "--fn", "threshold:value=60", "-o", tmp_path / "o.npy").code == 0


OME = ('<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" Type="uint8" '
       'DimensionOrder="XYCZT" SizeX="{x}" SizeY="30" SizeC="2" SizeZ="{z}" SizeT="1">{data}</Pixels></Image></OME>')


@pytest.mark.parametrize("x,z,data,expected,warning", [
    (40, 3, '<TiffData IFD="0" PlaneCount="6"/>', (3, 2), None),
    (40, 3, '<TiffData IFD="0" PlaneCount="600"/>', (3, 2), None),
    (40, 5, '<TiffData IFD="0" PlaneCount="6"/>', (5, 2), "4 of 10 planes are not in it and read as 0"),
    (80, 3, '<TiffData IFD="0" PlaneCount="6"/>', (6,),
     "its OME-XML does not agree with its pages and is not believed: they are taken in their order"),
])
def test_ome_xml_that_counts_otherwise(pw, tmp_path, x, z, data, expected, warning):
    """Counts of a whole experiment, an acquisition that ended early, and a description that outlived a crop."""
    pages = noise((6, 30, 40), "u1")
    with tifffile.TiffWriter(tmp_path / "a.tif", ome=False) as out:
        for i, page in enumerate(pages):
            out.write(page, description=OME.format(x=x, z=z, data=data) if i == 0 else None, metadata=None)
    image = np.zeros((int(np.prod(expected)), 30, 40), "u1")
    image[:6] = pages
    assert info(pw, tmp_path / "a.tif").get("warning") == warning
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image.reshape(*expected, 30, 40))


@pytest.mark.parametrize("tag,value,note", [
    ("Orientation", 6, "Orientation 6: rows and columns are taken as they are stored"),
    ("PhotometricInterpretation", 0, "MinIsWhite: values are taken as they are stored, and 0 is white")])
def test_what_is_not_applied_is_said(pw, tmp_path, tag, value, note):
    image = noise((30, 40), "u1")
    tifffile.imwrite(tmp_path / "a.tif", image, extratags=[(274, 3, 1, 1, True)], metadata=None)
    assert "note" not in info(pw, tmp_path / "a.tif")
    overwrite(tmp_path / "a.tif", **{tag: value})
    found = info(pw, tmp_path / "a.tif")
    assert found["note"] == note and "warning" not in found
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)


def test_pages_that_no_description_tells_of(pw, tmp_path):
    """Of another array of tifffile's, and of another OME-TIFF that was copied behind the first: they are counted."""
    first, second = noise((3, 30, 40), "u1"), noise((2, 30, 40), "u1") + 1
    with tifffile.TiffWriter(tmp_path / "a.tif", shaped=True) as out:
        out.write(first, photometric="minisblack")
        out.write(second, photometric="minisblack")
    with tifffile.TiffWriter(tmp_path / "b.tif", ome=False) as out:
        for i, page in enumerate([*first, *second]):
            data = OME.format(x=40, z=3, data="<TiffData/>").replace('SizeC="2"', 'SizeC="1"')
            out.write(page, description=data if i == 0 else None, metadata=None)
    for name in "a.tif", "b.tif":
        assert info(pw, tmp_path / name)["warning"] == "2 of its pages are not in its description and left out"
        assert np.array_equal(read(pw, tmp_path / name), first)


@pytest.mark.parametrize("text", ["ImageJ=1.53t\nimages=6\nslices=6\n", '{"shape": [6, 30, 40]}'])
def test_a_page_that_kept_the_description_of_its_stack(pw, tmp_path, text):
    """As tiffcp takes it out: the directory behind its rows, where those of a stack in one page would go on."""
    image = noise((30, 40), "u1")
    values = {256: 40, 257: 30, 258: 8, 259: 1, 262: 1, 270: None, 273: 8, 277: 1, 278: 30, 279: 1200}
    directory = 8 + image.nbytes
    behind = directory + 2 + 12 * len(values) + 4
    entries = [struct.pack("<HHII", tag, 2, len(text) + 1, behind) if value is None else struct.pack("<HHII", tag, 4, 1, value)
               for tag, value in values.items()]
    whole = (b"II*\0" + struct.pack("<I", directory) + image.tobytes() + struct.pack("<H", len(values)) + b"".join(entries) + bytes(4)
             + text.encode() + b"\0")
    (tmp_path / "a.tif").write_bytes(whole)
    assert np.array_equal(read(pw, tmp_path / "a.tif"), image)
    assert np.array_equal(tifffile.TiffFile(tmp_path / "a.tif").pages[0].asarray(), image)
