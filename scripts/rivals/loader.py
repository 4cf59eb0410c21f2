#!/usr/bin/env python3
"""The rivals of the chunk loader: h5py under a torch DataLoader, and the seed document's own ChunkDataLoader.

loader.py FILE MODE [--batch-size 128] [--workers N] [--chunk-gb 12]
  naive   a Dataset that reads one sample at a time, DataLoader(shuffle=True)
  tuned   a batch sampler; a worker reads the batch's samples in ascending order, each into its place in one array
  seed    the seed's ChunkDataLoader: chunks by h5py, batches as views, no shuffling
Prints "ready", then for each line "round" on stdin one epoch: "MS SUM". Every batch is consumed alike: one element a
sample (x[:, -1, 0]) and every target are summed.
"""

import argparse
import sys
import time

import h5py
import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler


class Samples(Dataset):
    """One sample at a time, the file opened once a process."""

    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path, "r") as file:
            self.count = file["features"].shape[0]

    def open(self):
        if self.file is None:
            self.file = h5py.File(self.path, "r")
            self.features, self.targets = self.file["features"], self.file["targets"]

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.open()
        return torch.from_numpy(self.features[index]), self.targets[index]


class Batches(Samples):
    """A whole batch at a time: rows in ascending order, each into its place."""

    def __getitem__(self, indices):
        self.open()
        order = np.argsort(indices)
        x = np.empty((len(indices), *self.features.shape[1:]), np.float32)
        for place in order:
            x[place] = self.features[indices[place]]
        y = np.empty(len(indices), np.float32)
        y[order] = self.targets[np.asarray(indices)[order]]
        return torch.from_numpy(x), torch.from_numpy(y)


def seed_batches(path, batch_size, chunk_gb):
    """The seed document's __iter__, on a CPU (no pinning, no copy to a device)."""
    with h5py.File(path, "r") as file:
        count, steps, features = file["features"].shape
    per_chunk = int(chunk_gb * 1024**3 / (steps * features * 4 + 4))
    per_chunk = max(batch_size, min(per_chunk, count))
    for start in range(0, count, per_chunk):
        with h5py.File(path, "r") as file:
            x = torch.from_numpy(file["features"][start:start + per_chunk])
            y = torch.from_numpy(file["targets"][start:start + per_chunk])
        for i in range(0, len(x), batch_size):
            yield x[i:i + batch_size], y[i:i + batch_size]


def make_epochs(args):
    if args.mode == "seed":
        return lambda: seed_batches(args.file, args.batch_size, args.chunk_gb)
    workers = {"num_workers": args.workers, "persistent_workers": args.workers > 0}
    if args.mode == "naive":
        loader = DataLoader(Samples(args.file), batch_size=args.batch_size, shuffle=True, **workers)
    else:
        data = Batches(args.file)
        sampler = BatchSampler(RandomSampler(data), args.batch_size, drop_last=False)
        loader = DataLoader(data, sampler=sampler, batch_size=None, **workers)
    return lambda: loader


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("mode", choices=["naive", "tuned", "seed"])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--chunk-gb", type=float, default=12)
    args = parser.parse_args()
    torch.set_num_threads(1)
    epochs = make_epochs(args)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            break
        start = time.perf_counter()
        total = 0.0
        for x, y in epochs():
            total += x[:, -1, 0].sum().item() + y.sum().item()
        print(f"{(time.perf_counter() - start) * 1e3:.3f} {total:.3f}", flush=True)


if __name__ == "__main__":
    main()
