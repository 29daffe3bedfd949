"""Closed descriptors, signals before there is progress, commands with quotes, sources that change: odd beginnings."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pwtest.tool import SOURCE_ROOT

PYTHON = {"PYTHONPATH": str(SOURCE_ROOT / "python"), "PW_PYTHON": sys.executable}
PLUGIN = """
#include "patchworks.h"
#include <string.h>
static int segment(const struct pw_tile *tile, uint32_t *labels, void *state, char *message)
{
    (void)tile; (void)labels; (void)state; (void)message;
    return 0;
}
static const struct pw_plugin plugin = {.abi = PW_PLUGIN_ABI, .struct_size = sizeof plugin, .name = "NAME"};
const struct pw_plugin *pw_plugin(void) { (void)segment; return &plugin; }
"""


@pytest.fixture
def image(tmp_path):
    values = np.zeros((8, 64, 64), np.uint16)
    values[:, 10:14, 10:50] = values[:, 30:60, 20:24] = 500
    np.save(tmp_path / "image.npy", values)
    return values


def test_closed_standard_files(pw, image, tmp_path):
    """Nothing that is opened gets number 2, which messages of workers go to: they would be voxels of a tile."""
    (tmp_path / "fn.py").write_text("def segment(image):\n    print('x' * 200)\n    return (image > 300).astype('u1')\n")
    command = [pw.path, "run", "image.npy", "--fn", "py:./fn.py:segment", "--tile", "8,32,32", "--merge", "touch",
               "--workers", 1, "--threads", 1, "-o", "labels.npy"]
    shell = '"$@" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", shell, "sh", *map(str, command)], cwd=tmp_path, env=pw.environment(PYTHON),
                          timeout=60)
    assert done.returncode == 0
    assert np.array_equal(np.load(tmp_path / "labels.npy") > 0, image > 300)


def ends(run, number, seconds=5):
    """How it ends after a signal, which it has to in that time; what is left of it is killed."""
    run.send_signal(number)
    try:
        run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        run.kill()
        run.communicate()
        raise
    return run.returncode


@pytest.mark.parametrize("options", [[], ["--shm-file"]], ids=["", "shm-file"])
def test_a_signal_while_the_first_worker_starts(pw, image, tmp_path, options):
    run = pw.start("run", tmp_path / "image.npy", "--fn", "exec:sleep 60", "-o", tmp_path / "labels.npy", *options)
    time.sleep(0.5)
    assert ends(run, signal.SIGINT) == -signal.SIGINT


def slow_compiler(folder, body):
    compiler = folder / "compiler"
    compiler.write_text(f"#!/bin/sh\n{body}\n")
    compiler.chmod(0o755)
    return {"CC": str(compiler), "XDG_CACHE_HOME": str(folder / "cache"), "PW_INCLUDE_DIR": str(SOURCE_ROOT / "include")}


def test_a_signal_while_a_source_is_compiled(pw, image, tmp_path):
    (tmp_path / "fn.c").write_text(PLUGIN)
    (tmp_path / "cache").mkdir()
    run = pw.start("run", tmp_path / "image.npy", "--fn", tmp_path / "fn.c", "-o", tmp_path / "labels.npy",
                   env=slow_compiler(tmp_path, "sleep 60"))
    time.sleep(0.5)
    assert ends(run, signal.SIGTERM) == -signal.SIGTERM


def test_a_second_signal_of_another_kind_ends_it_at_once(pw, image, tmp_path, compiler):
    """A plugin that never comes back cannot be drained."""
    source = PLUGIN.replace("return 0;", "for (volatile int i = 1; i;) {}\n    return 0;")
    source = source.replace(".name", ".segment = segment, .name").replace(
        "const struct pw_tile *tile, uint32_t *labels, void *state, char *message",
        "void *state, const struct pw_tile *tile, uint32_t *labels")
    source = source.replace("(void)state; (void)message;", "(void)state;")
    (tmp_path / "fn.c").write_text(source)
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PW_INCLUDE_DIR": str(SOURCE_ROOT / "include")}
    pw("fn", "show", tmp_path / "fn.c", env=environment)
    run = pw.start("run", tmp_path / "image.npy", "--fn", tmp_path / "fn.c", "-o", tmp_path / "labels.npy", "--threads", 2,
                   env=environment)
    time.sleep(0.7)
    run.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert run.poll() is None, run.communicate()[1].decode()
    assert ends(run, signal.SIGTERM) == -signal.SIGTERM


def test_a_quoted_command_leaves_no_shell_behind(pw, image, tmp_path):
    """When the host is killed, so is the worker itself: no shell stands between them."""
    for command in ("sleep '61;' 61.5", "exec sleep 61.5"):
        script = tmp_path / "sleep"
        script.write_text(f"#!{sys.executable}\nimport os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
        script.chmod(0o755)
        run = pw.start("run", "image.npy", "--fn", f"exec:{command.replace('sleep', './sleep')}", "-o", "labels.npy",
                       cwd=tmp_path)
        deadline = time.monotonic() + 10
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.02)
        worker = int((tmp_path / "pid").read_text())
        (tmp_path / "pid").unlink()
        run.kill()
        run.communicate()
        deadline = time.monotonic() + 5
        while os.path.exists(f"/proc/{worker}") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not os.path.exists(f"/proc/{worker}"), command


def test_a_source_that_is_saved_while_it_is_compiled(pw, tmp_path, compiler):
    """What is kept for the old source is never the new one's object."""
    (tmp_path / "fn.c").write_text(PLUGIN.replace("NAME", "old").replace(".name", ".segment_runs = 0, .name"))
    (tmp_path / "new.c").write_text(PLUGIN.replace("NAME", "new"))
    (tmp_path / "old.c").write_text((tmp_path / "fn.c").read_text())
    environment = slow_compiler(tmp_path, f'cc "$@"; s=$?; case "$*" in *" -E "*) test -e swapped || {{ touch swapped; '
                                          'cp new.c fn.c; }; esac; exit $s')
    (tmp_path / "cache").mkdir()
    first = pw.any("fn", "show", "./fn.c", cwd=tmp_path, env=environment)
    (tmp_path / "fn.c").write_text((tmp_path / "old.c").read_text())
    again = pw.any("fn", "show", "./fn.c", cwd=tmp_path, env=environment)
    assert (tmp_path / "swapped").exists() and "./fn.c" in first.text + first.err
    made = [path for path in (tmp_path / "cache" / "patchworks").iterdir()]
    assert len(made) == 2, (made, str(first), str(again))


@pytest.mark.parametrize("name", ["-x.c", "@y.c"])
def test_a_source_that_looks_like_an_option(pw, tmp_path, compiler, name):
    (tmp_path / name).write_text("this is no C\n")
    result = pw.any("fn", "show", f"./{name}" if name[0] == "-" else name, cwd=tmp_path,
                    env={"XDG_CACHE_HOME": str(tmp_path), "PW_INCLUDE_DIR": str(SOURCE_ROOT / "include")})
    assert result.code == 1 and "error:" in result.err and "no input files" not in result.err, str(result)


def test_shared_files_of_a_killed_run_go_with_the_next(pw, image, tmp_path):
    left = lambda run: list(Path("/dev/shm").glob(f"patchworks-{run.pid}-*"))
    arguments = ["run", tmp_path / "image.npy", "--fn", "exec:sleep 60", "--shm-file", "-o", tmp_path / "labels.npy"]
    first = pw.start(*arguments)
    deadline = time.monotonic() + 10
    while not left(first) and time.monotonic() < deadline:
        time.sleep(0.02)
    second = pw.start(*arguments)
    while not left(second) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left(first) and left(second), "a run that is alive keeps its own"
    first.kill()
    first.communicate()
    assert left(first)
    pw.any(*arguments[:2], "--fn", "exec:true", *arguments[4:])
    assert not left(first) and left(second)
    assert ends(second, signal.SIGINT) == -signal.SIGINT


def test_a_wrong_command_line_gets_one_line(pw, image, tmp_path):
    pw.refuses("tiles", tmp_path / "image.npy", "--dtype", "u2", says="--shape", code=64)
