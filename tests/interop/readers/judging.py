"""
What the readers in this folder have in common: each is run as  read_NAME.py MANIFEST  (see tests/lib/pwtest/subjects.py for
the manifest), reads every group in its own way, prints what differs and how much was read, and exits 1 when anything did.
They import neither the tests nor anything but the program that they stand for, so that each can live in an environment of its own.
"""

import hashlib
import json
import sys

import numpy as np


class Judge:
    def __init__(self, versions=("0.4", "0.5")):
        self.groups = [g for g in json.load(open(sys.argv[1])) if g["version"] in versions]
        self.faults, self.checked = [], 0

    def same(self, what, got, expected):
        self.checked += 1
        if got != expected:
            self.faults.append(f"{what}: {got}, expected {expected}")

    def close(self, what, got, expected):
        self.checked += 1
        if not (len(got) == len(expected) and np.allclose(got, expected)):
            self.faults.append(f"{what}: {got}, expected {expected}")

    def array(self, what, array, level):
        """Shape, type and every element."""
        array = np.asarray(array)
        self.same(f"{what}: shape", list(array.shape), level["shape"])
        self.same(f"{what}: type", array.dtype.name, level["dtype"])
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        self.same(f"{what}: elements", hashlib.sha256(little.tobytes()).hexdigest(), level["sha256"])

    def levels(self, group, arrays):
        self.same(f"{group['path']}: levels", len(arrays), len(group["levels"]))
        for array, level in zip(arrays, group["levels"]):
            self.array(f"{group['path']}/{level['path']}", array, level)

    def end(self, *modules):
        names = ", ".join(f"{m.__name__} {getattr(m, '__version__', '')}".strip() for m in modules)
        print(f"{names}: {len(self.groups)} groups, {self.checked} comparisons, {len(self.faults)} differ")
        for fault in self.faults:
            print(fault)
        sys.exit(bool(self.faults) or not self.groups)
