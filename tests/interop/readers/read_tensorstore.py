"""tensorstore, array by array, with its drivers zarr and zarr3."""

from importlib.metadata import version

import tensorstore
from judging import Judge

judge = Judge()
for group in judge.groups:
    driver = "zarr3" if group["version"] == "0.5" else "zarr"
    arrays = []
    for level in group["levels"]:
        store = {"driver": "file", "path": f"{group['path']}/{level['path']}/"}
        array = tensorstore.open({"driver": driver, "kvstore": store}, read=True, open=True).result()
        if group["version"] == "0.5":
            judge.same(f"{store['path']}: names", "".join(array.domain.labels), group["axes"])
        arrays.append(array.read().result())
    judge.levels(group, arrays)
tensorstore.__version__ = version("tensorstore")
judge.end(tensorstore)
