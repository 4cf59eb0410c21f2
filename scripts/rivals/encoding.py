#!/usr/bin/env python3
"""A round of encoding for each line on stdin: encoding.py RIVAL MODEL INPUTS THREADS [PRECISION] [--output FILE]

RIVAL is transformers (eager, batches of 32 in the order of the input, as a first script has it), tuned (eager; inputs
sorted by length, batches of at most 1,024 tokens, which suits it best, as it does the program; freed memory kept), compiled (the same through
torch.compile), onnxruntime (the same batches) or sentence_transformers (texts alone). MODEL is a Hugging Face folder;
INPUTS texts (.txt, one a line) or a .safetensors with what a tower reads: ids and offsets, or pixels. PRECISION: fp32,
bf16 (weights and activations), int8 (dynamic quantization of the linear layers). Prints "ready", then each round's
milliseconds. --output writes the first round's vectors [N,D].
"""
import json
import pathlib
import sys
import time

import numpy
import torch
import transformers

output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1]) if "--output" in sys.argv else None
rival, folder, inputs, threads = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
precision = sys.argv[5] if len(sys.argv) > 5 and not sys.argv[5].startswith("--") else "fp32"
torch.set_num_threads(threads)
TOKENS, IMAGES = 1024, 8  # a batch of the program (tools/encode/batches.cpp)


def load():
    config = json.loads((folder / "config.json").read_text())
    model = getattr(transformers, config["architectures"][0]).from_pretrained(folder).eval()
    if precision == "bf16":
        model = model.to(torch.bfloat16)
    elif precision == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8)
    return model


def is_images(values):
    return values[0].ndim == 3


def read():
    if inputs.endswith(".txt"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        lines = pathlib.Path(inputs).read_text().splitlines()
        return lambda: [torch.tensor(ids) for ids in tokenizer(lines, truncation=True, max_length=256)["input_ids"]]
    from safetensors.torch import load_file
    tensors = load_file(inputs)
    if "pixels" in tensors:
        values = list(tensors["pixels"])
    else:
        ends = tensors["offsets"].tolist()
        values = [tensors["ids"][a:b] for a, b in zip(ends, ends[1:])]
    return lambda: values


def batches(values):
    """Indices of the inputs of each batch."""
    if is_images(values):
        return [list(range(i, min(i + IMAGES, len(values)))) for i in range(0, len(values), IMAGES)]
    if rival == "transformers":
        return [list(range(i, min(i + 32, len(values)))) for i in range(0, len(values), 32)]
    out = []
    for i in sorted(range(len(values)), key=lambda i: -len(values[i])):
        if not out or (len(out[-1]) + 1) * len(values[out[-1][0]]) > TOKENS:
            out.append([])
        out[-1].append(i)
    return out


def padded(values):
    ids = torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=pad)
    return ids, (torch.arange(ids.shape[1]) < torch.tensor([[len(v)] for v in values])).long()


def pooled(hidden, mask):
    return (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)


class Vectors(torch.nn.Module):
    """What is timed: a tower and the pooling behind it."""

    def __init__(self, model, images):
        super().__init__()
        self.model, self.images = model, images

    def forward(self, first, mask=None):
        if self.images:
            return torch.nn.functional.normalize(self.model(pixel_values=first.to(self.model.dtype)).pooler_output.float())
        out = self.model(input_ids=first, attention_mask=mask).last_hidden_state.float()
        return torch.nn.functional.normalize(pooled(out, mask))


def onnx_session(module, values):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    path = folder / f"model_{'images' if module.images else 'texts'}.onnx"
    if not path.exists():
        example = (torch.stack(values[:2]),) if module.images else padded(values[:2])
        names = ["pixels"] if module.images else ["ids", "mask"]
        axes = {name: {0: "batch"} if module.images else {0: "batch", 1: "length"} for name in names}
        torch.onnx.export(module, example, path, input_names=names, output_names=["vectors"], dynamo=False,
                          dynamic_axes={**axes, "vectors": {0: "batch"}}, opset_version=17)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def runner():
    if rival == "sentence_transformers":
        from sentence_transformers import SentenceTransformer
        model = SentenceTransformer(str(folder), device="cpu")
        lines = pathlib.Path(inputs).read_text().splitlines()
        return lambda: torch.tensor(model.encode(lines, batch_size=32, show_progress_bar=False))
    if rival == "onnxruntime":
        transformers.utils.logging.set_verbosity_error()
    make = read()
    values = make()
    module = Vectors(load(), is_images(values)).eval()
    call = module
    if rival == "compiled":
        call = torch.compile(module, dynamic=not module.images)
    elif rival == "onnxruntime":
        session = onnx_session(module, values)
        names = [item.name for item in session.get_inputs()]

        def call(*tensors):
            return torch.from_numpy(session.run(None, {n: t.numpy() for n, t in zip(names, tensors)})[0])

    def run():
        values = make()
        out = [None] * len(values)
        with torch.inference_mode():
            for batch in batches(values):
                own = [values[i] for i in batch]
                vectors = call(torch.stack(own)) if module.images else call(*padded(own))
                for i, vector in zip(batch, vectors):
                    out[i] = vector
        return torch.stack(out)
    return run


pad = json.loads((folder / "config.json").read_text()).get("pad_token_id") or 0
run = runner()
first = run()
if output:
    from safetensors.numpy import save_file
    save_file({"vectors": numpy.ascontiguousarray(first.float().numpy())}, output)
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    kept = run()
    print((time.perf_counter() - start) * 1000, flush=True)
    del kept
