"""GeoJSON: polygons that shapely finds valid, and that filled again are the labels, voxel for voxel."""

import json

import numpy as np
import pytest
import shapely
import tifffile
from pwtest import images


def fill(polygon, shape):
    """The voxels whose centres are inside, by counting the edges above each."""
    crossed = np.zeros((shape[0] + 1, shape[1]), np.int64)
    for ring in (polygon.exterior, *polygon.interiors):
        corners = np.asarray(ring.coords).astype(int)
        for (x0, y0), (x1, y1) in zip(corners, corners[1:]):
            assert (x0 == x1) != (y0 == y1), "an edge that is neither a row's nor a column's"
            if y0 == y1:
                crossed[y0, min(x0, x1):max(x0, x1)] += 1
    return np.cumsum(crossed, axis=0)[:-1] % 2 == 1


def read(path, shape):
    """The labels that the features are."""
    labels = np.zeros(shape, np.uint32)
    features = json.loads(path.read_text())["features"]
    for feature in features:
        geometry = shapely.geometry.shape(feature["geometry"])
        properties = feature["properties"]
        assert geometry.is_valid, shapely.is_valid_reason(geometry)
        assert geometry.area == properties["measurements"]["area"]
        assert properties["objectType"] == "detection" and properties["name"] == str(properties["measurements"]["id"])
        for polygon in getattr(geometry, "geoms", [geometry]):
            assert shapely.geometry.polygon.orient(polygon).exterior.is_ccw
            mask = fill(polygon, shape)
            assert not labels[mask].any(), "polygons overlap"
            labels[mask] = properties["measurements"]["id"]
    ids = [f["properties"]["measurements"]["id"] for f in features]
    assert ids == sorted(ids) == list(range(1, len(ids) + 1))
    return labels


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("tile", ["17", "100,64", "4096"])
def test_real_nuclei(pw, data, tmp_path, connectivity, tile):
    image = tifffile.imread(data / "nuclei" / "dsb2018_20b20ab0.tif")
    pw("run", data / "nuclei" / "dsb2018_20b20ab0.tif", "--fn", f"otsu,connectivity={connectivity}", "-o", tmp_path / "cells.geojson",
       "--tile", tile)
    images.assert_same_labels(read(tmp_path / "cells.geojson", image.shape), images.components(image > images.otsu(image), connectivity))


@pytest.mark.parametrize("p", [0.3, 0.5, 0.62, 0.9])
@pytest.mark.parametrize("connectivity", [1, 2])
def test_holes_islands_and_corners(pw, tmp_path, p, connectivity):
    """Noise has everything: holes in holes, voxels that meet in a corner, rings that touch."""
    image = (np.random.default_rng(4).random((61, 83)) < p).astype(np.uint8)
    np.save(tmp_path / "i.npy", image)
    texts = []
    for threads in (1, 2, 7):
        out = tmp_path / f"{threads}.geojson"
        pw("run", tmp_path / "i.npy", "--fn", f"threshold:0,connectivity={connectivity}", "-o", out, "--tile", "20,31", "--threads", threads)
        texts.append(out.read_bytes())
    assert texts[0] == texts[1] == texts[2]
    images.assert_same_labels(read(tmp_path / "1.geojson", image.shape), images.components(image, connectivity))


def test_no_object_and_one_that_is_all(pw, tmp_path):
    for name, value in (("none", 0), ("all", 1)):
        np.save(tmp_path / "i.npy", np.full((5, 7), value, np.uint8))
        pw("run", tmp_path / "i.npy", "--fn", "threshold:0", "-o", tmp_path / f"{name}.geojson")
    assert json.loads((tmp_path / "none.geojson").read_text()) == {"type": "FeatureCollection", "features": []}
    (only,) = json.loads((tmp_path / "all.geojson").read_text())["features"]
    assert only["geometry"] == {"type": "Polygon", "coordinates": [[[0, 0], [7, 0], [7, 5], [0, 5], [0, 0]]]}


def test_many_objects_in_little_memory(pw, tmp_path):
    """More edges than the sorter holds."""
    labels = np.kron(np.arange(1, 700 * 700 + 1).reshape(700, 700), np.ones((3, 3), int)).astype(np.uint32)
    np.save(tmp_path / "l.npy", labels)
    pw("run", tmp_path / "l.npy", "--fn", "label", "-o", tmp_path / "l.geojson", "--tile", "300", "--memory", "128M")
    features = json.loads((tmp_path / "l.geojson").read_text())["features"]
    assert len(features) == 700 * 700 and all(f["properties"]["measurements"]["area"] == 9 for f in features)
    assert features[701]["geometry"]["coordinates"] == [[[3, 3], [6, 3], [6, 6], [3, 6], [3, 3]]]


def test_refusals(pw, data, tmp_path):
    pw.refuses("run", data / "nuclei" / "stardist_img3d.tif", "--fn", "otsu", "-o", tmp_path / "l.geojson",
               says="GeoJSON holds polygons of a plane, and this volume has 31 planes")
    (tmp_path / "l.geojson").write_text("mine")
    pw.refuses("run", data / "nuclei" / "stardist_img2d.tif", "--fn", "otsu", "-o", tmp_path / "l.geojson", says="exists already")
    assert (tmp_path / "l.geojson").read_text() == "mine"
    pw.refuses("run", data / "nuclei" / "stardist_img2d.tif", "--fn", "otsu", "-o", "-", "--format", "geojson", says="geojson cannot be written to a pipe")
