"""
Resolving more labels and edges than memory holds: 3 * 10^6 labels and 5 * 10^6 edges in memory for a thousand labels,
compared with a union-find of all of them; PW_STRESS=full resolves 3 * 10^8 and 5 * 10^8 in 512 MiB (25 GB of disk).
"""

import json
import os
import subprocess

import pytest
from pwtest.tool import tool_path

pytestmark = pytest.mark.xdist_group("stress")

MIB = 1024 * 1024
# One process without any labels: the program, its libraries, the tiles that it makes.
BASE_BYTES = 8 * MIB


@pytest.fixture
def resolve(pw, tmp_path):
    program = tool_path().parent / "tests" / "stress" / "resolve_scale"
    if not program.is_file():
        pytest.skip(f"{program} is not built (make check-programs)")

    def run(*arguments):
        done = subprocess.run([program, "--scratch", tmp_path, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        report = json.loads(done.stdout)
        print(done.stdout)
        assert report["scratch_bytes"] <= report["scratch_predicted_bytes"], done.stdout
        if not pw.is_sanitized():
            assert report["peak_rss_bytes"] <= report["memory_bytes"] + BASE_BYTES, done.stdout
        return report

    return run


@pytest.mark.parametrize("memory", [96 * 1024, 1 * MIB, 16 * MIB, 512 * MIB])
def test_same_as_in_memory(resolve, memory):
    report = resolve("--labels", 3_000_000, "--edges", 5_000_000, "--memory", memory, "--verify")
    assert report["same"] and report["labels"] > 3_000_000 and 1_000_000 < report["objects"] < 2_000_000


def test_tiles_larger_than_ranges_and_tiles_of_few_labels(resolve):
    assert resolve("--labels", 2_000_000, "--edges", 3_000_000, "--memory", 4 * MIB, "--tile-labels", 900_000, "--verify")["same"]
    assert resolve("--labels", 500_000, "--edges", 900_000, "--memory", MIB, "--tile-labels", 12_500, "--verify")["same"]


@pytest.mark.skipif(os.environ.get("PW_STRESS") != "full", reason="PW_STRESS=full: takes minutes and 25 GB of disk")
def test_three_hundred_million_labels(resolve):
    report = resolve("--labels", 300_000_000, "--edges", 501_000_000, "--memory", 512 * MIB)
    assert report["labels"] >= 300_000_000 and report["edges"] >= 500_000_000
    assert report["peak_rss_bytes"] <= 512 * MIB
