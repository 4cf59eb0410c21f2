#!/usr/bin/env python3
"""Training steps in eager PyTorch: the networks of `athanor bench train`, for scripts/bench_train.py.

train_step.py CASE MODE [--precision fp32|bf16] [--threads 2] [--batch 128] [--hidden 128] [--size 512] [--steps 1]
CASE: lstm, attention, faces, tiny. MODE: plain (torch.optim.AdamW as it comes) or tuned (fused AdamW, denormals flushed
to zero, which on a long LSTM is worth most of the step, batches that lie ready in memory; for faces channels-last
convolutions and a loss without one-hot masks). For each line `round` on stdin
it trains `steps` steps and answers with the milliseconds a step.
"""

import argparse
import sys
import time

import torch
from networks import AttentionLstm, MeanLstm, random_labels
from segmentation import FaceParser
from torch import nn
from torch.nn.functional import mse_loss

WINDOWS = {"M1": 480, "M5": 288, "M15": 192, "H1": 96, "H4": 48}
FEATURES, TINY_FEATURES = 16, 32


class Tiny(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(TINY_FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def loss(self, outputs, labels):
        return mse_loss(outputs.squeeze(1), labels)


def make_batches(args):
    case, batch, steps = args.case, args.batch, args.steps
    if case == "faces":
        shape = (batch, args.size, args.size)
        return [([torch.randint(256, (batch, 3, *shape[1:]), dtype=torch.uint8)], torch.randint(19, shape))
                for _ in range(steps)]
    if case == "tiny":
        x, y = torch.randn(steps, batch, TINY_FEATURES), torch.randn(steps, batch)
        return [([x[i]], y[i]) for i in range(steps)]
    return [([torch.randn(batch, window, FEATURES) for window in WINDOWS.values()], random_labels(batch))
            for _ in range(steps)]


def make_model(case, hidden, mode):
    if case == "tiny":
        return Tiny()
    if case == "faces":
        return FaceParser(tuned=mode == "tuned")
    network = MeanLstm if case == "lstm" else AttentionLstm
    return network(list(WINDOWS), FEATURES, hidden, scaled=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["lstm", "attention", "faces", "tiny"])
    parser.add_argument("mode", choices=["plain", "tuned"])
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=1)
    args = parser.parse_args()
    if args.mode == "tuned":
        torch.set_flush_denormal(True)  # before the worker threads, which inherit it
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = make_model(args.case, args.hidden, args.mode)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=args.mode == "tuned" or None)
    batches = make_batches(args)
    autocast = args.precision == "bf16"
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            break
        start = time.perf_counter()
        for inputs, labels in batches:
            if autocast:
                with torch.autocast("cpu", torch.bfloat16):
                    outputs = model(*inputs)
            else:
                outputs = model(*inputs)
            optimizer.zero_grad()
            model.loss(outputs, labels).backward()
            optimizer.step()
        print(f"{(time.perf_counter() - start) * 1e3 / args.steps:.4f}", flush=True)


if __name__ == "__main__":
    main()
