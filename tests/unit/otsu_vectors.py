#!/usr/bin/env python3
"""Prints the table of test_histogram.c: thresholds that scikit-image finds for its images.

Made with scikit-image 0.26.0 and numpy 2.4.6.  The images come from the same
generator there (image_value), so that nothing needs to be stored.
"""
import numpy as np
from skimage.filters import threshold_otsu

MASK = (1 << 64) - 1


def image(kind, count, seed):
    values, state = [], seed
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        r = state >> 33
        level = 40 + (r >> 2) % 60 if r & 3 else 150 + (r >> 2) % 100
        fine = level * 200 + (r >> 12) % 200
        values.append({
            "u8": level, "i8": level - 128, "u16": fine, "i16": fine - 30000, "u32": fine + 1000000,
            "i32": fine - 2000000000, "u64": fine + (1 << 20), "i64": fine - (1 << 40),
            "f16": level / 4, "f32": fine / 7, "f64": fine / 7,
        }[kind])
    names = {"u": "uint", "i": "int", "f": "float"}
    return np.array(values, names[kind[0]] + str(int(kind[1:])))


for kind in ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64"):
    for count, seed in ((2, 1), (3, 2), (10, 3), (500, 4), (20000, 5)):
        try:
            threshold = float(threshold_otsu(image(kind, count, seed)))
        except ValueError:
            continue  # numpy: too few halves between the least and the greatest for 256 bins
        print(f"    {{PW_{kind.upper()}, {count}, {seed}, {threshold.hex()}}},")
