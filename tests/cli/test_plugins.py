"""Plugin ABI 1: versions and sizes of structures, types, runs, masks, what is declared, and functions that go wrong."""

import json
import signal

import numpy as np
import pytest
import tifffile
from pwtest.tool import EXIT_FAILED, EXIT_USAGE, SOURCE_ROOT, compile_c
from scipy import ndimage

SHELL = r"""
#include <patchworks.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
%(before)s
static int segment(const struct pw_tile *tile, uint32_t *labels, void *state)
{
    size_t n = (size_t)(tile->shape[0] * tile->shape[1] * tile->shape[2]);
    (void)state; (void)labels; (void)n;
    %(body)s
    return 0;
}
struct longer { struct pw_plugin plugin; char more[64]; };
PW_API const struct pw_plugin *pw_plugin(void)
{
    static struct longer longer = { .plugin = {
        .abi = PW_PLUGIN_ABI, .struct_size = sizeof(struct pw_plugin), .name = "made", .segment = segment, %(fields)s } };
    %(late)s
    return &longer.plugin;
}
"""

MASK = "for (size_t i = 0; i < n; i++) labels[i] = ((const uint16_t *)tile->voxels)[i] > 500;"
MASK_FLAGS = ".flags = PW_SEGMENT_MASK"


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(4)
    volume = (ndimage.gaussian_filter(rng.random((10, 40, 50)), 1.5) * 1000).astype(np.uint16)
    np.save(tmp_path / "image.npy", volume)
    return volume


@pytest.fixture
def make(compiler, tmp_path):
    def make(name, body=MASK, fields=MASK_FLAGS, before="", late=""):
        source = tmp_path / f"{name}.c"
        source.write_text(SHELL % {"body": body, "fields": fields, "before": before, "late": late})
        return compile_c(source, tmp_path / f"{name}.so", "-shared", "-fPIC")

    return make


TOLD = SOURCE_ROOT / "tests/lib/told.c"


@pytest.fixture(scope="session")
def told(compiler, tmp_path_factory):
    return compile_c(TOLD, tmp_path_factory.mktemp("told") / "told.so", "-shared", "-fPIC", "-pthread")


def labels_of(pw, plugin, tmp_path, *options):
    pw("run", tmp_path / "image.npy", "--fn", plugin, "-o", tmp_path / "labels.npy", "--overwrite", "--tile", "16", *options)
    return np.load(tmp_path / "labels.npy")


def refuses(pw, plugin, tmp_path, says, *options, code=EXIT_FAILED):
    return pw.refuses("run", tmp_path / "image.npy", "--fn", plugin, "-o", tmp_path / "no.npy", "--overwrite", "--tile", "16", *options,
                      says=says, code=code)


# ---------------------------------------------------------------------------- versions


def test_structures_of_other_sizes(pw, make, image, tmp_path):
    """Older and shorter, newer and longer: taken where nothing is asked for that is not known here."""
    expected = ndimage.label(image > 500)[0]
    short = make("short", late="longer.plugin.struct_size = offsetof(struct pw_plugin, segment_runs); "
                               "longer.plugin.help = (const char *)-1; longer.plugin.configure = (void *)-1;")
    np.testing.assert_array_equal(labels_of(pw, short, tmp_path), expected)
    long = make("long", late="longer.plugin.struct_size = sizeof longer;")
    np.testing.assert_array_equal(labels_of(pw, long, tmp_path), expected)
    asks = make("asks", late="longer.plugin.struct_size = sizeof longer; longer.more[40] = 1;")
    refuses(pw, asks, tmp_path, ["asks.so", "does not have yet"])
    for name, size in (("none", "0"), ("tiny", "88"), ("huge", "1 << 20")):
        refuses(pw, make(name, late=f"longer.plugin.struct_size = {size};"), tmp_path, [f"{name}.so", "struct pw_plugin of"])


@pytest.mark.parametrize("name,fields,says", [
    ("nothing", ".flags = 0, .segment = NULL", "no segment function"),
    ("both", ".segment_runs = runs", "both segment and segment_runs"),
    ("flags", ".flags = 64", "flags 0x40"), ("connectivity", ".connectivity = 4", "connectivity 4"),
    ("statistics", ".statistics = 8", "statistics 0x8"), ("many", ".n_percentiles = 17", "17 percentiles"),
    ("percent", ".n_percentiles = 1, .percent = {101}", "101"),
    ("types", ".flags = PW_SEGMENT_FLOAT32, .dtypes = PW_DTYPE_BIT(PW_U8)", "wants float32"),
])
def test_wrong_declarations(pw, make, image, tmp_path, name, fields, says):
    before = "static int runs(const struct pw_tile *t, struct pw_run_writer *w, void *s) { (void)t; (void)w; (void)s; return 0; }"
    refuses(pw, make(name, body="", fields=fields, before=before), tmp_path, [f"{name}.so", says])


def test_types(pw, make, image, tmp_path):
    only = make("only", fields=MASK_FLAGS + ", .dtypes = PW_DTYPE_BIT(PW_U8) | PW_DTYPE_BIT(PW_F32)")
    refuses(pw, only, tmp_path, ["made", "uint8, float32", "uint16"])
    body = ("if (tile->dtype != PW_F32) return 1; "
            "for (size_t i = 0; i < n; i++) labels[i] = ((const float *)tile->voxels)[i] > 500;")
    converts = make("converts", body, ".flags = PW_SEGMENT_MASK | PW_SEGMENT_FLOAT32")
    for dtype in ("uint16", "float64", "int32", "uint8"):
        np.save(tmp_path / "image.npy", image.astype(dtype))
        np.testing.assert_array_equal(labels_of(pw, converts, tmp_path, "--halo", "2"), ndimage.label(image.astype(dtype) > 500)[0])
    np.save(tmp_path / "image.npy", image)
    native = make("native", MASK, ".flags = PW_SEGMENT_MASK | PW_SEGMENT_FLOAT32, "
                                  ".dtypes = PW_DTYPE_BIT(PW_U16) | PW_DTYPE_BIT(PW_F32)")
    np.testing.assert_array_equal(labels_of(pw, native, tmp_path), ndimage.label(image > 500)[0])


def test_statistics_of_every_channel(pw, told, tmp_path):
    """Each channel has its own, of all time points; voxels of each are normalised by its own limits."""
    rng = np.random.default_rng(8)
    image = rng.integers(0, [[[[100]], [[60000]], [[900]]]], (2, 3, 20, 25)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "image.ome.tif", image, metadata={"axes": "TCYX"}, photometric="minisblack")
    log = tmp_path / "log"
    pw("run", tmp_path / "image.ome.tif", "--fn", f"{told}:{log},channels=3,percentiles=25,float32,voxels,histogram", "--normalize",
       "minmax", "-o", tmp_path / "labels.zarr", "--tile", "16", "--channel", "all")
    tiles = [json.loads(line) for line in log.read_text().splitlines()]
    assert {t["time"] for t in tiles} == {0, 1}
    for t in tiles:
        assert t["n_channels"] == 3 and t["normalized"] == 1 and len(t["channels"]) == 3
        (_, y, x), (_, ny, nx) = t["origin"], t["shape"]
        for c, said in enumerate(t["channels"]):
            one = image[:, c]
            assert (said["n"], said["minimum"], said["maximum"]) == (one.size, one.min(), one.max())
            assert said["percentiles"] == [np.percentile(one, 25)] and (said["low"], said["high"]) == (one.min(), one.max())
            assert said["bins"] == np.bincount(one.reshape(-1), minlength=65536).tolist()
            window = one[t["time"], y:y + ny, x:x + nx].astype(np.float64)
            expected = ((window - said["low"]) / (said["high"] - said["low"])).astype(np.float32)
            np.testing.assert_array_equal(np.array(said["voxels"], np.float32), expected.reshape(-1))


def test_several_channels_are_refused_of_an_image_with_one(pw, make, image, tmp_path):
    refuses(pw, make("three", fields=MASK_FLAGS + ", .channels = 3"), tmp_path, ["made", "3 channels"], code=EXIT_USAGE)
    every = make("every", fields=MASK_FLAGS + ", .channels = PW_CHANNELS_ALL")
    np.testing.assert_array_equal(labels_of(pw, every, tmp_path), ndimage.label(image > 500)[0])


# ---------------------------------------------------------------------------- what is declared


def test_what_options_ask_for(pw, told, image, tmp_path):
    """configure() sees the options; its halo and its memory are planned; its refusal is shown."""
    base = ["run", tmp_path / "image.npy", "-o", tmp_path / "labels.npy", "--dry-run", "--tile", "16", "--threads", "2"]
    plain = pw(*base, "--fn", f"{told}:to=/dev/null").text
    more = pw(*base, "--fn", f"{told}:to=/dev/null,halo=3,scratch={64 << 20}").text
    assert "halo         0 x 0 x 0" in plain and "halo         0 x 3 x 3" in more  # an axis that is not cut has none
    assert float(next(line for line in more.splitlines() if "segmenter workers" in line).split()[0]) >= 128  # MiB
    refuses(pw, f"{told}:to=/dev/null,halo=99", tmp_path, ["told", "a halo of 99 is beyond all measure"])
    pw.refuses(*base[:-5], "--tile", "16", "--threads", "2", "--memory", "100M", "--fn", f"{told}:to=/dev/null,scratch={64 << 20}",
               says="100M", code=EXIT_FAILED)


@pytest.mark.parametrize("options,says", [("", "to="), ("to=/dev/null,percentile=3", "percentile"), ("to=/dev/null,halo=2.5", "halo=2.5"),
                                          ("to=/dev/null,histogram=maybe", "histogram=maybe"), ("to=a,to=b", "twice")])
def test_options_are_checked_against_the_table(pw, told, image, tmp_path, options, says):
    refuses(pw, f"{told}:{options}", tmp_path, ["told", says], code=EXIT_USAGE)


def test_what_a_tile_says(pw, told, image, tmp_path):
    log = tmp_path / "log"
    pw("run", tmp_path / "image.npy", "--fn", f"{told}:{log},percentiles=5,95", "-o", tmp_path / "labels.npy", "--tile", "5,20,25",
       "--threads", "2")
    tiles = sorted((json.loads(line) for line in log.read_text().splitlines()), key=lambda t: t["index"])
    assert len(tiles) == 8
    for i, t in enumerate(tiles):
        assert t["origin"] == [i // 4 * 5, i // 2 % 2 * 20, i % 2 * 25] and t["index"] == i
        assert (t["rank"], t["level"], t["time"], t["n_channels"], t["channel"], t["cancelled"]) == (3, 0, 0, 1, 0, 0)
        assert t["options"] == {"to": str(log), "percentiles": [5, 95], "histogram": False, "float32": False, "voxels": False,
                                "scratch": 0, "halo": 0, "channels": 1}


# ---------------------------------------------------------------------------- runs


RUNS = r"""
static int runs(const struct pw_tile *tile, struct pw_run_writer *writer, void *state)
{
    uint32_t label = 1;
    (void)state;
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        for (uint64_t y = 0; y < tile->shape[1]; y++) {
            const uint16_t *row = (const uint16_t *)((const char *)tile->voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1]);
            for (uint64_t x = 0; x < tile->shape[2]; x++)
                if (row[x] > 500) {
                    uint64_t end = x;
                    while (end < tile->shape[2] && row[end] > 500) end++;
                    if (writer->add(writer, z, y, x, end, label += 7)) return 1;
                    x = end;
                }
        }
    return 0;
}
"""


def test_runs_are_what_painted_labels_are(pw, make, image, tmp_path):
    painted = r"""uint32_t label = 1;
    for (size_t r = 0; r < n / tile->shape[2]; r++)
        for (size_t x = 0, on = 0; x < tile->shape[2]; x++) {
            size_t i = r * tile->shape[2] + x;
            int bright = ((const uint16_t *)tile->voxels)[i] > 500;
            if (bright && !on) label += 7;
            on = (size_t)bright;
            if (bright) labels[i] = label;
        }"""
    as_runs = make("runs", "", ".segment = NULL, .segment_runs = runs", RUNS)
    dense = make("dense", painted, ".flags = 0")
    for merge in ("face", "touch"):
        expected = labels_of(pw, dense, tmp_path, "--merge", merge)
        assert expected.max() > 50
        for threads in (1, 2, 7):
            np.testing.assert_array_equal(labels_of(pw, as_runs, tmp_path, "--merge", merge, "--threads", threads), expected)
    expected = labels_of(pw, dense, tmp_path, "--halo", "3", "--merge", "witness")
    np.testing.assert_array_equal(labels_of(pw, as_runs, tmp_path, "--halo", "3", "--merge", "witness"), expected)


@pytest.mark.parametrize("call,says", [("0, 0, 3, 99, 1", "leaves the window"), ("0, 0, 5, 5, 1", "no voxel"),
                                       ("0, 0, 1, 2, 0", "background"), ("99, 0, 1, 2, 1", "leaves the window")])
def test_wrong_runs(pw, make, image, tmp_path, call, says):
    before = ("static int runs(const struct pw_tile *t, struct pw_run_writer *w, void *s) "
              f"{{ (void)t; (void)s; w->add(w, {call}); return 0; }}")
    refuses(pw, make("wrong", "", ".segment = NULL, .segment_runs = runs", before), tmp_path, ["made", "tile 0 at (0, 0, 0)", says], "--threads", 1)


# ---------------------------------------------------------------------------- going wrong


def test_any_label_will_do(pw, make, image, tmp_path):
    """Ids are local and of 32 bits: the largest, and what was meant to be -1, are ids like others."""
    body = "for (size_t i = 0; i < n; i++) labels[i] = ((const uint16_t *)tile->voxels)[i] > 500 ? (uint32_t)-1 : 0;"
    one = make("one", body, ".flags = PW_SEGMENT_COMPONENTS, .connectivity = 1")
    labels = labels_of(pw, one, tmp_path, "--tile", "64")
    np.testing.assert_array_equal(labels, (image > 500).astype(np.uint32))


def test_components_are_those_of_cores(pw, make, tmp_path):
    """What is connected only through a rim that the function sees wrongly is not one object, whatever the tiles."""
    image = np.random.default_rng(6).random((6, 40, 50)) * 1000
    np.save(tmp_path / "image.npy", image.astype(np.uint16))
    rim = """for (size_t i = 0; i < n; i++) {
        uint64_t at[3] = {i / (tile->shape[1] * tile->shape[2]), i / tile->shape[2] % tile->shape[1], i % tile->shape[2]};
        int inside = 1;
        for (int a = 0; a < 3; a++)
            inside = inside && at[a] >= tile->core_start[a] && at[a] < tile->core_start[a] + tile->core_shape[a];
        labels[i] = !inside || ((const uint16_t *)tile->voxels)[i] > 700; }"""
    for connectivity in (1, 3):
        plugin = make(f"rim{connectivity}", rim, f"{MASK_FLAGS}, .connectivity = {connectivity}, .halo = {{2, 3, 3}}")
        expected = ndimage.label(image.astype(np.uint16) > 700, ndimage.generate_binary_structure(3, connectivity))[0]
        for size in ("3,16,16", "64"):
            np.testing.assert_array_equal(labels_of(pw, plugin, tmp_path, "--tile", size), expected)


def test_failures_name_function_tile_and_origin(pw, make, image, tmp_path):
    says = 'if (tile->index == 4) { snprintf(tile->message, tile->message_bytes, "out of ideas"); return 3; }'
    for threads in (1, 2, 7):
        refuses(pw, make("fails", says), tmp_path, ["made", "tile 4 at (0, 16, 0)", "failed with 3", "out of ideas"], "--threads", threads)
    refuses(pw, make("silent", "return 5;"), tmp_path, ["made", "failed with 5", "no reason"])
    refuses(pw, make("endless", "memset(tile->message, 'x', tile->message_bytes); return 1;"), tmp_path, ["made", "xxx"])


def test_a_plugin_that_dies_takes_the_run_with_it(pw, make, image, tmp_path):
    """As documented: it lives in the same process.  The output does not appear, and there is no scratch file to leave."""
    result = pw.any("run", tmp_path / "image.npy", "--fn", make("dies", "abort();"), "-o", tmp_path / "no.npy", "--tile", "16")
    assert result.code == -signal.SIGABRT and not (tmp_path / "no.npy").exists()


def test_the_others_are_told_to_stop(pw, make, image, tmp_path):
    """A function that takes long and asks is done as soon as another tile has failed."""
    body = r"""
    if (tile->index == 1) return 9;
    while (tile->index == 0 && !tile->cancelled(tile)) ;
    if (tile->index == 0) return 1;
    """
    refuses(pw, make("waits", body), tmp_path, ["tile 1", "failed with 9"], "--threads", "2")


def test_start_and_stop_in_every_thread(pw, make, image, tmp_path):
    before = r"""
#include <pthread.h>
#include <stdatomic.h>
static atomic_int running;
struct state { pthread_t thread; unsigned worker; };
static int start(const struct pw_start *start, void **state)
{
    struct state *made = malloc(sizeof *made);
    made->thread = pthread_self();
    made->worker = start->worker;
    if (start->n_workers != 3 || start->worker > 2) return 1;
    atomic_fetch_add(&running, 1);
    *state = made;
    return 0;
}
static void stop(void *state)
{
    struct state *made = state;
    if (!pthread_equal(made->thread, pthread_self())) abort();
    free(made);
    if (atomic_fetch_sub(&running, 1) == 1) { FILE *f = fopen(getenv("STOPPED"), "a"); fputs("all\n", f); fclose(f); }
}
"""
    body = "if (!pthread_equal(((struct state *)state)->thread, pthread_self())) return 1; " + MASK
    plugin = make("threads", body, MASK_FLAGS + ", .start = start, .stop = stop", before)
    environment = {"STOPPED": str(tmp_path / "stopped")}
    pw("run", tmp_path / "image.npy", "--fn", plugin, "-o", tmp_path / "labels.npy", "--tile", "8", "--threads", "3", env=environment)
    assert (tmp_path / "stopped").read_text().endswith("all\n")


# ---------------------------------------------------------------------------- the example


@pytest.mark.parametrize("tile,width,dtype", [("4,16,16", 1, "uint16"), ("3,7,9", 4, "float32"), ("64", 4, "uint8"), ("5,64,11", 9, "uint16")])
def test_the_example_with_runs_equals_scipy(pw, compiler, tmp_path, tile, width, dtype):
    rng = np.random.default_rng(width)
    volume = (ndimage.gaussian_filter(rng.random((12, 40, 50)), 1.5) * 250).astype(dtype)
    np.save(tmp_path / "image.npy", volume)
    limit = np.float32(np.percentile(volume, np.array([50, 99])).mean())
    kept = ndimage.binary_opening(volume.astype(np.float32) > limit, np.ones((1, 1, width)))
    plugin = compile_c(SOURCE_ROOT / "examples/plugin_runs.c", tmp_path / "runs.so", "-shared", "-fPIC")
    for threads in (1, 2, 7):
        pw("run", tmp_path / "image.npy", "--fn", f"{plugin}:{width}", "-o", tmp_path / "labels.npy", "--overwrite", "--tile", tile,
           "--threads", threads)
        np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), ndimage.label(kept)[0])
