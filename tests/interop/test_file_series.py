"""
Many files that are one image: by pattern, glob or directory, in natural order, stacked along the axes that the numbers
in their names count.
"""

import zipfile

import numpy as np
import pytest
import tifffile
from pwtest.reading import info, read
from pwtest.tool import EXIT_FAILED, data_path

RNG = np.random.default_rng(6)


def axes(pw, path, *options):
    return "".join(axis["name"] or "?" for axis in info(pw, path, *options)["axes"])


def write(folder, image, name, **options):
    """One file for each place along the leading axes; name makes its name."""
    options = {"photometric": "minisblack", **options}
    lead = image.shape[: image.ndim - 2]
    for index in np.ndindex(lead):
        tifffile.imwrite(folder / name(*index), image[index], metadata=None, **options)


IMAGE = RNG.integers(0, 60000, (12, 31, 45), np.uint16)


@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}, {"tile": (16, 16), "compression": "zstd"},
                                     {"byteorder": ">"}])
def test_a_glob_in_natural_order(pw, tmp_path, options):
    write(tmp_path, IMAGE, lambda z: f"plane_{z + 1}.tif", **options)
    for pattern in ("plane_*.tif", "plane_%d.tif", "*.tif", "p*e_%i.tif", "plane_[0-9]*.tif"):
        assert axes(pw, tmp_path / pattern) == "zyx"
        assert np.array_equal(read(pw, tmp_path / pattern), IMAGE)
    assert np.array_equal(read(pw, tmp_path), IMAGE)


def test_axes_are_named(pw, tmp_path):
    write(tmp_path, IMAGE, lambda z: f"plane_{z + 1:03d}.tif")
    for letter in "tcz":
        assert axes(pw, tmp_path / "plane_*.tif", "--axes", letter + "yx") == letter + "yx"
    message = pw.refuses("info", tmp_path / "plane_*.tif", "--axes", "tzyx", says="tzyx", code=EXIT_FAILED)
    assert "12 z, 31 y, 45 x" in message
    for wrong in ("zzx", "zyq"):
        pw.refuses("info", tmp_path / "plane_*.tif", "--axes", wrong, says=wrong, code=EXIT_FAILED)


def test_letters_before_numbers_name_axes(pw, tmp_path):
    image = IMAGE.reshape(2, 6, 31, 45)
    write(tmp_path, image, lambda t, z: f"img_t{t}_z{z:02d}.tif")
    for pattern in ("img_t%d_z%02d.tif", "img_*.tif", "*.tif"):
        assert axes(pw, tmp_path / pattern) == "tzyx"
        assert np.array_equal(read(pw, tmp_path / pattern), image)
    assert np.array_equal(read(pw, tmp_path / "img_t1_z*.tif"), image[1])
    assert axes(pw, tmp_path / "img_*_z03.tif") == "tyx"


def test_channels(pw, tmp_path):
    image = IMAGE.reshape(6, 2, 31, 45)
    write(tmp_path, image, lambda z, c: f"a_z{z}_ch{c}.tif")
    assert axes(pw, tmp_path) == "zcyx"
    assert np.array_equal(read(pw, tmp_path), image)
    assert axes(pw, tmp_path, "--axes", "tcyx") == "tcyx"


def test_stacks_of_stacks(pw, tmp_path):
    image = IMAGE.reshape(3, 4, 31, 45)
    for t in range(3):
        tifffile.imwrite(tmp_path / f"t{t}.tif", image[t], imagej=True, metadata={"axes": "ZYX", "spacing": 2, "unit": "um"})
    assert axes(pw, tmp_path / "t*.tif") == "tzyx"
    assert np.array_equal(read(pw, tmp_path / "t*.tif"), image)
    assert info(pw, tmp_path)["axes"][1]["scale"] == 2
    for t in range(3):
        tifffile.imwrite(tmp_path / f"t{t}.tif", image[t], ome=True, metadata={"axes": "CYX"})
    assert axes(pw, tmp_path / "t*.tif") == "tcyx"
    assert np.array_equal(read(pw, tmp_path / "t*.tif"), image)
    tifffile.imwrite(tmp_path / "t3.tif", image[0, :3], photometric="minisblack")
    message = pw.refuses("info", tmp_path / "t*.tif", says="t3.tif", code=EXIT_FAILED)
    assert "has 3 pages" in message


def test_a_missing_number_is_named(pw, tmp_path):
    write(tmp_path, IMAGE, lambda z: f"plane_{z:03d}.tif")
    (tmp_path / "plane_007.tif").unlink()
    for pattern in ("plane_*.tif", "plane_%03d.tif", "."):
        pw.refuses("cat", tmp_path / pattern, says="plane_007.tif", code=EXIT_FAILED)
    (tmp_path / "plane_007.tif").symlink_to(tmp_path / "plane_006.tif")
    (tmp_path / "plane_0011.tif").symlink_to(tmp_path / "plane_006.tif")
    pw.refuses("cat", tmp_path / "plane_*.tif", says="plane_0011.tif", code=EXIT_FAILED)


def test_a_missing_combination_is_named(pw, tmp_path):
    write(tmp_path, IMAGE.reshape(2, 6, 31, 45), lambda t, z: f"t{t}z{z}.tif")
    (tmp_path / "t1z0.tif").unlink()
    pw.refuses("cat", tmp_path / "t%dz%d.tif", says="t1z0.tif", code=EXIT_FAILED)


@pytest.mark.parametrize("other, says", [
    (IMAGE[0, :, :40], "31 x 40"),
    (IMAGE[0].astype(np.uint8), "8 bits"),
    (IMAGE[0].astype(np.float32), "float"),
])
def test_a_file_that_differs_is_named(pw, tmp_path, other, says):
    write(tmp_path, IMAGE, lambda z: f"plane_{z}.tif")
    tifffile.imwrite(tmp_path / "plane_9.tif", other)
    message = pw.refuses("cat", tmp_path / "plane_*.tif", says="plane_9.tif", code=EXIT_FAILED)
    assert says in message
    (tmp_path / "plane_9.tif").write_bytes(b"not a TIFF file")
    pw.refuses("cat", tmp_path / "plane_*.tif", says="plane_9.tif", code=EXIT_FAILED)


def test_every_second_plane_and_running_times(pw, tmp_path):
    write(tmp_path, IMAGE, lambda z: f"{2 * z + 1}_{100000 + 977 * z * z}.tif")
    assert np.array_equal(read(pw, tmp_path / "*.tif"), IMAGE)


def test_names_that_differ_in_words(pw, tmp_path):
    for z, name in enumerate(("alpha", "beta", "gamma")):
        tifffile.imwrite(tmp_path / f"{name}.tif", IMAGE[z])
    assert np.array_equal(read(pw, tmp_path), IMAGE[:3])


def test_nothing_matches(pw, tmp_path):
    pw.refuses("info", tmp_path / "plane_*.tif", says="no file matches", code=EXIT_FAILED)
    pw.refuses("info", tmp_path / "plane_%03d.tif", says="plane_%03d.tif", code=EXIT_FAILED)


def test_a_file_with_such_a_name_is_itself(pw, tmp_path):
    tifffile.imwrite(tmp_path / "a[1].tif", IMAGE[0])
    assert np.array_equal(read(pw, tmp_path / "a[1].tif"), IMAGE[0])


def test_labels_are_those_of_the_stack(pw, tmp_path):
    write(tmp_path, IMAGE, lambda z: f"plane_{z}.tif", compression="lzw")
    tifffile.imwrite(tmp_path / "stack.ome.tif", IMAGE, metadata={"axes": "ZYX"})
    for path, out in ((tmp_path / "plane_*.tif", "a.npy"), (tmp_path / "stack.ome.tif", "b.npy")):
        pw("run", path, "--fn", "threshold:55000", "--tile", "5,16,16", "-o", tmp_path / out)
    assert np.array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))


def test_real_em_series(pw, tmp_path):
    archive = data_path() / "em" / "neubias_c_elegans_em_tiff_series.zip"
    if not archive.is_file():
        pytest.skip("no test images (PW_TEST_DATA)")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(tmp_path)
    files = sorted(tmp_path.rglob("*.tif"))
    assert len(files) == 21
    expected = np.stack([tifffile.imread(file) for file in files])
    folder = files[0].parent
    for path in (folder, folder / "*.tif", folder / "c_elegans_em_z%04d.tif"):
        assert axes(pw, path) == "zyx"
        assert np.array_equal(read(pw, path), expected)
