"""Fixtures of the black-box tests; see lib/pwtest for what they are made of."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from pwtest.tool import SOURCE_ROOT, Meter, Tool, compile_c, data_path, tool_path  # noqa: E402


# C source is compiled with the header of this source tree, wherever the build directory is.
os.environ.setdefault("PW_INCLUDE_DIR", str(SOURCE_ROOT / "include"))


def pytest_collection_modifyitems(config, items):
    """PW_TEST_EVERY=N: of the cases of a test the first and every N-th after it; every test still runs."""
    every = int(os.environ.get("PW_TEST_EVERY", "1"))
    seen, kept, left = {}, [], []
    for item in items:
        test = item.nodeid.split("[")[0]
        (left if seen.get(test, 0) % every else kept).append(item)
        seen[test] = seen.get(test, 0) + 1
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(scope="session")
def tool_file():
    path = tool_path()
    if not path.is_file():
        pytest.exit(f"{path} is missing: build it, or set PW_STREAM to a pw-stream", returncode=3)
    return path


@pytest.fixture
def pw(tool_file, tmp_path):
    """The tool; what it leaves in its temporary directory after a success is a failure of the test."""
    tool = Tool(tool_file, tmp_path / "scratch.tmp")
    yield tool
    tool.assert_no_scratch()


@pytest.fixture(scope="session")
def data():
    """The folder of real images; tests that need it are skipped where it is not."""
    path = data_path()
    if not (path / "nuclei").is_dir():
        pytest.skip(f"no test images at {path} (PW_TEST_DATA)")
    return path


@pytest.fixture(scope="session")
def compiler():
    name = shutil.which("cc") or shutil.which("gcc")
    if name is None:
        pytest.skip("no C compiler")
    return name


@pytest.fixture
def meter(compiler, tmp_path_factory):
    return Meter(tmp_path_factory.mktemp("meter"))


@pytest.fixture(scope="session")
def plugin(compiler, tmp_path_factory):
    """plugin(name, "-DFLAG", ...): compiles tests/lib/plugin.c with these flags and returns the shared object."""
    folder = tmp_path_factory.mktemp("plugins")
    made = {}

    def make(name, *flags):
        if name not in made:
            source = SOURCE_ROOT / "tests" / "lib" / "plugin.c"
            made[name] = compile_c(source, folder / f"{name}.so", "-shared", "-fPIC", *flags)
        return made[name]

    return make


@pytest.fixture(scope="session")
def replay(compiler, tmp_path_factory):
    """The plugin that replays labels made beforehand (tests/lib/replay.c)."""
    return compile_replay(tmp_path_factory)


@pytest.fixture(scope="session")
def replay_once(compiler, tmp_path_factory):
    """The same, and a tile that was replayed is gone."""
    return compile_replay(tmp_path_factory, "-DONCE")


def compile_replay(tmp_path_factory, *flags):
    folder = tmp_path_factory.mktemp("replay")
    return compile_c(SOURCE_ROOT / "tests" / "lib" / "replay.c", folder / "replay.so", "-shared", "-fPIC", *flags)
