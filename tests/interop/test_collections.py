"""Stores of several images: series of bioformats2raw, plates and wells; what info lists, what run can be pointed at."""

import json

import numpy as np
import pytest
import zarr
from pwtest import images, stores


def write_image(group, image):
    axes = [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    transformations = [{"type": "scale", "scale": [1.0, 1.0]}]
    group.create_array("0", shape=image.shape, dtype=image.dtype, chunks=(16, 16))[...] = image
    multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": transformations}]}]
    return multiscales


def set_ome(group, version, **entries):
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", **entries}
    else:
        group.attrs.update(entries)


@pytest.fixture(params=("0.4", "0.5"))
def version(request):
    return request.param


def draw(seed):
    return np.random.default_rng(seed).integers(0, 100, (37, 41)).astype(np.uint8)


def plate(path, version):
    """Two wells, one with two fields."""
    root = zarr.create_group(str(path), zarr_format=3 if version == "0.5" else 2)
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}, {"path": "B/12", "rowIndex": 1, "columnIndex": 1}]
    set_ome(root, version, plate={"wells": wells, "rows": [{"name": "A"}, {"name": "B"}],
                                  "columns": [{"name": "1"}, {"name": "12"}], "version": version})
    made = {}
    for well, fields in (("A/1", ("0", "1")), ("B/12", ("0",))):
        group = root.create_group(well)
        set_ome(group, version, well={"images": [{"path": f} for f in fields]})
        for field in fields:
            name = f"{well}/{field}"
            made[name] = draw(len(made))
            image = group.create_group(field)
            set_ome(image, version, multiscales=write_image(image, made[name]))
    return made


def test_wells_and_fields_that_were_not_written(pw, tmp_path, version):
    store = tmp_path / "plate.zarr"
    made = plate(store, version)
    root = zarr.open_group(str(store))
    attributes = dict(root.attrs["ome"] if version == "0.5" else root.attrs)
    wells = [{"path": path, "rowIndex": 0, "columnIndex": 0} for path in ("A/1/", "A/7", "B/12")]
    set_ome(root, version, plate={**attributes["plate"], "wells": wells})
    set_ome(root["A/1"], version, well={"images": [{"path": field} for field in ("0", "5", "1")]})
    said = json.loads(pw("info", store, "--json").text)
    assert [image["name"] for image in said["images"]] == list(made)
    assert pw("cat", store, "--well", "B/12", "--raw").out == made["B/12/0"].tobytes()
    assert pw("cat", store, "--well", "A/1/1", "--raw").out == made["A/1/1"].tobytes()
    pw.refuses("info", store, "--well", "A/7", says="A/7: no zarr metadata")


def test_plates_and_wells(pw, tmp_path, version):
    store = tmp_path / "plate.zarr"
    made = plate(store, version)
    said = json.loads(pw("info", store, "--json").text)
    assert said["kind"] == "plate" and [i["name"] for i in said["images"]] == list(made)
    assert "B/12/0" in pw("info", store).text
    run = ["run", store, "--fn", "threshold:50", "--tile", "9,9"]
    for well, name in (("A/1/1", "A/1/1"), ("B/12", "B/12/0"), ("B12", "B/12/0"), ("A1/0", "A/1/0")):
        pw(*run, "--well", well, "-o", tmp_path / "out.npy", "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "out.npy"), images.components(made[name] > 50, 1), well)
    out = ["-o", tmp_path / "no.npy"]
    pw.refuses(*run, *out, says=("plate", "--well", "A/1, B/12"))
    pw.refuses(*run, *out, "--well", "A/1", says=("several images", "0, 1"))
    pw.refuses(*run, *out, "--well", "C/1", says=("no such well", "A/1, B/12"))
    pw.refuses(*run, *out, "--well", "A/1/7", says=("no such field", "0, 1"))
    pw.refuses(*run, *out, "--well", "all", says=("--well all", "-o"))
    pw.refuses("run", store / "A" / "1" / "0", *out, "--fn", "threshold:50", "--well", "A/1", says="no plate")
    pw(*run, "--well", "all")
    for name, image in made.items():
        labels = stores.levels(stores.label_group(store / name))[0][...]
        images.assert_same_labels(labels, images.components(image > 50, 1), name)


def test_series(pw, tmp_path, version):
    store = tmp_path / "series.zarr"
    root = zarr.create_group(str(store), zarr_format=3 if version == "0.5" else 2)
    set_ome(root, version, **{"bioformats2raw.layout": 3})
    made = [draw(i + 9) for i in range(3)]
    for i, image in enumerate(made):
        group = root.create_group(str(i))
        set_ome(group, version, multiscales=write_image(group, image))
    ome = root.create_group("OME")
    set_ome(ome, version, series=["0", "1", "2"])
    (store / "OME" / "METADATA.ome.xml").write_text(
        "<OME>" + "".join(f'<Image ID="Image:{i}" Name="{n}"><Pixels/></Image>' for i, n in
                          enumerate(("nuclei", "cells", "7"))) + "</OME>")
    said = json.loads(pw("info", store, "--json").text)
    assert said["kind"] == "series" and [i["name"] for i in said["images"]] == ["nuclei", "cells", "7"]
    run = ["run", store, "--fn", "threshold:50", "--tile", "9,9"]
    for series, number in (("0", 0), ("cells", 1), ("2", 2), ("7", 2)):
        pw(*run, "--series", series, "-o", tmp_path / "out.npy", "--overwrite")
        images.assert_same_labels(np.load(tmp_path / "out.npy"), images.components(made[number] > 50, 1), series)
    one = json.loads(pw("info", store, "--series", "cells", "--json").text)
    assert one["series"] == 1 and one["series_names"] == ["nuclei", "cells", "7"]
    pw.refuses(*run, "-o", tmp_path / "no.npy", says=("bioformats2raw", "--series", "0 nuclei, 1 cells"))
    pw.refuses(*run, "-o", tmp_path / "no.npy", "--series", "5", says=("no such series", "1 cells"))
    pw(*run, "--series", "all")
    for i, image in enumerate(made):
        labels = stores.levels(stores.label_group(store / str(i)))[0][...]
        images.assert_same_labels(labels, images.components(image > 50, 1), str(i))
