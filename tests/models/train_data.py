"""What both models are trained on: crops of images whose nuclei are labelled."""

import numpy as np

CROP = 256


def scaled(image):
    low, high = np.percentile(image, [1, 99.8])
    return ((image - low) / (high - low)).astype(np.float32)


def crops(images, labels):
    for image, label in zip(images, labels):
        for y in range(0, image.shape[0] - CROP + 1, CROP // 2):
            for x in range(0, image.shape[1] - CROP + 1, CROP // 2):
                if label[y : y + CROP, x : x + CROP].any():
                    yield image[y : y + CROP, x : x + CROP], label[y : y + CROP, x : x + CROP].astype(np.int32)
