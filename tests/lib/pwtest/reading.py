"""What the tool says of an image and reads of it, as an array."""

import json

import numpy as np


def info(pw, path, *options):
    return json.loads(pw("info", path, "--json", *options).text)


def read(pw, path, *options):
    described = info(pw, path, *options)
    data = pw("cat", path, "--raw", *options).out
    return np.frombuffer(data, np.dtype(described["dtype"]).newbyteorder("<")).reshape(described["shape"])


def axes(described):
    return "".join(axis["name"] or "?" for axis in described["axes"])
