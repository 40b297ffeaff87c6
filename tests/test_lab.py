"""Chapters as notebooks: in a real JupyterLab, as `make lab` opens it, and through papermill, by README's lines.

Everything runs in a copy of the project, so that what is written below its book/ can be seen.
"""

import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import jupytext
import madeup
import nbformat
import papermill
import pytest

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "book/chapters").glob("*.md"))
NETWORKS = ["alexnet", "vgg19", "densenet121", "resnet50"]
PATIENCE = 240_000  # ms, on a busy machine
TOKEN = "secret"

# A chapter that shows, as text/html, a figure from its own bytes, and which Python runs it.
SMALL = (
    f"---\n{madeup.NOTEBOOK}"
    + """
# A small chapter

```{code-cell} ipython3
:tags: [parameters, hide-input]

number: int = 2  # how many figures
```

```{code-cell} ipython3
:tags: [hide-input]

import base64
import io
import sys

from IPython.display import display
from PIL import Image

file = io.BytesIO()
Image.new("RGB", (30, 20), "red").save(file, "png")
source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class Shown:
    def _repr_mimebundle_(self, **kwargs):
        html = f'<figure><img src="{source}" alt="A red field"><figcaption>Red.</figcaption></figure>'
        return {"text/html": html, "text/markdown": ":::{figure-md}\\n:::", "text/plain": "a figure"}


for _ in range(number):
    display(Shown())
```

```{code-cell} ipython3
print("run by", sys.prefix)
```
"""
)


def copied(folder: Path) -> Path:
    """The project in ``folder``, as far as notebooks need it, with no results and no data."""
    folders = ("analysis", "report", "profiles", "studies", "book/chapters", "book/_ext", "book/_static")
    for name in folders:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in ("Makefile", "Snakefile", "pyproject.toml", "requirements.lock", "requirements-lab.lock", "start.md"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Where a command in the copy finds the copy's modules and this Python's programs."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PYTHONPATH": str(folder), "PATH": path, "AVH_DATA": str(folder / "data")}


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for JupyterLab's own backups, which git ignores."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# --- what is installed, and by what


def dry(*words: str) -> str:
    """What make would do, with nothing yet made."""
    command = ["make", "--no-print-directory", "-nB", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout


def test_only_the_lab_is_installed_with_the_lab():
    assert "-r requirements-lab.lock" in dry("lab")
    assert dry("lab", "LAB=--no-browser --port 8899").endswith("jupyter lab --no-browser --port 8899\n")
    for target in ("book", "test", "bench"):
        assert "requirements-lab" not in dry(target)


def pins(name: str) -> dict[str, set[str]]:
    """A lock's versions of each package: several where they depend on the platform or on Python."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        package, version = re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)(?: ; .+)?", line).groups()
        versions.setdefault(package, set()).add(version)
    return versions


def test_the_locks_pin_everything_and_agree():
    first, lab = pins("requirements.lock"), pins("requirements-lab.lock")
    assert "jupyterlab" in lab
    assert "jupyterlab" not in first
    assert {name: versions for name, versions in lab.items() if versions - first.get(name, versions)} == {}


# --- what JupyterLab saves


def saved(path: Path) -> str:
    """A notebook of ours as JupyterLab saves it after it was opened and nothing was changed."""
    from jupytext.config import load_jupytext_config  # noqa: PLC0415

    notebook = jupytext.read(path)
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py"}
    config = load_jupytext_config(str(path))
    return jupytext.writes(notebook, fmt={"extension": ".md", "format_name": "myst"}, config=config)


def test_saving_the_start_page_changes_nothing():
    assert saved(ROOT / "start.md") == (ROOT / "start.md").read_text()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_saving_a_chapter_changes_nothing(chapter):
    assert saved(chapter) == chapter.read_text()


# --- papermill


@pytest.fixture(scope="module")
def piped(tmp_path_factory) -> tuple[Path, str]:
    """A copy in which README's lines for one chapter were run, and what they printed."""
    folder = copied(tmp_path_factory.mktemp("piped"))
    (lines,) = re.findall(r"```sh\n(mkdir -p build\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    run = subprocess.run(
        ["sh", "-e", "-c", lines], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return folder, run.stdout


def test_papermill_reads_a_chapter_from_a_pipe(piped):
    folder, _ = piped
    notebook = nbformat.read(folder / "build/resnet18.ipynb", as_version=4)
    assert notebook.metadata.papermill.parameters == {
        "study": "one",
        "arch": "resnet18",
        "stem": "imagenet",
        "width": 0.25,
        "epochs": 3,
    }
    assert (folder / "results/one/resnet18/scores.parquet").exists()
    assert {path.name for path in (folder / "build").iterdir()} == {"resnet18.ipynb", "notebooks"}


def test_papermill_tells_every_parameter_with_its_meaning(piped):
    from analysis.parameters import RunParameters  # noqa: PLC0415

    said = re.sub(r"\s+", " ", piped[1].split("Parameters inferred for notebook")[1])
    for name, field in RunParameters.model_fields.items():
        assert f" {name}: " in said
        assert field.description in said


# --- the start page


def test_the_start_page_runs_from_top_to_bottom(tmp_path, monkeypatch):
    """With less training than it is printed with; what it and its chapters make is under build/."""
    folder = copied(tmp_path)
    before = content(folder)
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)
    page = jupytext.read(folder / "start.md")
    code = page.cells[1].source
    for printed, less in (('"epochs": 5', '"epochs": 1'), ('"train_images": 1000', '"train_images": 300')):
        assert printed in code
        code = code.replace(printed, less)
    page.cells[1].source = code
    monkeypatch.chdir(folder)
    done = papermill.execute_notebook(page, None, kernel_name="python3", progress_bar=False)
    results = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert not [output for output in results if output.output_type == "error"]
    assert sum("image/png" in output.get("data", {}) for output in results) == 1
    shown = [output.get("data", {}).get("text/html", "") for output in results]
    assert re.findall("<td>(AVH|nearest_ratio)</td>", shown[-1]) == ["AVH", "nearest_ratio"]
    linked = {link for html in shown for link in re.findall("href='([^']+)'", html)}
    assert linked == {"build/start/quick.ipynb", "build/start/own.ipynb"}
    assert all((folder / link).exists() for link in linked)
    after = content(folder)
    assert {name: after.get(name) for name in before} == before
    made = {name.split("/")[1] for name in set(after) - set(before) if "__pycache__" not in name}
    assert made == {"start", "notebooks"}


# --- JupyterLab in a browser


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """A copy of the project in which `make lab` runs, and its address; the user has a kernel python3 that is broken."""
    if importlib.util.find_spec("jupyterlab") is None:
        pytest.skip("needs JupyterLab: make lab LAB=--version installs it")
    folder, home = copied(tmp_path_factory.mktemp("lab")), tmp_path_factory.mktemp("home")
    (folder / "book/chapters/small.md").write_text(SMALL)
    madeup.study(folder / "results", NETWORKS)
    data = home / ".local/share/jupyter/kernels/python3"
    data.mkdir(parents=True)
    kernel = {"argv": ["false", "{connection_file}"], "display_name": "Broken", "language": "python"}
    (data / "kernel.json").write_text(json.dumps(kernel))
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    # Cells that are not in sight are there, and a kernel that did not start at first is not asked for in a dialog.
    settings.write_text('{"windowingMode": "none", "autoStartDefaultKernel": true}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    words = f"--no-browser --allow-root --ip 127.0.0.1 --port {address.rsplit(':', 1)[1]} --ServerApp.port_retries=0"
    server = subprocess.Popen(
        # -o: what is installed here stays as it is
        ["make", "-o", ".venv/.lab", "lab", f"LAB={words} --IdentityProvider.token={TOKEN}"],
        cwd=folder,
        env=environment(folder) | {"HOME": str(home), "JUPYTER_PATH": str(home / ".local/share/jupyter")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = list(itertools.takewhile(lambda line: "is running at" not in line, server.stdout))
    assert server.poll() is None, "".join(said)
    reader = Thread(target=server.stdout.read)  # so that no message is kept waiting
    reader.start()
    yield folder, address
    with suppress(OSError):
        ask(address, "/api/shutdown", "POST")
    with suppress(subprocess.TimeoutExpired):
        server.wait(30)
    with suppress(ProcessLookupError):  # a thread of JupyterLab's can outlive its shutdown, and would for ever
        os.killpg(server.pid, signal.SIGKILL)
    reader.join()


def ask(address: str, path: str, method: str) -> bytes:
    """What JupyterLab's server answers."""
    order = urllib.request.Request(f"{address}{path}?token={TOKEN}", method=method)
    with urllib.request.urlopen(order, timeout=30) as answer:
        return answer.read()


def press_what_it_offers(dialog) -> None:
    """Answer a dialog of JupyterLab's, as on a busy machine that a kernel did not start in time; a failed test prints
    what it said."""
    print("JupyterLab said:", dialog.inner_text())
    dialog.get_by_role("button").last.click()


@pytest.fixture
def opened(lab, browser) -> Iterator[Callable]:
    """Opens the address that JupyterLab opens by itself, and then a chapter by double clicks; gives its page.

    Afterwards no notebook and no kernel stays open: JupyterLab would start them all again for the next test.
    """
    _, address = lab
    contexts = []

    def close() -> None:
        for context in contexts:
            context.close()
        contexts.clear()
        for session in json.loads(ask(address, "/api/sessions", "GET")):
            with suppress(OSError):  # it has ended meanwhile
                ask(address, f"/api/sessions/{session['id']}", "DELETE")
        with suppress(OSError):  # nothing was saved yet
            ask(address, "/lab/api/workspaces/default", "DELETE")

    def open_page(*path: str):
        close()
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        # JupyterLab queues its dialogs: when one is answered the next may already be there.
        page.add_locator_handler(page.locator("dialog.jp-Dialog"), press_what_it_offers, no_wait_after=True)
        page.goto(f"{address}/?token={TOKEN}")
        page.wait_for_selector(".jp-NotebookPanel:visible .jp-Cell")
        for name in path:
            page.locator(".jp-DirListing-itemText", has_text=re.compile(f"^{re.escape(name)}$")).dblclick()
        if path:
            page.locator(f".jp-mod-current[role=tab]:has-text('{path[-1]}')").wait_for()
        return page

    yield open_page
    close()


# What became of a run of all cells: done, stopped at an error, or not begun. JupyterLab loses what it is asked for
# while a kernel is still being connected, although its sign says idle; a person would press the button again.
OUTCOME = """() => {
    const notebook = [...document.querySelectorAll('.jp-NotebookPanel')].find(e => e.offsetParent);
    const prompts = [...notebook.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent);
    const failed = notebook.querySelector('[data-mime-type$=".error"], [data-mime-type$=".stderr"]');
    if (failed || prompts.length && prompts.every(text => /\\[\\d+\\]/.test(text))) return 'done';
    return prompts.every(text => text.startsWith('[ ]')) ? 'lost' : false;
}"""
BEGUN = (
    "() => [...document.querySelectorAll('.jp-InputPrompt')].some(e => e.offsetParent && /[*0-9]/.test(e.innerText))"
)


def run_all(page) -> bool:
    """Run every cell of the notebook in front, and wait until the kernel has done the last or stopped at an error.

    False where JupyterLab got no kernel to run them, as on a busy machine when it gives a start up.
    """
    from playwright.sync_api import TimeoutError, expect  # noqa: PLC0415

    front = page.locator(".jp-NotebookPanel:visible")
    end = time.monotonic() + PATIENCE / 1_000
    while time.monotonic() < end:
        with suppress(AssertionError, TimeoutError):  # lost before it was seen, or not yet done
            expect(front.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(timeout=30_000)
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with suppress(TimeoutError):
                page.wait_for_function(BEGUN, timeout=5_000)
            if page.wait_for_function(OUTCOME, timeout=60_000).json_value() == "done":
                return True
    return False


def run_opened(opened: Callable, *path: str):
    """The page of a chapter, opened and run; opened again, as a person would, where its kernel did not start."""
    for _ in range(3):
        page = opened(*path)
        if run_all(page):
            return page
        print("opened again: JupyterLab started no kernel")
    raise AssertionError("JupyterLab started no kernel in three tries")


def assert_shows(page, figures: int) -> None:
    """The notebook in front shows so many figures, no markup of the book's and no error."""
    front = page.locator(".jp-NotebookPanel:visible")
    troubles = front.locator('[data-mime-type$=".error"], [data-mime-type$=".stderr"]')  # stderr: bad input's sentence
    assert troubles.all_inner_texts() == []
    assert ":::" not in "".join(front.locator(".jp-OutputArea-output").all_inner_texts())
    page.wait_for_function("() => [...document.querySelectorAll('.jp-OutputArea-output img')].every(e => e.complete)")
    widths = front.locator(".jp-OutputArea-output img").evaluate_all("all => all.map(e => e.naturalWidth)")
    assert len(widths) == figures
    assert min(widths) > 0
    assert all(front.locator(".jp-OutputArea-output img").evaluate_all("all => all.map(e => e.alt)"))


def test_the_start_page_is_what_opens_first(opened):
    page = opened()
    assert page.locator("[role=tab].jp-mod-current").all_inner_texts() == ["start.md"]
    assert page.locator(".jp-NotebookPanel:visible h1").inner_text().startswith("Start here")


def test_a_chapter_opens_as_a_notebook_and_shows_its_figures(lab, opened):
    folder, _ = lab
    before = content(folder / "book")
    page = run_opened(opened, "book", "chapters", "small.md")
    assert_shows(page, 2)
    said = page.locator(".jp-NotebookPanel:visible .jp-OutputArea-output", has_text="run by").inner_text()
    assert Path(said.split()[-1]).resolve() == Path(sys.prefix).resolve()  # not the user's kernel of that name
    page.keyboard.press("Control+s")
    page.wait_for_selector(".jp-mod-current[role=tab]:not(.jp-mod-dirty)")
    assert content(folder / "book") == before


def test_a_chapter_of_the_book_runs_where_it_lies(lab, opened):
    folder, _ = lab
    before = content(folder / "book")
    page = run_opened(opened, "book", "chapters", "norm.md")
    assert_shows(page, 2)
    assert content(folder / "book") == before
