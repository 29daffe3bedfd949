"""
The four merge rules from their definitions, by brute force on whole arrays in memory.

A volume is cut into tiles with cores K_t that partition it; tile t was segmented on its window W_t, the core grown by
the halo and clipped at the volume.  W'_t is W_t less a rim of `context` voxels at its artificial faces: those that are
not at the volume's border.  A label is (tile, local id); local ids count labels in the order of their first voxel in
raster order of W'.  Each rule gives edges between labels of different tiles; the components of the graph are
the objects.

    touch     adjacent voxels of two cores, under a connectivity
    face      on the face between two cores, m_ab > tau (m_a + m_b - m_ab), counting face-adjacent voxel pairs
    overlap   on O, what W'_s and W'_t share, for all 3^n - 1 neighbours; I, A, B are voxels of both, of a, of b in O:
              iou     I > tau (A + B - I)
              mutual  a and b are each other's argmax of I (ties: the smaller id), (I/A + I/B) / 2 > tau
              iomin   I >= tau min(A, B)
    witness   components as of overlap, iou; one that a tile saw whole is painted as that tile's mask

touch, face and overlap paint the core's part of every label.  Objects are numbered by their first voxel in raster
order of what was painted.  Comparisons are exact, in rationals, with tau as the double that was given.

Everything here is plain on purpose: it is what the tool is compared with.
"""

import itertools
from fractions import Fraction

import numpy as np

from . import images


class Tiling:
    """
    A volume z, y, x cut into tiles.  Boxes are three (start, stop) pairs in voxels of the volume.  As in the tool, an
    axis that has one tile, or tiles 1 thick, has no halo, and where there is no halo there is no rim.
    """

    def __init__(self, volume, tile, halo=(0, 0, 0), context=(0, 0, 0)):
        self.volume = tuple(int(n) for n in volume)
        self.tile = tuple(min(int(t), n) for t, n in zip(tile, self.volume))
        self.count = tuple(-(-n // t) for n, t in zip(self.volume, self.tile))
        self.halo = tuple(0 if t == 1 or c == 1 else int(h) for h, t, c in zip(halo, self.tile, self.count))
        self.context = tuple(min(int(c), h) for c, h in zip(context, self.halo))
        self.positions = list(itertools.product(*(range(c) for c in self.count)))

    def __len__(self):
        return len(self.positions)

    def core(self, t):
        return tuple((p * n, min((p + 1) * n, end)) for p, n, end in zip(self.positions[t], self.tile, self.volume))

    def window(self, t):
        return tuple((max(a - h, 0), min(b + h, end)) for (a, b), h, end in zip(self.core(t), self.halo, self.volume))

    def inner(self, t):
        """W': the window less the rim of context at artificial faces."""
        rims = zip(self.window(t), self.context, self.volume)
        return tuple((a + (c if a > 0 else 0), b - (c if b < end else 0)) for (a, b), c, end in rims)

    def pairs(self):
        """(s, t) of neighbours that share a face, an edge or a corner; s < t."""
        number = {position: t for t, position in enumerate(self.positions)}
        for s, position in enumerate(self.positions):
            for offset in itertools.product((-1, 0, 1), repeat=3):
                t = number.get(tuple(p + o for p, o in zip(position, offset)))
                if t is not None and s < t:
                    yield s, t

    def neighbours(self, u):
        return sorted({t for pair in self.pairs_of(u) for t in pair} - {u})

    def pairs_of(self, u):
        if not hasattr(self, "_pairs_of"):
            self._pairs_of = {t: [] for t in range(len(self))}
            for s, t in self.pairs():
                self._pairs_of[s].append((s, t))
                self._pairs_of[t].append((s, t))
        return self._pairs_of[u]


def shared(box, other):
    """The intersection of two boxes, or None."""
    both = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, other))
    return both if all(a < b for a, b in both) else None


def cut(array, box, part):
    """What array, which covers box, holds of part."""
    return array[tuple(slice(c - a, d - a) for (a, _), (c, d) in zip(box, part))]


def counts(labels):
    """{label: voxels} without 0."""
    return {int(a): int(n) for a, n in zip(*np.unique(labels[labels != 0], return_counts=True))}


def pair_counts(first, second):
    """{(a, b): how often a of first lies at b of second}, both not 0."""
    both = (first != 0) & (second != 0)
    pairs = np.stack([first[both], second[both]], axis=1)
    found, number = np.unique(pairs, axis=0, return_counts=True) if len(pairs) else ([], [])
    return {(int(a), int(b)): int(n) for (a, b), n in zip(found, number)}


class Labelled:
    """The labels of every tile on its W', with their canonical local ids."""

    def __init__(self, tiling, windows):
        self.tiling = tiling
        self.inner = []
        for t, labels in enumerate(windows):
            window = tiling.window(t)
            assert labels.shape == tuple(b - a for a, b in window)
            self.inner.append(images.raster_order(cut(labels, window, tiling.inner(t))))

    def part(self, t, box):
        return cut(self.inner[t], self.tiling.inner(t), box)

    def core(self, t):
        return self.part(t, self.tiling.core(t))


# ---------------------------------------------------------------------------- edges


def touch_edges(labelled, connectivity):
    """Adjacent voxels of two cores.  Every voxel that has a neighbour in another core is looked at."""
    tiling = labelled.tiling
    owner = np.empty(tiling.volume, np.int64)
    label = np.empty(tiling.volume, np.int64)
    whole = tuple((0, n) for n in tiling.volume)
    for t in range(len(tiling)):
        cut(owner, whole, tiling.core(t))[...] = t
        cut(label, whole, tiling.core(t))[...] = labelled.core(t)
    edges = set()
    for offset in itertools.product((-1, 0, 1), repeat=3):
        if offset <= (0, 0, 0) or sum(map(abs, offset)) > connectivity:
            continue  # each pair once: the other half of the offsets are these negated
        here = tuple(slice(max(-o, 0), n - max(o, 0)) for o, n in zip(offset, tiling.volume))
        there = tuple(slice(max(o, 0), n - max(-o, 0)) for o, n in zip(offset, tiling.volume))
        seam = (owner[here] != owner[there]) & (label[here] != 0) & (label[there] != 0)
        found = np.stack([x[seam] for x in (owner[here], label[here], owner[there], label[there])], axis=1)
        edges |= {((s, a), (t, b)) for s, a, t, b in np.unique(found, axis=0).tolist()}
    return edges


def face_edges(labelled, tau, min_contact):
    tiling = labelled.tiling
    edges = set()
    for s, t in tiling.pairs():
        offset = [q - p for p, q in zip(tiling.positions[s], tiling.positions[t])]
        if sum(map(abs, offset)) != 1:
            continue
        axis = offset.index(1)
        first = np.take(labelled.core(s), -1, axis)
        second = np.take(labelled.core(t), 0, axis)
        m_a, m_b = counts(first), counts(second)
        for (a, b), m in pair_counts(first, second).items():
            if m >= min_contact and m > Fraction(tau) * (m_a[a] + m_b[b] - m):
                edges.add(((s, a), (t, b)))
    return edges


def overlap_edges(labelled, tau, metric):
    tiling = labelled.tiling
    tau = Fraction(tau)
    edges = set()
    for s, t in tiling.pairs():
        box = shared(tiling.inner(s), tiling.inner(t))
        if box is None:
            continue
        first, second = labelled.part(s, box), labelled.part(t, box)
        A, B = counts(first), counts(second)
        I = pair_counts(first, second)
        for a, b in I:
            if joined(metric, tau, a, b, I, A, B):
                edges.add(((s, a), (t, b)))
    return edges


def joined(metric, tau, a, b, I, A, B):
    i = I[a, b]
    if metric == "iou":
        return i > tau * (A[a] + B[b] - i)
    if metric == "iomin":
        return i >= tau * min(A[a], B[b])
    assert metric == "mutual"
    best_of_a = min((-n, y) for (x, y), n in I.items() if x == a)[1]
    best_of_b = min((-n, x) for (x, y), n in I.items() if y == b)[1]
    return best_of_a == b and best_of_b == a and (Fraction(i, A[a]) + Fraction(i, B[b])) / 2 > tau


# ---------------------------------------------------------------------------- components


def components(labelled, edges):
    """{label: the smallest label of its component}."""
    smallest = {(t, int(a)): (t, int(a)) for t, labels in enumerate(labelled.inner) for a in np.unique(labels) if a}

    def root(label):
        while smallest[label] != label:
            label = smallest[label]
        return label

    for one, other in edges:
        low, high = sorted((root(one), root(other)))
        smallest[high] = low
    return {label: root(label) for label in smallest}


# ---------------------------------------------------------------------------- painting


def paint_cores(labelled, component):
    """Every core with the components of its labels."""
    tiling = labelled.tiling
    name = {root: number for number, root in enumerate(sorted(set(component.values())), 1)}
    out = np.zeros(tiling.volume, np.int64)
    whole = tuple((0, n) for n in tiling.volume)
    for t in range(len(tiling)):
        core = labelled.core(t)
        table = np.zeros(int(core.max(initial=0)) + 1, np.int64)
        for a in np.unique(core[core != 0]).tolist():
            table[a] = name[component[t, a]]
        cut(out, whole, tiling.core(t))[...] = table[core]
    return out


def boxes_of_labels(labelled):
    """{label: its bounding box in W', in voxels of the volume}."""
    from scipy.ndimage import find_objects

    boxes = {}
    for t, labels in enumerate(labelled.inner):
        origin = [a for a, _ in labelled.tiling.inner(t)]
        for a, found in enumerate(find_objects(labels.astype(np.int64)), 1):
            boxes[t, a] = tuple((o + f.start, o + f.stop) for o, f in zip(origin, found))
    return boxes


def touches_artificial_face(tiling, t, box):
    """Whether a box inside W'_t reaches a face of it that is not at the volume's border."""
    return any(
        (a == low and low > 0) or (b == high and high < end)
        for (a, b), (low, high), end in zip(box, tiling.inner(t), tiling.volume)
    )


def choose_witnesses(labelled, component):
    """{component: its witness}, for those that have one."""
    tiling = labelled.tiling
    boxes = boxes_of_labels(labelled)
    whole = {}
    for label, root in component.items():
        box = boxes[label]
        seen = whole.get(root, box)
        whole[root] = tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(seen, box))
    core_voxels = {(t, a): n for t in range(len(tiling)) for a, n in counts(labelled.core(t)).items()}
    exists = {component[label] for label in core_voxels}
    candidates = {}
    for (t, a), root in component.items():
        inside = shared(whole[root], tiling.inner(t)) == whole[root]
        if root in exists and inside and not touches_artificial_face(tiling, t, boxes[t, a]):
            candidates.setdefault(root, []).append((-core_voxels.get((t, a), 0), t, a))
    return {root: min(found)[1:] for root, found in candidates.items()}


def paint_witnesses(labelled, component):
    """
    Each tile u writes its own core: first its own labels of components that have no witness or one of u's labels for
    it, then witnesses of its neighbours, in ascending order, on voxels that are still 0.
    """
    tiling = labelled.tiling
    witness = choose_witnesses(labelled, component)
    name = {root: number for number, root in enumerate(sorted(set(component.values())), 1)}
    out = np.zeros(tiling.volume, np.int64)
    whole = tuple((0, n) for n in tiling.volume)
    for u in range(len(tiling)):
        core = tiling.core(u)
        target = cut(out, whole, core)
        for t in [u, *tiling.neighbours(u)]:
            box = shared(core, tiling.inner(t))
            if box is None:
                continue
            labels, place = labelled.part(t, box), cut(target, core, box)
            for a in np.unique(labels[labels != 0]).tolist():
                root = component[t, a]
                chosen = witness.get(root)
                mine = t == u and (chosen is None or chosen[0] == u)
                if mine or chosen == (t, a):
                    place[(labels == a) & (place == 0)] = name[root]
    return out


# ---------------------------------------------------------------------------- the rules


def merge(tiling, windows, rule, tau=0.5, metric="iou", min_contact=1, connectivity=1):
    """The objects of the volume as the rule makes them of the tiles' labels on their windows."""
    labelled = Labelled(tiling, windows)
    if rule == "touch":
        edges = touch_edges(labelled, connectivity)
    elif rule == "face":
        edges = face_edges(labelled, tau, min_contact)
    elif rule == "overlap":
        edges = overlap_edges(labelled, tau, metric)
    else:
        assert rule == "witness"
        edges = overlap_edges(labelled, tau, "iou")
    component = components(labelled, edges)
    painted = paint_witnesses(labelled, component) if rule == "witness" else paint_cores(labelled, component)
    return images.raster_order(painted)
