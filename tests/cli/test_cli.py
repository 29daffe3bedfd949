"""The verbs other than run, and what run says of itself."""

import json
import os
import re

import numpy as np
import pytest
from pwtest import images
from pwtest.tool import SOURCE_ROOT

VERBS = ("run", "info", "cat", "version", "help")


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(21)
    np.save(tmp_path / "image.npy", np.where(images.blob_mask(rng, (24, 60, 70)), 200, 50).astype(np.uint16))
    return tmp_path / "image.npy"


# ---------------------------------------------------------------------------- help and version


def test_help_lists_the_verbs(pw):
    for arguments in (["help"], ["--help"], ["-h"]):
        result = pw(*arguments)
        assert result.err == ""
        assert "usage" in result.text.lower()
        for verb in VERBS:
            assert re.search(rf"^ +{verb}\b", result.text, re.M), f"no {verb} in {result.text}"


@pytest.mark.parametrize("verb", VERBS)
def test_help_for_every_verb(pw, verb):
    result = pw("help", verb)
    assert f"pw-stream {verb}" in result.text and result.err == ""
    if verb != "help":
        assert pw(verb, "--help").text == result.text
    assert max(map(len, result.text.splitlines())) <= 120


def test_help_of_run_names_every_option(pw):
    text = pw("help", "run").text
    for option in ("-o", "--fn", "--tile", "--halo", "--memory", "--threads", "--io", "--shape", "--dtype", "--offset",
                   "--endian", "--level", "--channel", "--time", "--connectivity", "--format", "--ngff", "--chunk",
                   "--shard", "--out-dtype", "--name", "--overwrite", "--scratch", "--dry-run", "--progress", "--quiet",
                   "--verbose", "--summary", "--min-size", "--max-size", "--border"):
        assert re.search(rf"(^|[ ,]){option}\b", text, re.M), f"help run does not mention {option}"


def test_version(pw):
    result = pw("version")
    assert result.err == ""
    configured = re.search(r"AC_INIT\(\[patchworks\], \[([^\]]+)\]", (SOURCE_ROOT / "configure.ac").read_text())
    assert configured.group(1) in result.text.splitlines()[0]
    for word in ("zstd", "blosc", "lz4", "zlib", "libtiff", "uring", "simd"):
        assert word in result.text.lower(), f"version does not mention {word}"
    assert pw("--version").text.splitlines()[0] == result.text.splitlines()[0]


# ---------------------------------------------------------------------------- info and cat


def test_info_of_an_array(pw, image):
    text = pw("info", image).text
    for part in ("24", "60", "70", "uint16", "npy"):
        assert part in text
    info = json.loads(pw("info", image, "--json").text)
    assert info["format"] == "npy" and info["shape"] == [24, 60, 70] and info["dtype"] == "uint16"


@pytest.mark.parametrize("version,format", [("0.4", "zarr2"), ("0.5", "zarr3")])
def test_info_of_a_store(pw, data, version, format):
    store = data / "golden" / f"ovule_{version}.ome.zarr"
    text = pw("info", store).text
    for part in ("32", "128", "uint8", "zstd", "micrometer", "0.235", "0.15", "cells", version):
        assert part in text, f"{part} not in {text}"
    info = json.loads(pw("info", store, "--json").text)
    assert info["format"] == format and info["shape"] == [32, 128, 128] and info["dtype"] == "uint8"
    assert info["chunk"] == [16, 64, 64]
    assert "cells" in json.dumps(info["labels"])
    assert len(info["levels"]) == 3
    assert [level["shape"] for level in info["levels"]] == [[32, 128, 128], [32, 64, 64], [16, 32, 32]]
    assert [axis["name"] for axis in info["axes"]] == ["z", "y", "x"]
    assert [axis["scale"] for axis in info["axes"]] == pytest.approx([0.235, 0.15, 0.15])
    assert [axis["unit"] for axis in info["axes"]] == ["micrometer"] * 3


def test_info_of_a_label_store(pw, image, tmp_path):
    pw("run", image, "--fn", "threshold:100", "-o", tmp_path / "out.zarr", "--name", "cells")
    expected = images.components(np.load(image) > 100, 1).max()
    for path in (tmp_path / "out.zarr" / "labels" / "cells", tmp_path / "out.zarr" / "labels" / "cells" / "0"):
        assert json.loads(pw("info", path, "--json").text)["n_objects"] == expected, path
    assert str(expected) in pw("info", tmp_path / "out.zarr" / "labels" / "cells").text
    assert "cells" in pw("info", tmp_path / "out.zarr").text


def test_cat_levels(pw, data, tmp_path):
    store = data / "golden" / "ovule_0.5.ome.zarr"
    for level, shape in enumerate([(32, 128, 128), (32, 64, 64), (16, 32, 32)]):
        (tmp_path / "level.npy").write_bytes(pw("cat", store, "--level", level).out)
        assert np.load(tmp_path / "level.npy").shape == shape
        assert pw("cat", store / str(level), "--raw").out == np.load(tmp_path / "level.npy").tobytes()


# ---------------------------------------------------------------------------- run


def test_dry_run_plans_and_writes_nothing(pw, image, tmp_path):
    output = tmp_path / "labels.zarr"
    result = pw("run", image, "--fn", "otsu", "-o", output, "--tile", "8,20,30", "--memory", "256M", "--dry-run")
    text = result.text + result.err
    assert not output.exists()
    tiles = 3 * 3 * 3
    for part in (str(tiles), "8", "20", "30", "otsu", "256"):
        assert part in text, f"{part} not in {text}"
    for word in ("tile", "ring", "stage", "total"):
        assert word in text.lower(), f"{word} not in {text}"


def test_dry_run_refuses_what_a_run_refuses(pw, image, tmp_path):
    (tmp_path / "labels.npy").write_bytes(b"here already")
    pw.refuses("run", image, "--fn", "otsu", "-o", tmp_path / "labels.npy", "--dry-run", says="labels.npy")
    pw.refuses("run", image, "--fn", "otsu", "-o", tmp_path / "other.npy", "--memory", "1M", "--dry-run", says="--memory")


def test_plan_fits_the_budget(pw, image, tmp_path):
    """The sum of the parts is at most the budget, for any budget that is accepted."""
    units = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    for budget in (64, 128, 1024):
        for threads in (1, 2, 7) if budget > 64 else (1, 2):
            text = pw("run", image, "--fn", "otsu", "-o", tmp_path / "x.zarr", "--memory", f"{budget}M", "--threads", threads,
                      "--dry-run").text
            (number, unit), = re.findall(r"plan takes ([0-9.]+) ([KMG]?i?B)", text)
            assert 0 < float(number) * units[unit] <= budget * 2**20, text


def test_summary_on_standard_error(pw, image, tmp_path):
    expected = images.components(np.load(image) > 100, 1)
    result = pw("run", image, "--fn", "threshold:100", "-o", tmp_path / "a.npy", "--progress=never")
    assert result.out == b""
    assert str(expected.max()) in result.err and "labels" in result.err or "a.npy" in result.err
    result = pw("run", image, "--fn", "threshold:100", "-o", tmp_path / "b.npy", "--summary=json")
    summary = result.summary()
    assert summary["n_objects"] == expected.max()
    assert summary["foreground_voxels"] == np.count_nonzero(expected)
    assert summary["peak_memory_bytes"] > 0 and summary["bytes_written"] >= (tmp_path / "b.npy").stat().st_size - 4096
    assert summary["bytes_read"] >= np.load(image).nbytes


def test_peak_memory_is_that_of_the_run(pw, tmp_path):
    """Not what ru_maxrss inherits over vfork and exec from the program that started it: this one is larger."""
    np.save(tmp_path / "tiny.npy", np.eye(9, dtype=np.uint8))
    ballast = bytearray(os.urandom(1 << 20) * 200)
    result = pw("run", tmp_path / "tiny.npy", "--fn", "threshold:0", "-o", tmp_path / "labels.npy", "--summary=json")
    assert result.summary()["peak_memory_bytes"] < 100 << 20 < len(ballast)


def test_quiet_says_nothing(pw, image, tmp_path):
    for arguments in ([], ["--progress=auto"]):
        result = pw("run", image, "--fn", "otsu", "-o", tmp_path / f"{len(arguments)}.npy", "--quiet", *arguments)
        assert result.out == b"" and result.err == ""


def test_verbose_says_more(pw, image, tmp_path):
    plain = pw("run", image, "--fn", "otsu", "-o", tmp_path / "a.npy")
    verbose = pw("run", image, "--fn", "otsu", "-o", tmp_path / "b.npy", "--verbose")
    assert len(verbose.err.splitlines()) > len(plain.err.splitlines())
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_no_progress_bar_without_a_terminal(pw, image, tmp_path):
    result = pw("run", image, "--fn", "otsu", "-o", tmp_path / "a.npy")
    assert "\r" not in result.err and "\x1b" not in result.err


def test_progress_as_json(pw, image, tmp_path, plugin):
    slow = plugin("slow", "-DSLEEP_US=40000")
    result = pw("run", image, "--fn", slow, "-o", tmp_path / "a.npy", "--tile", "16", "--progress=json", "--quiet")
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert len(lines) >= 3
    assert all({"pass", "done", "total"} <= set(line) for line in lines), lines[0]
    segment = [line for line in lines if line["pass"] == lines[0]["pass"]]
    assert [line["done"] for line in segment] == sorted(line["done"] for line in segment)
    assert all(line["done"] <= line["total"] for line in lines)


def test_progress_always(pw, image, tmp_path):
    result = pw("run", image, "--fn", "otsu", "-o", tmp_path / "a.npy", "--progress=always")
    assert "%" in result.err or "tile" in result.err.lower()


def test_option_spellings(pw, image, tmp_path):
    """--option value and --option=value; -- ends the options; the order of words does not matter."""
    outputs = []
    for number, arguments in enumerate((["--fn", "otsu", "--tile", "16"], ["--fn=otsu", "--tile=16"])):
        outputs.append(tmp_path / f"{number}.npy")
        pw("run", *arguments, "-o", outputs[-1], image)
    outputs.append(tmp_path / "2.npy")
    pw("run", "--fn=otsu", f"--output={outputs[-1]}", "--", image)
    outputs.append(tmp_path / "3.npy")
    pw("run", image, "--fn", "otsu:connectivity=1", "-o", outputs[-1])
    assert len({path.read_bytes() for path in outputs}) == 1


def test_names_with_blanks_and_letters(pw, image, tmp_path):
    folder = tmp_path / "wei\u00dfe K\u00fcche"
    folder.mkdir()
    copy = folder / "image one.npy"
    copy.write_bytes(image.read_bytes())
    for suffix in ("npy", "zarr", "tif", "raw"):
        pw("run", copy, "--fn", "otsu", "-o", folder / f"labels \u2192 {suffix}.{suffix}")
    assert len(list(folder.iterdir())) == 5


def test_trailing_slash(pw, data, tmp_path):
    store = data / "golden" / "ovule_0.5.ome.zarr"
    pw("run", f"{store}/", "--fn", "otsu", "-o", tmp_path / "a.npy")
    pw("run", store, "--fn", "otsu", "-o", tmp_path / "b.npy")
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_two_dimensional_tile(pw, tmp_path):
    """--tile y,x for a 2-D image."""
    rng = np.random.default_rng(0)
    image = (rng.random((50, 60)) < 0.5).astype(np.uint8)
    np.save(tmp_path / "flat.npy", image)
    pw("run", tmp_path / "flat.npy", "--fn", "threshold:0", "--tile", "16,20", "--halo", "1,1", "-o", tmp_path / "labels.npy")
    images.assert_same_labels(np.load(tmp_path / "labels.npy"), images.components(image, 1))


def test_format_overrides_the_suffix(pw, image, tmp_path):
    pw("run", image, "--fn", "otsu", "-o", tmp_path / "labels.dat", "--format", "npy")
    pw("run", image, "--fn", "otsu", "-o", tmp_path / "labels.npy")
    assert (tmp_path / "labels.dat").read_bytes() == (tmp_path / "labels.npy").read_bytes()


def test_recognised_by_content(pw, image, tmp_path):
    """The suffix of the input says nothing."""
    wrong = tmp_path / "image.tif"
    wrong.write_bytes(image.read_bytes())
    assert json.loads(pw("info", wrong, "--json").text)["format"] == "npy"


def test_options_without_effect_are_said(pw, image, tmp_path):
    """Not refused: scripts hand the same options to many functions.  Labels are as without them."""
    idle = ["--workers", 2, "--on-error", "zero", "--tau", 0.7, "--min-contact", 3, "--ngff", "0.4"]
    told = pw("run", image, "--fn", "otsu", "-o", tmp_path / "a.npy", *idle).err
    assert {line.split()[1] for line in told.splitlines() if "has no effect" in line} == set(idle[::2])
    plain = pw("run", image, "--fn", "otsu", "-o", tmp_path / "b.npy", "--merge", "face", "--tau", 0.7).err
    assert "has no effect" not in plain
    assert pw("run", image, "--fn", "otsu", "-o", tmp_path / "c.npy", "--quiet", *idle).err == ""
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "c.npy").read_bytes()


def test_one_is_singular(pw, tmp_path):
    one = np.zeros((20, 20), np.uint8)
    one[5, 5] = 9
    np.save(tmp_path / "one.npy", one)
    told = pw("run", tmp_path / "one.npy", "--fn", "threshold:5", "-o", tmp_path / "labels.npy").err
    assert told.startswith("1 object, 1 voxel, above 5\n1 tile (0 empty), 1 label in them, 0 joins\n")
