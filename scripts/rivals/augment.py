#!/usr/bin/env python3
"""The rivals of augmentation: Kornia, torchvision v2 and albumentations on a batch of uint8 pictures and masks.

augment.py LIBRARY POLICY [--batch 32] [--height 512] [--width 512] [--threads 1]
  LIBRARY  kornia, torchvision or albumentations: each as its documentation has it, in the layout that it likes best
           (albumentations: height, width, colour)
  POLICY   standard  flip p 0.5, rotate 15 deg p 0.3, brightness and contrast 0.2 p 0.5
           strong    flip p 0.5, rotate 20 deg p 0.4, affine scale 0.85-1.15 translate 0.1 p 0.4,
                     brightness and contrast 0.3, saturation 0.15 p 0.5, blur sigma 0.1-2 p 0.2
A result is one batch: image f32 [B,3,H,W], normalised, and mask uint8 [B,H,W]. Every picture draws its own numbers:
torchvision and albumentations take picture by picture (with 2 threads, two pictures at a time), Kornia a batch.
Prints "ready", then for each line "round" on stdin the milliseconds of a batch: the mean of as many as half a second
holds, at least one.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

ROUND_SECONDS = 0.5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SETTINGS = {
    "standard": {"degrees": 15, "p_rotate": 0.3, "scale": (1, 1), "move": 0, "p_affine": 0,
                 "light": 0.2, "saturation": 0.0, "p_blur": 0.0},
    "strong": {"degrees": 20, "p_rotate": 0.4, "scale": (0.85, 1.15), "move": 0.1, "p_affine": 0.4,
               "light": 0.3, "saturation": 0.15, "p_blur": 0.2},
}


def make_kornia(s, image, mask, run_all):
    import kornia.augmentation as K
    steps = [K.RandomHorizontalFlip(p=0.5), K.RandomRotation(s["degrees"], p=s["p_rotate"])]
    if s["p_affine"]:
        steps.append(K.RandomAffine(0, (s["move"], s["move"]), s["scale"], p=s["p_affine"]))
    steps.append(K.ColorJiggle(s["light"], s["light"], s["saturation"], p=0.5))
    if s["p_blur"]:
        steps.append(K.RandomGaussianBlur((13, 13), (0.1, 2.0), p=s["p_blur"]))
    steps.append(K.Normalize(torch.tensor(MEAN), torch.tensor(STD)))
    both = K.AugmentationSequential(*steps, data_keys=["input", "mask"],
                                    extra_args={"mask": {"resample": "nearest", "align_corners": None}})

    def batch():
        out, ids = both(image.float() / 255, mask[:, None].float())
        return out, ids[:, 0].to(torch.uint8)

    return batch


def make_torchvision(s, image, mask, run_all):
    from torchvision import tv_tensors
    from torchvision.transforms import InterpolationMode, v2
    bilinear = InterpolationMode.BILINEAR
    steps = [v2.RandomHorizontalFlip(0.5),
             v2.RandomApply([v2.RandomRotation(s["degrees"], bilinear)], s["p_rotate"])]
    if s["p_affine"]:
        affine = v2.RandomAffine(0, (s["move"], s["move"]), s["scale"], interpolation=bilinear)
        steps.append(v2.RandomApply([affine], s["p_affine"]))
    steps.append(v2.RandomApply([v2.ColorJitter(s["light"], s["light"], s["saturation"] or None)], 0.5))
    if s["p_blur"]:
        steps.append(v2.RandomApply([v2.GaussianBlur(13, (0.1, 2.0))], s["p_blur"]))
    steps += [v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True), v2.Normalize(MEAN, STD)]
    both = v2.Compose(steps)

    def batch():
        done = run_all(lambda i: both(tv_tensors.Image(image[i]), tv_tensors.Mask(mask[i])), len(image))
        return torch.stack([x for x, _ in done]), torch.stack([y for _, y in done])

    return batch


def make_albumentations(s, image, mask, run_all):
    import albumentations as A
    import cv2
    from albumentations.pytorch import ToTensorV2
    cv2.setNumThreads(1)
    move = (-s["move"], s["move"])
    steps = [A.HorizontalFlip(p=0.5), A.Rotate((-s["degrees"], s["degrees"]), p=s["p_rotate"])]
    if s["p_affine"]:
        steps.append(A.Affine(scale=s["scale"], translate_percent={"x": move, "y": move}, p=s["p_affine"]))
    limit = (-s["light"], s["light"])
    if s["saturation"]:
        around = (1 - s["light"], 1 + s["light"])
        steps.append(A.ColorJitter(around, around, (1 - s["saturation"], 1 + s["saturation"]), (0, 0), p=0.5))
    else:
        steps.append(A.RandomBrightnessContrast(limit, limit, p=0.5))
    if s["p_blur"]:
        steps.append(A.GaussianBlur(blur_limit=(13, 13), sigma_limit=(0.1, 2.0), p=s["p_blur"]))
    both = A.Compose([*steps, A.Normalize(MEAN, STD), ToTensorV2()])
    pictures = [np.ascontiguousarray(x.permute(1, 2, 0).numpy()) for x in image]
    masks = [y.numpy() for y in mask]

    def batch():
        done = run_all(lambda i: both(image=pictures[i], mask=masks[i]), len(pictures))
        return torch.stack([x["image"] for x in done]), torch.stack([x["mask"] for x in done])

    return batch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=["kornia", "torchvision", "albumentations"])
    parser.add_argument("policy", choices=SETTINGS)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    by_picture = args.library != "kornia"
    torch.set_num_threads(1 if by_picture else args.threads)
    torch.manual_seed(1)
    image = torch.randint(256, (args.batch, 3, args.height, args.width), dtype=torch.uint8)
    mask = torch.randint(19, (args.batch, args.height, args.width), dtype=torch.uint8)
    threads = ThreadPoolExecutor(args.threads)

    def run_all(one, count):
        return [one(i) for i in range(count)] if args.threads == 1 else list(threads.map(one, range(count)))

    make = {"kornia": make_kornia, "torchvision": make_torchvision, "albumentations": make_albumentations}
    batch = make[args.library](SETTINGS[args.policy], image, mask, run_all)
    with torch.inference_mode():
        out, ids = batch()
        assert out.shape == image.shape and out.dtype == torch.float32, (out.shape, out.dtype)
        assert ids.shape == mask.shape and ids.dtype == torch.uint8, (ids.shape, ids.dtype)
        print(f"ready {args.batch}x3x{args.height}x{args.width}", flush=True)
        for line in sys.stdin:
            if line.strip() != "round":
                break
            start, batches, gone = time.perf_counter(), 0, 0
            while gone < ROUND_SECONDS:
                batch()
                batches, gone = batches + 1, time.perf_counter() - start
            print(f"{gone / batches * 1e3:.4f}", flush=True)


if __name__ == "__main__":
    main()
