"""Checks that each room includes only itself and rooms to its left, and that spdlog and torch never meet.

src/core <- src/ops <- {data <- src/rqa, models, src/live} <- trainers <- tools
"""
import pathlib
import re
import sys

RANK = {"src/core": 0, "src/ops": 1, "data": 2, "models": 2, "src/live": 2, "src/rqa": 2.5, "trainers": 3, "tools": 4}
APART = {("src/rqa", "models"), ("src/rqa", "src/live"), ("trainers", "src/rqa")}  # though their ranks would allow it


def room_of(path: str) -> str | None:
    return next((room for room in RANK if path.startswith(room + "/")), None)


def faults(path: pathlib.Path) -> list[str]:
    room, text = room_of(str(path)), (ROOT / path).read_text()
    includes = re.findall(r'^#include [<"]([^>"]+)[>"]', text, re.M)
    found = []
    for include in includes:
        other = room_of(include)
        if room and other and other != room and (RANK[other] >= RANK[room] or (room, other) in APART):
            found.append(f"{path}: {room} must not include {include}")
    heavy = [i for i in includes if i.startswith(("torch/", "ATen/", "c10/"))]
    if heavy and any(i.startswith("spdlog/") for i in includes):
        found.append(f"{path}: spdlog and {heavy[0]} must not meet in one file (two versions of fmt)")
    if path.suffix == ".h" and room in ("src/core", "data", "trainers") and any(i.startswith("torch/") for i in heavy):
        found.append(f"{path}: torch/ headers belong in .cpp files of models and trainers")
    own_header = path.suffix == ".cpp" and (ROOT / path.with_suffix(".h")).exists()  # which says it for both
    if not text.startswith("//") and not own_header:
        found.append(f"{path}: has no head comment")
    return found


ROOT = pathlib.Path(__file__).resolve().parent.parent
problems = []
for folder in ("src", "data", "models", "trainers", "tools"):
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in (".h", ".cpp"):
            problems += faults(path.relative_to(ROOT))
print("\n".join(problems) or "rooms: every include points to the left")
sys.exit(bool(problems))
