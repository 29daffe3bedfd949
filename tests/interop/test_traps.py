"""
The twenty traps of reading and writing images, and the test of each:

 1  fill value as text, filters [], no separator                  test_zarr_traps.py       test_01_fill_value_as_text_no_filters_no_separator
 2  chunks larger than the array                                  test_zarr_traps.py       test_02_chunks_larger_than_the_array
 3  column-major order with a delta filter                        test_zarr_traps.py       test_03_column_major_with_delta
 4  shards without a checksum, index at the start                 test_zarr_traps.py       test_04_shards_without_a_checksum
 5  .zarray and zarr.json in one directory                        test_zarr_traps.py       test_05_both_metadata_in_one_directory
 6  zstd frames without their content's size                      test_zarr_traps.py       test_06_zstd_frames_that_do_not_say_their_size
 7  unknown keys of a codec                                       test_zarr_traps.py       test_07_unknown_codec_keys
 8  an I/O error on a chunk is not a missing chunk                test_zarr_traps.py       test_08_an_error_on_a_chunk_never_reads_as_zeros
 9  booleans with null as fill value                              test_zarr_traps.py       test_09_booleans_with_null
10  big-endian zarr, and TIFF                                     test_zarr_traps.py       test_10_big_endian
10  big-endian zarr, and TIFF                                     test_tiff_files.py       test_predictors
11  truncated chunks and broken blosc headers name the chunk      test_zarr_traps.py       test_11_a_truncated_chunk_names_its_key
12  tiles of TIFF that are not stored                             test_tiff_files.py       test_sparse_tiles_read_as_zeros
13  ImageJ above 4 GB                                             test_tiff_files.py       test_generated_imagej_stack_above_4_gb
13  ImageJ above 4 GB                                             test_tiff_files.py       test_imagej_hyperstack_with_one_directory
14  loops of TIFF directories                                     test_tiff_files.py       test_a_loop_of_directories_ends
15  PlanarConfig 2                                                test_tiff_files.py       test_samples_side_by_side_and_planarconfig_2
16  a file of an OME-TIFF set is missing                          test_tiff_files.py       test_companion_with_one_file_missing
16  a file of an OME-TIFF set is missing                          test_tiff_files.py       test_a_file_of_a_set_that_goes_away_is_no_zeros
17  a unit that OME-NGFF does not know is not copied              test_traps.py            test_17_unknown_units_are_not_copied
18  an empty list of colours, read and never written              test_traps.py            test_18_an_empty_list_of_colours
19  labels have the levels of their image                         test_traps.py            test_19_labels_have_the_levels_of_their_image
20  Ctrl-C leaves no store that viewers take for whole            test_traps.py            test_20_an_interrupted_run_leaves_no_store
"""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from pwtest import stores
from pwtest.tool import outputs

# The words that OME-NGFF allows for lengths and times, as far as anything here could write them.
UNITS = {"angstrom", "meter", "micrometer", "millimeter", "nanometer", "picometer", "second", "millisecond"}


def write_image(path, units, levels=1, version="0.4", labels=None):
    """An OME-Zarr image of z y x by zarr-python, or a label image."""
    image = np.random.default_rng(1).integers(0, 1000, (6, 40, 52)).astype("u2")
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    datasets, factor = [], 1
    for level in range(levels):
        data = image[:, ::factor, ::factor]
        keys = {"name": "v2", "separator": "/"} if version == "0.4" else None
        names = {} if version == "0.4" else {"dimension_names": ["z", "y", "x"]}
        group.create_array(str(level), shape=data.shape, chunks=(4, 16, 16), dtype="u2", chunk_key_encoding=keys, **names)[...] = data
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": [2.0, 0.5 * factor, 0.5 * factor]}]})
        factor *= 2
    axes = [{"name": n, "type": "space", **({"unit": u} if u else {})} for n, u in zip("zyx", units)]
    attributes = {"multiscales": [{"axes": axes, "datasets": datasets, "version": version}]}
    if labels is not None:
        attributes["image-label"] = labels
    group.attrs.update(attributes if version == "0.4" else {"ome": {**attributes, "version": version}})
    return image


def test_every_trap_has_its_test():
    """The table above names tests that there are, at least one for each trap."""
    rows = re.findall(r"^ ?(\d+)  .+? +(test_\w+\.py) +(test_\w+)$", __doc__, re.M)
    assert {int(number) for number, _, _ in rows} == set(range(1, 21))
    for _, file, name in rows:
        assert f"\ndef {name}(" in (Path(__file__).parent / file).read_text(), f"{file}: {name}"


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_17_unknown_units_are_not_copied(pw, tmp_path, version):
    """Neuroglancer refuses units that are not in the list: labels and copies have one of it, or none."""
    for number, units in enumerate([("um", "\u00b5m", "micron"), ("pixel", "furlong", None), ("mm", "nm", "micrometer")]):
        source = tmp_path / f"{number}.zarr"
        write_image(source, units, version=version)
        pw("run", source, "--fn", "threshold:500", "--name", "cells")
        pw("run", source, "--fn", "threshold:500", "-o", tmp_path / f"{number}-labels.zarr")
        pw("convert", source, tmp_path / f"{number}-copy.zarr", "--ngff", version)
        for group in (source / "labels" / "cells", stores.label_group(tmp_path / f"{number}-labels.zarr"),
                      tmp_path / f"{number}-copy.zarr"):
            written = [axis.get("unit") for axis in stores.ome(group)["multiscales"][0]["axes"]]
            assert set(written) <= UNITS | {None}, f"{group}: {written}"
            if number == 0:
                assert written == ["micrometer"] * 3


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_18_an_empty_list_of_colours(pw, tmp_path, version):
    """Others write one, against the schema: it is read.  Nothing here writes one."""
    truth = write_image(tmp_path / "l.zarr", [None] * 3, version=version, labels={"colors": [], "properties": []})
    assert pw("cat", tmp_path / "l.zarr", "--raw").out == truth.tobytes()
    pw("run", tmp_path / "l.zarr", "--fn", "label", "-o", tmp_path / "o.zarr", "--ngff", version)
    for value in stores.ome(stores.label_group(tmp_path / "o.zarr"))["image-label"].values():
        assert value != []


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("levels", [1, 3])
def test_19_labels_have_the_levels_of_their_image(pw, tmp_path, version, levels):
    """As many, and of the same shapes, also where a single chunk would have done."""
    write_image(tmp_path / "i.zarr", ["micrometer"] * 3, levels, version)
    pw("run", tmp_path / "i.zarr", "--fn", "threshold:500", "--name", "cells")
    image, labels = stores.levels(tmp_path / "i.zarr"), stores.levels(tmp_path / "i.zarr" / "labels" / "cells")
    assert [a.shape for a in labels] == [a.shape for a in image] and len(labels) == levels


@pytest.mark.parametrize("into_image", [False, True])
def test_20_an_interrupted_run_leaves_no_store(pw, plugin, tmp_path, into_image):
    """Nothing of the name that was asked for, and no label image that a list of labels speaks of."""
    write_image(tmp_path / "i.zarr", ["micrometer"] * 3)
    before = outputs(tmp_path / "i.zarr")
    where = [] if into_image else ["-o", tmp_path / "o.zarr"]
    slow = plugin("slow", "-DSLEEP_US=40000")
    run = pw.start("run", tmp_path / "i.zarr", "--fn", slow, "--name", "cells", "--tile", "2,8,8", "--threads", 1, *where)
    time.sleep(0.5)
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=20)
    assert run.returncode == -signal.SIGINT
    assert outputs(tmp_path / "i.zarr") == before
    assert not (tmp_path / "o.zarr").exists()
    assert json.loads(pw("info", tmp_path / "i.zarr", "--json").text)["labels"] == []
