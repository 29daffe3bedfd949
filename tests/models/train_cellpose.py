"""
Trains the network of Cellpose 3 from random weights on two annotated images of nuclei: train_cellpose.py IMAGES MODEL

Not a good model, but one that finds nuclei; some minutes on two processors.  The image that the run uses is not among
those it is trained on.
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
import torch
from cellpose import io, models, train
from train_data import crops, scaled

TRAINED_ON = (("dsb2018_a102535b.tif", "dsb2018_a102535b_labels.tif"), ("stardist_img2d.tif", "stardist_mask2d.tif"))

DIAMETER = 15.0


def main():
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    io.logger_setup()
    np.random.seed(1)
    torch.manual_seed(1)
    images = [scaled(tifffile.imread(folder / image)) for image, _ in TRAINED_ON]
    labels = [tifffile.imread(folder / label) for _, label in TRAINED_ON]
    pairs = list(crops(images, labels))
    model = models.CellposeModel(gpu=False, pretrained_model=False)
    # Of what nuclei are scaled to; Cellpose's own 30 would be four times the pixels, in training and use.
    model.net.diam_mean.data[:] = DIAMETER
    train.train_seg(
        model.net,
        train_data=[image for image, _ in pairs],
        train_labels=[label for _, label in pairs],
        channels=[0, 0],
        normalize=False,
        SGD=False,
        learning_rate=0.001,
        weight_decay=1e-5,
        n_epochs=160,
        batch_size=2,
        nimg_per_epoch=8,
        bsize=128,
        save_every=10,
        min_train_masks=1,
        save_path=str(target.parent),
        model_name=target.name,
    )


if __name__ == "__main__":
    main()
