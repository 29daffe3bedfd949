"""pw-stream seams: its figures recomputed from the labels, and what it calls worse."""

import itertools
import json
import math
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image
from pwtest import images, instances, merge_oracle
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma
from pwtest.tool import EXIT_DONE, EXIT_FAILED, EXIT_USAGE

EXIT_WORSE = 2
AXES = "zyx"


def keep(pw, replay, folder, tiling, windows, *options):
    """The stage of a run over windows."""
    fn = f"{replay}:{instances.write_windows(folder / 'tiles', tiling, windows)}"
    shape = tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume
    np.save(folder / "image.npy", np.ones(shape, np.uint8))
    pw("run", folder / "image.npy", "--fn", fn, "-o", folder / "labels.npy", "--tile", comma(tiling.tile), "--halo",
       comma(tiling.halo), "--keep-stage", folder / "stage", *options)
    return folder / "stage"


def seams(pw, stage, *options, code=EXIT_DONE):
    result = pw.any("seams", stage, "--json", *options)
    assert result.code == code and result.err == "", str(result)
    told = json.loads(result.out)
    return {axis["axis"]: axis for axis in told["axes"]}, told


# ---------------------------------------------------------------------------- by the definitions


def plane_figures(low, high, low_ids, high_ids, final_low, final_high):
    """
    Of two layers: labels of one tile each, their objects, and the layers as they are written.
    """
    sizes = merge_oracle.counts(low), merge_oracle.counts(high)
    objects = [low_ids[a] for a in sizes[0]], [high_ids[b] for b in sizes[1]]
    joined = {pair: n for pair, n in merge_oracle.pair_counts(low, high).items() if low_ids[pair[0]] == high_ids[pair[1]]}
    there = set(objects[0]) & set(objects[1])
    final = set(np.unique(final_low)) - {0}, set(np.unique(final_high)) - {0}
    return {
        "n_planes": 1,
        "n_labels": len(objects[0]) + len(objects[1]),
        "n_matched": sum(o in there for side in objects for o in side),
        "n_fused": sum(side.count(o) > 1 for side in objects for o in side),
        "n_contacts": len(merge_oracle.pair_counts(low, high)),
        "n_joined": len(joined),
        "agreement_sum": sum(n / (sizes[0][a] + sizes[1][b] - n) for (a, b), n in joined.items()),
        "voxels_both": np.count_nonzero((low != 0) & (high != 0)),
        "voxels_either": np.count_nonzero((low != 0) | (high != 0)),
        "n_objects": len(final[0] | final[1]),
        "n_cut": len(final[0] ^ final[1]),
    }


def overlap_figures(first, second):
    a_size, b_size = merge_oracle.counts(first), merge_oracle.counts(second)
    shared = merge_oracle.pair_counts(first, second)
    iou = [n / (a_size[a] + b_size[b] - n) for (a, b), n in shared.items()]
    good = [x for x in iou if x > 0.5]
    return {
        "n_overlaps": 1,
        "n_labels": len(a_size) + len(b_size),
        "n_matched": 2 * len(good),
        "agreement_sum": 2 * sum(good),
        "voxels_both": np.count_nonzero((first != 0) & (second != 0)),
        "voxels_either": np.count_nonzero((first != 0) | (second != 0)),
    }


def add(sums, figures):
    for key, value in figures.items():
        sums[key] += value


def merged(tiling, windows, rule, tau):
    """Labels of tiles, the components of each, and the final labels."""
    labelled = merge_oracle.Labelled(tiling, windows)
    if rule == "touch":
        edges = merge_oracle.touch_edges(labelled, 1)
    elif rule == "face":
        edges = merge_oracle.face_edges(labelled, tau, 1)
    else:
        edges = merge_oracle.overlap_edges(labelled, tau, "iou")
    component = merge_oracle.components(labelled, edges)
    paint = merge_oracle.paint_witnesses if rule == "witness" else merge_oracle.paint_cores
    return labelled, component, images.raster_order(paint(labelled, component))


def judge(tiling, windows, rule, tau=0.5):
    """{axis: figures} as doc/SEAMS.md defines them, and the rates of each seam."""
    labelled, component, final = merged(tiling, windows, rule, tau)
    number = {root: i for i, root in enumerate(sorted(set(component.values())), 1)}
    ids = [{a: number[root] for (u, a), root in component.items() if u == t} for t in range(len(tiling))]
    at = {position: t for t, position in enumerate(tiling.positions)}
    out, each = {}, {}
    for axis in (a for a in range(3) if tiling.count[a] > 1):
        sums = {name: defaultdict(float) for name in ("seams", "control", "overlaps")}
        for s, position in enumerate(tiling.positions):
            core = tiling.core(s)
            labels, written = labelled.core(s), final[instances.slices(core)]
            middle = (core[axis][1] - core[axis][0]) // 2
            if middle >= 1:
                layers = [np.take(x, i, axis) for x in (labels, written) for i in (middle - 1, middle)]
                add(sums["control"], plane_figures(*layers[:2], ids[s], ids[s], *layers[2:]))
            behind = tuple(p + (i == axis) for i, p in enumerate(position))
            if behind not in at:
                continue
            t = at[behind]
            there = final[instances.slices(tiling.core(t))]
            figures = plane_figures(np.take(labels, -1, axis), np.take(labelled.core(t), 0, axis), ids[s], ids[t],
                                    np.take(written, -1, axis), np.take(there, 0, axis))
            add(sums["seams"], figures)
            each[axis, s, t] = figures
            box = merge_oracle.shared(tiling.inner(s), tiling.inner(t))
            if box is not None:
                add(sums["overlaps"], overlap_figures(labelled.part(s, box), labelled.part(t, box)))
        out[AXES[axis]] = sums
    return out, each, labelled, final


def z_of(hits, n, control_hits, control_n):
    if n == 0 or control_n == 0:
        return None
    p = (hits + control_hits) / (n + control_n)
    return (hits / n - control_hits / control_n) / math.sqrt(p * (1 - p) * (1 / n + 1 / control_n)) if 0 < p < 1 else 0


def at_least(hits, n):
    """The lower end of Wilson's interval."""
    z = 1.959963984540054
    if hits == 0:
        return 0
    p = hits / n
    return (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def extents(labelled):
    """{axis: sorted lengths of labels that have something in a core}."""
    boxes = merge_oracle.boxes_of_labels(labelled)
    there = {(t, a) for t in range(len(labelled.tiling)) for a in merge_oracle.counts(labelled.core(t))}
    return [sorted(b - a for label in there for a, b in [boxes[label][axis]]) for axis in range(3)]


def folded(tiling, final, axis, extent):
    """Where objects begin: chi-square, degrees, objects, and densities near seams and inside."""
    tile, size = tiling.tile[axis], tiling.volume[axis]
    from scipy.ndimage import find_objects

    ranges = [(box[axis].start, box[axis].stop) for box in find_objects(final)]
    begins = np.array([a for a, b in ranges if 0 < a < size - extent and b < size], np.int64) % tile
    places = np.arange(1, max(size - extent, 1)) % tile
    bins = min(16, tile)
    count, weight = (np.bincount(x * bins // tile, minlength=bins) for x in (begins, places))
    used = weight > 0
    expected = len(begins) * weight / max(weight.sum(), 1)
    chi = float((((count - expected) ** 2)[used] / expected[used]).sum()) if used.sum() > 1 and len(begins) else None
    width = max(tile // 16, 1)
    near = lambda x: np.count_nonzero((x < width) | (x >= tile - width))  # noqa: E731
    inner = lambda x: np.count_nonzero((x >= tile // 4) & (x < tile - tile // 4))  # noqa: E731
    return {"n_objects": len(begins), "chi_square": chi, "degrees": int(used.sum()) - 1 if chi is not None else 0,
            "near": near(begins) / near(places) if near(places) else None,
            "inner": inner(begins) / inner(places) if inner(places) else None}


def close(told, expected):
    return told is None if expected is None else told == pytest.approx(expected, rel=1e-12, abs=1e-12)


def check_rates(told, expected):
    ratios = {"matched_rate": ("n_matched", "n_labels"), "fused_rate": ("n_fused", "n_labels"), "cut_rate": ("n_cut", "n_objects"),
              "foreground_agreement": ("voxels_both", "voxels_either"),
              "mean_agreement": ("agreement_sum", "n_joined" if "n_joined" in expected else "n_matched")}
    assert {key: told[key] for key in expected if key != "agreement_sum"} == {
        key: value for key, value in expected.items() if key != "agreement_sum"}
    for rate, (a, b) in ratios.items():
        if rate in told:
            assert close(told[rate], expected[a] / expected[b] if expected[b] else None), rate


# ---------------------------------------------------------------------------- figures

SCENES = {
    "2d": ((1, 90, 110), (1, 25, 32), (0, 7, 9)),
    "3d": ((20, 40, 50), (7, 16, 13), (3, 4, 5)),
    "no halo along y": ((1, 90, 110), (1, 25, 32), (0, 0, 9)),
    "planes": ((4, 60, 70), (1, 31, 29), (0, 6, 5)),
    "a layer is left": ((9, 41, 53), (8, 20, 26), (3, 5, 6)),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("rule", ["touch", "face", "overlap", "witness"])
def test_figures(pw, replay, tmp_path, name, rule):
    volume, tile, halo = SCENES[name]
    rng = np.random.default_rng(5)
    tiling = Tiling(volume, tile, halo)
    truth = instances.cells(rng, volume[1:] if volume[0] == 1 else volume, 9, "touching")
    windows = instances.segment_tiles(rng, truth, tiling, "errors")
    empty = len(tiling) // 2  # a tile without a label has seams as well
    windows[empty] = np.zeros_like(windows[empty])
    stage = keep(pw, replay, tmp_path, tiling, windows, "--merge", "face")
    expected, each, labelled, final = judge(tiling, windows, rule, 0.4)
    axes, told = seams(pw, stage, "--merge", rule, "--tau", "0.4")
    assert set(axes) == set(expected)
    assert told["n_objects"] == final.max()
    lengths = extents(labelled)
    for axis, sums in expected.items():
        a = AXES.index(axis)
        for what in ("seams", "control", "overlaps"):
            if sums[what]:
                check_rates(axes[axis][what], sums[what])
            else:
                assert axes[axis][what]["n_labels"] == 0
        s, c = sums["seams"], sums["control"]
        assert close(axes[axis]["cut_z"], z_of(s["n_cut"], s["n_objects"], c["n_cut"], c["n_objects"]))
        assert close(axes[axis]["fused_z"], z_of(s["n_fused"], s["n_labels"], c["n_fused"], c["n_labels"]))
        extent = lengths[a][len(lengths[a]) - len(lengths[a]) // 100 - 1]
        assert axes[axis]["label_extent"] == extent
        assert axes[axis]["suggested_halo"] == min(extent, tiling.tile[a] // 2)
        for key, value in folded(tiling, final, a, extent).items():
            assert close(axes[axis]["density"][key], value), (axis, key)
    for what in ("seams", "control", "overlaps"):
        total = defaultdict(float)
        for sums in expected.values():
            add(total, sums[what])
        check_rates(told[what], total)
    check_worst(told, each, tiling)


def check_worst(told, each, tiling):
    badness = {key: max(at_least(f["n_cut"], f["n_objects"]), at_least(f["n_fused"], f["n_labels"])) for key, f in each.items()}
    worst = sorted((b for b in badness.values() if b > 0), reverse=True)[:10]
    assert [seam["badness"] for seam in told["worst"]] == pytest.approx(worst, rel=1e-9)
    for seam in told["worst"]:
        s, t = seam["tiles"]
        key = (AXES.index(seam["axis"]), s, t)
        assert seam["badness"] == pytest.approx(badness[key], rel=1e-9)
        check_rates(seam["plane"], each[key])
        assert seam["start"] == [a for a, _ in tiling.core(t)]
        assert seam["shape"] == [1 if i == key[0] else b - a for i, (a, b) in enumerate(tiling.core(t))]


# ---------------------------------------------------------------------------- the verdict


@pytest.fixture(scope="module")
def confluent():
    """Cells that fill the plane, in enough tiles for rates to mean something, and fewer in space."""
    rng = np.random.default_rng(3)
    flat = Tiling((1, 700, 900), (1, 100, 110), (0, 24, 26))
    deep = Tiling((60, 120, 130), (20, 30, 32), (9, 10, 10))
    return {"2d": (instances.cells(rng, flat.volume[1:], 16, "confluent"), flat),
            "3d": (instances.cells(rng, deep.volume, 9, "confluent"), deep)}


@pytest.mark.parametrize("name", ["2d", "3d"])
@pytest.mark.parametrize("rule", ["overlap", "witness"])
def test_perfect_tiles_are_no_worse(pw, replay, tmp_path, confluent, name, rule):
    truth, tiling = confluent[name]
    windows = instances.segment_tiles(np.random.default_rng(1), truth, tiling, "perfect")
    stage = keep(pw, replay, tmp_path, tiling, windows, "--merge", rule)
    axes, told = seams(pw, stage, "--qc-fail")
    assert not told["is_worse"]
    assert len(axes) == {"2d": 2, "3d": 3}[name]
    for axis in axes.values():
        assert abs(axis["cut_z"]) < 3 and axis["seams"]["n_fused"] == 0 and axis["control"]["n_objects"] > 300
        assert axis["overlaps"]["matched_rate"] == axis["overlaps"]["mean_agreement"] == 1
        assert axis["seams"]["mean_agreement"] == pytest.approx(axis["control"]["mean_agreement"], abs=0.06)
        assert axis["density"]["chi_square"] < 3 * axis["density"]["degrees"]
        assert 0.7 < axis["density"]["ratio"] < 1.4


@pytest.mark.parametrize("name", ["2d", "3d"])
def test_touch_fuses_cells(pw, replay, tmp_path, confluent, name):
    truth, tiling = confluent[name]
    windows = instances.segment_tiles(np.random.default_rng(1), truth, tiling, "perfect")
    stage = keep(pw, replay, tmp_path, tiling, windows, "--merge", "touch")
    axes, told = seams(pw, stage, "--qc-fail", code=EXIT_WORSE)
    assert told["is_worse"]
    for axis in axes.values():
        assert axis["is_worse"] and axis["fused_z"] > 10 and axis["seams"]["fused_rate"] > 0.5
        assert axis["seams"]["mean_agreement"] < axis["control"]["mean_agreement"] - 0.05
    # The same stage by a better rule is fine; without --qc-fail it is a report like any other.
    assert not seams(pw, stage, "--qc-fail", "--merge", "witness")[1]["is_worse"]
    assert seams(pw, stage)[1]["is_worse"]


@pytest.mark.parametrize("rule", ["face", "overlap", "witness"])
def test_cells_cut_at_seams(pw, replay, tmp_path, confluent, rule):
    """Tiles that know nothing of each other: every tile sees cells of its own."""
    truth, tiling = confluent["2d"]
    rng = np.random.default_rng(4)
    windows = []
    for t in range(len(tiling)):
        shape = [b - a for a, b in tiling.window(t)]
        windows.append(instances.cells(rng, shape[1:], 16, "confluent").reshape(shape))
    stage = keep(pw, replay, tmp_path, tiling, windows, "--merge", rule)
    axes, told = seams(pw, stage, "--qc-fail", code=EXIT_WORSE)
    for axis in axes.values():
        assert axis["is_worse"] and axis["cut_z"] > 10 and axis["seams"]["cut_rate"] > 0.5 > axis["control"]["cut_rate"]
        assert axis["density"]["chi_square"] > 5 * axis["density"]["degrees"] and axis["density"]["ratio"] > 1.5
        assert axis["overlaps"]["matched_rate"] < 0.3
    assert len(told["worst"]) == 10
    text = pw.any("seams", stage, "--qc-fail")
    assert text.code == EXIT_WORSE and "seams are worse than the inside of tiles" in text.text
    assert text.text.count("WORSE") == 2


def test_components_may_be_fused(pw, tmp_path):
    """Two components of a tile may be one in the whole: that is what touching is for."""
    mask = np.random.default_rng(2).random((300, 320)) < 0.55
    np.save(tmp_path / "image.npy", mask.astype(np.uint8))
    pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "labels.npy", "--tile", "30,32", "--keep-stage",
       tmp_path / "stage")
    axes, told = seams(pw, tmp_path / "stage", "--qc-fail")
    for axis in axes.values():
        assert axis["fused_z"] is None and not axis["is_worse"]
        assert axis["seams"]["n_fused"] > axis["control"]["n_fused"]


def test_one_tile_has_no_seams(pw, tmp_path):
    np.save(tmp_path / "image.npy", np.ones((20, 30), np.uint8))
    pw("run", tmp_path / "image.npy", "--fn", "threshold:0", "-o", tmp_path / "labels.npy", "--keep-stage", tmp_path / "stage")
    axes, told = seams(pw, tmp_path / "stage", "--qc-fail", "--png", tmp_path / "map.png")
    assert axes == {} and told["worst"] == [] and not told["is_worse"]
    assert "there are no seams" in pw("seams", tmp_path / "stage").text
    assert Image.open(tmp_path / "map.png").size


# ---------------------------------------------------------------------------- the map


def expected_colour(agreement):
    share = max(0, 2 * agreement - 1)
    return (220 if share < 0.5 else 440 * (1 - share), 360 * share if share < 0.5 else 180, 40)


@pytest.mark.parametrize("name", ["2d", "3d"])
def test_map(pw, replay, tmp_path, name):
    """Every line between two tiles has the colour of the worst agreement there, and cells that of the z seams."""
    volume, tile, halo = SCENES[name]
    rng = np.random.default_rng(6)
    tiling = Tiling(volume, tile, halo)
    truth = instances.cells(rng, volume[1:] if volume[0] == 1 else volume, 9, "confluent")
    windows = instances.segment_tiles(rng, truth, tiling, "errors")
    stage = keep(pw, replay, tmp_path, tiling, windows, "--merge", "face")
    each = judge(tiling, windows, "face")[1]
    pw("seams", stage, "--png", tmp_path / "map.png")
    picture = np.asarray(Image.open(tmp_path / "map.png").convert("RGB")).astype(int)
    pitch, line = 64, 8
    rows, columns = tiling.count[1], tiling.count[2]
    assert picture.shape[:2] == (rows * pitch - line, columns * pitch - line)
    worst = {}
    for (axis, s, _), figures in each.items():
        key = (axis, *tiling.positions[s][1:])
        worst[key] = min(worst.get(key, 2), figures["n_matched"] / figures["n_labels"])
    inside, border = (pitch - line) // 2, pitch - line // 2
    for y, x in itertools.product(range(rows), range(columns)):
        for axis, (dy, dx) in enumerate([(inside, inside), (border, inside), (inside, border)]):
            row, column = y * pitch + dy, x * pitch + dx
            if row >= picture.shape[0] or column >= picture.shape[1]:
                continue
            found = worst.get((axis, y, x))
            expected = (235, 235, 235) if found is None else expected_colour(found)
            assert np.abs(picture[row, column] - expected).max() <= 1.5, (axis, y, x)


# ---------------------------------------------------------------------------- the rest


def test_threads_and_memory_do_not_show(pw, replay, tmp_path):
    volume, tile, halo = SCENES["3d"]
    rng = np.random.default_rng(7)
    tiling = Tiling(volume, tile, halo)
    truth = instances.cells(rng, volume, 9, "confluent")
    windows = instances.segment_tiles(rng, truth, tiling, "errors")
    outputs = set()
    for threads, memory in ((1, "1G"), (3, "24M")):
        folder = tmp_path / str(threads)
        folder.mkdir()
        stage = keep(pw, replay, folder, tiling, windows, "--merge", "witness", "--threads", threads)
        outputs.add(pw("seams", stage, "--json", "--memory", memory).out)
    assert len(outputs) == 1


def test_refusals(pw, replay, tmp_path):
    volume, tile, halo = SCENES["2d"]
    tiling = Tiling(volume, tile, halo)
    windows = [np.ones([b - a for a, b in tiling.window(t)], np.uint32) for t in range(len(tiling))]
    stage = keep(pw, replay, tmp_path, tiling, windows)
    pw.refuses("seams", says="STAGE", code=EXIT_USAGE)
    pw.refuses("seams", stage, "--border", "drop", says="--border", code=EXIT_USAGE)
    pw.refuses("seams", tmp_path, says=[tmp_path, "not a kept stage"], code=EXIT_FAILED)
    pw.refuses("seams", stage, "--memory", "1M", says="--memory", code=EXIT_FAILED)
    pw.refuses("seams", stage, "--png", tmp_path / "none" / "map.png", says="map.png", code=EXIT_FAILED)
