"""Python's safetensors and zlib read a checkpoint, and torch.optim.lr_scheduler gives the rates that a run logged."""
import json
import math
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
STEPS = 12
PEAK = 0.01
JOB = f"""
data: {{name: bars, path: bars.h5, batch_size: 32}}
model: {{name: multi_timeframe_lstm, hidden: 8, layers: 2, dropout: 0.1}}
trainer: {{max_steps: {STEPS}, log_every_steps: 1}}
optimizer: {{lr: {PEAK}}}
prepare: {{windows: {{M1: 16, M5: 8}}}}
"""
SCHEDULERS = {
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS),
    "linear": lambda optimizer: torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1e-12, STEPS),
    "constant": lambda optimizer: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
}


def athanor(*arguments):
    subprocess.run([PROGRAM, *arguments], check=True, capture_output=True)


def check_checkpoint(folder):
    """Returns the number of tensors that Python read."""
    state = json.loads((folder / "state.json").read_text())
    for name, entry in state["files"].items():
        data = (folder / name).read_bytes()
        assert len(data) == entry["bytes"] and f"{zlib.crc32(data):08x}" == entry["crc32"], name
    weights = load_file(folder / "model.safetensors")
    training = load_file(folder / "training.safetensors")
    assert weights["lstm_M1.weight_ih_l0"].shape[0] == 4 * 8, weights.keys()
    for name, tensor in weights.items():
        assert torch.isfinite(tensor).all(), name
        moment = training.get(f"optimizer/exp_avg/{name}")
        assert name.startswith("scaler_") or moment.shape == tensor.shape, name
    assert training["optimizer/step"].item() == STEPS
    with safe_open(folder / "data_spec.safetensors", "pt") as file:
        spec = json.loads(file.metadata()["data_spec"])
        features = len(spec["feature_names"])
        assert spec["inputs"][0] == {"name": "M1", "shape": [16, features], "dtype": "Float"}, spec["inputs"]
        assert file.get_tensor("mean/M1").shape == (features,)
    return len(weights) + len(training)


def expected_rates(name):
    """Rates of each step by PyTorch's scheduler."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler = SCHEDULERS[name](optimizer)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def logged_rates(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["lr"] for line in lines if "lr" in line]


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("job.yaml").write_text(JOB)
        athanor("synth", "bars", "--output", "bars.csv", "--minutes", "4000")
        athanor("prepare", "bars", "--config", "job.yaml", "--input", "bars.csv", "--output", "bars.h5")
        for name in SCHEDULERS:
            run = Path(name)
            athanor("train", "job.yaml", f"schedule.name={name}", "--run-dir", name)
            got, want = logged_rates(run), expected_rates(name)
            assert len(got) == STEPS, got
            assert all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12) for a, b in zip(got, want)), (name, got, want)
            print(f"{name}: {STEPS} rates as PyTorch's scheduler gives them")
        print(f"a checkpoint: {check_checkpoint(Path('cosine/checkpoints/last'))} tensors read by Python's safetensors")


if __name__ == "__main__":
    sys.exit(main())
