"""The four ways in which users give parameters, each up to the parameters of a run, which is not started."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import yaml
from papermill.parameterize import parameterize_notebook
from snakemake.cli import parse_config

from analysis import __main__ as command
from analysis import studies
from analysis.parameters import RunParameters, read_values

KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}


def command_line(given: Mapping[str, str]) -> RunParameters:
    """python -m analysis train -p NAME VALUE"""
    words = [word for name, text in given.items() for word in ("-p", name, text)]
    with mock.patch("sys.argv", ["analysis", "train", *words]):
        return RunParameters.parse(read_values(dict(command.parse().parameters)))


def snakemake(given: Mapping[str, str]) -> RunParameters:
    """snakemake --config NAME=VALUE, then the command line that a rule makes of it."""
    entries = [f"{'archs' if name == 'arch' else name}={text}" for name, text in given.items()]
    config = studies.as_given(parse_config(entries if "arch" in given else [*entries, "archs=resnet50"]), entries)
    (study,) = studies.read_studies(config).values()
    (run,) = study.runs.values()
    words = shlex.split(studies.options(run))
    return command_line(dict(zip(words[1::3], words[2::3], strict=True)))


def study_file(given: Mapping[str, str], folder: Path) -> RunParameters:
    """studies/2024-01-01.yaml, with quotes if YAML would shorten or reject a value."""

    def written(text: str) -> str:
        try:
            plain = yaml.BaseLoader(f"x: {text}").get_single_data() == {"x": text}
        except yaml.YAMLError:
            plain = False
        return text if plain else json.dumps(text)

    arch = json.dumps(given.get("arch", "resnet50"))
    lines = [f"{json.dumps(name)}: {written(text)}" for name, text in given.items() if name != "arch"]
    (folder / "2024-01-01.yaml").write_text("\n".join([*lines, f"architectures: {{{arch}: {{}}}}"]))
    with mock.patch.object(studies, "STUDIES", folder):
        (study,) = studies.read_studies(studies.as_given({"studies": "x"}, ["studies=2024-01-01"])).values()
    (run,) = study.runs.values()
    return run


def papermill(given: Mapping[str, Any]) -> RunParameters:
    """papermill -r NAME VALUE, which passes text."""
    cell = nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": KERNEL, "papermill": {}})
    cells = parameterize_notebook(notebook, given, kernel_name="python3", language="python").cells
    (injected,) = [cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", [])]
    namespace: dict[str, Any] = {}
    exec(injected.source, namespace)  # what the kernel does
    namespace.pop("__builtins__")
    return RunParameters.from_notebook(namespace)
