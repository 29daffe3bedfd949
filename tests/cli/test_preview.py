"""pw-stream preview: the picture against one drawn here, and what it refuses."""

import io

import numpy as np
import pytest
from PIL import Image
from pwtest.tool import EXIT_FAILED, EXIT_USAGE


def outline_mask(labels):
    """Labelled pixels with a 4-neighbour of another value, nothing beyond the border."""
    padded = np.pad(labels, 1, mode="edge")
    differs = np.zeros(labels.shape, bool)
    for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
        differs |= padded[dy:dy + labels.shape[0], dx:dx + labels.shape[1]] != labels
    return differs & (labels != 0)


def split(path):
    """The grey pixels, and where the picture is coloured."""
    rgb = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return rgb[..., 0], rgb.max(-1) != rgb.min(-1), rgb


@pytest.fixture
def scene(tmp_path):
    """A ramp and three labels, two of which touch; 700 pixels wide, so that it is shown as it is."""
    image = np.tile(np.arange(700, dtype=np.uint16) * 10, (500, 1))
    labels = np.zeros(image.shape, np.uint32)
    labels[50:120, 30:200] = 1
    labels[120:180, 30:200] = 7
    labels[300:, 600:] = 4_000_000_000
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "labels.npy", labels)
    return image, labels


def test_outlines_where_labels_differ(pw, scene, tmp_path):
    image, labels = scene
    result = pw("preview", tmp_path / "image.npy", tmp_path / "labels.npy", "-o", tmp_path / "look.png")
    assert result.out == b"" and result.err == ""
    grey, coloured, rgb = split(tmp_path / "look.png")
    outline = outline_mask(labels)
    assert np.array_equal(coloured, outline)
    colours = {tuple(rgb[outline & (labels == i)][0]) for i in (1, 7, 4_000_000_000)}
    assert len(colours) == 3
    for i in (1, 7, 4_000_000_000):
        assert len(np.unique(rgb[outline & (labels == i)], axis=0)) == 1
    low, high = np.percentile(image, (1, 99.8))
    expected = np.clip((image - low) / (high - low), 0, 1) * 255
    assert np.abs(grey - expected)[~outline].max() <= 3


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_every_element_type_looks_the_same(pw, dtype, tmp_path):
    image = (np.add.outer(np.arange(300), np.arange(400)) % 101).astype(dtype)
    np.save(tmp_path / "image.npy", image)
    pw("preview", tmp_path / "image.npy", "-o", tmp_path / "look.png")
    grey, coloured, _ = split(tmp_path / "look.png")
    assert not coloured.any()
    low, high = np.percentile(image.astype(float), (1, 99.8))
    expected = np.clip((image.astype(float) - low) / (high - low), 0, 1) * 255
    assert np.abs(grey - expected).max() <= 3


def test_nan_and_infinity_do_not_spoil_the_picture(pw, tmp_path):
    image = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (400, 1))
    image[0, 0], image[1, 0], image[2, 0] = np.nan, np.inf, -np.inf
    np.save(tmp_path / "image.npy", image)
    pw("preview", tmp_path / "image.npy", "-o", tmp_path / "look.png")
    grey, _, _ = split(tmp_path / "look.png")
    assert (grey[0, 0], grey[1, 0], grey[2, 0]) == (0, 255, 0)
    assert np.abs(grey[10, 8:390] - np.linspace(0, 1, 400)[8:390] * 255).max() <= 5


def test_plane_is_chosen_by_z(pw, tmp_path):
    volume = np.zeros((5, 320, 640), np.uint8)
    for z in range(5):
        volume[z, z * 10:z * 10 + 5] = 200
    np.save(tmp_path / "volume.npy", volume)
    for arguments, z in (([], 2), (["--z", 0], 0), (["--z", 4], 4)):
        pw("preview", tmp_path / "volume.npy", "-o", tmp_path / "look.png", "--overwrite", *arguments)
        grey, _, _ = split(tmp_path / "look.png")
        assert np.array_equal(grey > 0, volume[z] > 0)


def test_large_planes_are_reduced_and_small_ones_enlarged(pw, scene, tmp_path):
    image, labels = scene
    pw("preview", tmp_path / "image.npy", tmp_path / "labels.npy", "-o", tmp_path / "look.png", "--max-size", 300)
    grey, coloured, _ = split(tmp_path / "look.png")
    assert grey.shape == (167, 234)
    nearest = [np.minimum((np.arange(n) + 0.5) * full / n, full - 1).astype(int) for n, full in zip(grey.shape, labels.shape)]
    assert np.array_equal(coloured, outline_mask(labels[np.ix_(*nearest)]))
    np.save(tmp_path / "small.npy", image[:50, :100])
    pw("preview", tmp_path / "small.npy", "-o", tmp_path / "look.png", "--overwrite")
    grey, _, _ = split(tmp_path / "look.png")
    assert grey.shape == (300, 600)
    assert np.array_equal(grey, np.kron(grey[::6, ::6], np.ones((6, 6), int)))


@pytest.mark.parametrize("arguments, code, says", [
    ([], EXIT_USAGE, "IMAGE"),
    (["image.npy"], EXIT_USAGE, "-o"),
    (["image.npy", "-o", "look.png", "--z", "-1"], EXIT_USAGE, "-1"),
    (["image.npy", "-o", "look.png", "--max-size", "0"], EXIT_USAGE, "--max-size"),
    (["image.npy", "-o", "look.png", "--zoom", "2"], EXIT_USAGE, "--zoom"),
    (["image.npy", "-o", "look.png", "--level", "3"], EXIT_FAILED, "--level 3"),
    (["none.npy", "-o", "look.png"], EXIT_FAILED, "none.npy"),
    (["image.npy", "small.npy", "-o", "look.png"], EXIT_USAGE, "small.npy"),
    (["image.npy", "-o", "look.jpg"], EXIT_USAGE, "look.jpg"),
    (["image.npy", "-o", "no/look.png"], EXIT_FAILED, "no/look.png"),
])
def test_what_is_refused(pw, scene, tmp_path, arguments, code, says):
    np.save(tmp_path / "small.npy", np.zeros((3, 4), np.uint8))
    pw.refuses("preview", *arguments, says=says, code=code, cwd=tmp_path)
    assert not list(tmp_path.glob("**/*.png")) and not list(tmp_path.glob("**/*.part"))


def test_a_device_is_written_to_and_stays_a_device(pw, scene, tmp_path):
    result = pw("preview", tmp_path / "image.npy", "-o", "/dev/stdout")
    assert Image.open(io.BytesIO(result.out)).size == (700, 500)
