"""
Worker processes: the same bytes as the built-in function, whatever happens to the workers; and what goes wrong is said
with function, tile, place and reason, and leaves no process and no shared memory behind.
"""

import contextlib
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pwtest.needed import needs
from pwtest.tool import EXIT_FAILED, SOURCE_ROOT, compile_c

WORKERS = SOURCE_ROOT / "examples" / "workers"
EXIT_WARNINGS = 2


@pytest.fixture(scope="module")
def programs(compiler, tmp_path_factory):
    """The C programs, compiled."""
    folder = tmp_path_factory.mktemp("programs")
    compile_c(SOURCE_ROOT / "tests" / "lib" / "worker.c", folder / "worker")
    for name in ("threshold_npy", "threshold_shm"):
        compile_c(WORKERS / f"{name}.c", folder / name)
    return folder


@pytest.fixture
def worker(programs):
    """worker("die=7", ...): the specification of the test worker, which labels voxels above 40."""
    return lambda *words: f"exec:{programs / 'worker'} 40 {shlex.join(map(str, words))}"


@pytest.fixture
def image(data):
    return data / "nuclei" / "dsb2018_20b20ab0.tif"


@pytest.fixture
def expected(pw, image, tmp_path):
    """The labels of the built-in function."""
    return labels(pw, image, "threshold:40", tmp_path / "expected.npy")


@pytest.fixture(autouse=True)
def nothing_is_left(programs):
    """Whatever a test does, no worker outlives it, and no shared memory."""
    yield
    deadline = time.monotonic() + 5
    while processes_of(programs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(programs) == []
    assert shared_files_of_the_dead() == []


def shared_files_of_the_dead():
    """Named after the process that has made them; other tests run at the same time."""
    made = [p for p in Path("/dev/shm").glob("patchworks-*-*") if not Path("/proc", p.name.split("-")[1]).exists()]
    return [str(p) for p in made]


def processes_of(programs):
    """Commands that are run from the folder of programs and are no zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(programs) in command and command.startswith((str(programs), "/bin/sh")):
            found.append((int(entry.name), command))
    return found


def labels(pw, image, fn, out, *options, tile=96, **keywords):
    pw("run", image, "--fn", fn, "--tile", tile, "-o", out, "--overwrite", *options, **keywords)
    return Path(out).read_bytes()


# ---------------------------------------------------------------------------- the same bytes


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("words", [(), ("inflight=4", "slow=1"), ("dtype=|u1", "prints"), ("dtype=<i2",), ("dtype=<u8",)],
                         ids=lambda words: " ".join(words) or "plain")
def test_equals_the_builtin(pw, worker, image, expected, tmp_path, threads, words):
    for workers in (1, 3):
        got = labels(pw, image, worker(*words), tmp_path / "labels.npy", "--threads", threads, "--workers", workers)
        assert got == expected


@pytest.mark.parametrize("name", ["nuclei/stardist_img3d.tif", "nuclei/stardist_img2d.tif"])
def test_volumes_and_other_types(pw, programs, data, tmp_path, name):
    image = data / name
    level = int(np.percentile(np.frombuffer(pw("cat", image, "--raw").out, np.uint16), 80))
    expected = labels(pw, image, f"threshold:{level}", tmp_path / "expected.npy", tile="16,64,48")
    for fn, options in ((f"exec:{programs / 'threshold_shm'} {level}", ()),
                        (f"exec:{programs / 'worker'} {level}", ("--shm-file",)),
                        (f"exec:{programs / 'threshold_npy'} {level}", ("--worker-io", "npy", "--merge", "touch"))):
        assert labels(pw, image, fn, tmp_path / "labels.npy", *options, tile="16,64,48") == expected


def test_halo_of_the_worker(pw, worker, image, tmp_path):
    """Labels of windows, cut to cores, and joined where they touch: still the components of the image."""
    expected = labels(pw, image, "threshold:40", tmp_path / "expected.npy", "--halo", 5)
    assert labels(pw, image, worker("halo=5"), tmp_path / "labels.npy") == expected
    plan = pw("run", image, "--fn", worker("halo=5"), "--tile", 96, "-o", tmp_path / "no.npy", "--dry-run").text
    assert "halo         0 x 5 x 5" in plan and "worker processes' tiles" in plan


@pytest.mark.parametrize("what", ["die", "exit", "babble", "flood", "stranger", "twice", "fail"])
def test_goes_wrong_once(pw, worker, image, expected, tmp_path, what):
    words = worker(f"{what}=11", f"once={tmp_path / 'once'}")
    result = pw("run", image, "--fn", words, "--tile", 96, "-o", tmp_path / "labels.npy", "--summary", "json")
    assert (tmp_path / "once").exists()
    assert (tmp_path / "labels.npy").read_bytes() == expected
    assert result.summary()["n_worker_restarts"] >= 1 and result.summary()["n_failed_tiles"] == 0


def test_goes_wrong_once_with_several_tiles(pw, worker, image, expected, tmp_path):
    """The others that a dead worker had are not held responsible."""
    for i, what in enumerate(("die", "babble", "fail")):
        fn = worker("inflight=6", f"{what}=11", f"once={tmp_path / what}", "slow=1")
        assert labels(pw, image, fn, tmp_path / "labels.npy", "--workers", 1 + i, "--threads", 6) == expected


def test_hangs_once(pw, worker, image, expected, tmp_path):
    fn = worker("hang=11", f"once={tmp_path / 'once'}")
    assert labels(pw, image, fn, tmp_path / "labels.npy", "--worker-timeout", 1) == expected


def test_out_of_memory_for_a_while(pw, worker, image, expected, tmp_path):
    result = pw("run", image, "--fn", worker("oom=11", f"once={tmp_path / 'once'}"), "--tile", 96, "-o",
                tmp_path / "labels.npy", "--summary", "json")
    assert (tmp_path / "labels.npy").read_bytes() == expected
    assert result.summary()["n_worker_restarts"] == 0 and "out of memory, again in" in result.err


@pytest.mark.parametrize("words", [("slow=3",), ("slow=3", "inflight=3")], ids=" ".join)
def test_workers_killed_at_random(pw, programs, worker, image, expected, tmp_path, words):
    """
    Processes are killed now and then, whatever they do.  A tile may be hit twice, and then the run fails and says so;
    what it writes is right or nothing.
    """
    rng = random.Random(5)
    finished = 0
    for _ in range(4):
        run = pw.start("run", image, "--fn", worker(*words), "--tile", 64, "--workers", 3, "--threads", 3, "-o",
                       tmp_path / "labels.npy", "--overwrite")
        while run.poll() is None:
            time.sleep(rng.uniform(0.05, 0.3))
            victims = [pid for pid, command in processes_of(programs) if command.startswith(str(programs))]
            if victims and run.poll() is None:
                try:
                    os.kill(rng.choice(victims), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        _, err = run.communicate(timeout=60)
        if run.returncode == 0:
            finished += 1
            assert (tmp_path / "labels.npy").read_bytes() == expected
            (tmp_path / "labels.npy").unlink()
        else:
            assert run.returncode == EXIT_FAILED and b"killed by signal 9 (KILL)" in err, err
            assert not (tmp_path / "labels.npy").exists()
    assert finished >= 1


PLUGIN = r"""
#include "patchworks.h"
static int above(const struct pw_tile *t, uint32_t *labels, void *state)
{
    (void)state;
    for (size_t i = 0; i < t->shape[0] * t->shape[1] * t->shape[2]; i++)
        labels[i] = ((const float *)t->voxels)[i] > 40;
    return 0;
}
const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {.abi = PW_PLUGIN_ABI, .struct_size = sizeof plugin, .name = "above",
                                            .flags = PW_SEGMENT_MASK | PW_SEGMENT_FLOAT32, .segment = above};
    return &plugin;
}
"""

PYTHON = """
import pwstream
from scipy import ndimage

@pwstream.worker(components=True)
def above(image):
    print("looked at", image.shape)
    return ndimage.label(image > 40)[0]
"""


def test_one_function_in_every_form(pw, programs, worker, image, expected, tmp_path):
    """A plugin, C source, Python, a program with messages, and filters of frames in each language that is here."""
    (tmp_path / "cells.c").write_text(PLUGIN)
    (tmp_path / "above.py").write_text(PYTHON)
    compile_c(tmp_path / "cells.c", tmp_path / "cells.so", "-shared", "-fPIC")
    environment = {"PYTHONPATH": f"{SOURCE_ROOT / 'python'}:{tmp_path}", "PW_PYTHON": sys.executable,
                   "XDG_CACHE_HOME": str(tmp_path)}
    forms = {"plugin": [tmp_path / "cells.so"], "source": [tmp_path / "cells.c"], "python": ["py:above:above"],
             "program": [worker("slow=1", "inflight=3", "prints")]}
    for language, command in npy_commands(programs).items():
        if shutil.which(command.split()[0]) is None:
            continue  # test_frames says so
        forms[language] = [f"exec:{command}", "--worker-io", "npy", "--merge", "touch"]
    for form, (fn, *options) in forms.items():
        got = labels(pw, image, fn, tmp_path / "labels.npy", *options, env=environment)
        assert got == expected, form


# ---------------------------------------------------------------------------- frames of npy


def npy_commands(programs):
    return {"c": f"{programs / 'threshold_npy'} 40", "perl": f"perl {WORKERS / 'threshold_npy.pl'} 40",
            "r": f"Rscript {WORKERS / 'threshold_npy.R'} 40"}


@pytest.mark.parametrize("language", ["c", "perl", "r"])
def test_frames(pw, programs, image, expected, tmp_path, language):
    command = npy_commands(programs)[language]
    if language != "c":
        needs(command.split()[0], {"perl": "perl", "r": "r-base-core"}[language])
    for workers in (1, 3):
        got = labels(pw, image, f"exec:{command}", tmp_path / "labels.npy", "--worker-io", "npy", "--merge", "touch",
                     "--workers", workers)
        assert got == expected


def test_frames_by_a_shell(pw, tmp_path):
    rng = np.random.default_rng(2)
    np.save(tmp_path / "image.npy", rng.integers(0, 2, (21, 26), dtype=np.uint8) * 200)
    expected = labels(pw, tmp_path / "image.npy", "threshold:100", tmp_path / "expected.npy", tile=14)
    got = labels(pw, tmp_path / "image.npy", f"exec:sh {WORKERS / 'threshold_npy.sh'} 100", tmp_path / "labels.npy",
                 "--worker-io", "npy", "--merge", "touch", tile=14)
    assert got == expected


def npy_filter(body):
    """A filter in Python; body makes `labels` of `image`."""
    return f"""
import os, sys
import numpy as np
from numpy.lib import format as npy
def frames(file):
    while file.read(0) is not None and (magic := file.read(8)):
        header = (npy.read_array_header_1_0 if magic[6] == 1 else npy.read_array_header_2_0)(file)
        n = int(np.prod(header[0])) * header[2].itemsize
        yield np.frombuffer(file.read(n), header[2]).reshape(header[0])
def put(labels):
    npy.write_array_header_1_0(out, npy.header_data_from_array_1_0(labels))
    out.write(labels.tobytes())
    out.flush()
out = sys.stdout.buffer
for number, image in enumerate(frames(sys.stdin.buffer)):
    {body}
"""


@pytest.mark.parametrize("body, says", [
    ("put((image > 40).astype(np.float32))", "float32"),
    ("put((image > 40)[:, :-1].astype(np.uint32))", "another shape"),
    ("put(-(image > 40).astype(np.int16))", "-1"),
    ("put((image > 40).astype('>u4'))", "most significant byte first"),
    ("out.write(b'Loading the model...' * 20); out.flush()", "not begin"),
    ("os._exit(4)", "exit status 4"),
], ids=["float", "shape", "negative", "endian", "text", "exit"])
def test_wrong_frames(pw, image, tmp_path, body, says):
    (tmp_path / "filter.py").write_text(npy_filter(body))
    line = pw.refuses("run", image, "--fn", f"exec:{sys.executable} {tmp_path / 'filter.py'}", "--worker-io", "npy",
                      "--tile", 300, "-o", tmp_path / "labels.npy", "--quiet", says=["filter.py", "tile ", " at ("],
                      code=EXIT_FAILED)
    assert says in line or (says == "not begin" and "npy" in line), line


def test_large_frames_do_not_block(pw, programs, tmp_path):
    """Frames far larger than any pipe, and a filter that writes before it has read everything."""
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (1500, 1600), dtype=np.uint8)
    np.save(tmp_path / "image.npy", image)
    (tmp_path / "early.py").write_text("""
import sys
i, o = sys.stdin.buffer, sys.stdout.buffer
while head := i.read(128):
    rest = 1500 * 1600
    o.write(head.replace(b"|u1", b"|u1"))
    while rest:
        part = i.read(min(rest, 4096))
        o.write(bytes(b > 128 for b in part))
        o.flush()
        rest -= len(part)
""")
    pw("run", tmp_path / "image.npy", "--fn", f"exec:{sys.executable} {tmp_path / 'early.py'}", "--worker-io", "npy",
       "--tile", "1500,1600", "-o", tmp_path / "labels.npy")
    assert np.array_equal(np.load(tmp_path / "labels.npy"), image > 128)


# ---------------------------------------------------------------------------- what is refused, and how


@pytest.mark.parametrize("words, says", [
    (("die=11",), ["killed by signal 11 (SEGV)", "I have had enough"]),
    (("exit=11",), ["exit status 3", "leaving"]),
    (("babble=11",), ["no JSON object", "Traceback"]),
    (("flood=11",), ["more than 65536 bytes"]),
    (("stranger=11",), ["999999"]),
    (("fail=11",), ["too difficult"]),
    (("shape=11",), ["1 x 2 x 3", "1 x 96 x 96"]),
    (("negative=11", "dtype=|i1"), ["label -1", "(0, 0, 1056) is negative"]),
    (("huge=11", "dtype=<u8"), ["8589934592", "above 4294967295"]),
], ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_a_tile_that_fails(pw, worker, image, tmp_path, words, says):
    """Tile 11 is the twelfth of the first row."""
    fn = worker(*words)
    line = pw.refuses("run", image, "--fn", fn, "--tile", 96, "-o", tmp_path / "labels.npy", "--quiet",
                      says=says, code=EXIT_FAILED)
    assert "tile 11 at (0, 0, 1056)" in line
    assert f"--fn {fn[:100]}" in line
    assert not (tmp_path / "labels.npy").exists()


def test_a_tile_that_hangs(pw, worker, image, tmp_path):
    began = time.monotonic()
    pw.refuses("run", image, "--fn", worker("hang=11"), "--tile", 96, "-o", tmp_path / "labels.npy", "--quiet",
               "--worker-timeout", "0.5", says=["tile 11", "has not answered for 0.5 s"], code=EXIT_FAILED)
    assert time.monotonic() - began < 30


def test_tiles_left_empty(pw, worker, image, expected, tmp_path):
    result = pw.any("run", image, "--fn", worker("die=11"), "--tile", 96, "-o", tmp_path / "labels.npy", "--on-error",
                    "zero", "--summary", "json")
    assert result.code == EXIT_WARNINGS, str(result)
    assert result.summary()["n_failed_tiles"] == 1
    assert "tile 11" in result.err and "left empty" in result.err
    got, whole = np.load(tmp_path / "labels.npy"), np.load(tmp_path / "expected.npy")
    across = -(-whole.shape[1] // 96)
    y, x = 11 // across * 96, 11 % across * 96
    assert (got[y:y + 96, x:x + 96] == 0).all()
    inside = np.ones(whole.shape, bool)
    inside[y:y + 96, x:x + 96] = False
    assert np.array_equal(got[inside] > 0, whole[inside] > 0)


@pytest.mark.parametrize("start, says", [("exit", ["exit status 5", "no such model"]), ("babble", ["no JSON object"]),
                                         ("reason", ["needs a better machine"]), ("mute", ["no hello within 1 s"])])
def test_a_worker_that_does_not_start(pw, worker, image, tmp_path, start, says):
    fn = worker(f"start={start}")
    pw.refuses("run", image, "--fn", fn, "-o", tmp_path / "labels.npy", "--quiet", "--worker-timeout", "0,1",
               says=["does not start", f"--fn {fn[:100]}", *says], code=EXIT_FAILED)


def test_a_program_that_is_not_there(pw, image, tmp_path):
    for fn in ("exec:/nowhere/at-all", "exec:no-such-program-here --fast"):
        pw.refuses("run", image, "--fn", fn, "-o", tmp_path / "labels.npy", "--quiet", says=[fn, "not found"])
    pw.refuses("run", image, "--fn", "exec: ", "-o", tmp_path / "labels.npy", says="needs a command")
    pw.refuses("run", image, "--fn", "py:nothing", "-o", tmp_path / "labels.npy", says="py:module:function")


def test_what_a_worker_is_told(pw, image, tmp_path):
    """Options, image, device and place, in its environment; and no descriptor but its own."""
    script = 'env >&2; ls -l /proc/self/fd >&2; exit 1'
    result = pw.any("run", image, "--fn", f"exec:{script}", "-o", tmp_path / "labels.npy", "--devices", "5,6",
                    "--workers", "3", env={"PW_CTL_SOCK": "/elsewhere"})
    for line in ("CUDA_VISIBLE_DEVICES=5", "PW_WORKER_INDEX=0", "PW_WORKER_COUNT=3", "PW_PARAMS={}", "PW_CTL_FD=3",
                 "PW_SHM_FD=4", '"shape":[1,603,1272]', '"dtype":"|u1"'):
        assert line in result.err, str(result)
    assert "PW_CTL_SOCK" not in result.err
    opened = {line.split(" -> ")[0].split()[-1] for line in result.err.splitlines() if " -> " in line}
    assert opened <= {"0", "1", "2", "3", "4", "5"}  # 5 is the directory that ls reads


# ---------------------------------------------------------------------------- ends


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("words", ["hang=11", "slow=50"])
def test_nobody_outlives_the_run(pw, programs, worker, image, tmp_path, how, words):
    run = pw.start("run", image, "--fn", worker(words), "--tile", 64, "-o", tmp_path / "labels.npy", "--workers", 2)
    deadline = time.monotonic() + 30
    while not processes_of(programs) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    run.send_signal(how)
    run.communicate(timeout=30)
    assert run.returncode == -how
    assert not (tmp_path / "labels.npy").exists()
    if how == signal.SIGKILL:
        for left in pw.scratch.rglob("*"):
            left.unlink()


def test_what_a_shell_has_started_ends_too(pw, programs, worker, image, tmp_path):
    """A pipeline, a program in the background: the whole group ends with the run."""
    command = worker("fail=3").removeprefix("exec:")
    alone = f"sleep {100_000 + os.getpid()}"  # of this test, whoever else runs it at the same time
    pw.refuses("run", image, "--fn", f"exec:{alone} & {command}", "--tile", 96, "-o", tmp_path / "labels.npy", "--quiet",
               says="too difficult", code=EXIT_FAILED)
    assert not [p for p in processes_named(alone)]


def test_a_tile_left_empty_is_not_done(pw, programs, tmp_path):
    """It is counted and warned of also by a run that goes on, and called for again."""
    image = np.zeros((40, 40), np.uint16)
    image[::2, ::2] = 500
    np.save(tmp_path / "image.npy", image)
    (tmp_path / "worker.sh").write_text(f"exec {programs / 'worker'} 40 $WORDS\n")
    arguments = ["run", tmp_path / "image.npy", "--fn", f"exec:sh {tmp_path / 'worker.sh'}", "--tile", "20", "-o",
                 tmp_path / "labels.npy", "--quiet", "--summary=json"]
    again = ["--resume", "--overwrite", "--on-error"]
    for _ in range(2):  # 400 objects do not fit: what fails is what comes after the tiles
        pw.refuses(*arguments, "--on-error", "zero", "--out-dtype", "uint8", env={"WORDS": "fail=1"}, says="has 3 of 4 tiles")
        result = pw.any(*arguments, *again, "zero", env={"WORDS": "fail=1"})
        assert result.code == EXIT_WARNINGS and result.summary()["n_failed_tiles"] == 1, str(result)
        assert result.summary()["n_resumed_tiles"] == 3 and len(np.unique(np.load(tmp_path / "labels.npy"))) == 301
        (tmp_path / "labels.npy").unlink()
    pw.refuses(*arguments, "--on-error", "zero", "--out-dtype", "uint8", env={"WORDS": "fail=1"}, says="has 3 of 4 tiles")
    pw.refuses(*arguments, *again, "fail", env={"WORDS": "fail=1"}, says=["tile 1 ", "has 3 of 4 tiles"])
    result = pw(*arguments, *again, "fail")
    assert result.summary()["n_resumed_tiles"] == 3 and result.summary()["n_failed_tiles"] == 0
    assert len(np.unique(np.load(tmp_path / "labels.npy"))) == 401


def processes_named(command):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile; of one that is only waited for there are no words
            if (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0") == command.encode().split():
                found.append(process.name)
    return found


def test_many_failures_leak_nothing(pw, worker, image, tmp_path):
    """Descriptors and processes of workers that are replaced again and again: every tile fails, and the run goes on."""
    result = pw.any("run", image, "--fn", worker("exit=-1"), "--tile", 48, "-o", tmp_path / "labels.npy", "--quiet",
                    "--on-error", "zero", "--summary", "json", "--workers", 2,
                    timeout=300)
    assert result.code == EXIT_WARNINGS, str(result)
    assert (np.load(tmp_path / "labels.npy") == 0).all()


def test_messages_of_workers(pw, worker, image, tmp_path):
    result = pw("run", image, "--fn", worker("prints"), "--tile", 300, "-o", tmp_path / "labels.npy")
    assert re.search(r"^worker test\[\d\]: tile 0$", result.err, re.M)
    quiet = pw("run", image, "--fn", worker("prints"), "--tile", 300, "-o", tmp_path / "more.npy", "--quiet")
    assert quiet.err == ""
