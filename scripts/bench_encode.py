#!/usr/bin/env python3
"""Encoding beside transformers, torch.compile, ONNX Runtime and sentence-transformers: same weights, same inputs, all
processes warm, rounds alternating.

bench_encode.py ATHANOR --minilm DIR [--python PYTHON] [--rounds 6] [--threads 1] [--cases minilm,siglip,blip,e5]
                [--rivals …] [--precisions fp32,bf16,int8]
PYTHON has the rivals (scripts/requirements/rivals.txt). `minilm` is all-MiniLM-L6-v2 with its real weights, on 1,000
paragraphs of Python's own documentation, from characters to vectors. The others have random weights: SigLIP base 224 and
BLIP base 384 on 16 images (pixels to vectors), e5-large cut to 4 layers on 64 texts of 4 to 256 tokens (ids to vectors).
One JSON object a measurement on stdout; a line for people on stderr. Prints besides, for each precision, the
smallest and mean cosine of its vectors to transformers' in fp32.
"""
import argparse
import json
import pathlib
import pydoc_data.topics
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench_train import KEPT_MEMORY, Side, compare  # noqa: E402

RIVALS = {"transformers": "transformers, eager", "tuned": "transformers, eager, sorted token budget",
          "compiled": "transformers, torch.compile", "onnxruntime": "ONNX Runtime",
          "sentence_transformers": "sentence-transformers"}
MAKE = '''
import sys, torch, transformers
from safetensors.torch import save_file
case, folder = sys.argv[1:]
torch.manual_seed(1)
generator = torch.Generator().manual_seed(2)
if case == "e5":
    config = transformers.XLMRobertaConfig(vocab_size=32000, hidden_size=1024, num_hidden_layers=4,
        num_attention_heads=16, intermediate_size=4096, max_position_embeddings=514, type_vocab_size=1,
        layer_norm_eps=1e-5)
    transformers.XLMRobertaModel(config).save_pretrained(folder)
    lengths = torch.exp(torch.randn(64, generator=generator) * 0.9 + 3.4).long().clamp(4, 256)
    ids = torch.randint(5, 32000, (int(lengths.sum()),), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    save_file({"ids": ids, "offsets": offsets}, folder + "/inputs.safetensors")
else:
    config, model, side = {
        "siglip": (transformers.SiglipVisionConfig(), transformers.SiglipVisionModel, 224),
        "blip": (transformers.BlipVisionConfig(initializer_range=0.02), transformers.BlipVisionModel, 384)}[case]
    network = model(config)
    for name, weight in network.named_parameters():  # as they come, zeros and ones
        if "norm" in name or "embedding" in name or "bias" in name:
            torch.nn.init.normal_(weight, 1.0 if name.endswith("norm.weight") else 0.0, 0.2)
    network.save_pretrained(folder)
    save_file({"pixels": torch.randn(16, 3, side, side, generator=generator)}, folder + "/inputs.safetensors")
'''


def paragraphs(count):
    text = "\n\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    lines = [re.sub(r"\s+", " ", part).strip() for part in text.split("\n\n")]
    return [line for line in lines if len(line) > 20][:count]


def prepare(args, case, scratch):
    """The case's model folder and inputs."""
    if case == "minilm":
        texts = scratch / "texts.txt"
        texts.write_text("\n".join(paragraphs(1000)) + "\n")
        return pathlib.Path(args.minilm), ["--text", texts]
    folder = scratch / case
    folder.mkdir()
    subprocess.run([args.python, "-c", MAKE, case, str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder, ["--tensors", folder / "inputs.safetensors"]


def cosines(args, ours, theirs):
    code = ("import sys, torch; from safetensors.torch import load_file as load\n"
            "a, b = (load(f)['vectors'].double() for f in sys.argv[1:])\n"
            "c = torch.nn.functional.cosine_similarity(a, b); print(c.min().item(), c.mean().item(), "
            "(a - b).abs().max().item())")
    answer = subprocess.run([args.python, "-c", code, ours, theirs], check=True, capture_output=True, text=True)
    return [float(word) for word in answer.stdout.split()]


def run_case(args, case, scratch):
    model, inputs = prepare(args, case, scratch)
    reference = scratch / f"{case}.reference.safetensors"
    for precision in args.precisions.split(","):
        vectors = scratch / f"{case}.{precision}.safetensors"
        ours = Side("athanor", [args.athanor, "bench", "encode", "--model", model, *inputs, "--threads", args.threads,
                                "--serve", precision, "--output", vectors])
        rivals = []
        for rival in args.rivals.split(","):
            if rival == "sentence_transformers" and (case != "minilm" or precision == "int8"):
                continue
            if precision != "fp32" and rival not in ("tuned", "transformers"):
                continue
            command = [args.python, HERE / "rivals/encoding.py", rival, model, inputs[1], args.threads, precision]
            if rival == "tuned" and precision == "fp32":
                command += ["--output", reference]
            rivals.append(Side(RIVALS[rival], command, KEPT_MEMORY if rival == "tuned" else None))
        compare(f"encode/{case}", precision, args.threads, args.rounds, ours, rivals)
        if reference.exists():
            least, mean, difference = cosines(args, vectors, reference)
            print(json.dumps({"name": f"encode/{case}", "precision": precision, "smallest_cosine": least,
                              "mean_cosine": mean, "largest_difference": difference}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--minilm", required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", default="minilm,siglip,blip,e5")
    parser.add_argument("--rivals", default=",".join(RIVALS))
    parser.add_argument("--precisions", default="fp32,bf16,int8")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for case in args.cases.split(","):
            run_case(args, case, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
