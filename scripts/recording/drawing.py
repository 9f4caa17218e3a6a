"""A terminal's story as one SVG: its animation is CSS, it has no script, and without an animation it shows the end."""
from html import escape

from .screen import COLUMNS

# Pixels.
CELL, LINE, FONT = 7.2, 17, 12
MARGIN, BAR = 14, 28
# How many rows are seen at once.
ROWS = 32
# Seconds: before somebody types, for each character, until the answer is there, to read it and each of its rows, and at the end.
THINK, TYPE, ANSWER, READ, READ_ROW, HOLD = 0.9, 0.035, 0.4, 1.0, 0.14, 8

# Its own background, so that it reads on a light page and on a dark one.
STYLE = """\
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6dde6;white-space:pre}
.frame,.cover{fill:#12181f}.frame{stroke:#5b6673}.title,.prompt{fill:#8fa1b3}.bold{font-weight:bold}
.red{fill:#ff8079}.green{fill:#86e08c}.yellow{fill:#e6b84f}.cyan{fill:#74c7e3}
"""


class Drawing:
    """Grows by a command and its answer at a time."""

    def __init__(self, title, prompt):
        self.title, self.prompt = title, prompt
        self.seconds, self.rows = 0.0, 0
        # When how many rows have gone out of sight at the top.
        self.scroll = [(0.0, 0)]
        # For each command: its length, when its first and its last character is typed, when its answer is there.
        self.times = []
        self.body = []
        self.ask()

    def add(self, command, answer):
        """Somebody types `command` and gets `answer`, a list of rows."""
        number = len(self.times)
        begun = self.seconds + THINK
        typed = begun + TYPE * len(command)
        self.seconds = typed + ANSWER
        self.times.append((len(command), begun, typed, self.seconds))
        row, column = self.rows - 1, len(self.prompt)
        self.body.append(self.text(row, column, [(command, ("bold",))]))
        # What covers the command, and a pixel more, and is behind it when all of it is typed.
        place = f'x="{(column + len(command)) * CELL - 1:g}" y="{row * LINE}"'
        size = f'width="{len(command) * CELL + 2:g}" height="{LINE}"'
        self.body.append(f'<rect id="c{number}" class="cover" {place} {size}/>')
        self.body.append(f'<g id="a{number}">')
        for row in answer:
            if row:
                self.body.append(self.text(self.rows, 0, row))
            self.rows += 1
        self.ask()
        self.body.append("</g>")
        self.scroll.append((self.seconds, max(0, self.rows - ROWS)))
        self.seconds += READ + READ_ROW * len(answer)

    def ask(self):
        """The prompt is in the last row."""
        self.body.append(self.text(self.rows, 0, [(self.prompt, ("prompt",))]))
        self.rows += 1

    def text(self, row, column, parts):
        """One row, each character of which has the width of a cell, whatever font there is."""
        length = sum(len(text) for text, _ in parts)
        spans = "".join(f'<tspan class="{" ".join(styles)}">{escape(text, quote=False)}</tspan>' if styles else
                        escape(text, quote=False) for text, styles in parts)
        place = f'x="{column * CELL:g}" y="{row * LINE + FONT}" textLength="{length * CELL:g}"'
        return f'<text {place} xml:space="preserve">{spans}</text>'

    def svg(self):
        width, height = COLUMNS * CELL + 2 * MARGIN, ROWS * LINE + BAR + MARGIN
        window = f'width="{COLUMNS * CELL:g}" height="{ROWS * LINE}"'
        view = f'viewBox="0 0 {width:g} {height:g}"'
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" {view} width="{width:g}" height="{height:g}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f"<style>\n{STYLE}#rows{{transform:translateY({-self.scroll[-1][1] * LINE}px)}}",
            f"@media (prefers-reduced-motion:no-preference){{\n{self.animation()}}}",
            "</style>",
            f'<rect class="frame" x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>',
            f'<text class="title" x="{MARGIN}" y="18">{escape(self.title)}</text>',
            f'<svg x="{MARGIN}" y="{BAR}" {window}><g id="rows">',
            *self.body,
            "</g></svg>",
            "</svg>\n",
        ])

    def animation(self):
        """The rules of one round, which begins again."""
        whole = self.seconds + HOLD
        rules = []

        def rule(name, timing, frames):
            stops = "".join(f"{at / whole:.2%}{{{css}}}" for at, css in frames)
            rules.append(f"#{name}{{animation:{name} {whole:.1f}s {timing} infinite}}@keyframes {name}{{{stops}}}")

        rule("rows", "step-end", [(at, f"transform:translateY({-hidden * LINE}px)") for at, hidden in self.scroll])
        for number, (length, begun, typed, shown) in enumerate(self.times):
            nothing, all_of_it = f"transform:translateX({-length * CELL:g}px)", "transform:translateX(0px)"
            frames = [(0, nothing), (begun, nothing), (typed, all_of_it), (whole, all_of_it)]
            rule(f"c{number}", f"steps({length})", frames)
            rule(f"a{number}", "step-end", [(0, "visibility:hidden"), (shown, "visibility:visible")])
        return "\n".join(rules) + "\n"
