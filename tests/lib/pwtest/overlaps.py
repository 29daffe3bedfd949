"""
What pw-stream compare and relate must say, by brute force: the contingency table of two label arrays through
np.unique, the matching by a loop over its sorted entries, and scikit-image for what it has.
"""

import math
import warnings
from collections import Counter

import numpy as np
from skimage.metrics import adapted_rand_error, variation_of_information


def contingency(a, b):
    """{(label of a, label of b): voxels} as Python integers."""
    pairs, counts = np.unique(np.stack([a.ravel().astype(np.uint64), b.ravel().astype(np.uint64)]), axis=1,
                              return_counts=True)
    return {(int(p), int(q)): int(n) for (p, q), n in zip(pairs.T, counts)}


def sizes(labels):
    ids, counts = np.unique(labels, return_counts=True)
    return {int(i): int(n) for i, n in zip(ids, counts) if i != 0}


def crossing(labels, tile):
    """Labels with voxels in more than one tile of the grid."""
    grid = np.ix_(*(np.arange(n) // t for n, t in zip(labels.shape, tile)))
    cell = np.zeros(labels.shape, np.int64)
    for axis in grid:
        cell = cell * 10**6 + axis
    found = np.unique(np.stack([labels.ravel().astype(np.uint64), cell.ravel().astype(np.uint64)]), axis=1)[0]
    ids, counts = np.unique(found, return_counts=True)
    return {int(i) for i, n in zip(ids, counts) if i != 0 and n > 1}


def matches(table, size_a, size_b, threshold):
    """[(a, b, iou)] one to one, by descending IoU, then a, then b."""
    found = []
    for (a, b), n in table.items():
        if a and b and n / (size_a[a] + size_b[b] - n) >= threshold:
            found.append((-n / (size_a[a] + size_b[b] - n), a, b))
    used_a, used_b, result = set(), set(), []
    for iou, a, b in sorted(found):
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
            result.append((a, b, -iou))
    return result


def ratio(part, whole):
    return part / whole if whole else None


def group(found, truth, predicted, threshold):
    """The scores of the objects in the sets truth and predicted."""
    ious = [iou for a, _, iou in found if a in truth]
    matched_b = sum(b in predicted for _, b, _ in found)
    precision, recall = ratio(matched_b, len(predicted)), ratio(len(ious), len(truth))
    if not ious and not matched_b:
        f1 = ratio(0.0, len(truth) + len(predicted))
    else:
        f1 = None if None in (precision, recall) else 2 * precision * recall / (precision + recall)
    mean = ratio(math.fsum(ious), len(ious))
    return {
        "iou": threshold, "matched_truth": len(ious), "matched_predicted": matched_b, "precision": precision,
        "recall": recall, "f1": f1, "mean_iou": mean,
        "panoptic_quality": None if f1 is None else f1 * mean if mean is not None else 0.0,
    }


def compare(a, b, thresholds, tile=None):
    """The object that compare --json prints."""
    table, size_a, size_b = contingency(a, b), sizes(a), sizes(b)
    objects = [(p, q) for p, q in table if p and q]
    different = np.flatnonzero(a.ravel().astype(np.uint64) != b.ravel().astype(np.uint64))
    exact = [(p, q) for p, q in objects if table[p, q] == size_a[p] == size_b[q]]
    same = len(exact) == len(size_a) == len(size_b)
    partners_a, partners_b = Counter(p for p, _ in objects), Counter(q for _, q in objects)
    shape = (1, *a.shape) if a.ndim == 2 else a.shape
    expected = {
        "result": "identical" if not len(different) else "same partition" if same else "different",
        "shape": list(shape), "times": 1, "voxels": a.size, "different_voxels": len(different),
        "first_different": [int(i) for i in np.unravel_index(different[0], shape)] if len(different) else None,
        **({"first_different_time": 0} if len(different) else {}),
        "exact_objects": len(exact),
        "split_objects": sum(n > 1 for n in partners_a.values()),
        "merged_objects": sum(n > 1 for n in partners_b.values()),
        "missed_objects": sum(p not in partners_a for p in size_a),
        "spurious_objects": sum(q not in partners_b for q in size_b),
    }
    groups = {"all": (set(size_a), set(size_b))}
    if tile is not None:
        cross_a, cross_b = crossing(a.reshape(shape), tile), crossing(b.reshape(shape), tile)
        groups["crossing"] = (cross_a, cross_b)
        groups["interior"] = (set(size_a) - cross_a, set(size_b) - cross_b)
    for name, (truth, predicted) in groups.items():
        expected[name] = {"truth_objects": len(truth), "predicted_objects": len(predicted),
                          "scores": [group(matches(table, size_a, size_b, t), truth, predicted, t) for t in thresholds]}
    # Both as small numbers: scikit-image makes a table of the largest label.
    dense_a, dense_b = (np.unique(x, return_inverse=True)[1].reshape(x.shape) + (0 not in x) for x in (a, b))
    expected["vi_split"], expected["vi_merge"] = map(float, variation_of_information(dense_a, dense_b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error, recall, precision = map(float, adapted_rand_error(dense_a, dense_b))
    for name, value in (("rand_error", error), ("rand_precision", precision), ("rand_recall", recall)):
        expected[name] = value if math.isfinite(value) else None
    return expected


def assert_close(got, expected, place="result"):
    """Equal, but for the last digits of floating point numbers."""
    if isinstance(expected, dict):
        assert list(got) == list(expected), f"{place}: {list(got)}"
        for key in expected:
            assert_close(got[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), place
        for i, (g, e) in enumerate(zip(got, expected)):
            assert_close(g, e, f"{place}[{i}]")
    elif isinstance(expected, float) and isinstance(got, float):
        assert math.isclose(got, expected, rel_tol=1e-12, abs_tol=1e-12), f"{place}: {got} for {expected}"
    else:
        assert got == expected, f"{place}: {got} for {expected}"


def relate(child, parent, min_fraction=0.0):
    """The rows of the two tables of relate."""
    table, size_child, size_parent = contingency(child, parent), sizes(child), sizes(parent)
    best = {c: (0, 0) for c in size_child}
    for (c, p), n in sorted(table.items()):
        if c and p and n > best[c][1]:
            best[c] = (p, n)
    rows, count, shared = [], dict.fromkeys(size_parent, 0), dict.fromkeys(size_parent, 0)
    for c, (p, n) in sorted(best.items()):
        if n / size_child[c] < min_fraction:
            p, n = 0, 0
        rows.append((c, p, n, size_child[c], n / size_child[c]))
        if p:
            count[p] += 1
            shared[p] += n
    return rows, [(p, count[p], size_parent[p], shared[p]) for p in sorted(size_parent)]
