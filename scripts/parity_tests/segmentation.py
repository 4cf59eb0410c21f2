"""Face parsing beside PyTorch and scikit-learn: outputs, gradients, losses, scores, the mirror, the exported module.

On made faces. Gradients are read off one step of plain SGD with learning rate 1: the weights before less the weights
after. The topmost rows of every mask are ignored, so that this is part of the comparison.
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
from PIL import Image
from safetensors.torch import load_file
from sklearn import metrics

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
from segmentation import MicroSegFormer, segmentation_loss  # noqa: E402

PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
CLASSES, IGNORE, SIZE, BATCH = 19, 255, 96, 6
MIRRORS = [0, 1, 2, 3, 5, 4, 7, 6, 9, 8, *range(10, CLASSES)]  # left and right eye, brow, ear
WEIGHTS = [0.5 + 0.1 * k for k in range(CLASSES)]
JOB = f"""
device: cpu
data: {{name: image_masks, path: faces, height: {SIZE}, width: {SIZE}, batch_size: {BATCH}, order: sequential,
        ignore_index: {IGNORE}}}
model: {{name: micro_segformer}}
objective: {{name: segmentation}}
evaluator: {{name: masks}}
"""
LOSSES = {"cross entropy + 1.5 (1 - mean Dice)": ([], {}),
          "focal": (["objective.focal_gamma=2"], {"focal_gamma": 2.0}),
          "class weights": ([f"objective.class_weights={WEIGHTS}".replace(" ", "")], {"weights": torch.tensor(WEIGHTS)}),
          "cross entropy alone": (["objective.dice_weight=0"], {"dice_weight": 0})}
failures = []


def athanor(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"athanor {' '.join(map(str, arguments))}: {done.stderr}")


def check(what, difference, tolerance):
    good = difference <= tolerance
    print(f"{'ok  ' if good else 'FAIL'} {what}: {difference:.2e} (allowed {tolerance:.0e})")
    if not good:
        failures.append(what)


def compare(what, got, want, tolerance):
    assert max(tensor.abs().max().item() for tensor in want.values()) > 1e-2, f"{what}: nothing to compare"
    check(f"{what}, {len(want)} tensors", max((got[name] - want[name]).abs().max().item() for name in want), tolerance)


def evaluate(run, split, *more):
    """What athanor eval writes: image [N,3,H,W] u8, mask [N,H,W] i64, logits, and the report."""
    athanor("eval", run, "--split", split, "--predictions", "said.h5", "--with-inputs", "--json", "report.json", *more)
    with h5py.File("said.h5") as file:
        image, mask, logits = (torch.from_numpy(file[name][()]) for name in
                               ("inputs/image", "labels/mask", "outputs/logits"))
    return image.to(torch.uint8), mask.long(), logits, json.loads(Path("report.json").read_text())


def loss_of(logits, mask, **options):
    """Weighted by batches' sizes, as the loss of a split is."""
    parts = [(segmentation_loss(logits[i:i + BATCH], mask[i:i + BATCH], IGNORE, **options).item(), len(mask[i:i + BATCH]))
             for i in range(0, len(mask), BATCH)]
    return sum(loss * count for loss, count in parts) / len(mask)


def check_gradients(form, network):
    common = ["job.yaml", f"model.use_lmsa={form}", "optimizer.name=sgd", "optimizer.momentum=0",
              "optimizer.weight_decay=0", "schedule.name=constant", "trainer.max_steps=1"]
    weights = {}
    for rate in ("1e-30", "1"):
        athanor("train", *common, f"optimizer.lr={rate}", "--run-dir", f"{form}_{rate}")
        weights[rate] = load_file(f"{form}_{rate}/checkpoints/last/model.safetensors")
    image, mask, _, _ = evaluate(f"{form}_1e-30/checkpoints/last", "train")
    network.load_state_dict(weights["1e-30"])
    network.train()
    segmentation_loss(network(image[:BATCH]), mask[:BATCH], IGNORE).backward()
    want = {name: parameter.grad for name, parameter in network.named_parameters()}
    got = {name: weights["1e-30"][name] - weights["1"][name] for name in want}
    compare(f"LMSA {form}: gradients of one step equal PyTorch's", got, want, 1e-5)


def check_scores(mask, logits, report):
    truth, guess = mask.numpy(), logits.argmax(1).numpy()
    counted = truth != IGNORE
    right, said = truth[counted], guess[counted]

    def f_score(t, g):
        return metrics.f1_score(t, g, labels=numpy.unique(t), average="macro", zero_division=0)

    want = {"miou": metrics.jaccard_score(right, said, average="macro", zero_division=0), "f_score": f_score(right, said),
            "f_score_per_image": numpy.mean([f_score(t[c], g[c]) for t, g, c in zip(truth, guess, counted)]),
            "pixel_accuracy": metrics.accuracy_score(right, said)}
    for name, value in want.items():
        check(f"{name} {value:.4f} equals scikit-learn's", abs(report["metrics"][name]["model"] - value), 1e-9)
    ious = metrics.jaccard_score(right, said, labels=range(CLASSES), average=None, zero_division=0)
    check("each class's IoU equals scikit-learn's",
          max(abs(entry["iou"] - iou) for entry, iou in zip(report["classes"], ious)), 1e-9)
    matrix = metrics.confusion_matrix(right, said, labels=range(CLASSES))
    check("the confusion matrix equals scikit-learn's", float(numpy.abs(matrix - report["confusion"]["counts"]).max()), 0)


def check_trained(form, network):
    run = f"{form}_trained"
    athanor("train", "job.yaml", f"model.use_lmsa={form}", "optimizer.lr=0.002", "trainer.max_steps=30", "--run-dir", run)
    image, mask, logits, report = evaluate(run, "test")
    assert (mask == IGNORE).any() and len(mask) % BATCH != 0
    athanor("export", run, "--output", f"{run}.safetensors", "--format", "safetensors")
    athanor("export", run, "--output", f"{run}.pt")
    network.load_state_dict(load_file(f"{run}.safetensors"))
    network.eval()
    with torch.no_grad():
        compare(f"LMSA {form}: PyTorch's modules with the exported weights equal athanor eval",
                {"logits": network(image)}, {"logits": logits}, 1e-5)
        check_scores(mask, logits, report)
        for name, (overrides, options) in LOSSES.items():
            got = evaluate(run, "test", *overrides)[3]["loss"] if overrides else report["loss"]
            want = loss_of(logits, mask, **options)
            check(f"LMSA {form}: loss {want:.4f}, {name}", abs(got - want), 1e-5)
        mirrored = (network(image) + network(image.flip(3)).flip(3)[:, MIRRORS]) / 2
        compare(f"LMSA {form}: --tta is the mean with the mirror image, left and right changed",
                {"logits": evaluate(run, "test", "--tta")[2]}, {"logits": mirrored}, 1e-5)
    module = torch.jit.load(f"{run}.pt")
    for batch in (1, 5):
        said = [module(image[i:i + batch]) for i in range(0, len(image), batch)]
        got = torch.cat([part["logits"] if isinstance(part, dict) else part for part in said])
        compare(f"LMSA {form}: torch.jit.load, batches of {batch}, equals athanor eval", {"logits": got},
                {"logits": logits}, 1e-5)


def ignore_rows():
    for path in Path("faces").glob("*/masks/*.png"):
        ids = numpy.array(Image.open(path))
        ids[:SIZE // 8] = IGNORE
        Image.fromarray(ids).save(path)


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("job.yaml").write_text(JOB)
        athanor("synth", "faces", "--output", "faces", "--count", "60", "--size", SIZE)
        ignore_rows()
        for form in ("true", "false"):
            check_gradients(form, MicroSegFormer(CLASSES, form == "true"))
            check_trained(form, MicroSegFormer(CLASSES, form == "true"))
    if failures:
        sys.exit("differs: " + "; ".join(failures))


if __name__ == "__main__":
    main()
