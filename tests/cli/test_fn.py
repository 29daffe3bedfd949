"""pw-stream fn, functions by name from PW_PLUGIN_PATH, and functions in C source that are compiled on the way."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from pwtest.tool import EXIT_FAILED, EXIT_USAGE, SOURCE_ROOT
from scipy import ndimage

HEADER = SOURCE_ROOT / "include"


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(4)
    volume = ndimage.gaussian_filter(rng.random((12, 40, 50)), 2)
    volume = (volume * 1000).astype(np.uint16)
    np.save(tmp_path / "image.npy", volume)
    return volume


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PW_INCLUDE_DIR", str(HEADER))
    return tmp_path / "cache" / "patchworks"


def level(image):
    return int(np.median(image)) + 10


def components(image, connectivity=1):
    return ndimage.label(image > level(image), ndimage.generate_binary_structure(3, connectivity))[0]


def made(folder):
    return sorted(p.name for p in folder.iterdir())


# ---------------------------------------------------------------------------- list, show


def test_list_has_every_built_in_and_what_is_on_the_path(pw, plugin, tmp_path):
    folder, other = tmp_path / "one", tmp_path / "two"
    folder.mkdir()
    other.mkdir()
    shutil.copy(plugin("flood"), folder / "mine.so")
    shutil.copy(plugin("serial", "-DSERIAL"), other / "mine.so")
    shutil.copy(plugin("flood"), other / "otsu.so")
    (other / "broken.so").write_text("no object")
    (other / "notes.txt").write_text("")
    lines = pw("fn", "list", env={"PW_PLUGIN_PATH": f"{folder}::{other}:{tmp_path}/none"}).text.splitlines()
    names = [line.split()[0] for line in lines]
    assert {"threshold", "otsu", "label", "given", "mine", "broken"} <= set(names) and len(names) == len(set(names))
    mine = next(line for line in lines if line.startswith("mine "))
    assert "flood fill above a threshold" in mine and str(folder / "mine.so") in mine
    assert "cannot be loaded" in next(line for line in lines if line.startswith("broken "))
    assert "notes" not in str(names)


def test_what_list_and_show_say_of_built_ins_is_what_run_takes(pw, image, tmp_path):
    for line in pw("fn", "list").text.splitlines():
        name = line.split()[0]
        shown = pw("fn", "show", name).text
        assert shown.startswith(f"{name}: ") and "halo" in shown
        options = re.findall(r"^  ([a-z][\w-]*) +(?:number|numbers|integer|flag|text) ", shown, re.M)
        refusal = pw.refuses("run", tmp_path / "image.npy", "--fn", f"{name}:no-such-option=1", "-o", tmp_path / "labels.npy",
                             says="no-such-option", code=EXIT_USAGE)
        taken = refusal.split("it takes ", 1)[1].strip()
        assert taken == (", ".join(options) if options else "no option")


def test_show_a_plugin(pw, tmp_path, cache):
    shown = pw("fn", "show", SOURCE_ROOT / "examples/plugin_runs.c").text
    for said in ("bright_runs: bright stretches of rows, connected", "width", "integer", "connectivity 1", "float32", "statistics",
                 "may depend", "halfway between"):
        assert said in shown, shown
    shown = pw("fn", "show", SOURCE_ROOT / "examples/plugin_threshold.c").text
    for said in ("halo     0 1 1", "limit", "required", "components, connectivity 1", "8 bytes per voxel", "takes uint8 uint16 float32"):
        assert said in shown, shown


@pytest.mark.parametrize("arguments,says", [([], "list"), (["list", "x"], "list"), (["show"], "show"), (["frobnicate"], "list"),
                                            (["show", "cellpose"], "cellpose"), (["show", "otsu:tile"], "otsu:tile"),
                                            (["new"], "new"), (["new", "my_fn.py"], ".c"), (["new", "a b.c"], "a b.c")])
def test_wrong_usage(pw, tmp_path, arguments, says):
    pw.refuses("fn", *arguments, says=says, code=EXIT_USAGE)


def test_show_what_is_no_plugin(pw, plugin, tmp_path):
    pw.refuses("fn", "show", plugin("nosymbol", "-DNO_SYMBOL"), says="pw_plugin", code=EXIT_FAILED)
    pw.refuses("fn", "show", "./missing.so", says="missing.so", code=EXIT_FAILED)
    pw.refuses("fn", "show", tmp_path / "missing.c", says="missing.c", code=EXIT_FAILED)


# ---------------------------------------------------------------------------- by name


def test_a_function_by_name(pw, plugin, image, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    shutil.copy(plugin("flood"), folder / "mine.so")
    environment = {"PW_PLUGIN_PATH": f"{tmp_path}:{folder}"}
    pw("run", tmp_path / "image.npy", "--fn", f"mine:{level(image)}", "-o", tmp_path / "labels.npy", "--tile", "16", env=environment)
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), components(image))
    line = pw.refuses("run", tmp_path / "image.npy", "--fn", "mine:5", "-o", tmp_path / "other.npy", says=["mine", "PW_PLUGIN_PATH"],
                      code=EXIT_USAGE)
    assert "threshold" in line


# ---------------------------------------------------------------------------- C source


def test_the_new_file_runs_as_it_is_and_equals_the_built_in(pw, image, tmp_path, cache):
    source = tmp_path / "my_fn.c"
    said = pw("fn", "new", source).text
    assert str(source) in said
    assert 25 <= len(source.read_text().splitlines()) <= 60
    limit = level(image)
    pw("run", tmp_path / "image.npy", "--fn", f"threshold:{limit}", "-o", tmp_path / "built_in.npy", "--tile", "16")
    expected = (tmp_path / "built_in.npy").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "built_in.npy"), components(image))
    for threads in (1, 2, 7):
        pw("run", tmp_path / "image.npy", "--fn", f"{source}:level={limit}", "-o", tmp_path / "own.npy", "--tile", "16",
           "--threads", threads, "--overwrite")
        assert (tmp_path / "own.npy").read_bytes() == expected
    for connectivity in (2, 3):
        pw("run", tmp_path / "image.npy", "--fn", f"{source}:{limit}", "-o", tmp_path / "own.npy", "--tile", "16", "--overwrite",
           "--connectivity", connectivity)
        np.testing.assert_array_equal(np.load(tmp_path / "own.npy"), components(image, connectivity))
    assert len(made(cache)) == 1


def test_new_never_overwrites(pw, tmp_path):
    (tmp_path / "my_fn.c").write_text("mine")
    pw.refuses("fn", "new", tmp_path / "my_fn.c", says="my_fn.c", code=EXIT_FAILED)
    assert (tmp_path / "my_fn.c").read_text() == "mine"
    pw.refuses("fn", "new", tmp_path / "none" / "my_fn.c", says="my_fn.c", code=EXIT_FAILED)


def test_the_new_file_compiles_without_a_warning(compiler, pw, tmp_path):
    pw("fn", "new", tmp_path / "my_fn.c")
    for standard in ("c11", "gnu17"):
        subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{HEADER}",
                        tmp_path / "my_fn.c"], check=True)


def run_c(pw, source, tmp_path, **options):
    return pw("run", tmp_path / "image.npy", "--fn", source, "-o", tmp_path / "labels.npy", "--overwrite", **options)


def test_the_cache(pw, image, tmp_path, cache):
    """One object for one source, header, flags and compiler; another for another."""
    source, header = tmp_path / "own.c", tmp_path / "own.h"
    pw("fn", "new", source)
    source.write_text('#include "own.h"\n' + source.read_text())
    header.write_text("#define A 1\nstatic const int a = A;\n")
    run_c(pw, source, tmp_path)
    first = made(cache)
    assert len(first) == 1 and first[0].endswith(".so") and os.stat(cache).st_mode & 0o777 == 0o700
    before = os.stat(cache / first[0])
    run_c(pw, source, tmp_path)
    after = os.stat(cache / first[0])
    assert made(cache) == first and (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    header.write_text("#define A 2\nstatic const int a = A;\n")
    run_c(pw, source, tmp_path)
    assert len(made(cache)) == 2
    run_c(pw, source, tmp_path, env={"PW_CFLAGS": "-DB=1 -O1"})
    assert len(made(cache)) == 3
    source.write_text(source.read_text().replace("> *level", ">= *level"))
    run_c(pw, source, tmp_path)
    assert len(made(cache)) == 4


def test_a_compiler_of_ones_own(pw, compiler, image, tmp_path, cache):
    script = tmp_path / "my-cc"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec {compiler} "$@"\n')
    script.chmod(0o755)
    pw("fn", "new", tmp_path / "own.c")
    run_c(pw, tmp_path / "own.c", tmp_path, env={"CC": f"{script} -DOWN"})
    calls = (tmp_path / "calls").read_text()
    for word in ("-DOWN", "-O3", "-shared", "-fPIC", f"-I{HEADER}"):
        assert word in calls
    pw.refuses("run", tmp_path / "image.npy", "--fn", tmp_path / "own.c", "-o", tmp_path / "x.npy", says="no-such-compiler",
               code=EXIT_FAILED, env={"CC": "no-such-compiler"})


def test_compile_errors_are_shown_as_they_are(pw, image, tmp_path, cache):
    source = tmp_path / "wrong.c"
    source.write_text("#include <patchworks.h>\nint f(void) { return undeclared_thing; }\nint g(void) { return other_thing; }\n")
    result = pw.any("run", tmp_path / "image.npy", "--fn", source, "-o", tmp_path / "labels.npy")
    assert result.code == EXIT_FAILED and not (tmp_path / "labels.npy").exists()
    for said in (f"{source}:2:", "undeclared_thing", "other_thing"):
        assert said in result.err
    last = result.err.strip().splitlines()[-1]
    assert last.startswith("pw-stream: ") and "does not compile" in last and "undeclared_thing" in last
    assert not cache.exists() or made(cache) == []
    source.write_text("#include <no_such_header.h>\n")
    assert "no_such_header.h" in pw.any("fn", "show", source).err
    source.write_text("int nothing;\n")
    pw.refuses("run", tmp_path / "image.npy", "--fn", source, "-o", tmp_path / "labels.npy", says="pw_plugin", code=EXIT_FAILED)


def test_many_at_once(pw, image, tmp_path, cache):
    """Processes that compile the same source at the same time: all are served, and nothing half-made is left."""
    pw("fn", "new", tmp_path / "own.c")
    running = [pw.start("run", tmp_path / "image.npy", "--fn", f"{tmp_path}/own.c:{level(image)}", "-o", tmp_path / f"labels{i}.npy",
                        "--threads", "1") for i in range(5)]
    for i, process in enumerate(running):
        assert process.wait(timeout=100) == 0, process.stderr.read()
        np.testing.assert_array_equal(np.load(tmp_path / f"labels{i}.npy"), components(image))
    assert len(made(cache)) == 1


def test_what_others_may_write_is_not_loaded(pw, plugin, image, tmp_path, cache):
    pw("fn", "new", tmp_path / "own.c")
    run_c(pw, tmp_path / "own.c", tmp_path)
    (object_,) = cache.iterdir()
    foreign = plugin("fail0", "-DFAIL_TILE=0")
    shutil.copy(foreign, object_)
    object_.chmod(0o722)
    run_c(pw, tmp_path / "own.c", tmp_path)  # made anew
    assert os.stat(object_).st_mode & 0o022 == 0
    object_.unlink()
    object_.symlink_to(foreign)
    run_c(pw, tmp_path / "own.c", tmp_path)
    assert not object_.is_symlink()
    shutil.copy(foreign, object_)
    cache.chmod(0o777)
    run_c(pw, tmp_path / "own.c", tmp_path)  # in a temporary directory, which is gone (the pw fixture looks)
    cache.chmod(0o700)
    pw.refuses("run", tmp_path / "image.npy", "--fn", tmp_path / "own.c", "-o", tmp_path / "x.npy", says="the test wants it so",
               code=EXIT_FAILED)  # the object is our own again: it is what was put there


def test_without_a_cache(pw, image, tmp_path, cache):
    pw("fn", "new", tmp_path / "own.c")
    run_c(pw, f"{tmp_path}/own.c:{level(image)}", tmp_path, env={"XDG_CACHE_HOME": "", "HOME": ""})
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), components(image))


def test_the_header_is_found_beside_the_program(pw, image, tmp_path, cache, monkeypatch):
    monkeypatch.delenv("PW_INCLUDE_DIR")
    (tmp_path / "prefix/bin").mkdir(parents=True)
    (tmp_path / "prefix/include").mkdir()
    shutil.copy(pw.path, tmp_path / "prefix/bin/pw-stream")
    shutil.copy(HEADER / "patchworks.h", tmp_path / "prefix/include")
    pw("fn", "new", tmp_path / "own.c")
    monkeypatch.setattr(pw, "path", tmp_path / "prefix/bin/pw-stream")
    run_c(pw, tmp_path / "own.c", tmp_path)


def test_a_second_run_does_not_compile(pw, image, tmp_path, cache):
    pw("fn", "new", tmp_path / "own.c")
    log = tmp_path / "calls"
    script = tmp_path / "my-cc"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec cc "$@"\n')
    script.chmod(0o755)
    for _ in range(3):
        run_c(pw, tmp_path / "own.c", tmp_path, env={"CC": str(script)})
    assert sum(" -o " in line for line in log.read_text().splitlines()) == 1
