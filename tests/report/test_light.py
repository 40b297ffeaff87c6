"""What pages load: rules and icons that they use stay, all else goes."""

import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pydata_sphinx_theme
import pytest

sys.path.append(str(Path(__file__).parent.parent.parent / "book/_ext"))
import light


@pytest.mark.parametrize(
    ("style", "left"),
    [
        (".a{x:1}.b{x:2}", ".a{x:1}"),
        (".a,.b .a,p.a>b{x:1}", ".a,p.a>b{x:1}"),
        ("@media print{.b{x:1}.a{x:2}}", "@media print{.a{x:2}}"),
        (":is(.a,.b) p{x:1}", ":is(.a,.b) p{x:1}"),
        (".a:not(.b:hover,.c){x:1}", ".a:not(.b:hover,.c){x:1}"),
        ('a[href$=".b"]{x:1}', 'a[href$=".b"]{x:1}'),
        ("@keyframes k{33.3%{x:1}to{x:2}}", "@keyframes k{33.3%{x:1}to{x:2}}"),
        (':root{--b:url("data:image/svg+xml,%3Csvg d=%221.5%22/%3E")}', None),
    ],
)
def test_rules_stay_whose_classes_are_words_of_a_page(style, left):
    assert light.used(style, {"a", "p"}).strip() == (left or style)


def test_notices_stay_and_comments_go():
    assert light.used("/*! MIT, a{} */.a{x:1}/* a note */", {"a"}) == "/*! MIT, a{} */\n.a{x:1}"


def test_an_icon_is_the_scripts_outline():
    script = '{"calendar-xmark":[9,9,[],"f1","M9z"],xmark:[384,512,[128473,"times"],"f00d","M1 2z"]}'
    rules = light.outlined(script, ['<i class="fa-solid fa-xmark fa-lg">'])
    assert rules.startswith(".fa-xmark { --icon: url(")
    assert unquote(rules).count('viewBox="0 0 384 512"><path d="M1 2z"/>') == 1
    assert "M9z" not in rules


def test_pages_load_no_icon_script_and_only_the_search_page_an_index(tmp_path):
    static = tmp_path / "_static"
    for name, text in {
        "scripts/fontawesome.js": 'a={"bars":[1,1,[],"f0","M0z"]}',
        "scripts/fontawesome.js.map": "{}",
        "styles/pydata-sphinx-theme.css": ".fa{x:1}.fa-bars:before{x:2}.unused{x:3}",
        "book.css": ".kept{}",
    }.items():
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_text(text)
    page = (
        '<i class="fa fa-bars"></i><script defer src="_static/scripts/fontawesome.js?digest=1"></script>'
        '<script src="_static/searchtools.js"></script><script src="searchindex.js"></script>'
        '<script src="a.js"></script>'
    )
    for name in ("index", "search"):
        (tmp_path / f"{name}.html").write_text(page)
    for _ in range(2):  # also where nothing is left to do
        light.lighten(SimpleNamespace(outdir=str(tmp_path)), None)
    assert (tmp_path / "index.html").read_text() == '<i class="fa fa-bars"></i><script src="a.js"></script>'
    assert "searchindex.js" in (tmp_path / "search.html").read_text()
    style = (static / "styles/pydata-sphinx-theme.css").read_text()
    assert ".unused" not in style and ".fa-bars { --icon:" in style
    assert (static / "book.css").read_text() == ".kept{}"
    assert sorted(path.name for path in static.rglob("*") if path.is_file()) == ["book.css", "pydata-sphinx-theme.css"]


def test_the_theme_does_not_measure_tables_when_a_page_is_loaded():
    """Its last statement goes, and nothing else; scrollable.js does the same without a layout for each table."""
    theme = (
        Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/scripts/pydata-sphinx-theme.js"
    )
    script, found = light.MEASURED_ON_LOAD.subn("", theme.read_text("utf-8"))
    assert found == 1
    assert "scrollWidth" in script  # the function itself, which nothing calls
    assert script.rstrip().partition("//#")[0].rstrip().endswith("})})();")
