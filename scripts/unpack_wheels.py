"""Unpacks wheels side by side: unpack_wheels.py cpu|cuda WHEELS_DIR TARGET_DIR.

Of the torch wheel only headers and libraries are kept; for cpu, neither the CUDA nor the Python library.
"""
import pathlib
import sys
import zipfile

flavour, wheels, target = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
CPU_LIBRARIES = {"libc10.so", "libtorch_cpu.so", "libtorch.so", "libgomp.so.1"}


def wanted(name: str) -> bool:
    parts = name.split("/")
    if parts[0] == "nvidia":
        return "lib" in parts and ".so" in parts[-1]
    if parts[:2] == ["torch", "include"]:
        return True
    if parts[:2] != ["torch", "lib"] or len(parts) != 3 or "python" in parts[2]:
        return False
    return flavour == "cuda" or parts[2] in CPU_LIBRARIES


for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if wanted(name)])
