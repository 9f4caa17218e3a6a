"""What a terminal makes of the bytes that a program sends it."""
import re

COLUMNS = 120

# Select Graphic Rendition (ECMA-48, 8.3.117), which is how text gets its colour.
STYLE = re.compile(r"\x1b\[([0-9;]*)m")
STYLES = {"1": "bold", "31": "red", "32": "green", "33": "yellow", "36": "cyan"}


# What a line of progress leaves of itself at its end: nothing (ECMA-48, 8.3.41). It is drawn again and again before that.
ERASED = re.compile(r"[^\n]*\r\x1b\[2K")


def rows(shown):
    """The rows on the screen; each is a list of (text, names of its styles)."""
    found, styles = [], ()
    shown = ERASED.sub("", shown)
    for line in shown.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        row = []
        # Splitting at a group gives text and code in turns.
        for at, part in enumerate(STYLE.split(line)):
            if at % 2:
                styles = after(styles, part)
            elif part:
                row.append((part, styles))
        found.extend(wrapped(row))
    for text, _ in (part for row in found for part in row):
        # Nothing that moves about is recorded: what a bar shows differs from run to run.
        if not text.isprintable():
            raise ValueError(f"a recording cannot show {text!r}")
    return found


def after(styles, codes):
    """The styles that hold behind the codes of one sequence."""
    for code in codes.split(";"):
        styles = (*styles, STYLES[code]) if code.strip("0") else ()
    return styles


def wrapped(row):
    """The row cut at the edge of the terminal."""
    cut, width = [[]], 0
    for text, styles in row:
        while text:
            if width == COLUMNS:
                cut.append([])
                width = 0
            head, text = text[:COLUMNS - width], text[COLUMNS - width:]
            cut[-1].append((head, styles))
            width += len(head)
    return cut
