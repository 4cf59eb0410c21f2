#!/usr/bin/env python3
"""Makes tests/models/golden/micro_segformer.safetensors with PyTorch; run from the repository's root.

A narrow MicroSegFormer with and without LMSA (seed 29): under "lmsa/" and "plain/" its weights "weight/NAME", "output"
in training mode, "loss" (cross entropy with ignored pixels + 1.5 * (1 - mean Dice)) and "grad/NAME"; "image" and "mask".
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "rivals"))
from segmentation import MicroSegFormer, segmentation_loss  # noqa: E402

SEED, BATCH, CLASSES, IGNORE, SIZE = 29, 3, 5, 255, (64, 96)
OUTPUT = pathlib.Path("tests/models/golden/micro_segformer.safetensors")


def main():
    torch.set_num_threads(1)
    generator = torch.manual_seed(SEED)
    image = torch.randint(256, (BATCH, 3, *SIZE), generator=generator).to(torch.uint8)
    mask = torch.randint(CLASSES, (BATCH, *SIZE), generator=generator).to(torch.uint8)
    mask[:, :5] = IGNORE
    tensors = {"image": image, "mask": mask}
    for name in ("lmsa", "plain"):
        network = MicroSegFormer(CLASSES, name == "lmsa", decoder=16, widths=(8, 12, 16, 20), depths=(1, 2, 1, 1))
        tensors |= {f"{name}/weight/{key}": value.clone() for key, value in network.state_dict().items()}
        output = network(image)
        loss = segmentation_loss(output, mask, IGNORE)
        loss.backward()
        tensors |= {f"{name}/grad/{key}": value.grad for key, value in network.named_parameters()}
        tensors |= {f"{name}/output": output[:, :, ::8, ::8], f"{name}/loss": loss}
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, OUTPUT, metadata={"torch": torch.__version__, "seed": str(SEED)})
    print(f"{OUTPUT}, {OUTPUT.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
