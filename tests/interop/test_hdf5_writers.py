"""HDF5 files as PyTables, netCDF-4, xarray and MATLAB write them, by h5py; the oracle is the array that was written."""


import h5py
import numpy as np
import pytest
from pwtest.reading import axes, info, read
from pwtest.tool import EXIT_FAILED


def noise(shape, dtype=np.uint16):
    return np.random.default_rng(11).integers(0, 250, shape).astype(dtype)


@pytest.mark.parametrize("stored,dtype", [("STD_B8LE", "u1"), ("STD_B16BE", ">u2"), ("STD_B32LE", "<u4")])
@pytest.mark.parametrize("chunk", [None, (2, 5, 10)])
def test_bit_fields_are_unsigned(pw, tmp_path, stored, dtype, chunk):
    """PyTables has booleans in bit fields of a byte.  Compact ones are read by the library, chunks by ourselves."""
    image = noise((4, 9, 15), dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if chunk:
            made.set_chunk(chunk)
            made.set_deflate(3)
        else:
            made.set_layout(h5py.h5d.COMPACT)
        kind = getattr(h5py.h5t, stored)
        dataset = h5py.h5d.create(file.id, b"mask", kind, h5py.h5s.create_simple(image.shape), made)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(image), kind)
    assert np.array_equal(read(pw, tmp_path / "a.h5"), image)


@pytest.mark.parametrize("names,expected", [(("t", "y", "x"), "tyx"), (("time", "channel", "y", "x"), "tcyx"),
                                            (("lines", "y", "x"), "zyx")])
def test_scales_name_the_axes(pw, tmp_path, names, expected):
    """As netCDF-4 and xarray have them: a scale is a dataset of its own.  Names that mean no axis are not believed."""
    image = noise(tuple(range(5, 5 + len(names))))
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["image"] = image
        for i, name in enumerate(names):
            file[name] = np.arange(image.shape[i], dtype="f4")
            file[name].make_scale(name)
            file["image"].dims[i].attach_scale(file[name])
    assert axes(info(pw, tmp_path / "a.nc")) == expected
    assert np.array_equal(read(pw, tmp_path / "a.nc"), image)


def test_what_is_no_number_is_named(pw, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["field"] = noise((4, 5, 6)).astype("c8")
        file["list"] = np.arange(4)
    pw.refuses("cat", tmp_path / "a.h5", says="/field: its elements are compounds (as complex numbers are)", code=EXIT_FAILED)


def test_a_file_that_is_being_written(pw, tmp_path):
    """The library locks it; that is said, and not that it were broken."""
    with h5py.File(tmp_path / "a.h5", "w", locking=True) as file:
        file["a"] = noise((4, 5, 6))
        file.flush()
        pw.refuses("cat", tmp_path / "a.h5", says="another program has it open for writing", code=EXIT_FAILED)
    assert np.array_equal(read(pw, tmp_path / "a.h5"), noise((4, 5, 6)))


# ---------------------------------------------------------------------------- BigDataViewer

SETUP = ("<ViewSetup><id>{0}</id><name>view {0}</name><size>15 9 4</size><voxelSize><unit>um</unit><size>0.25 0.5 2.0</size></voxelSize>"
         "<attributes><illumination>0</illumination><channel>{1}</channel><tile>{2}</tile><angle>0</angle></attributes></ViewSetup>")


def write_views(folder, setups, loader="bdv.hdf5", store="hdf5"):
    """a.xml and a.h5 with a view of each (channel, tile)."""
    image = noise((len(setups), 4, 9, 15))
    with h5py.File(folder / "a.h5", "w") as file:
        for s, view in enumerate(image):
            file[f"t00000/s{s:02d}/0/cells"] = view.view("i2")
    (folder / "a.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<SpimData version="0.2"><BasePath type="relative">.</BasePath><SequenceDescription>'
        f'<ImageLoader format="{loader}"><{store} type="relative">a.h5</{store}></ImageLoader><ViewSetups>'
        + "".join(SETUP.format(s, *setup) for s, setup in enumerate(setups))
        + '<Attributes name="tile"><Tile><id>0</id></Tile></Attributes></ViewSetups></SequenceDescription></SpimData>')
    return image


@pytest.mark.parametrize("setups,warns", [([(0, 0), (1, 0)], False), ([(0, 0), (0, 1)], True)])
def test_the_xml_of_bigdataviewer(pw, tmp_path, setups, warns):
    """It stands for the file that it names; tiles are no channels, and that is said."""
    image = write_views(tmp_path, setups)
    for name in "a.xml", "a.h5":
        found = info(pw, tmp_path / name)
        assert axes(found) == "czyx" and [a["scale"] for a in found["axes"][1:]] == [2, 0.5, 0.25]
        assert ("here each is a channel" in found.get("warning", "")) == warns
        assert np.array_equal(read(pw, tmp_path / name), image)


def test_the_xml_of_other_loaders(pw, tmp_path):
    write_views(tmp_path, [(0, 0)], "bdv.n5", "n5")
    pw.refuses("cat", tmp_path / "a.xml", says=f"BigDataViewer's description of {tmp_path}/a.h5", code=EXIT_FAILED)
    write_views(tmp_path, [(0, 0)], "spimreconstruction.stack", "imagedirectory")
    pw.refuses("cat", tmp_path / "a.xml", says='views that "spimreconstruction.stack" loads', code=EXIT_FAILED)
    write_views(tmp_path, [(0, 0)])
    (tmp_path / "a.h5").unlink()
    pw.refuses("cat", tmp_path / "a.xml", says="a.h5: is missing", code=EXIT_FAILED)


def test_an_image_that_is_not_there_is_not_the_whole(pw, tmp_path):
    """--series and --well of files that have one image."""
    write_views(tmp_path, [(0, 0), (0, 1)])
    np.save(tmp_path / "a.npy", noise((4, 5, 6)))
    for name in "a.h5", "a.npy":
        pw("info", tmp_path / name, "--series", "0")
        pw.refuses("cat", tmp_path / name, "--series", "1", says="--series 1: ", code=EXIT_FAILED)
        pw.refuses("cat", tmp_path / name, "--well", "A/1", says="--well A/1: ", code=EXIT_FAILED)
