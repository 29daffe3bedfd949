"""Pipes at standard input and output: made to hold as much as the system grants, and waited for when they are full."""

import fcntl
import io
import os
import subprocess
import threading

import numpy as np
import pytest

WIDE = 1 << 20
IMAGE = np.arange(3 * 500 * 700, dtype="uint16").reshape(3, 500, 700)


@pytest.fixture
def pipe():
    """A pipe as the system makes them, which it would also make wide."""
    probe = os.pipe()
    try:
        fcntl.fcntl(probe[0], fcntl.F_SETPIPE_SZ, WIDE)
    except PermissionError:
        pytest.skip("this user may not have wide pipes")
    finally:
        for end in probe:
            os.close(end)
    ends = os.pipe()
    assert fcntl.fcntl(ends[0], fcntl.F_GETPIPE_SZ) < WIDE
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            pass


def read_all(end, into, pause=None):
    if pause is not None:
        pause.wait(10)
    with os.fdopen(end, "rb") as reader:
        into.append(reader.read())


def output_of(pw, tmp_path, pipe, *arguments, pause=None, **options):
    """What a command writes into the pipe; the reader begins when pause is set."""
    np.save(tmp_path / "image.npy", IMAGE)
    got = []
    reader = threading.Thread(target=read_all, args=(os.dup(pipe[0]), got, pause))
    reader.start()
    run = subprocess.Popen([pw.path, *map(str, arguments)], cwd=tmp_path, stdout=pipe[1], env=pw.environment({}), **options)
    os.close(pipe[1])
    if pause is not None:
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(1)  # it waits as well
        pause.set()
    assert run.wait(60) == 0
    reader.join(60)
    return got[0]


@pytest.mark.parametrize("arguments", [["cat", "image.npy", "--raw"], ["tiles", "image.npy", "--tile", "3,500,700"],
                                       ["run", "image.npy", "--fn", "threshold:300", "-o", "-"]],
                         ids=["cat", "tiles", "run"])
def test_output_is_made_wide(pw, tmp_path, pipe, arguments):
    out = output_of(pw, tmp_path, pipe, *arguments)
    assert len(out) >= IMAGE.nbytes
    assert fcntl.fcntl(pipe[0], fcntl.F_GETPIPE_SZ) >= WIDE


@pytest.mark.parametrize("arguments", [["run", "-", "--fn", "threshold:300", "-o", "labels.npy"],
                                       ["collect", "image.npy", "--tile", "3,500,700", "-o", "labels.npy"]],
                         ids=["run", "collect"])
def test_input_is_made_wide(pw, tmp_path, pipe, arguments):
    np.save(tmp_path / "image.npy", IMAGE)
    run = subprocess.Popen([pw.path, *arguments], cwd=tmp_path, stdin=pipe[0], env=pw.environment({}))
    os.close(pipe[0])
    frame = io.BytesIO()
    np.save(frame, IMAGE if arguments[0] == "run" else (IMAGE > 300).astype("uint32"))
    with os.fdopen(os.dup(pipe[1]), "wb") as writer:
        writer.write(frame.getvalue())
    width = fcntl.fcntl(pipe[1], fcntl.F_GETPIPE_SZ)
    os.close(pipe[1])
    assert run.wait(60) == 0
    assert width >= WIDE
    assert np.array_equal(np.load(tmp_path / "labels.npy") > 0, IMAGE > 300)


def test_a_full_pipe_that_does_not_block(pw, tmp_path, pipe):
    """Who set O_NONBLOCK on it, for a program of theirs, is not told that a resource is temporarily unavailable."""
    os.set_blocking(pipe[1], False)
    out = output_of(pw, tmp_path, pipe, "cat", "image.npy", "--raw", pause=threading.Event())
    assert out == IMAGE.tobytes()
