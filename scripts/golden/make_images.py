#!/usr/bin/env python3
"""Makes the small images in tests/data/golden/images, and what Pillow decodes and resizes them to (as PPM and PGM).

The committed files were made with Pillow 13.0.0 (libjpeg-turbo 3.2.0 inside) and numpy 2.4; `made_with.txt` says so.
What Pillow cannot write (16-bit colours, interlacing, EXIF after the pixels) is put together from PNG chunks here.
Where this project's rule is another than Pillow's, the expectation is computed here: transparency lies over black
(Pillow drops it), and 16 bits keep their upper byte (Pillow clips grey ones).

Usage: scripts/golden/make_images.py [FOLDER]
"""

import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps, features

W, H = 45, 31
GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # colour types of PNG


def photo(width=W, height=H):
    """Smooth colours, a sharp disc and some grain: [H,W,3] uint8."""
    y, x = np.mgrid[:height, :width]
    out = np.stack([255 * x / width, 255 * y / height, 127 + 100 * np.sin(x / 5) * np.cos(y / 7)], axis=-1)
    out[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = (240, 30, 60)
    return np.clip(out + np.random.default_rng(1).normal(0, 6, out.shape), 0, 255).astype(np.uint8)


def ids(classes=7):
    """Class ids in blobs: [H,W] uint8."""
    y, x = np.mgrid[:H, :W]
    return ((x // 6 + y // 5 + (x * y) // 90) % classes).astype(np.uint8)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_rows(pixels):
    """Unfiltered rows of [H,W,C] in PNG's byte order."""
    return b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)


def png(pixels, colour_type, interlaced=False, before=b"", after=b""):
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, colour_type, 0, 0, int(interlaced))
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    passes = [pixels[y::dy, x::dx] for y, x, dy, dx in adam7] if interlaced else [pixels]
    rows = b"".join(png_rows(part) for part in passes if part.size)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows, 9)) + after
            + chunk(b"IEND", b""))


def exif(orientation, endian):
    """A TIFF block of two entries: the width, which is passed over, and the orientation."""
    order = b"II" if endian == "<" else b"MM"
    entries = struct.pack(endian + "HHII", 0x100, 4, 1, W) + struct.pack(endian + "HHIHH", 0x112, 3, 1, orientation, 0)
    return order + struct.pack(endian + "HI", 42, 8) + struct.pack(endian + "H", 2) + entries + bytes(4)


def over_black(pixels):
    """[H,W,C+1] -> [H,W,C]"""
    return ((pixels[..., :-1].astype(int) * pixels[..., -1:] + 127) // 255).astype(np.uint8)


def save_expected(path, pixels):
    Image.fromarray(pixels).save(path.with_suffix(".ppm" if pixels.ndim == 3 else ".pgm"))


def save_decoded(path):
    """What Pillow makes of the file, upright and in colour."""
    save_expected(path, np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")))


def make_jpegs(folder):
    colours = Image.fromarray(photo())
    cases = {
        "444": (colours, {"subsampling": 0}), "420": (colours, {"subsampling": 2}),
        "progressive": (colours, {"progressive": True}), "grey": (colours.convert("L"), {}),
        "cmyk": (colours.convert("CMYK"), {}),
    }
    for name, (image, options) in cases.items():
        path = folder / f"jpeg_{name}.jpg"
        image.save(path, quality=90, **options)
        save_decoded(path)
    for orientation in range(1, 9):
        path = folder / f"exif_{orientation}.jpg"
        block = exif(orientation, "<" if orientation % 2 else ">")
        Image.fromarray(photo(14, 9)).save(path, quality=90, subsampling=0, exif=b"Exif\0\0" + block)
        save_decoded(path)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"  # another block of the marker that EXIF uses
    turned = (folder / "exif_6.jpg").read_bytes()
    block = b"\xff\xe1" + struct.pack(">H", 2 + len(xmp)) + xmp
    (folder / "exif_6_after_xmp.jpg").write_bytes(turned[:2] + block + turned[2:])
    save_decoded(folder / "exif_6_after_xmp.jpg")
    large = folder / "jpeg_large.jpg"  # for decoding at a half, a quarter and an eighth
    Image.fromarray(photo(203, 141)).save(large, quality=80)


def make_pngs(folder):
    colours = Image.fromarray(photo())
    alpha = np.random.default_rng(2).integers(0, 256, (H, W, 1), np.uint8)
    alpha[:, :5], alpha[:, -5:] = 0, 255
    colours.save(folder / "png_rgb.png")
    colours.convert("L").save(folder / "png_grey.png")
    colours.convert("1").save(folder / "png_1_bit.png")
    indexed = colours.quantize(16)
    indexed.save(folder / "png_palette.png", bits=4)
    (folder / "png_interlaced.png").write_bytes(png(photo(), RGB, interlaced=True))
    (folder / "png_exif_6.png").write_bytes(png(photo(), RGB, before=chunk(b"eXIf", exif(6, ">"))))
    (folder / "png_exif_8_at_the_end.png").write_bytes(png(photo(), RGB, after=chunk(b"eXIf", exif(8, "<"))))
    for path in sorted(folder.glob("png_*.png")):
        save_decoded(path)

    rgba = np.concatenate([photo(), alpha], axis=-1)
    Image.fromarray(rgba).save(folder / "png_rgba.png")
    save_expected(folder / "png_rgba", over_black(rgba))
    grey = np.asarray(colours.convert("L"))[..., None]
    grey_alpha = np.concatenate([grey, alpha], axis=-1)
    (folder / "png_grey_alpha.png").write_bytes(png(grey_alpha, GREY_ALPHA))
    save_expected(folder / "png_grey_alpha", np.repeat(over_black(grey_alpha), 3, axis=-1))
    indexed.save(folder / "png_palette_transparent.png", bits=4, transparency=3)
    hidden = np.asarray(indexed)[..., None] != 3
    save_expected(folder / "png_palette_transparent", np.asarray(indexed.convert("RGB")) * hidden)

    deep = np.random.default_rng(3).integers(0, 65536, (H, W, 4), np.uint16)
    upper = (deep >> 8).astype(np.uint8)
    (folder / "png_rgb_16.png").write_bytes(png(deep[..., :3], RGB))
    save_expected(folder / "png_rgb_16", upper[..., :3])
    (folder / "png_rgba_16.png").write_bytes(png(deep, RGBA))
    save_expected(folder / "png_rgba_16", over_black(upper))
    (folder / "png_grey_16.png").write_bytes(png(deep[..., :1], GREY))
    save_expected(folder / "png_grey_16", np.repeat(upper[..., :1], 3, axis=-1))


def make_masks(folder):
    palette = [v for k in range(7) for v in (30 * k, 255 - 30 * k, 10 * k)]
    grey = Image.fromarray(ids())
    grey.save(folder / "mask_grey.png")
    indexed = Image.fromarray(ids(), "P")
    indexed.putpalette(palette)
    for bits in (4, 8):
        indexed.save(folder / f"mask_palette_{bits}.png", bits=bits)
    indexed.convert("RGB").save(folder / "mask_rgb.png")
    Image.fromarray(ids(2) * 255).convert("1").save(folder / "mask_1_bit.png")
    opaque = np.dstack([ids(), np.full((H, W), 255, np.uint8)])
    (folder / "mask_opaque_alpha.png").write_bytes(png(opaque, GREY_ALPHA))
    opaque[3, 5, 1] = 254
    (folder / "mask_transparent.png").write_bytes(png(opaque, GREY_ALPHA))
    (folder / "mask_16.png").write_bytes(png(ids()[..., None].astype(np.uint16), GREY))
    grey.save(folder / "mask.jpg")
    save_expected(folder / "mask_ids", ids())
    save_expected(folder / "mask_rgb", np.asarray(indexed.convert("RGB")))
    save_expected(folder / "mask_1_bit", ids(2))


def make_resized(folder):
    colours, mask = Image.fromarray(photo()), Image.fromarray(ids())
    colours.save(folder / "resize.ppm")  # and mask_ids.pgm
    for width, height in ((20, 14), (22, 15), (64, 47), (W, 10), (11, H), (7, 52), (1, 1)):
        name = f"{width}x{height}"
        colours.resize((width, height), Image.Resampling.BILINEAR).save(folder / f"resize_bilinear_{name}.ppm")
        mask.resize((width, height), Image.Resampling.BILINEAR).save(folder / f"resize_bilinear_grey_{name}.pgm")
        mask.resize((width, height), Image.Resampling.NEAREST).save(folder / f"resize_nearest_{name}.pgm")


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/golden/images"
    folder.mkdir(parents=True, exist_ok=True)
    make_jpegs(folder)
    make_pngs(folder)
    make_masks(folder)
    make_resized(folder)
    (folder / "made_with.txt").write_text(
        f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, numpy {np.__version__}\n")
    files = list(folder.iterdir())
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files)} bytes in {folder}")
