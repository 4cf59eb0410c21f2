#!/usr/bin/env python3
"""Makes tests/core/golden/python.safetensors with Python's safetensors; run from the repository's root."""
import safetensors
import torch
from safetensors.torch import save_file

OUTPUT = "tests/core/golden/python.safetensors"

save_file(
    {
        "f32": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 4,
        "i64": torch.tensor([-1, 0, 1]),
        "bf16": torch.tensor([0.5, -2.0], dtype=torch.bfloat16),
        "flag": torch.tensor([True, False, True]),
    },
    OUTPUT,
    metadata={"made_by": "python"},
)
print(f"{OUTPUT}, safetensors {safetensors.__version__}")
