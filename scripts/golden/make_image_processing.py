#!/usr/bin/env python3
"""Makes tests/data/images/golden: odd little images with Pillow's RGB, resizes by Pillow and torch, processors' values.

The committed files were made with transformers 5.23.0, torch 2.11.0, torchvision 0.26.0 and Pillow 13.0.0 (libjpeg-turbo
3.2.0, libwebp 1.6.0 inside); `made_with.txt` says so. Pixels are PPM, values raw little-endian f32 [3,H,W]. Each
`processor_*.json` is a preprocessor_config.json; `processor_*.torch` and `.pillow` are what transformers' two backends
make of `photo.png` by it.

Usage: scripts/golden/make_image_processing.py [FOLDER]
"""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import PIL
import torch
import torchvision
import transformers
from PIL import Image, ImageOps, features
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv
from transformers import AutoImageProcessor
from transformers.image_transforms import convert_to_rgb

W, H = 45, 31
SIZES = ((20, 14), (64, 47), (45, 10), (11, 31), (60, 12), (7, 52), (1, 1))
FILTERS = {"nearest": (Image.NEAREST, InterpolationMode.NEAREST_EXACT),
           "bilinear": (Image.BILINEAR, InterpolationMode.BILINEAR),
           "bicubic": (Image.BICUBIC, InterpolationMode.BICUBIC)}
CLIP_COLOURS = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
PROCESSORS = {  # sizes of a few pixels: the files are small, the geometry is that of the real ones
    "clip": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 16},
             "crop_size": {"height": 16, "width": 15}},
    "clip_old": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 12, "crop_size": 12, "do_center_crop": True,
                 "do_normalize": True, "do_resize": True, "resample": 3, **CLIP_COLOURS},
    "clip_small": {"image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 9},
                   "crop_size": {"height": 14, "width": 11}},
    "siglip": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 17, "width": 17}},
    "blip": {"image_processor_type": "BlipImageProcessor", "size": 18},
    "raw": {"image_processor_type": "SiglipImageProcessor", "size": [9, 13], "resample": 2, "do_normalize": False},
}


def photo(width=W, height=H, channels=3):
    """Smooth colours, a sharp disc and some grain: [H,W,C] uint8."""
    y, x = np.mgrid[:height, :width]
    out = np.stack([255 * x / width, 255 * y / height, 127 + 100 * np.sin(x / 5) * np.cos(y / 7),
                    255 - 255 * x / width][:channels], axis=-1)
    out[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = (240, 30, 60, 0)[:channels]
    return np.clip(out + np.random.default_rng(1).normal(0, 6, out.shape), 0, 255).astype(np.uint8)


def save_ppm(path, pixels):
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


def make_kinds(folder):
    rgb, rgba = Image.fromarray(photo()), Image.fromarray(photo(channels=4))
    turned = Image.Exif()
    turned[0x112] = 6
    kinds = {
        "palette_alphas.png": (rgb.quantize(5), {"transparency": bytes([0, 90, 255, 13, 200])}),
        "rgba.png": (rgba, {}), "grey_alpha.png": (rgba.convert("LA"), {}),
        "hidden_colour.png": (rgb, {"transparency": rgb.getpixel((5, 5))}),
        "deep_grey.png": (Image.fromarray(np.arange(0, 31 * 45, dtype=np.uint16).reshape(31, 45)), {}),
        "cmyk.jpg": (rgb.convert("CMYK"), {"quality": 90}),
        "lossy.webp": (rgb, {"quality": 80}), "lossless.webp": (rgb, {"lossless": True}),
        "lossy_alpha.webp": (rgba, {"quality": 80}),
        "lossless_alpha.webp": (rgba, {"lossless": True, "exact": True}),
        "turned.webp": (rgb, {"lossless": True, "exif": turned}),
        "moving.webp": (rgb, {"lossless": True, "save_all": True, "append_images": [rgb.rotate(180)], "duration": 100}),
    }
    for name, (image, options) in kinds.items():
        image.save(folder / name, **options)
        upright = ImageOps.exif_transpose(Image.open(folder / name))
        save_ppm(folder / f"{name}.pillow.ppm", np.asarray(upright.convert("RGB")))
        save_ppm(folder / f"{name}.white.ppm", convert_to_rgb(upright, return_numpy=True))


def make_resized(folder):
    image = photo()
    tensor = torch.from_numpy(image).permute(2, 0, 1).contiguous()
    for width, height in SIZES:
        for name, (pillow, mode) in FILTERS.items():
            size = f"{name}_{width}x{height}"
            save_ppm(folder / f"resize_pillow_{size}.ppm", Image.fromarray(image).resize((width, height), pillow))
            if width == height == 1:
                continue  # torch 2.11 fails: "num_channels == unpacked_output.size(0)"
            theirs = tv.resize(tensor, [height, width], interpolation=mode, antialias=True)
            save_ppm(folder / f"resize_torch_{size}.ppm", theirs.permute(1, 2, 0).numpy())


def make_processed(folder):
    image = Image.open(folder / "photo.png")
    for name, config in PROCESSORS.items():
        text = json.dumps(config, indent=1)
        (folder / f"processor_{name}.json").write_text(text + "\n")
        with tempfile.TemporaryDirectory() as scratch:
            (pathlib.Path(scratch) / "preprocessor_config.json").write_text(text)
            for like, backend in (("torch", "torchvision"), ("pillow", "pil")):
                processor = AutoImageProcessor.from_pretrained(scratch, backend=backend)
                values = processor(image, return_tensors="np")["pixel_values"][0].astype("<f4")
                (folder / f"processor_{name}.{like}").write_bytes(np.array(values.shape, "<i8").tobytes() + values.tobytes())


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/images/golden"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_ppm(folder / "photo.png", photo())
    make_kinds(folder)
    make_resized(folder)
    make_processed(folder)
    (folder / "made_with.txt").write_text(
        f"transformers {transformers.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
        f"libwebp {features.version('webp')}, numpy {np.__version__}\n")
    files = list(folder.iterdir())
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files)} bytes in {folder}")
