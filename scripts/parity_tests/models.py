"""The multi-timeframe LSTM beside PyTorch's own modules: outputs, gradients, and exported files run by torch.jit.load.

Gradients are read off one step of plain SGD with learning rate 1: the weights before less the weights after.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy
import torch
from safetensors.torch import load_file

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
from networks import AttentionLstm, MeanLstm, random_labels  # noqa: E402

PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
WINDOWS = {"M1": 60, "M5": 30, "H1": 12}
SAMPLES, FEATURES, HIDDEN, BATCH = 400, 7, 32, 64
JOB = f"""
device: cpu
data: {{name: windows, path: windows.h5, inputs: [M1, M5, H1], batch_size: {BATCH}, order: sequential}}
model: {{name: multi_timeframe_lstm, hidden: {HIDDEN}, dropout: 0}}
"""
FORMS = {"mean": (MeanLstm, "direction_magnitude"), "attention": (AttentionLstm, "multi_head")}
failures = []


def athanor(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"athanor {' '.join(map(str, arguments))}: {done.stderr}")


def compare(what, got, want, tolerance):
    difference = max((got[name] - want[name]).abs().max().item() for name in want)
    assert max(tensor.abs().max().item() for tensor in want.values()) > 1e-2, f"{what}: nothing to compare"
    good = difference <= tolerance
    print(f"{'ok  ' if good else 'FAIL'} {what}: {difference:.2e} (allowed {tolerance:.0e}, {len(want)} tensors)")
    if not good:
        failures.append(what)


def write_data():
    """Raw features far from zero, with a scaler, so that the scaler inside the model is part of the comparison."""
    generator = torch.manual_seed(23)
    labels = random_labels(SAMPLES, generator)
    inputs = {}
    with h5py.File("windows.h5", "w") as file:
        for name, window in WINDOWS.items():
            mean, scale = torch.randn(FEATURES, generator=generator) * 50, torch.rand(FEATURES, generator=generator) + 1
            noise = torch.randn(SAMPLES, window, FEATURES, generator=generator)
            inputs[name] = noise * scale + mean
            file[f"sequences/{name}"] = inputs[name].numpy()
            file[f"scaler/mean/{name}"], file[f"scaler/scale/{name}"] = mean.numpy(), scale.numpy()
        for name, label in labels.items():
            file[f"labels/{name}"] = label.numpy()
        file["feature_names"] = numpy.array([f"f{i}" for i in range(FEATURES)], dtype="S")
    return inputs, labels


def trained_weights(run):
    return load_file(f"{run}/checkpoints/last/model.safetensors")


def check_gradients(fusion, network, objective, inputs, labels):
    common = ["job.yaml", f"model.fusion={fusion}", f"objective.name={objective}", "optimizer.name=sgd",
              "optimizer.momentum=0", "optimizer.weight_decay=0", "schedule.name=constant", "trainer.max_steps=1"]
    weights = {}
    for rate in ("1e-30", "1"):
        athanor("train", *common, f"optimizer.lr={rate}", "--run-dir", f"{fusion}_{rate}")
        weights[rate] = trained_weights(f"{fusion}_{rate}")
    network.load_state_dict(weights["1e-30"])
    network.train()
    first = [x[:BATCH] for x in inputs.values()]
    network.loss(network(*first), {name: label[:BATCH] for name, label in labels.items()}).backward()
    want = {name: parameter.grad for name, parameter in network.named_parameters()}
    got = {name: weights["1e-30"][name] - weights["1"][name] for name in want}
    compare(f"{fusion}: gradients of one step equal PyTorch's", got, want, 1e-5)


def read_predictions(path):
    with h5py.File(path) as file:
        return ({name: torch.from_numpy(file[f"inputs/{name}"][()]) for name in WINDOWS},
                {name: torch.from_numpy(file[f"outputs/{name}"][()]) for name in file["outputs"]})


def check_export(fusion, network, objective):
    run = f"{fusion}_trained"
    athanor("train", "job.yaml", f"model.fusion={fusion}", f"objective.name={objective}", "optimizer.lr=0.003",
            "trainer.max_steps=20", "--run-dir", run)
    athanor("eval", f"{run}/checkpoints/last", "--split", "test", "--predictions", f"{run}.h5", "--with-inputs")
    athanor("export", f"{run}/checkpoints/last", "--output", f"{run}.pt")
    athanor("export", f"{run}/checkpoints/last", "--output", f"{run}.safetensors", "--format", "safetensors")
    inputs, outputs = read_predictions(f"{run}.h5")
    network.load_state_dict(load_file(f"{run}.safetensors"))
    network.eval()
    with torch.no_grad():
        compare(f"{fusion}: PyTorch's modules with the exported weights equal athanor eval",
                network(*inputs.values()), outputs, 1e-6)
    extra = {"athanor.json": ""}
    module = torch.jit.load(f"{run}.pt", _extra_files=extra)
    facts = json.loads(extra["athanor.json"])
    assert [entry["name"] for entry in facts["inputs"]] == list(WINDOWS), facts["inputs"]
    assert extra["athanor.json"].decode() == Path(f"{run}.pt.json").read_text()
    for batch in (1, 7, len(inputs["M1"])):
        said = [module(*(x[start:start + batch] for x in inputs.values()))
                for start in range(0, len(inputs["M1"]), batch)]
        got = {name: torch.cat([part[name] for part in said]) for name in outputs}
        compare(f"{fusion}: torch.jit.load, batches of {batch}, equals athanor eval", got, outputs, 1e-6)
    check_refusals(fusion, module, [x[:4] for x in inputs.values()])


def check_refusals(fusion, module, inputs):
    m1, m5, h1 = inputs
    for what, wrong in {"another batch size": (m1, m5[:3], h1), "a shorter window": (m1[:, 1:], m5, h1),
                        "a missing feature": (m1, m5, h1[:, :, :6]), "another rank": (m1[0], m5, h1),
                        "double precision": (m1, m5.double(), h1)}.items():
        try:
            module(*wrong)
        except Exception as error:
            said = [line for line in str(error).splitlines() if "expected" in line]
            assert said, error
            print(f"ok   {fusion}: refuses {what}: {said[-1].strip()[-90:]}")
        else:
            failures.append(f"{fusion}: {what} was run")


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("job.yaml").write_text(JOB)
        inputs, labels = write_data()
        for fusion, (network, objective) in FORMS.items():
            check_gradients(fusion, network(list(WINDOWS), FEATURES, HIDDEN, dropout=0.0), objective, inputs, labels)
            check_export(fusion, network(list(WINDOWS), FEATURES, HIDDEN, dropout=0.0), objective)
    if failures:
        sys.exit("differs: " + "; ".join(failures))


if __name__ == "__main__":
    main()
