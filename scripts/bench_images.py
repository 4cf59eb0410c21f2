#!/usr/bin/env python3
"""Image processing beside transformers' processors: all processes warm, rounds alternating.

bench_images.py ATHANOR [--python PYTHON] [--folder FOLDER] [--rounds 6] [--threads 1,2] [--models clip,siglip,blip]
                [--batch 32] [--size 640x480]
PYTHON has transformers (scripts/requirements/rivals.txt). FOLDER has .jpg files; without it, made ones of --size are
used. One JSON object a measurement on stdout; a line for people on stderr. A round is as many batches as half a second
holds, at least one, and their mean: JPEG files (then: decoded pictures) in, normalised f32 [B,3,H,W] out
(scripts/rivals/images.py).
"""

import argparse
import pathlib
import sys
import tempfile

from bench_train import KEPT_MEMORY, Side, compare

HERE = pathlib.Path(__file__).resolve().parent
RIVALS = {"fast": "transformers, torchvision", "paths": "transformers, torchvision, which decodes",
          "slow": "transformers, PIL"}


def make_files(folder, size, count):
    """Smooth slopes, soft blobs and the grain of a camera."""
    import numpy as np
    from PIL import Image
    width, height = map(int, size.split("x"))
    random = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width]
    for i in range(count):
        image = np.stack([255 * x / width, 255 * y / height, np.full(x.shape, 128.0)], -1)
        for _ in range(12):
            distance = np.hypot(x - random.uniform(0, width), y - random.uniform(0, height)) / random.uniform(20, 120)
            image += np.exp(-distance ** 2)[..., None] * random.uniform(-160, 160, 3)
        image += random.normal(0, 5, image.shape)
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"{i:03}.jpg", quality=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--folder")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--models", default="clip,siglip,blip")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", default="640x480")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if not args.folder:
            make_files(pathlib.Path(scratch), args.size, args.batch)
        for model in args.models.split(","):
            for threads in map(int, args.threads.split(",")):
                for decoded in (False, True):
                    run_case(args, args.folder or scratch, model, threads, decoded)


def run_case(args, folder, model, threads, decoded):
    common = ["--batch", args.batch, "--threads", threads, *(["--decoded"] if decoded else [])]
    ours = Side("athanor", [args.athanor, "bench", "images", "--serve", "--model", model, "--folder", folder, *common])
    rivals = [Side(name, [args.python, HERE / "rivals/images.py", backend, model, folder, *common], KEPT_MEMORY)
              for backend, name in RIVALS.items() if not (decoded and backend == "paths")]
    compare(f"images/{model}/{'decoded' if decoded else 'files'}", "fp32", threads, args.rounds, ours, rivals)


if __name__ == "__main__":
    main()
