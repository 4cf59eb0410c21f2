"""Image files to pixels, sizes and values, as Pillow, torch and transformers make them.

Decoding: `Image.open(f).convert("RGB")`, upright, and what transformers' processors make of transparency. Resizing: bit
for bit, every kernel. Processors: CLIP, SigLIP, BLIP, ViT and odd settings of them, with both of transformers' backends,
on the photographs of ../shared/data/photos where they are, and on made pictures.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps, features
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv
from transformers import AutoImageProcessor
from transformers.image_transforms import convert_to_rgb

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ATHANOR_PROCESS_IMAGES", REPOSITORY / "build/tests/process_images")
PHOTOS = REPOSITORY.parent / "shared/data/photos"
KERNELS = subprocess.run([PROGRAM, "kernels"], check=True, capture_output=True, text=True).stdout.split()
FILTERS = {"nearest": (Image.NEAREST, InterpolationMode.NEAREST_EXACT),
           "bilinear": (Image.BILINEAR, InterpolationMode.BILINEAR),
           "bicubic": (Image.BICUBIC, InterpolationMode.BICUBIC)}
SHAPES = [(1, 1, 1, 1), (1, 1, 7, 5), (1, 50, 3, 7), (50, 1, 7, 3), (2, 3, 20, 30), (480, 640, 224, 298),
          (640, 480, 298, 224), (31, 45, 64, 20), (31, 45, 20, 64), (33, 57, 33, 20), (33, 57, 20, 57), (5, 4, 224, 224),
          (2000, 40, 224, 224), (40, 2000, 224, 224), (500, 3, 10, 3), (3, 500, 2, 500), (1500, 2000, 224, 224)]
OLD = {"crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3, "size": 224,
       "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
       "image_std": [0.26862954, 0.26130258, 0.27577711]}
PROCESSORS = {
    "CLIP": {"image_processor_type": "CLIPImageProcessor"},
    "CLIP, an old file": OLD,
    "CLIP, a crop larger than the image": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 97},
                                           "crop_size": {"height": 120, "width": 101}},
    "CLIP, only cropped": {"image_processor_type": "CLIPImageProcessor", "do_resize": False},
    "SigLIP": {"image_processor_type": "SiglipImageProcessor"},
    "SigLIP 512": {"image_processor_type": "SiglipImageProcessorFast", "size": {"height": 512, "width": 512}, "resample": 2},
    "SigLIP, not normalised": {"image_processor_type": "SiglipImageProcessor", "do_normalize": False},
    "SigLIP, not rescaled": {"image_processor_type": "SiglipImageProcessor", "do_rescale": False},
    "BLIP": {"image_processor_type": "BlipImageProcessor"},
    "BLIP, nearest, wide": {"image_processor_type": "BlipImageProcessor", "resample": 0, "size": [100, 333]},
    "ViT": {"image_processor_type": "ViTImageProcessor", "do_convert_rgb": True},
}
random.seed(5)
RANDOM = np.random.default_rng(5)


def picture(height, width, channels=3):
    """Slopes with grain: [H,W,C] uint8."""
    y, x = np.mgrid[:height, :width]
    slopes = np.stack([255 * x / width, 255 * y / height, 127 + 100 * np.sin(x / 9) * np.cos(y / 11),
                       255 - 255 * x / width][:channels], -1)
    return np.clip(slopes + RANDOM.normal(0, 12, slopes.shape), 0, 255).astype(np.uint8)


def made_files(folder):
    """Images of every kind and of sizes that are no multiple of anything."""
    rgb, rgba = Image.fromarray(picture(141, 203)), Image.fromarray(picture(77, 130, 4))
    exif = Image.Exif()
    exif[0x112] = 6
    kinds = {
        "rgb.png": (rgb, {}), "grey.png": (rgb.convert("L"), {}), "bits.png": (rgb.convert("1"), {}),
        "palette.png": (rgb.quantize(40), {}), "palette_hidden.png": (rgb.quantize(16), {"transparency": 3}),
        "palette_alphas.png": (rgb.quantize(5), {"transparency": bytes([0, 90, 255, 13, 200])}),
        "rgba.png": (rgba, {}), "grey_alpha.png": (rgba.convert("LA"), {}),
        "hidden_colour.png": (rgb, {"transparency": rgb.getpixel((5, 5))}),
        "hidden_grey.png": (rgb.convert("L"), {"transparency": 77}),
        "deep_grey.png": (Image.fromarray(RANDOM.integers(0, 700, (50, 31), np.uint16)), {}),
        "turned.png": (rgb, {"exif": exif}), "tall.png": (Image.fromarray(picture(700, 31)), {}),
        "wide.png": (Image.fromarray(picture(40, 901)), {}), "dot.png": (Image.fromarray(picture(1, 1)), {}),
        "rgb.jpg": (rgb, {"quality": 90}), "whole_colours.jpg": (rgb, {"quality": 95, "subsampling": 0}),
        "progressive.jpg": (rgb, {"progressive": True}), "grey.jpg": (rgb.convert("L"), {}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}), "turned.jpg": (rgb, {"exif": exif}),
        "lossy.webp": (rgb, {"quality": 80}), "lossless.webp": (rgb, {"lossless": True}),
        "lossy_alpha.webp": (rgba, {"quality": 80}), "lossless_alpha.webp": (rgba, {"lossless": True, "exact": True}),
        "turned.webp": (rgb, {"exif": exif}),
        "moving.webp": (rgb, {"save_all": True, "append_images": [rgb.rotate(180)], "duration": 100}),
    }
    for name, (image, options) in kinds.items():
        image.save(folder / name, **options)
    return [folder / name for name in kinds]


def ours(mode, *words, values=np.uint8, channels_last=True):
    """One array a file."""
    raw = subprocess.run([str(w) for w in (PROGRAM, mode, *words)], check=True, capture_output=True).stdout
    arrays, at = [], 0
    while at < len(raw):
        height, width = np.frombuffer(raw, np.int64, 2, at)
        at += 16
        count = 3 * height * width
        shape = (height, width, 3) if channels_last else (3, height, width)
        arrays.append(np.frombuffer(raw, values, count, at).reshape(shape))
        at += count * np.dtype(values).itemsize
    return arrays


def opened(file):
    with Image.open(file) as image:
        return ImageOps.exif_transpose(image)


def check_decoding(files, name):
    rules = {"pillow": lambda image: np.asarray(image.convert("RGB")), "white": lambda image: convert_to_rgb(image, True)}
    for rule, reference in rules.items():
        worst = {}
        for file, got in zip(files, ours("decode", rule, *files), strict=True):
            expected = reference(opened(file))
            assert got.shape == expected.shape, (file.name, got.shape, expected.shape)
            difference = np.abs(got.astype(int) - expected)
            exact = file.suffix == ".png" or "lossless" in file.name
            assert difference.max() <= (0 if exact else 1), (rule, file.name, difference.max(), (difference > 0).mean())
            kind = "PNG, lossless WebP" if exact else file.suffix[1:].upper()
            worst.setdefault(kind, []).append((difference.max(), (difference > 0).mean()))
        for kind, found in worst.items():
            print(f"decoded: {name}, {len(found)} of {kind}, as {rule}: largest difference {max(d for d, _ in found)}, "
                  f"at most {max(s for _, s in found):.1%} of a file's values")


def check_resizing():
    count = 0
    for shape in SHAPES + [tuple(random.randint(1, 120) for _ in range(4)) for _ in range(8)]:
        height, width, *size = shape
        image = RANDOM.integers(0, 256, (height, width, 3), np.uint8)
        if count % 5 == 0:
            image = (image > 127).astype(np.uint8) * 255  # overshoots everywhere
        tensor = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        for name, (pillow, mode) in FILTERS.items():
            theirs = {"pillow": np.asarray(Image.fromarray(image).resize(size[::-1], pillow)),
                      "torch": tv.resize(tensor, size, interpolation=mode, antialias=True).permute(1, 2, 0).numpy()}
            for like, expected in theirs.items():
                for kernel in KERNELS:
                    raw = subprocess.run([str(w) for w in (PROGRAM, "resize", like, name, kernel, *shape)],
                                         input=image.tobytes(), check=True, capture_output=True).stdout
                    assert raw == expected.tobytes(), (like, name, kernel, shape)
                    count += 1
    print(f"resized: {count} comparisons with Pillow and torch, bit for bit ({', '.join(KERNELS)})")


def check_processors(files, name, scratch):
    decoded = ours("decode", "white", *files)
    for number, (title, config) in enumerate(PROCESSORS.items()):
        folder = scratch / f"processor-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "preprocessor_config.json").write_text(json.dumps(config))
        for like, backend in (("torch", "torchvision"), ("pillow", "pil")):
            processor = AutoImageProcessor.from_pretrained(folder, backend=backend)
            got = ours("process", folder, like, *files, values=np.float32, channels_last=False)
            same_pixels = with_decoding = 0.0
            for file, pixels, values in zip(files, decoded, got, strict=True):
                theirs = processor(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
                assert values.shape == theirs.shape, (title, like, file.name, values.shape, theirs.shape)
                scale = 1 if config.get("do_rescale", True) else 255
                same_pixels = max(same_pixels, np.abs(values - theirs.astype(np.float32)).max() / scale)
                theirs = processor(opened(file), return_tensors="np")["pixel_values"][0]
                with_decoding = max(with_decoding, np.abs(values - theirs.astype(np.float32)).max() / scale)
            assert same_pixels <= 1e-6, (title, like, same_pixels)
            print(f"processed: {name}, {title}, {backend}: largest difference {same_pixels:.1e} from the same pixels, "
                  f"{with_decoding:.1e} from the files")


def main():
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, Pillow {Image.__version__} "
          f"(libjpeg-turbo {features.version('libjpeg_turbo')}, libwebp {features.version('webp')})")
    check_resizing()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        sets = {"made": made_files(scratch), "photographs": sorted(PHOTOS.glob("*.jpg"))[:12]}
        for name, files in sets.items():
            if not files:
                print(f"SKIPPED: no photographs in {PHOTOS}")
                continue
            check_decoding(files, name)
            check_processors(files, name, scratch)


if __name__ == "__main__":
    sys.exit(main())
