#!/usr/bin/env python3
"""Augmentation beside Kornia's, torchvision's and albumentations': all processes warm, rounds alternating.

bench_augment.py ATHANOR [--python PYTHON] [--rounds 6] [--threads 1,2] [--policies standard,strong]
                 [--batch 32] [--height 512] [--width 512]
PYTHON has the rivals (scripts/requirements/rivals.txt). One JSON object a measurement on stdout; a line for people on
stderr. A round is as many batches as half a second holds, at least one, and their mean: uint8 pictures and masks in,
normalised fp32 pictures and masks out (scripts/rivals/augment.py). Beside them a copy of as many bytes as a batch is read and written.
"""

import argparse
import pathlib
import sys

from bench_train import KEPT_MEMORY, Side, compare

HERE = pathlib.Path(__file__).resolve().parent
RIVALS = {"kornia": "Kornia", "torchvision": "torchvision v2", "albumentations": "albumentations"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--policies", default="standard,strong")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--width", type=int, default=512)
    args = parser.parse_args()
    shape = ["--batch", args.batch, "--height", args.height, "--width", args.width]
    for policy in args.policies.split(","):
        for threads in map(int, args.threads.split(",")):
            common = [*shape, "--threads", threads]

            def ours(side, name):
                return Side(name, [args.athanor, "bench", "augment", "--policy", policy, "--serve", side, *common])

            rivals = [Side(name, [args.python, HERE / "rivals/augment.py", library, policy, *common])
                      for library, name in RIVALS.items()]
            rivals.append(Side("torchvision v2, memory kept", [args.python, HERE / "rivals/augment.py", "torchvision",
                                                               policy, *common], KEPT_MEMORY))
            rivals.append(ours("copy", "a copy of as many bytes"))
            compare(f"augment/{policy}", "fp32", threads, args.rounds, ours("product", "athanor"), rivals)


if __name__ == "__main__":
    main()
