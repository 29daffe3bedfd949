"""
judge.py NAME COMPARE.json TRUTH.json: prints the scores of a tiled run against the whole image.

Fails when objects that cross tiles are found worse than those inside by more than a point of F1.  Objects are few: when one more or less is worth more than a point, one may be missing.
"""

import json
import sys

name = sys.argv[1]
with open(sys.argv[2]) as first, open(sys.argv[3]) as second:
    compared, truth = json.load(first), json.load(second)


def f1(part):
    return next(row["f1"] for row in part["scores"] if row["iou"] == 0.5)


crossing, inside, n = f1(compared["crossing"]), f1(compared["interior"]), compared["crossing"]["truth_objects"]
print(
    f"{name}: F1 at IoU 0.5 of tiled against whole: {crossing:.4f} of {n} objects that cross tiles, {inside:.4f} "
    f"inside; against what people drew {f1(truth['all']):.4f}"
)
allowed = max(0.01, 1.0 / max(n, 1))
sys.exit(0 if crossing >= inside - allowed else f"{name}: objects that cross tiles are found worse")
