"""Draws a run's validation accuracy beside its baselines and the best attainable one, as SVG (no packages needed).

picture.py RUN_DIR REPORT.json OUT.svg [ATTAINABLE.json]
REPORT.json is written by `athanor eval --json`, ATTAINABLE.json by `athanor synth bars --json`.
"""
import json
import pathlib
import sys

run, report_path, out = map(pathlib.Path, sys.argv[1:4])
report = json.loads(report_path.read_text())
attainable = json.loads(pathlib.Path(sys.argv[4]).read_text()) if len(sys.argv) > 4 else None
lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
loss = [(l["step"], l["train/loss"]) for l in lines if "train/loss" in l]
accuracy = [(l["step"], l["val/accuracy"]) for l in lines if "val/accuracy" in l]

WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 860, 330, 56, 44, 330, 230
INK, GRID, BLUE, ORANGE, GREEN, GREY = "#24292f", "#d8dee4", "#0969da", "#bc4c00", "#1a7f37", "#6e7781"


class Plot:
    def __init__(self, left, title, xs, ys):
        self.left, self.parts = left, []
        self.x0, self.x1 = 0, max(xs)
        margin = 0.08 * (max(ys) - min(ys) or 1)
        self.y0, self.y1 = min(ys) - margin, max(ys) + margin
        self.text(left, TOP - 18, title, INK, 14, "start")
        for i in range(5):
            value = self.y0 + (self.y1 - self.y0) * i / 4
            y = self.y(value)
            self.parts.append(f'<line x1="{left}" x2="{left + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
            self.text(left - 6, y + 4, f"{value:.2f}", GREY, 11, "end")
        for i in range(3):
            value = round(self.x1 * i / 2)
            self.text(self.x(value), TOP + PLOT_HEIGHT + 18, f"{value:,}", GREY, 11, "middle")
        self.text(left + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT + 36, "step", GREY, 11, "middle")

    def x(self, value):
        return self.left + PLOT_WIDTH * (value - self.x0) / (self.x1 - self.x0 or 1)

    def y(self, value):
        return TOP + PLOT_HEIGHT * (1 - (value - self.y0) / (self.y1 - self.y0))

    def text(self, x, y, content, colour, size, anchor):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}">'
                          f"{content}</text>")

    def curve(self, points, colour):
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(points) < 40:
            self.parts += [f'<circle cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]

    def level(self, value, name, colour):
        y = self.y(value)
        self.parts.append(f'<line x1="{self.left}" x2="{self.left + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" '
                          f'stroke="{colour}" stroke-dasharray="5 4"/>')
        self.text(self.left + PLOT_WIDTH + 6, y + 4, f"{name} {value:.3f}", colour, 11, "start")


test = report["metrics"]["accuracy"]
levels = [("majority", test["majority"]["value"], GREY), ("persistence", test["persistence"]["value"], ORANGE),
          ("model", test["model"]["value"], BLUE)]
if attainable:
    levels.append(("best attainable", attainable["test"]["attainable_realized"], GREEN))
first = Plot(LEFT, "training loss", [s for s, _ in loss], [v for _, v in loss])
first.curve(loss, BLUE)
second = Plot(LEFT + PLOT_WIDTH + 60, "accuracy: validation (curve), test split (dashed)",
              [s for s, _ in accuracy], [v for _, v in accuracy] + [v for _, v, _ in levels])
second.curve(accuracy, BLUE)
for name, value, colour in levels:
    second.level(value, name, colour)
body = "\n".join(first.parts + second.parts)
out.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 60}" height="{HEIGHT}" '
               f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')
print(f"wrote {out}")
