#!/usr/bin/env python3
"""The rivals of the chunk loader: h5py under a torch DataLoader, and the seed document's own ChunkDataLoader.

loader.py FILE MODE [--batch-size 128] [--workers N] [--chunk-gb 12]
  naive   a Dataset that reads one sample at a time, DataLoader(shuffle=True)
  tuned   a batch sampler; a worker reads the batch's samples in ascending order, each into its place in one array;
          labels are in memory
  seed    the seed's ChunkDataLoader: chunks by h5py, batches as views, no shuffling
FILE holds features and targets, or sequences/*, labels/* and splits/train, of which the training split is read.
Prints "ready", then for each line "round" on stdin one epoch: "MS SUM". Every batch is consumed alike: one element a
sample and input (x[:, -1, 0]) and every label are summed.
"""

import argparse
import sys
import time

import h5py
import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler


class Samples(Dataset):
    """One sample at a time: (inputs, labels), the file opened once a process."""

    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path, "r") as file:
            windows = "sequences" in file
            self.inputs = [f"sequences/{name}" for name in file["sequences"]] if windows else ["features"]
            self.labels = [f"labels/{name}" for name in file["labels"]] if windows else ["targets"]
            self.begin, self.end = file["splits/train"][:] if windows else (0, len(file["features"]))

    def open(self):
        if self.file is None:
            self.file = h5py.File(self.path, "r")
            self.x = [self.file[name] for name in self.inputs]
            self.y = [self.file[name] for name in self.labels]

    def __len__(self):
        return int(self.end - self.begin)

    def __getitem__(self, index):
        self.open()
        row = self.begin + index
        return [torch.from_numpy(x[row]) for x in self.x], [y[row] for y in self.y]


class Batches(Samples):
    """A whole batch at a time: rows in ascending order, each into its place; labels are in memory."""

    def open(self):
        if self.file is None:
            super().open()
            self.y = [y[:] for y in self.y]

    def __getitem__(self, indices):
        self.open()
        rows = self.begin + np.asarray(indices)
        order = np.argsort(rows)
        inputs = []
        for x in self.x:
            batch = np.empty((len(rows), *x.shape[1:]), np.float32)
            for place in order:
                batch[place] = x[rows[place]]
            inputs.append(torch.from_numpy(batch))
        return inputs, [torch.from_numpy(y[rows]) for y in self.y]


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
            yield [x[i:i + batch_size]], [y[i:i + batch_size]]


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
        for inputs, labels in epochs():
            total += sum(x[:, -1, 0].sum().item() for x in inputs) + sum(y.sum().item() for y in labels)
        print(f"{(time.perf_counter() - start) * 1e3:.3f} {total:.3f}", flush=True)


if __name__ == "__main__":
    main()
