"""What the rules of the Snakefile depend on."""

from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
# What decides a page besides its chapter and the tables that it reads: modules, and packages with all that they hold.
SHOWN_BY = (
    "analysis/catalogue", "analysis/datasets/annotators", "analysis/probes", "analysis/statistics", "analysis/studies",
    "analysis/study", "report/contents", "report/explorer", "report/figures", "report/finders", "report/page",
    "report/shown", "report/styles", "report/text", "report/wording",
)  # fmt: skip


def modules(*names: str) -> list[str]:
    """The files of modules, and of packages with the pages that they hold."""
    patterns = [pattern for name in names for pattern in (f"{name}.py", f"{name}/*.py", f"{name}/*.html")]
    return sorted(str(file) for pattern in patterns for file in CHECKOUT.glob(pattern))
