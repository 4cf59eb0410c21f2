#!/usr/bin/env python3
"""Makes tests/models/golden/{mean,attention}.safetensors with PyTorch; run from the repository's root.

A small network of each fusion (seed 17): weights "weight/NAME" by Athanor's names, "input/M1" …, "output/NAME" in
evaluation mode, "label/NAME", and "grad/NAME" of the loss that Athanor's objective has, without dropout.
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "rivals"))
from networks import AttentionLstm, MeanLstm, random_labels  # noqa: E402

SEED, BATCH, FEATURES, HIDDEN = 17, 3, 6, 16
WINDOWS = {"M1": 24, "M5": 12, "H1": 7}
OUTPUT = pathlib.Path("tests/models/golden")


def golden(network):
    generator = torch.manual_seed(SEED)
    for name in WINDOWS:
        scaler = getattr(network, f"scaler_{name}")
        scaler.mean.copy_(torch.randn(FEATURES, generator=generator))
        scaler.scale.copy_(torch.rand(FEATURES, generator=generator) + 0.5)
    inputs = {name: torch.randn(BATCH, window, FEATURES, generator=generator) * 2 for name, window in WINDOWS.items()}
    labels = random_labels(BATCH, generator)
    outputs = network(*inputs.values())
    network.loss(outputs, labels).backward()
    tensors = {f"weight/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"grad/{name}": parameter.grad for name, parameter in network.named_parameters()}
    tensors |= {f"input/{name}": tensor for name, tensor in inputs.items()}
    tensors |= {f"output/{name}": tensor for name, tensor in outputs.items()}
    tensors |= {f"label/{name}": tensor for name, tensor in labels.items()}
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    networks = {"mean": MeanLstm(list(WINDOWS), FEATURES, HIDDEN, dropout=0.0),
                "attention": AttentionLstm(list(WINDOWS), FEATURES, HIDDEN, dropout=0.0, ffn=24)}
    for name, network in networks.items():
        path = OUTPUT / f"{name}.safetensors"
        save_file(golden(network), path, metadata={"torch": torch.__version__, "seed": str(SEED)})
        print(f"{path}, {path.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
