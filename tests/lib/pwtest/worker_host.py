"""
A host for workers, written from the description of the protocol and not from pw-stream: what the Python side is tested
against on its own.

    with Host([sys.executable, "-m", "pwstream.worker", "./fn.py:segment"], image, options={"sigma": 2}) as host:
        labels = host.tile(window)
"""

import contextlib
import json
import mmap
import os
import socket
import subprocess
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[3] / "python"


class Host:
    def __init__(self, command, shape, dtype="<u2", options=None, channels=1, by_name=None, cwd=None, env=None):
        """by_name: a folder; the socket and the memory are files there, instead of inherited descriptors."""
        self.rank = len(shape)
        self.volume = (1,) * (3 - len(shape)) + tuple(shape)
        self.dtype, self.by_name, self.sent = np.dtype(dtype), by_name, 0
        info = dict(
            shape=self.volume,
            rank=self.rank,
            dtype=self.dtype.str,
            channels=channels,
            voxel=[2.0, 0.5, 0.5],
            unit="micrometer",
        )
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PW_")},
            "PYTHONPATH": str(PACKAGE),
            **(env or {}),
            "PW_PROTO": "1",
            "PW_PARAMS": json.dumps(options or {}),
            "PW_IMAGE": json.dumps(info),
            "PW_WORKER_INDEX": "0",
            "PW_WORKER_COUNT": "2",
        }
        passed = ()
        if by_name is None:
            self.control, theirs = socket.socketpair()
            self.memory = os.memfd_create("voxels")
            environment.update(PW_CTL_FD=str(theirs.fileno()), PW_SHM_FD=str(self.memory))
            passed = (theirs.fileno(), self.memory)
        else:
            door = socket.socket(socket.AF_UNIX)
            door.bind(str(by_name / "door"))
            door.listen()
            self.memory = os.open(by_name / "voxels", os.O_RDWR | os.O_CREAT)
            environment.update(PW_CTL_SOCK=str(by_name / "door"), PW_SHM_PATH=str(by_name / "voxels"))
        self.process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=passed,
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if by_name is None:
            theirs.close()
        else:
            door.settimeout(60)
            self.control = door.accept()[0]
        self.control.settimeout(60)
        self.lines = self.control.makefile("rb")
        self.hello = self.receive()

    def receive(self):
        line = self.lines.readline()
        assert line, "the worker closed the connection: " + self.process.communicate()[1]
        return json.loads(line)

    def send(self, **message):
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, image, out_dtype="<u4", core=None, origin=None, **more):
        """Sends one tile; returns its answer and the labels' memory."""
        image = np.ascontiguousarray(image, self.dtype.newbyteorder("<"))
        window = image.shape if self.rank == 3 else (1, *image.shape[-2:])
        shape = (*image.shape[: image.ndim - self.rank], *window[-3:])
        out_at = -(-image.nbytes // 4096) * 4096
        count = int(np.prod(window[-3:]))
        size = out_at + count * np.dtype(out_dtype).itemsize
        if os.fstat(self.memory).st_size < size:
            os.ftruncate(self.memory, size)
        self.shared = mmap.mmap(self.memory, 0)
        np.ndarray(shape, image.dtype, self.shared)[...] = image.reshape(shape)
        labels = np.ndarray(window[-3:], out_dtype, self.shared, out_at)
        labels[...] = 77
        self.sent += 1
        self.send(
            op="tile",
            id=self.sent,
            index=self.sent - 1,
            time=0,
            level=0,
            **{"in": dict(off=0, shape=shape, dtype=image.dtype.str)},
            out=dict(off=out_at, shape=window[-3:], dtype=np.dtype(out_dtype).str),
            origin=origin or [0, 0, 0],
            core=core or [[0, n] for n in window[-3:]],
            volume=self.volume,
            rank=self.rank,
            voxel=[2.0, 0.5, 0.5],
            unit="micrometer",
            channels=[0],
            params={},
            **more,
        )
        self.progress = []
        while "progress" in (answer := self.receive()):
            self.progress.append(answer["progress"])
        return answer, labels

    def tile(self, image, **more):
        answer, labels = self.ask(image, **more)
        assert answer.get("ok") is True and answer["id"] == self.sent, answer
        return labels.reshape(image.shape[-self.rank :])

    def error(self, image, **more):
        answer, _ = self.ask(image, **more)
        assert "error" in answer and answer["id"] == self.sent, answer
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Says goodbye; the exit status and what was printed are in status, stdout, stderr."""
        with contextlib.suppress(OSError):
            self.send(op="bye")
        self.control.close()
        self.stdout, self.stderr = self.process.communicate(timeout=60)
        self.status = self.process.returncode
        os.close(self.memory)
