"""pw-stream explain: what it tells of an object is what the definitions say (pwtest/merge_oracle.py)."""

import json
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
from pwtest import images, instances, merge_oracle
from pwtest.merge_oracle import Tiling
from pwtest.stores import comma
from pwtest.tool import EXIT_FAILED, EXIT_USAGE

RULES = {
    "touch": ["--connectivity", "1"],
    "face": [],
    "overlap": [],
    "overlap mutual": ["--metric", "mutual", "--tau", "0.4"],
    "overlap iomin": ["--metric", "iomin", "--tau", "0.8"],
    "witness": ["--tau", "0.3"],
}


def keep(pw, replay, folder, tiling, windows, *options):
    """The stage of a run over windows, and the labels of that run."""
    fn = f"{replay}:{instances.write_windows(folder / 'tiles', tiling, windows)}"
    shape = tiling.volume[1:] if tiling.volume[0] == 1 else tiling.volume
    np.save(folder / "image.npy", np.ones(shape, np.uint8))
    pw("run", folder / "image.npy", "--fn", fn, "-o", folder / "labels.npy", "--tile", comma(tiling.tile), "--halo",
       comma(tiling.halo), "--keep-stage", folder / "stage", *options)
    return folder / "stage", np.load(folder / "labels.npy")


@pytest.fixture(scope="module", params=["2d", "3d", "no halo along y"])
def scene(request):
    """Cells that tiles are sometimes wrong about, in tiles that leave a remainder."""
    volume, tile, halo = {
        "2d": ((1, 90, 110), (1, 25, 32), (0, 7, 9)),
        "3d": ((20, 40, 50), (7, 16, 13), (3, 4, 5)),
        "no halo along y": ((1, 90, 110), (1, 25, 32), (0, 0, 9)),
    }[request.param]
    rng = np.random.default_rng(3)
    tiling = Tiling(volume, tile, halo)
    truth = instances.cells(rng, volume[1:] if volume[0] == 1 else volume, 11, "confluent")
    return tiling, instances.segment_tiles(rng, truth, tiling, "errors")


# ---------------------------------------------------------------------------- by the definitions


def candidates(labelled, rule):
    """{(label, label): (shared, size, size)} of all that the rule decides on, the smaller label first."""
    tiling, found = labelled.tiling, {}
    if rule == "touch":
        return {tuple(sorted(edge)): None for edge in merge_oracle.touch_edges(labelled, 1)}
    for s, t in tiling.pairs():
        if rule == "face":
            offset = [q - p for p, q in zip(tiling.positions[s], tiling.positions[t])]
            if sum(map(abs, offset)) != 1:
                continue
            axis = offset.index(1)
            first, second = np.take(labelled.core(s), -1, axis), np.take(labelled.core(t), 0, axis)
        else:
            box = merge_oracle.shared(tiling.inner(s), tiling.inner(t))
            if box is None:
                continue
            first, second = labelled.part(s, box), labelled.part(t, box)
        a_size, b_size = merge_oracle.counts(first), merge_oracle.counts(second)
        for (a, b), n in merge_oracle.pair_counts(first, second).items():
            found[(s, a), (t, b)] = (n, a_size[a], b_size[b])
    return found


def accepted(labelled, rule):
    name, _, metric = rule.partition(" ")
    if name == "touch":
        edges = merge_oracle.touch_edges(labelled, 1)
    elif name == "face":
        edges = merge_oracle.face_edges(labelled, 0.5, 1)
    else:
        tau = {"mutual": 0.4, "iomin": 0.8}.get(metric, 0.3 if name == "witness" else 0.5)
        edges = merge_oracle.overlap_edges(labelled, tau, metric or "iou")
    return {tuple(sorted(edge)) for edge in edges}


def score(rule, shared, a, b):
    if rule == "overlap mutual":
        return (shared / a + shared / b) / 2
    if rule == "overlap iomin":
        return shared / min(a, b)
    return shared / (a + b - shared)


def place(mask, origin):
    """First voxel in raster order and bounding box of a mask that is not empty, in the volume."""
    voxels = np.argwhere(mask) + origin
    low, high = voxels.min(axis=0), voxels.max(axis=0) + 1
    return voxels[0].tolist(), low.tolist(), (high - low).tolist()


def explain_by_definition(tiling, windows, rule):
    labelled = merge_oracle.Labelled(tiling, windows)
    edges = accepted(labelled, rule)
    component = merge_oracle.components(labelled, edges)
    witness = merge_oracle.choose_witnesses(labelled, component) if rule == "witness" else {}
    painted = (merge_oracle.paint_witnesses if rule == "witness" else merge_oracle.paint_cores)(labelled, component)
    names = sorted(set(component.values()))
    final = images.raster_order(painted)
    ids, at = np.unique(final, return_index=True)
    root_of = {int(i): names[painted.ravel()[v] - 1] for i, v in zip(ids, at) if i}
    members = defaultdict(list)
    for label, root in component.items():
        members[root].append(label)
    return SimpleNamespace(labelled=labelled, edges=edges, component=component, witness=witness, final=final,
                           root_of=root_of, id_of={root: i for i, root in root_of.items()}, members=members,
                           candidates=candidates(labelled, rule))


def expected_labels(tiling, truth, root):
    for t, a in sorted(truth.members[root]):
        core = tiling.core(t)
        mask = truth.labelled.core(t) == a
        _, start, shape = place(truth.labelled.inner[t] == a, [low for low, _ in tiling.inner(t)])
        first = place(mask, [low for low, _ in core])[0] if mask.any() else None
        yield {"tile": t, "position": list(tiling.positions[t]), "label": a, "core_voxels": int(mask.sum()),
               "first": first, "box_start": start, "box_shape": shape}


def expected_candidates(truth, rule, root):
    for ends, counted in sorted(truth.candidates.items()):
        roots = [truth.component[end] for end in ends]
        if root in roots:
            yield ends, counted, [truth.id_of.get(r, 0) for r in roots], ends in truth.edges


def expected_pieces(tiling, truth, root):
    """Every core is painted with the masks as merge_oracle.paint_witnesses() does, and sources are kept."""
    owner = truth.witness.get(root)
    for u in range(len(tiling)):
        core = tiling.core(u)
        source = np.full([b - a for a, b in core], -1)
        masks = []
        for t in [u, *tiling.neighbours(u)]:
            box = merge_oracle.shared(core, tiling.inner(t))
            if box is None:
                continue
            labels, part = truth.labelled.part(t, box), merge_oracle.cut(source, core, box)
            for a in np.unique(labels[labels != 0]).tolist():
                other = truth.component[t, a]
                chosen = truth.witness.get(other)
                if (t == u and (chosen is None or chosen[0] == u)) or chosen == (t, a):
                    masks.append((other, t, a))
                    part[(labels == a) & (part == -1)] = len(masks) - 1
        for number, (other, t, a) in enumerate(masks):
            mask = source == number
            if other == root and mask.any():
                first, start, shape = place(mask, [low for low, _ in core])
                yield {"tile": u, "source_tile": t, "source_label": a, "voxels": int(mask.sum()), "first": first,
                       "box_start": start, "box_shape": shape}
    assert owner is None or owner in truth.members[root]


# ---------------------------------------------------------------------------- tests


@pytest.mark.parametrize("rule", RULES)
def test_explains_what_the_rule_did(pw, replay, tmp_path, scene, rule):
    """Under the rule of the run, and under others over a stage that another run kept."""
    tiling, windows = scene
    name = rule.split()[0]
    stage, _ = keep(pw, replay, tmp_path, tiling, windows, "--merge", "face")
    truth = explain_by_definition(tiling, windows, rule)
    options = ["--merge", name, *RULES[rule]]
    pw("remerge", stage, "-o", tmp_path / "again.npy", *options)
    images.assert_same_labels(np.load(tmp_path / "again.npy").reshape(truth.final.shape), truth.final, rule)
    most = max(truth.root_of, key=lambda i: len(truth.members[truth.root_of[i]]))
    last = max(truth.root_of)
    chosen = sorted({1, last, most, *np.random.default_rng(1).integers(1, last + 1, 12).tolist()})
    refused = joined = 0
    for i in chosen:
        told = json.loads(pw("explain", stage, i, "--json", *options).out)
        root = truth.root_of[i]
        assert (told["id"], told["n_objects"], told["merge"].split(",")[0]) == (i, last, name)
        assert told["labels"] == list(expected_labels(tiling, truth, root)), i
        expected = list(expected_candidates(truth, rule, root))
        assert [[list(pair) for pair in zip(c["tiles"], c["labels"])] for c in told["candidates"]] == [
            [list(end) for end in ends] for ends, *_ in expected]
        for c, (_, counted, objects, is_accepted) in zip(told["candidates"], expected):
            assert c["objects"] == objects and c["accepted"] == is_accepted, c
            refused, joined = refused + (not is_accepted), joined + is_accepted
            if counted is None:
                assert c["shared"] is c["sizes"] is c["score"] is None
            else:
                assert [c["shared"], *c["sizes"]] == list(counted)
                assert c["score"] == pytest.approx(score(rule, *counted), rel=1e-12)
        owner = truth.witness.get(root)
        assert told["owner"] == (None if owner is None else {"tile": owner[0], "label": owner[1]}), i
        if rule == "witness":
            by_place = lambda piece: (piece["tile"], piece["first"])  # noqa: E731
            pieces = sorted(expected_pieces(tiling, truth, root), key=by_place)
            assert sorted(told["painted"], key=by_place) == pieces, i
            assert sum(piece["voxels"] for piece in pieces) == np.count_nonzero(truth.final == i)
        else:
            assert told["painted"] == []
            assert sum(label["core_voxels"] for label in told["labels"]) == np.count_nonzero(truth.final == i)
    assert joined > 5 and (rule == "touch" or refused > 3)


def test_text_says_the_same(pw, replay, tmp_path, scene):
    tiling, windows = scene
    stage, labels = keep(pw, replay, tmp_path, tiling, windows, "--merge", "witness")
    for i in (1, int(labels.max()) // 2):
        told = json.loads(pw("explain", stage, i, "--json").out)
        lines = pw("explain", stage, i).text.splitlines()
        assert lines[0] == f"object {i} of {labels.max()}, merged by witness, tau 0.5"
        for label in told["labels"]:
            assert any(line.startswith(f"  tile {label['tile']} at {comma(label['position'])}, label {label['label']}: ")
                       for line in lines)
        for c in told["candidates"]:
            (s, t), (a, b) = c["tiles"], c["labels"]
            found = [line for line in lines if line.startswith(f"  {s}.{a} - {t}.{b}: {c['shared']} of ")]
            assert len(found) == 1 and ("joined" if c["accepted"] else "refused") in found[0]
        for piece in told["painted"]:
            assert any(f"{piece['voxels']} voxels of label {piece['source_label']} of tile {piece['source_tile']}" in line
                       for line in lines)
        if told["owner"]:
            assert any(f"tile {told['owner']['tile']} saw it whole" in line for line in lines)


def test_threads_do_not_show(pw, replay, tmp_path, scene):
    """Tiles come to an end in any order, and candidates with them; what is told does not."""
    tiling, windows = scene
    outputs = set()
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        stage, labels = keep(pw, replay, folder, tiling, windows, "--merge", "touch", "--threads", threads)
        outputs.add(tuple(pw("explain", stage, i, "--json", "--memory", "64M").out for i in range(1, 6)))
    assert len(outputs) == 1


@pytest.mark.parametrize("rule", ["overlap", "witness"])
def test_ids_are_those_of_what_is_left(pw, replay, tmp_path, scene, rule):
    """With objects left out the others have other numbers, and candidates with what is not there have 0."""
    tiling, windows = scene
    stage, whole = keep(pw, replay, tmp_path, tiling, windows, "--merge", rule)
    options = ["--min-size", int(np.median(np.bincount(whole[whole != 0])[1:]))]
    pw("remerge", stage, "-o", tmp_path / "left.npy", *options)
    left = np.load(tmp_path / "left.npy")
    assert 3 < left.max() < 0.7 * whole.max()
    nothing = 0
    for i in range(1, int(left.max()) + 1):
        told = json.loads(pw("explain", stage, i, "--json", *options).out)
        at = tuple(np.argwhere(left == i)[0])
        before = json.loads(pw("explain", stage, whole[at], "--json").out)
        assert (told["id"], told["n_objects"]) == (i, left.max())
        assert (told["labels"], told["painted"]) == (before["labels"], before["painted"])
        for c, whole_c in zip(told["candidates"], before["candidates"], strict=True):
            new = {int(left[whole == old].max(initial=0)) if old else 0: old for old in whole_c["objects"]}
            assert set(c["objects"]) <= set(new)
            nothing += 0 in c["objects"]
    assert nothing > 0


def test_what_is_not_there_is_refused(pw, replay, tmp_path, scene):
    tiling, windows = scene
    stage, labels = keep(pw, replay, tmp_path, tiling, windows)
    n = int(labels.max())
    for i in (0, n + 1, 2**64 - 1):
        pw.refuses("explain", stage, i, says=[f"no object {i}", f"{n} objects"], code=EXIT_FAILED)
    pw.refuses("explain", tmp_path, 1, says=[tmp_path, "not a kept stage"], code=EXIT_FAILED)
    pw.refuses("explain", stage, says="an ID", code=EXIT_USAGE)
    pw.refuses("explain", stage, "one", says=["ID one", "whole number"], code=EXIT_USAGE)
    pw.refuses("explain", stage, 1, "--merge", "best", says="--merge best", code=EXIT_USAGE)
