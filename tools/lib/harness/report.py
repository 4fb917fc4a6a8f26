"""Tables, JSON files and SVG plots of the tools that measure. Nothing here measures."""
import json
import math
from collections import namedtuple
from html import escape

# Readable on white and on black, and told apart without colours too (the order of the legend is that of the lines).
COLOURS = ["#2f6fb0", "#d0672b", "#3d8f5f", "#8a5cab", "#7a7a7a"]
TEXT = "#444"
FAINT = "#bbb"
FONT = "font-family='system-ui, sans-serif'"

# A line of a panel: points are (x, y). A bar: value with its spread; `note` stands behind it.
Line = namedtuple("Line", "name points")
Panel = namedtuple("Panel", "title unit lines limit", defaults=[None])
Bar = namedtuple("Bar", "name value low high note", defaults=[None, None, ""])


def number(value, digits=3):
    """A number with so many significant digits, without an exponent."""
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return str(value)
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def table(header, rows):
    """Prints rows of text, the first column to the left and the others to the right; returns them as Markdown."""
    widths = [max(len(str(row[column])) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(header) + " |", "|---" * len(header) + "|", *lines]) + "\n"


def write_json(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


def write_svg(path, title, note, width, height, body):
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
            f" role='img'>\n<title>{escape(title)}</title>\n<rect width='100%' height='100%' fill='white'/>\n"
            + text(16, 26, title, size=17, weight="bold") + text(16, height - 10, note, size=11) + "".join(body)
            + "</svg>\n")


def text(x, y, words, size=12, anchor="start", weight="normal", colour=TEXT):
    return (f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' text-anchor='{anchor}' font-weight='{weight}'"
            f" fill='{colour}'>{escape(str(words))}</text>\n")


def line(x1, y1, x2, y2, colour=FAINT, width=1, dash=""):
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' stroke-width='{width}'"
            f" stroke-dasharray='{dash}'/>\n")


def steps(top):
    """Round numbers from 0 to beyond `top`, four to six of them."""
    if not top > 0:
        return [0, 1]
    size = 10 ** math.floor(math.log10(top / 4))
    size *= next(factor for factor in (1, 2, 2.5, 5, 10) if top / (size * factor) <= 5)
    return [size * index for index in range(math.ceil(top / size * 0.999) + 1)]


def plot_lines(path, title, note, panels, x_name):
    """Panels side by side, each with its lines over the same x; points are marked, a limit is a broken line."""
    wide, high, left, top = 300, 210, 62, 84
    names = [one.name for one in panels[0].lines]
    body, at = [], 16
    for index, name in enumerate(names):
        body.append(f"<rect x='{at}' y='38' width='14' height='4' fill='{COLOURS[index]}'/>\n")
        body.append(text(at + 20, 44, name))
        at += 36 + 7 * len(name)
    for position, panel in enumerate(panels):
        x0, y0 = left + position * (wide + left), top + high
        xs = sorted({x for one in panel.lines for x, _ in one.points})
        ys = [y for one in panel.lines for _, y in one.points] + ([panel.limit] if panel.limit else [])
        marks = steps(max(ys, default=1))
        right, peak = max(max(xs, default=1), 1), marks[-1]
        body.append(text(x0 - left + 20, top - 14, panel.title, weight="bold"))
        for mark in marks:
            y = y0 - mark / peak * high
            body.append(line(x0, y, x0 + wide, y, "#e4e4e4"))
            body.append(text(x0 - 6, y + 4, f"{mark:,g}", size=11, anchor="end"))
        # Not those that would stand on one another.
        last = -1e9
        for x in xs:
            place = x0 + x / right * wide
            if place - last > 34:
                body.append(text(place, y0 + 17, f"{x:,g}", size=11, anchor="middle"))
                last = place
        body.append(text(x0 + wide / 2, y0 + 34, x_name, size=11, anchor="middle"))
        if panel.limit:
            y = y0 - panel.limit / peak * high
            body.append(line(x0, y, x0 + wide, y, "#c22", 1, "5 4"))
            body.append(text(x0 + wide, y - 4, f"limit {panel.limit:g} {panel.unit}", 11, "end", colour="#c22"))
        for one in panel.lines:
            colour = COLOURS[names.index(one.name) % len(COLOURS)]
            points = [(x0 + x / right * wide, y0 - y / peak * high) for x, y in one.points]
            body.append(f"<polyline fill='none' stroke='{colour}' stroke-width='2' points='"
                        + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + "'/>\n")
            body += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'/>\n" for x, y in points]
    write_svg(path, title, note, left + len(panels) * (wide + left) - 30, top + high + 72, body)


def plot_bars(path, title, note, bars, unit, mark=None, mark_name="", left=200):
    """One bar a row with its value; the spread is a thin line. `mark` is a vertical line, such as a ratio of 1."""
    row, wide, top = 26, 420, 60
    marks = steps(max([bar.high if bar.high is not None else bar.value for bar in bars] + [mark or 0]))
    bottom, scale = top + row * len(bars), wide / marks[-1]
    body = []
    for value in marks:
        x = left + value * scale
        body.append(line(x, top - 6, x, bottom, "#e4e4e4"))
        body.append(text(x, bottom + 16, f"{value:,g}{unit}", size=11, anchor="middle"))
    for index, bar in enumerate(bars):
        y = top + index * row
        body.append(text(left - 8, y + 14, bar.name, anchor="end"))
        body.append(f"<rect x='{left}' y='{y + 3}' width='{max(bar.value * scale, 1):.1f}' height='{row - 10}'"
                    f" fill='{COLOURS[0]}' fill-opacity='0.75'/>\n")
        if bar.low is not None:
            middle = y + 3 + (row - 10) / 2
            body.append(line(left + bar.low * scale, middle, left + bar.high * scale, middle, "#222", 1.5))
            for x in (bar.low, bar.high):
                body.append(line(left + x * scale, middle - 4, left + x * scale, middle + 4, "#222", 1.5))
        body.append(text(left + wide + 16, y + 14, bar.note or number(bar.value) + unit, size=11))
    if mark is not None:
        x = left + mark * scale
        body.append(line(x, top - 8, x, bottom, "#c22", 1, "5 4"))
        body.append(text(x, top - 12, mark_name, size=11, anchor="middle", colour="#c22"))
    write_svg(path, title, note, left + wide + 200, bottom + 56, body)


def machine_note(machine):
    return (f"{machine['cpus']} × {machine['cpu']}, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
            f"{machine['system']}, {machine['date']}")
