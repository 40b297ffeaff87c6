"""Reduces what a page loads to the icons, styles and scripts of the theme that the pages of the book use.

The theme ships Font Awesome twice, as a script of 1.5 MB and as a font, which some browsers refuse to load from disk.
Both are replaced by masks, a few hundred bytes per icon, with the outlines from the script. Style sheets keep the rules
whose classes occur as words in a page or script. The search index is loaded by the search page only. Of the theme's
scripts, the one that measures all tables of a page when it is loaded is replaced by scrollable.js.
"""

import re
from pathlib import Path
from urllib.parse import quote

from excerpts import EXCERPTS
from sphinx.application import Sphinx

SCRIPT = "scripts/fontawesome.js"  # below _static
STYLE = "styles/pydata-sphinx-theme.css"
THEME = "scripts/pydata-sphinx-theme.js"
MEASURED_ON_LOAD = re.compile(r',"complete"===document\.readyState\?(\w+)\(\):window\.addEventListener\("load",\1\)')
OWN_STYLES = {"book.css", "definition.css", "explorer.css"}
ICON = r'[{{,]"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]+)"\]'  # width, height, outline
USED = re.compile(r"\bfa-([a-z][a-z0-9-]*)")
FONT = re.compile(r"@font-face\{[^}]*Awesome[^}]*\}")
ICON_RULES = """
/* Icons: Font Awesome Free, CC BY 4.0, fontawesome.com */
.fa, .fas, .fa-solid, .admonition > .admonition-title::after, a.reference.download::before {
  display: inline-block; width: 1.25em; height: 1em; vertical-align: -.125em; background: currentColor;
  -webkit-mask: var(--icon) center / contain no-repeat; mask: var(--icon) center / contain no-repeat;
}
.admonition > .admonition-title::after { content: "" !important; width: 1rem; top: 1rem; }
.bd-header-article .btn :is(i, span[class*="fa-"]) { font-size: 1.2rem; vertical-align: middle; }
a.reference.download::before { content: "" !important; width: .8em; height: .8em; margin: 0 .25em; padding: 0; }
.onthispage::after { content: none !important; }
@media (forced-colors: active) { .fa, .fas, .fa-solid { background: ButtonText; } }
"""
ALWAYS = {
    "circle-info": ".admonition-title",
    "download": "a.reference.download, .fa-download",
}  # icons used in style sheets
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
ICONS = re.compile(r'\s*<script[^>]* src="[^"]*fontawesome\.js[^"]*"></script>')
RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
APART = re.compile(r",(?![^(\[]*[)\]])")  # commas between selectors, not in :is(...)
INSIDE = re.compile(r"\[[^\]]*\]|:(?:is|where|not|has)\((?:[^()]|\([^()]*\))*\)")  # whose classes need not all occur
CLASS = re.compile(r"\.([A-Za-z_-][\w-]*)")
WORD = re.compile(r"[\w-]+")


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Runs once all pages are written, so that everything they use is known."""
    static = Path(app.outdir, "_static")
    if error or not (static / SCRIPT).is_file():
        return
    pages = list(Path(app.outdir).rglob("*.html"))
    scripts = [path for path in static.rglob("*.js") if path.name not in (Path(SCRIPT).name, EXCERPTS)]
    icons = outlined((static / SCRIPT).read_text("utf-8"), [path.read_text("utf-8") for path in (*pages, *scripts)])
    for page in pages:
        text = ICONS.sub("", page.read_text("utf-8"))
        page.write_text(text if page.name == "search.html" else SEARCH.sub("", text), "utf-8")
    words = {word for path in (*pages, *scripts) for word in WORD.findall(path.read_text("utf-8"))}
    for path in static.rglob("*.css"):
        if path.name not in OWN_STYLES:
            path.write_text(used(FONT.sub("", path.read_text("utf-8")), words), "utf-8")
    with (static / STYLE).open("a", encoding="utf-8") as style:
        style.write(ICON_RULES + icons)
    if (theme := static / THEME).is_file():
        theme.write_text(MEASURED_ON_LOAD.sub("", theme.read_text("utf-8")), "utf-8")
    for path in (static / SCRIPT, *static.rglob("*.map")):
        path.unlink()


def outlined(script: str, texts: list[str]) -> str:
    """Rules that give each icon named in a text its outline."""
    names = {name: f".fa-{name}" for text in texts for name in USED.findall(text)} | ALWAYS
    found = {where: re.search(ICON.format(name=re.escape(name)), script) for name, where in sorted(names.items())}
    return "".join(
        f'{where} {{ --icon: url("{picture(*icon.groups())}"); }}\n' for where, icon in found.items() if icon
    )


def picture(width: str, height: str, outline: str) -> str:
    """A drawing as a URL."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{outline}"/></svg>'
    return f"data:image/svg+xml,{quote(svg, safe=' =:/')}"


def used(style: str, words: set[str]) -> str:
    """A style sheet without rules for classes that occur in no page or script."""

    def kept(rule: re.Match) -> str:
        selectors = [one for one in APART.split(rule[1]) if set(CLASS.findall(INSIDE.sub("", one))) <= words]
        return f"{','.join(selectors)}{{{rule[2]}}}" if selectors else ""

    notices = re.findall(r"/\*!.*?\*/", style, flags=re.DOTALL)
    return "\n".join([*notices, RULE.sub(kept, re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
