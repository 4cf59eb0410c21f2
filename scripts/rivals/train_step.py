#!/usr/bin/env python3
"""Training steps in eager PyTorch: the networks of `athanor bench train`, for scripts/bench_train.py.

train_step.py CASE MODE [--precision fp32|bf16] [--threads 2] [--batch 128] [--hidden 128] [--steps 1]
CASE: lstm, attention, tiny. MODE: plain (torch.optim.AdamW as it comes) or tuned (fused AdamW, denormals flushed to
zero, which on a long LSTM is worth most of the step, batches that lie ready in memory). For each line `round` on stdin
it trains `steps` steps and answers with the milliseconds a step.
"""

import argparse
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, huber_loss, mse_loss, softplus

WINDOWS = [480, 288, 192, 96, 48]
FEATURES, TINY_FEATURES = 16, 32


class MeanLstm(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstms = nn.ModuleList(nn.LSTM(FEATURES, hidden, 2, dropout=0.2, batch_first=True) for _ in WINDOWS)
        self.direction, self.magnitude = nn.Linear(hidden, 3), nn.Linear(hidden, 1)

    def forward(self, inputs):
        fused = torch.stack([lstm(x)[0][:, -1] for lstm, x in zip(self.lstms, inputs)], 1).mean(1)
        return self.direction(fused), torch.sigmoid(self.magnitude(fused)).squeeze(1) * 4.5 + 0.5

    def loss(self, outputs, labels):
        direction, magnitude = (output.float() for output in outputs)
        return cross_entropy(direction, labels[0]) + 0.5 * huber_loss(magnitude, labels[1])


class AttentionLstm(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstms = nn.ModuleList(nn.LSTM(FEATURES, hidden, 2, dropout=0.2, batch_first=True) for _ in WINDOWS)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in WINDOWS)
        self.queries = nn.ParameterList(torch.randn(1, 1, hidden) * 0.02 for _ in WINDOWS)
        self.pools = nn.ModuleList(nn.MultiheadAttention(hidden, 4, batch_first=True) for _ in WINDOWS)
        self.encoder = nn.TransformerEncoderLayer(hidden, 4, 512, 0.2, batch_first=True)
        self.encoder.self_attn.dropout = 0.0
        self.gate = nn.Linear(hidden, hidden)
        self.heads = nn.ModuleList(nn.Linear(hidden, width) for width in (3, 1, 1, 1))

    def forward(self, inputs):
        tokens = []
        for lstm, norm, query, pool, x in zip(self.lstms, self.norms, self.queries, self.pools, inputs):
            x = norm(lstm(x)[0])
            tokens.append(pool(query.expand(len(x), -1, -1), x, x, need_weights=False)[0].squeeze(1))
        fused = self.encoder(torch.stack(tokens, 1)).mean(1)
        fused = fused * torch.sigmoid(self.gate(fused))
        direction, scalp, swing, trend = (head(fused) for head in self.heads)
        return direction, softplus(scalp).squeeze(1), softplus(swing).squeeze(1), torch.tanh(trend).squeeze(1)

    def loss(self, outputs, labels):
        direction, scalp, swing, trend = (output.float() for output in outputs)
        return (0.40 * cross_entropy(direction, labels[0]) + 0.35 * huber_loss(scalp, labels[1], delta=0.3)
                + 0.15 * huber_loss(swing, labels[2], delta=0.5) + 0.10 * mse_loss(trend, labels[3]))


class Tiny(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(TINY_FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def loss(self, outputs, labels):
        return mse_loss(outputs.squeeze(1), labels[0])


def make_batches(case, batch, steps):
    if case == "tiny":
        x, y = torch.randn(steps, batch, TINY_FEATURES), torch.randn(steps, batch)
        return [(x[i], [y[i]]) for i in range(steps)]
    return [([torch.randn(batch, window, FEATURES) for window in WINDOWS],
             [torch.randint(3, (batch,)), torch.randn(batch), torch.randn(batch), torch.randn(batch)])
            for _ in range(steps)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["lstm", "attention", "tiny"])
    parser.add_argument("mode", choices=["plain", "tuned"])
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, default=1)
    args = parser.parse_args()
    if args.mode == "tuned":
        torch.set_flush_denormal(True)  # before the worker threads, which inherit it
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = {"lstm": MeanLstm, "attention": AttentionLstm}.get(args.case, lambda _: Tiny())(args.hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=args.mode == "tuned" or None)
    batches = make_batches(args.case, args.batch, args.steps)
    autocast = args.precision == "bf16"
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            break
        start = time.perf_counter()
        for inputs, labels in batches:
            if autocast:
                with torch.autocast("cpu", torch.bfloat16):
                    outputs = model(inputs)
            else:
                outputs = model(inputs)
            optimizer.zero_grad()
            model.loss(outputs, labels).backward()
            optimizer.step()
        print(f"{(time.perf_counter() - start) * 1e3 / args.steps:.4f}", flush=True)


if __name__ == "__main__":
    main()
