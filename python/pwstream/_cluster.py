"""
make_local_cluster(), for programs that start a dask cluster around tile_process().

pw-stream starts and ends its worker processes itself, so there is nothing to start: what is said here is how many of
them the next calls may use.
"""

from __future__ import annotations

from typing import Any

from ._sizes import cpu_allocation

_open: list[LocalCluster] = []


def default_workers() -> int | None:
    """What the cluster that was made last and is not closed says."""
    return _open[-1].n_workers if _open else None


class LocalCluster:
    """The number of worker processes of the calls of tile_process() until it is closed."""

    dashboard_link = "none: pw-stream reports progress on standard error"

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        _open.append(self)

    def close(self) -> None:
        if self in _open:
            _open.remove(self)

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """What programs close together with the cluster."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.cluster = cluster
        self.dashboard_link = cluster.dashboard_link

    def close(self) -> None:
        self.cluster.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_local_cluster(
    use_gpu: bool = False, n_workers: int | None = None, threads_per_worker: int = 1, **ignored: Any
) -> tuple[Client, LocalCluster]:
    """(client, cluster): one worker process for a device, else n_workers, else one for each processor, at most 8."""
    del threads_per_worker, ignored  # of dask, which is not used
    cluster = LocalCluster(n_workers or (1 if use_gpu else min(8, cpu_allocation())))
    return Client(cluster), cluster
