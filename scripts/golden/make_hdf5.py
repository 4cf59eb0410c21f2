#!/usr/bin/env python3
"""Makes the small HDF5 files in tests/data/golden with h5py, as other people's programs would write them.

The committed files were made with h5py 3.16.0 (HDF5 2.0.0 inside) and numpy 2.4; each file's `made_with` says so.
Every dataset in rows.h5 holds the same rows, element (i, t, f) = ((31 i + 7 t + 3 f) mod 256 - 128) / 16 (exact in
float16), or for integers (31 i mod 256) - 128, so that the tests need no other reference.

Usage: scripts/golden/make_hdf5.py [FOLDER]
"""

import pathlib
import sys
import zlib

import h5py
import numpy as np

N, T, F = 27, 6, 5


def open_new(path):
    file = h5py.File(path, "w")
    file["made_with"] = f"h5py {h5py.version.version}, HDF5 {h5py.version.hdf5_version}, numpy {np.__version__}"
    return file


def rows_of(n, t, f):
    i, t, f = np.meshgrid(np.arange(n), np.arange(t), np.arange(f), indexing="ij")
    return (((31 * i + 7 * t + 3 * f) % 256 - 128) / 16).astype(np.float32)


def write_rows(folder):
    rows = rows_of(N, T, F)
    counts = (31 * np.arange(N) % 256 - 128).astype(np.int64)
    with open_new(folder / "rows.h5") as file:
        file["contiguous"] = rows
        file.create_dataset("chunked", data=rows, chunks=(8, T, F))
        file.create_dataset("gzip", data=rows, chunks=(8, T, F), compression="gzip")
        file.create_dataset("shuffle_gzip", data=rows, chunks=(8, T, F), compression="gzip", shuffle=True)
        file.create_dataset("fletcher32", data=rows, chunks=(8, T, F), fletcher32=True)
        file.create_dataset("shuffle_gzip_fletcher32", data=rows, chunks=(8, T, F), compression="gzip",
                            compression_opts=9, shuffle=True, fletcher32=True)
        file.create_dataset("lzf", data=rows, chunks=(8, T, F), compression="lzf")
        file.create_dataset("grid", data=rows, chunks=(8, 4, 2))
        file.create_dataset("grid_gzip", data=rows, chunks=(5, 4, 3), compression="gzip", shuffle=True)
        file.create_dataset("grid_one_column", data=rows, chunks=(N, 1, 1), compression="gzip")
        file.create_dataset("resizable", data=rows, chunks=True, maxshape=(None, T, F), compression="gzip")
        file.create_dataset("float64", data=rows.astype(np.float64))
        file.create_dataset("float64_gzip", data=rows.astype(np.float64), chunks=(8, T, F), compression="gzip")
        file.create_dataset("float16", data=rows.astype(np.float16))
        file.create_dataset("big_endian", data=rows.astype(">f4"))
        file.create_dataset("big_endian_gzip", data=rows.astype(">f4"), chunks=(8, 4, 2), compression="gzip")
        # Rows 8 to 15 lie in a chunk that was never written: they hold the fill value.
        holes = file.create_dataset("unallocated", (N, T, F), np.float32, chunks=(8, T, F), fillvalue=2.5,
                                    compression="gzip")
        holes[:8], holes[16:] = rows[:8], rows[16:]
        file.create_dataset("never_written", (N, T, F), np.float32, fillvalue=2.5)
        # A chunk for which the writer skipped the filters (mask 0b11: shuffle and deflate not applied).
        skipped = file.create_dataset("skipped_filters", data=rows, chunks=(N, T, F), compression="gzip", shuffle=True)
        skipped.id.write_direct_chunk((0, 0, 0), rows.tobytes(), filter_mask=3)
        virtual = h5py.VirtualLayout(shape=rows.shape, dtype=rows.dtype)
        virtual[:] = h5py.VirtualSource(file["contiguous"])
        file.create_virtual_dataset("virtual", virtual)

        file["int64"] = counts
        file.create_dataset("int64_gzip", data=counts, chunks=(8,), compression="gzip", shuffle=True)
        file["int32"] = counts.astype(np.int32)
        file["int16_big_endian"] = counts.astype(">i2")
        file["float_counts"] = counts.astype(np.float64)
        file["text"] = "not a number"
        file["empty"] = np.zeros((0, T, F), np.float32)
        nan = rows.copy()
        nan[17, 3, 2] = np.nan
        file["nan"] = nan
        file.create_dataset("nan_grid", data=nan, chunks=(8, 4, 2), compression="gzip")


def write_broken(folder):
    rows = rows_of(N, T, F)
    with open_new(folder / "lz4.h5") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(rows.shape)
        plan.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, (0,))
        space = h5py.h5s.create_simple(rows.shape)
        dataset = h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, plan)
        dataset.write_direct_chunk((0, 0, 0), rows.tobytes()[:1000], filter_mask=0)
        file["targets"] = np.zeros(N, np.float32)
    with open_new(folder / "corrupt_deflate.h5") as file:
        dataset = file.create_dataset("features", data=rows, chunks=(8, T, F), compression="gzip")
        stored = bytearray(zlib.compress(rows[8:16].tobytes()))
        stored[len(stored) // 2] ^= 0xFF
        dataset.id.write_direct_chunk((8, 0, 0), bytes(stored))
        file["targets"] = np.zeros(N, np.float32)
    with open_new(folder / "bad_checksum.h5") as file:
        dataset = file.create_dataset("features", data=rows, chunks=(8, T, F), fletcher32=True)
        dataset.id.write_direct_chunk((8, 0, 0), rows[8:16].tobytes() + b"\0\0\0\0")
        file["targets"] = np.zeros(N, np.float32)


def write_foreign(folder):
    n = 40
    time = 1_700_000_000 + 300 * np.arange(n)
    with open_new(folder / "foreign_windows.h5") as file:
        file["sequences/M1"] = rows_of(n, 6, 3)
        file.create_dataset("sequences/H1", data=rows_of(n, 2, 3).astype(np.float64), chunks=(8, 2, 3),
                            compression="gzip")
        file["labels/direction"] = (np.arange(n) % 3).astype(np.int32)
        file["labels/magnitude"] = (np.arange(n) / 8).astype(np.float64)
        file["time"] = time
        file.create_dataset("feature_names", data=["open", "close", "volume"], dtype=h5py.string_dtype())
    with open_new(folder / "foreign_features.h5") as file:
        file.create_dataset("features", data=rows_of(n, 6, 3), chunks=(16, 6, 3), compression="gzip")
        file["targets"] = np.stack([np.arange(n), -np.arange(n)], axis=1).astype(np.float32)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here.parent.parent / "tests/data/golden")
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder)
    write_broken(folder)
    write_foreign(folder)
    for path in sorted(folder.glob("*.h5")):
        print(f"{path.stat().st_size:8d}  {path}")
