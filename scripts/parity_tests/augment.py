"""Augmentation, operation by operation, as torchvision, Kornia and PyTorch do it: docs/augmentation.md's table.

Where the definitions are the same the values agree to 1e-4 (of [0,1]) and masks agree but for pixels that lie half-way
between two; where they are not, the script measures how far apart they are, so that the table stays true.
"""
import math
import os
import subprocess
import sys
from pathlib import Path

import cv2
import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ATHANOR_AUGMENT_STEP", REPOSITORY / "build/tests/augment_step")
WAYS = ["reference", *subprocess.run([PROGRAM, "kernels"], check=True, capture_output=True, text=True).stdout.split()]
BORDERS = {"zeros": 0, "border": 1, "reflection": 2}
H, W = 61, 84
TOLERANCE = 1e-4
counted = {"same": 0, "different": 0}


def picture():
    """Noise on a gradient: uint8 [3,H,W] and classes uint8 [H,W]."""
    random = np.random.default_rng(3)
    slope = np.linspace(0, 128, W)[None, None] + np.linspace(0, 60, H)[None, :, None]
    image = (slope + random.integers(0, 67, (3, H, W))).astype(np.uint8)
    return torch.from_numpy(image), torch.from_numpy(random.integers(0, 19, (H, W)).astype(np.uint8))


IMAGE, MASK = picture()
FLOAT = IMAGE.float() / 255


def athanor(way, size=(H, W), **keys):
    """The picture and its mask through one PictureChange."""
    words = [PROGRAM, way, H, W, *size, *(f"{key}={float(value)!r}" for key, value in keys.items())]
    raw = subprocess.run([str(word) for word in words], input=IMAGE.numpy().tobytes() + MASK.numpy().tobytes(),
                         check=True, capture_output=True).stdout
    pixels = size[0] * size[1]
    return (torch.from_numpy(np.frombuffer(raw[:12 * pixels], np.float32).reshape(3, *size).copy()),
            torch.from_numpy(np.frombuffer(raw[12 * pixels:], np.uint8).reshape(size).copy()))


def about_centre(degrees=0.0, scale=1.0, dx=0.0, dy=0.0):
    """Output to source: torchvision's affine(angle, translate, scale) without shear."""
    turn, cx, cy = math.radians(degrees), (W - 1) / 2, (H - 1) / 2
    c, s = math.cos(turn) / scale, math.sin(turn) / scale
    return {"xx": c, "xy": s, "x0": cx - c * (cx + dx) - s * (cy + dy),
            "yx": -s, "yy": c, "y0": cy + s * (cx + dx) - c * (cy + dy)}


def same(name, theirs, tolerance=TOLERANCE, crop=0, **keys):
    inner = (..., slice(crop, theirs.shape[-2] - crop), slice(crop, theirs.shape[-1] - crop))
    distances = {}
    for way in WAYS:
        ours, _ = athanor(way, tuple(theirs.shape[-2:]), **keys)
        distances[way] = (ours[inner] - theirs[inner]).abs().max().item()
        counted["same"] += 1
    assert max(distances.values()) < tolerance, (name, distances)
    print(f"same: {name}: largest difference {max(distances.values()):.1e}")


def different(name, theirs, at_least, **keys):
    ours, _ = athanor("reference", tuple(theirs.shape[-2:]), **keys)
    distance = (ours - theirs).abs().max().item()
    assert distance > at_least, (name, distance)
    counted["different"] += 1
    print(f"different: {name}: largest difference {distance:.3f}")


def sampled(positions, mode, padding):
    """PyTorch's grid_sample at pixel positions [H,W,2] (x,y), in double precision."""
    size = torch.tensor([W, H], dtype=torch.float64)
    grid = (2 * positions + 1) / size - 1
    return grid, F.grid_sample(FLOAT[None].double(), grid[None], mode=mode, padding_mode=padding,
                               align_corners=False)[0].float()


def positions(keys, height=H, width=W):
    y, x = torch.meshgrid(torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64),
                          indexing="ij")
    return torch.stack([keys["xx"] * x + keys["xy"] * y + keys["x0"],
                        keys["yx"] * x + keys["yy"] * y + keys["y0"]], -1)


MAPS = {"a turn of 14 degrees": {"degrees": 14}, "a turn of -100 degrees": {"degrees": -100},
        "a shrink to 0.6": {"scale": 0.6}, "turned, scaled and moved": {"degrees": 9, "scale": 1.2, "dx": 7, "dy": -4}}


def check_maps():
    for name, numbers in MAPS.items():
        keys = about_centre(**numbers)
        for padding, border in BORDERS.items():
            _, theirs = sampled(positions(keys), "bilinear", padding)
            same(f"{name}, {padding}: grid_sample", theirs, border=border, **keys)
        theirs = tv.affine(FLOAT, numbers.get("degrees", 0), [numbers.get("dx", 0), numbers.get("dy", 0)],
                           numbers.get("scale", 1), [0, 0], InterpolationMode.BILINEAR)
        same(f"{name}: torchvision affine", theirs, **keys)
        forward = torch.tensor([[keys["xx"], keys["xy"], keys["x0"]], [keys["yx"], keys["yy"], keys["y0"]],
                                [0, 0, 1]], dtype=torch.float64).inverse()[None, :2]
        theirs = kornia.geometry.transform.warp_affine(FLOAT[None].double(), forward, (H, W), align_corners=True)
        same(f"{name}: Kornia warp_affine(align_corners=True)", theirs[0].float(), **keys)
    turned = tv.rotate(FLOAT, -14, InterpolationMode.BILINEAR)
    same("a turn: torchvision rotate (counter-clockwise)", turned, **about_centre(degrees=14))
    keys = about_centre(degrees=14)
    theirs = tv.rotate(FLOAT, -14, InterpolationMode.BILINEAR, fill=[1.0, 1.0, 1.0])
    different("a turn onto white, at the edge: torchvision weighs the picture twice", theirs, 0.01, fill=255, **keys)
    same("flip: torchvision", tv.horizontal_flip(FLOAT), tolerance=1e-5, xx=-1, x0=W - 1)
    same("flip: Kornia", kornia.geometry.hflip(FLOAT[None])[0], tolerance=1e-5, xx=-1, x0=W - 1)


def check_masks():
    for name, numbers in MAPS.items():
        keys = about_centre(**numbers)
        theirs = tv.affine(MASK[None].float(), numbers.get("degrees", 0), [numbers.get("dx", 0), numbers.get("dy", 0)],
                           numbers.get("scale", 1), [0, 0], InterpolationMode.NEAREST, fill=[255.0])[0]
        place = positions(keys) - 0.5  # whole numbers here: half-way between two pixels
        clear = ((place - place.round()).abs() > 1e-3).all(-1)
        assert clear.float().mean() > 0.98, clear.float().mean()
        for way in WAYS:
            _, ours = athanor(way, mask_fill=255, **keys)
            wrong = ((ours != theirs.to(torch.uint8)) & clear).sum().item()
            assert wrong == 0, (name, way, wrong)
            counted["same"] += 1
        print(f"same: mask, {name}: torchvision affine, nearest: {int(clear.sum())} of {clear.numel()} pixels are "
              "not half-way between two, and equal")


def check_resize():
    for height, width in ((30, 50), (100, 90)):
        sx, sy = W / width, H / height
        theirs = F.interpolate(FLOAT[None].double(), (height, width), mode="bilinear", align_corners=False)[0].float()
        same(f"{H}x{W} to {height}x{width}: interpolate(antialias=False)", theirs, border=1,
             xx=sx, x0=sx / 2 - 0.5, yy=sy, y0=sy / 2 - 0.5)
    sx, sy = 41 / W, 33 / H
    keys = {"xx": sx, "x0": 20 + sx / 2 - 0.5, "yy": sy, "y0": 11 + sy / 2 - 0.5}
    theirs = tv.resized_crop(FLOAT, 11, 20, 33, 41, [H, W], antialias=False)
    same("resized crop, but for its edge: torchvision", theirs, crop=3, **keys)
    different("resized crop, at its edge: torchvision looks no farther than the crop", theirs, 0.01, **keys)


def check_blur():
    for sigma in (0.3, 0.9, 2.0):
        size = 2 * math.ceil(3 * sigma) + 1
        same(f"blur {sigma}: torchvision, {size} taps", tv.gaussian_blur(FLOAT, [size, size], [sigma, sigma]),
             blur=sigma)
        theirs = kornia.filters.gaussian_blur2d(FLOAT[None], (size, size), (sigma, sigma), "reflect")[0]
        same(f"blur {sigma}: Kornia, {size} taps", theirs, blur=sigma)


def check_colours():
    batch = FLOAT[None]
    for factor in (0.6, 1.3):
        same(f"brightness {factor}: torchvision", tv.adjust_brightness(FLOAT, factor), brightness=factor)
        same(f"brightness {factor}: Kornia, accumulative",
             kornia.enhance.adjust_brightness_accumulative(batch, factor)[0], brightness=factor)
        same(f"contrast {factor}: torchvision", tv.adjust_contrast(FLOAT, factor), contrast=factor)
        same(f"contrast {factor}: Kornia, mean subtraction",
             kornia.enhance.adjust_contrast_with_mean_subtraction(batch, factor)[0], contrast=factor)
        different(f"contrast {factor}: Kornia adjust_contrast (about black)",
                  kornia.enhance.adjust_contrast(batch, factor)[0], 0.03, contrast=factor)
        same(f"saturation {factor}: torchvision", tv.adjust_saturation(FLOAT, factor), saturation=factor)
        same(f"saturation {factor}: Kornia, grey subtraction",
             kornia.enhance.adjust_saturation_with_gray_subtraction(batch, factor)[0], saturation=factor)
        different(f"saturation {factor}: Kornia adjust_saturation (S of HSV)",
                  kornia.enhance.adjust_saturation(batch, factor)[0], 0.01, saturation=factor)
    for turns in (-0.4, 0.05, 0.5):
        same(f"hue {turns}: torchvision", tv.adjust_hue(FLOAT, turns), hue=turns)
        same(f"hue {turns}: Kornia", kornia.enhance.adjust_hue(batch, 2 * math.pi * turns)[0], hue=turns)
    chain = tv.adjust_hue(tv.adjust_saturation(tv.adjust_contrast(tv.adjust_brightness(FLOAT, 1.2), 0.8), 1.4), -0.1)
    same("brightness, contrast, saturation, hue in turn: torchvision", chain, brightness=1.2, contrast=0.8,
         saturation=1.4, hue=-0.1)


def check_opencv():
    """albumentations warps bytes with OpenCV, and rounds to bytes again."""
    keys = about_centre(degrees=14)
    matrix = np.array([[keys["xx"], keys["xy"], keys["x0"]], [keys["yx"], keys["yy"], keys["y0"]]])
    picture = np.ascontiguousarray(IMAGE.permute(1, 2, 0).numpy())
    theirs = cv2.warpAffine(picture, matrix, (W, H), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    theirs = torch.from_numpy(theirs).permute(2, 0, 1).float() / 255
    same("a turn: OpenCV warpAffine, to half a byte", theirs, tolerance=0.5 / 255 + TOLERANCE, **keys)


def main():
    for check in (check_maps, check_masks, check_resize, check_blur, check_colours, check_opencv):
        check()
    assert counted["same"] > 100 and counted["different"] >= 5, counted
    print(f"{counted['same']} comparisons agree ({', '.join(WAYS)}), {counted['different']} differ as documented")


if __name__ == "__main__":
    sys.exit(main())
