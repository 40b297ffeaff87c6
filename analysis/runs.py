"""The files of a run: paths, schema, provenance stamp, and atomic writing.

    results/<study>/dataset.json       the description of the dataset, and the hash of its data
    results/<study>/images.parquet     a row per test image: label, human labels, known causes
    results/<study>/<arch>/scores.parquet, epochs.parquet, iterations.parquet, training.parquet
                                       (only scores.parquet if weights were given and nothing was trained)
    results/<study>/<arch>/run.json    parameters and stamp; written last: if it exists, the run is finished

A file is written under a temporary name and then renamed, so a file that exists is complete.
"""

import hashlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from analysis import sources
from analysis.errors import InputError
from analysis.parameters import OF_PAGES, RunParameters, StudyParameters

RUN = "run.json"
DATASET = "dataset.json"
IMAGES = "images.parquet"
TABLES = ("scores", "epochs", "iterations", "training")
MEASURED = TABLES[:1]  # of a run with given weights
OF_ANOTHER_START = ("scores", "training")  # tables that pages read, and a record keeps, for all seeds but the first
PLACES = {"results_dir", "data_dir", "study", "label", "device"} | OF_PAGES  # parameters that change no result
CHECKPOINT = "checkpoint-{}.pt"
OTHER_SEEDS = "seed-*"  # the folders of a network's other seeds, in its own
TABLES_OF = "tables"  # in a description: the SHA-256 of each of the files beside it
DESCRIBED = ("*.parquet", "model.safetensors")  # these files
SEAL = "seal"  # in a description: the SHA-256 of everything else in it
STAMP_TYPES = {
    "parameters": dict,
    TABLES_OF: dict,
    "measured": dict,
    "started": dict,
    "network": str,
    "name": str,
}  # of it
COLOURED = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # terminal codes for bold text, which messages of torch contain
PARTIAL = ".partial"  # suffix of temporary names
PACKAGES = ("torch", "torchvision", "numpy", "pandas")
# They decide no number of a run: sentences, where files are, and what is given to it, which its stamp has.
BESIDE = {
    f"analysis.{name}"
    for name in (
        "cores",
        "datasets",
        "datasets.files",
        "datasets.parameters",
        "errors",
        "parameters",
        "runs",
        "sources",
    )
}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it if all goes well, and is removed otherwise.

    Raises InputError if the disk is full or not writable.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; nothing there was changed") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a finished run no longer needs: checkpoints, and unfinished files of killed processes."""
    for leftover in (*folder.glob(CHECKPOINT.format("*")), *folder.glob(f".*{PARTIAL}")):
        leftover.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write ``content``, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def write_stamp(path: Path, stamp: dict[str, Any]) -> dict[str, Any]:
    """Write a description of the files beside it, with the SHA-256 of each and of itself, and return it.

    The files must be written first.
    """
    files = sorted(file for pattern in DESCRIBED for file in path.parent.glob(pattern))
    stamp = stamp | {TABLES_OF: {file.name: sha256(file) for file in files}}
    write_json(path, stamp | {SEAL: seal(stamp)})
    return stamp


def read_stamp(path: Path) -> dict[str, Any]:
    """The content written by ``write_stamp``. Raises InputError if the file has changed; older ones have no seal."""
    stamp = read_json(path)
    written = stamp.pop(SEAL, None)
    if written is not None and written != seal(stamp):
        raise InputError(
            f"{path} is not what was written (its SHA-256 differs): put it back, or remove the folder and run the "
            "study again"
        )
    for name, kind in STAMP_TYPES.items():
        if not isinstance(stamp.get(name, kind()), kind):
            raise InputError(
                f"{path} is damaged: {name} is a {type(stamp[name]).__name__}; put it back, or remove the folder and "
                "run the study again"
            )
    return stamp


def seal(stamp: dict[str, Any]) -> str:
    """SHA-256 of a description."""
    return hashlib.sha256(json.dumps(stamp, sort_keys=True).encode()).hexdigest()


def check_file(path: Path, stamp: dict[str, Any], described: str = RUN) -> None:
    """Raises InputError if a file differs from the one in its description; older descriptions have no hashes."""
    written = stamp.get(TABLES_OF, {}).get(path.name)
    if written and path.exists() and sha256(path) != written:
        raise InputError(
            f"{path} is not the file that {path.with_name(described)} was written with (its SHA-256 differs): "
            "put it back, or remove the folder and run the study again"
        )


def describes(path: Path, file: Path) -> bool:
    """Whether this is the description of a file, and not another tool's file of the same name."""
    try:
        files = read_json(path).get(TABLES_OF)
    except InputError:
        return False
    return isinstance(files, dict) and file.name in files


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError if there is none."""
    with reading(path):
        value = json.loads(path.read_text("utf-8"))
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write ``table`` as parquet, atomically."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The table in a parquet file. Raises InputError if there is none or a column is missing."""
    with reading(path):
        table: pd.DataFrame = parquet.read_table(path, columns=columns).to_pandas()
    return table


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises InputError in place of errors that occur when reading a missing or damaged file."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the study that makes it first") from None
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged ({first_line(error)}): remove it and run the study again") from None


def first_line(error: BaseException) -> str:
    """The message of an error, in one line of limited length."""
    return next(iter(COLOURED.sub("", str(error)).splitlines()), type(error).__name__)[:100]


def tables(parameters: RunParameters) -> tuple[str, ...]:
    """The names of the tables that a run makes."""
    return MEASURED if parameters.weights else TABLES


def file_names(names: Iterable[str]) -> list[str]:
    """The files of these tables, and the stamp."""
    return [*(f"{name}.parquet" for name in names), RUN]


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Modules in this folder can be imported, before installed ones with the same name."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def module_file(arch: str) -> Path | None:
    """The file of the module in ``package.module:function``; None for other networks, or if there is none."""
    if ":" not in arch:
        return None
    with importable(Path.cwd()):
        try:
            found = importlib.util.find_spec(arch.partition(":")[0])
        except (Exception, SystemExit):  # finding it imports its package, which may raise anything
            return None
    return Path(found.origin) if found and found.has_location and found.origin else None


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a finished run: its stamp is written last."""
    return (folder / RUN).exists()


def finished_runs(folder: Path, names: str = "*") -> list[Path]:
    """The folders of finished runs in a folder: the networks of a study, or other seeds of a network."""
    return sorted(run for run in folder.glob(names) if is_finished(run))


def read_run(folder: Path) -> dict[str, Any]:
    """The stamp of the finished run in a folder. Raises InputError if there is none, or if it has changed."""
    return read_stamp(folder / RUN)


def finished(parameters: RunParameters) -> dict[str, Any] | None:
    """The stamp of the finished run with these parameters; None if it, or one of its tables, is missing.

    A parameter that a stamp lacks was added later; the run had its default.
    Raises InputError if the folder contains a run with other parameters, on other data, with other weights or a network
    of one's own that was changed since, or if a table is not what was written: none is overwritten silently.
    """
    if not is_finished(parameters.run_dir):
        return None
    stamp = read_run(parameters.run_dir)
    mine = described(parameters)
    theirs = {name: RunParameters.model_fields[name].default for name in mine} | stamp.get("parameters", {})
    for values in (mine, theirs):
        if values.get("start_seed") == values.get("seed"):
            values["start_seed"] = None  # which means the same
    different = differing(mine, theirs, sorted(mine.keys() | theirs.keys()))
    for given, taken in ((parameters.weights, "measured"), (parameters.start_from, "started")):
        if given and Path(given).is_file() and sha256(Path(given)) != stamp.get(taken, {}).get("sha256"):
            different.append(f"{given} is not the file that it was then")
    file, then = module_file(parameters.arch), re.search(r"SHA-256 (\w+)", stamp.get("network", ""))
    if file and then and not sha256(file).startswith(then[1]):
        different.append(f"{file} is not the file that it was then")
    if (name := stamp.get("name", parameters.run_name)) != parameters.run_name:
        different.append(f"it was made as {name}")
    data = parameters.study_dir / DATASET
    if data.exists() and read_stamp(data).get("hash") != stamp.get("data"):
        different.append("its data is not the data that is there now")
    if different:
        raise InputError(
            f"{parameters.run_dir} holds a finished run with other parameters ({'; '.join(different)}): "
            "choose another name with study, or remove that folder"
        )
    files = [parameters.run_dir / file for file in file_names(tables(parameters))]
    if not all(file.exists() for file in files):
        return None
    for file in files:
        check_file(file, stamp)
    return stamp


def differing(here: dict[str, Any], there: dict[str, Any], names: Iterable[str]) -> list[str]:
    """Which of these parameters are others here than there, in words."""
    values = ((name, here.get(name), there.get(name)) for name in names)
    return [f"{name} is {other!r} there and {mine!r} here" for name, mine, other in values if other != mine]


def described(parameters: StudyParameters) -> dict[str, Any]:
    """The parameters that determine a result, without locations and unused parameters."""
    return parameters.model_dump(exclude=PLACES | parameters.unused)


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal. Raises InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def fingerprint(parameters: RunParameters, data: str) -> str:
    """SHA-256 of everything that determines the tables of a run: parameters, data and code."""
    parts = [json.dumps(described(parameters), sort_keys=True), data, source_hash()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def source_hash(*, measured: bool = False) -> str:
    """SHA-256 of the modules that make the tables of a run."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in source_files(measured=measured))).hexdigest()


def source_files(*, measured: bool) -> list[Path]:
    """The modules that make the tables of a run, with given weights or trained.

    Their contents are part of its stamp, and the Snakefile makes the run again if one changes. Of the datasets only
    those that decode images during a run; the hash of the data covers the others.
    """
    made_by = {f"analysis.{'evaluation' if measured else 'training'}", "analysis.datasets.decoding"}
    return [sources.file_of(name) for name in sources.deciding(made_by, BESIDE)]


def stamp(parameters: RunParameters, data: str, **more: Any) -> dict[str, Any]:
    """The provenance of a run: parameters, commit, versions, data, and further entries of the caller."""
    return {
        "name": parameters.run_name,
        "parameters": described(parameters),
        "data": data,
        "commit": _commit(),
        "source": source_hash(measured=bool(parameters.weights)),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        **more,
    }


def _commit() -> str:
    """The commit that is checked out, with "+" if files differ from it; "unknown" outside a repository."""

    def git(*words: str) -> str:
        return subprocess.run(
            ("git", *words), cwd=sources.CHECKOUT, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
