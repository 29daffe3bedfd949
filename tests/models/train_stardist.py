"""
Trains a small StarDist on two annotated images of nuclei: train_stardist.py IMAGES MODEL_FOLDER

Not a good model, but one that finds nuclei; a few minutes on two processors.  The image that the run uses is not among
those it is trained on.
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
from stardist.models import Config2D, StarDist2D
from train_data import CROP, crops, scaled

TRAINED_ON = (("dsb2018_a102535b.tif", "dsb2018_a102535b_labels.tif"), ("stardist_img2d.tif", "stardist_mask2d.tif"))


def turned(image, label):
    """Flips, quarter turns, and another brightness."""
    turns, flip, gain = np.random.randint(4), np.random.randint(2), np.random.uniform(0.7, 1.4)
    image, label = np.rot90(image, turns), np.rot90(label, turns)
    if flip:
        image, label = image[::-1], label[::-1]
    return image * np.float32(gain), label


def main():
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    np.random.seed(1)
    images = [scaled(tifffile.imread(folder / image)) for image, _ in TRAINED_ON]
    labels = [tifffile.imread(folder / label) for _, label in TRAINED_ON]
    pairs = list(crops(images, labels))
    order = np.random.permutation(len(pairs))
    held = max(2, len(pairs) // 8)
    test, train = [pairs[i] for i in order[:held]], [pairs[i] for i in order[held:]]
    config = Config2D(
        n_rays=32,
        grid=(2, 2),
        n_channel_in=1,
        unet_n_depth=3,
        unet_n_filter_base=16,
        net_conv_after_unet=64,
        train_patch_size=(CROP - 32, CROP - 32),
        train_batch_size=4,
        train_epochs=20,
        train_steps_per_epoch=25,
        train_learning_rate=1e-3,
        train_tensorboard=False,
        use_gpu=False,
    )
    model = StarDist2D(config, name=target.name, basedir=str(target.parent))
    model.train(*zip(*train), validation_data=tuple(map(list, zip(*test))), augmenter=turned, workers=1)
    model.optimize_thresholds(*zip(*test))


if __name__ == "__main__":
    main()
