#!/usr/bin/env python3
"""The rivals of image processing: transformers' processors on JPEG files or on decoded pictures.

images.py BACKEND MODEL FOLDER [--batch 32] [--threads 1] [--decoded]
  BACKEND  fast   torchvision, transformers 5's default, on pictures that Pillow opened
           paths  the same, which then decodes the files itself
           slow   PIL and NumPy
  MODEL    clip (224, short edge and crop), siglip (224), blip (384)
A result is one batch f32 [B,3,H,W]. Each thread makes its part of the batch by one call of the processor.
Prints "ready", then for each line "round" on stdin the milliseconds of a batch: the mean of as many as half a second
holds, at least one.
"""

import argparse
import importlib
import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

ROUND_SECONDS = 0.5
CLASSES = {"clip": "CLIPImageProcessor", "siglip": "SiglipImageProcessor", "blip": "BlipImageProcessor"}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def make_processor(backend, model):
    part, name = ("image_processing_pil_", "Pil") if backend == "slow" else ("image_processing_", "")
    module = importlib.import_module(f"transformers.models.{model}.{part}{model}")
    return getattr(module, CLASSES[model] + name)(**HALF)


def opened(file):
    with Image.open(file) as image:
        return image.convert("RGB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", choices=["fast", "paths", "slow"])
    parser.add_argument("model", choices=CLASSES)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--decoded", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)  # each of our threads is one of torch's
    files = sorted(args.folder.glob("*.jpg"))
    files = [str(files[i % len(files)]) for i in range(args.batch)]
    inputs = [opened(file) for file in files] if args.decoded else files
    processor = make_processor(args.backend, args.model)
    kind, join = ("np", np.concatenate) if args.backend == "slow" else ("pt", torch.cat)
    pool = ThreadPoolExecutor(args.threads)
    cuts = [args.batch * i // args.threads for i in range(args.threads + 1)]

    def part(i):
        pictures = inputs[cuts[i]:cuts[i + 1]]
        if not args.decoded and args.backend != "paths":
            pictures = [opened(file) for file in pictures]
        return processor(pictures, return_tensors=kind)["pixel_values"]

    def batch():
        return part(0) if args.threads == 1 else join(list(pool.map(part, range(args.threads))))

    out = batch()
    assert len(out) == args.batch and str(out.dtype).endswith("float32"), (out.shape, out.dtype)
    print(f"ready {tuple(out.shape)}", flush=True)
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
