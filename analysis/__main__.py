"""The command line, with the parameters that papermill takes.

python -m analysis data  -p dataset synthetic
python -m analysis train -p dataset synthetic -p arch resnet50 -p epochs 3 -p study quick
torchrun --nproc-per-node 4 --max-restarts 3 -m analysis train -p dataset synthetic -p arch resnet50 ...
python -m analysis measure -p dataset imagefolder -p root pictures -p image_size 224 -p weights IMAGENET1K_V1 ...
python -m analysis pictures build/shapes -p dataset synthetic
python -m analysis chapter book/chapters/training.md executed.ipynb -p study quick ...
python -m analysis record cifar10h
"""

import argparse
import os
import re
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from analysis.errors import InputError
from analysis.parameters import PLACE, RunParameters, StudyParameters, is_about_one_network, read_values

SPEAKS = os.environ.get("LOCAL_RANK", "0") == "0"  # of the workers started by torchrun, one per machine
MOST_THREADS = 4096
ALONE = 30  # seconds after which a worker takes an error for its own: on a busy machine torchrun ends it late

PROJECT = Path(__file__).parent.parent
OF_CHAPTERS = {  # regardless of the user's other settings
    "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm's: bars are text in a notebook here
    "PYTHONUTF8": "1",
    "OPENBLAS_NUM_THREADS": "1",  # two chapters side by side with two threads each take eight times as long
    "JUPYTER_PATH": str(PROJECT / "profiles/lab"),  # this Python's kernel comes before others with its name
    "IPYTHONDIR": str(PROJECT / "build/ipython"),
    "MPLCONFIGDIR": str(PROJECT / "build/matplotlib"),  # its list of fonts, which depends on what is installed
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
}

TRAIN_HELP = """Train one network, or continue its training, and write its tables.

On several GPUs, and on several machines that share a disk (the same lines on each):
  torchrun --nproc-per-node 4 --max-restarts 3 -m analysis train -p arch resnet50 ...

  export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
  torchrun --nnodes 2 --nproc-per-node 8 --max-restarts 3 --rdzv-backend c10d --rdzv-endpoint first-machine:29400 \\
      -m analysis train -p arch resnet50 ...

batch_size is the total over all workers. If a worker fails, its current epoch is lost: torchrun starts all workers
again, and they continue from the last finished epoch. If memory is short, -p accumulate 4 computes a batch in four
parts."""


def end_tidily() -> None:
    """Signals that end this process let it remove unfinished files; except in workers, which torchrun ends, and for
    the signal that nohup ignores."""
    for number in (signal.SIGTERM, signal.SIGHUP) if "LOCAL_RANK" not in os.environ else ():
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)


def interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


def main() -> int:
    """Run one command; return 0, or 2 after a sentence about bad input, or 128 plus the signal number."""
    arguments = parse()
    try:
        values = read_values(dict(arguments.parameters))
        arguments.run(arguments, values)
    except InputError as error:
        if not SPEAKS:
            time.sleep(ALONE)  # torchrun ends this worker after the first one has printed the same error
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        trains = arguments.run is run_network
        on = "continues from the last finished epoch" if trains else "starts again, because nothing unfinished is left"
        if SPEAKS:
            print(f"interrupted: the same command {on}", file=sys.stderr)
        return 128 + (error.args or [signal.SIGINT])[0]
    return 0


def parse() -> argparse.Namespace:
    """The arguments of the command line; argparse explains errors and exits with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis", description="Prepare data, train or measure, execute chapters, record."
    )
    commands = parser.add_subparsers(required=True)
    data = commands.add_parser("data", help="load a dataset and write its table of test images")
    train = commands.add_parser(
        "train",
        help="train one network, or go on with it, and write its tables",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=TRAIN_HELP,
    )
    measure = commands.add_parser("measure", help="measure a network whose weights are given, and write its scores")
    pictures = commands.add_parser("pictures", help="write a dataset's test images as a folder of class folders")
    chapter = commands.add_parser("chapter", help="execute a chapter with papermill")
    record = commands.add_parser("record", help="copy a finished study's tables, small, to where they are committed")
    for command in (train, measure):
        command.add_argument("--threads", type=int, default=0, help="of the CPU; 0: as torch decides")
        command.add_argument("--quarters", type=int, default=0, choices=(0, 1, 2, 4), help="of a GPU that is shared")
        command.set_defaults(measures=command is measure)
    pictures.add_argument("folder", type=Path, help="a new folder")
    chapter.add_argument("source", type=Path, help="a chapter, such as book/chapters/training.md")
    chapter.add_argument("output", type=Path, help="the executed notebook")
    record.add_argument("study", help="a file under studies/, such as cifar10h")
    record.set_defaults(run=run_record, parameters=[])
    functions = {data: run_data, train: run_network, measure: run_network, pictures: run_pictures, chapter: run_chapter}
    for command, function in functions.items():
        command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters")
        command.set_defaults(run=function)
    return parser.parse_args()


def run_data(arguments: argparse.Namespace, values: dict[str, Any]) -> None:
    parameters = StudyParameters.parse(values)
    from analysis import pipeline  # noqa: PLC0415  bad parameters are refused before anything slow is imported

    dataset = pipeline.prepare(parameters)
    pipeline.say_left_out(dataset)
    print(f"{parameters.study_dir}: {len(dataset.test):,} test images, {len(dataset.classes)} classes")


def run_network(arguments: argparse.Namespace, values: dict[str, Any]) -> None:
    """Train one network, or evaluate given weights."""
    parameters = RunParameters.parse(values)
    if arguments.measures != bool(parameters.weights):
        needs = "measure needs weights" if arguments.measures else "train takes no weights"
        raise InputError(f"{needs}: train makes them, measure evaluates given ones")
    if not 0 <= arguments.threads <= MOST_THREADS:
        raise InputError(f"threads is {arguments.threads}; allowed: 0 to {MOST_THREADS:,}")
    import torch  # noqa: PLC0415

    from analysis import devices, distributed, pipeline  # noqa: PLC0415

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    shared = arguments.quarters and parameters.device in ("auto", "cuda") and distributed.launched() == 1
    with devices.reserved(arguments.quarters) if shared else nullcontext():
        stamp = pipeline.complete(parameters)
    if SPEAKS:
        print(f"{parameters.run_dir}: {stamp['network']}, {stamp['seconds']:.0f} s on {stamp['device']}")


def run_pictures(arguments: argparse.Namespace, values: dict[str, Any]) -> None:
    parameters = StudyParameters.parse(values)
    from analysis.datasets import export, load  # noqa: PLC0415

    dataset = load(parameters)
    export.write_pictures(dataset, arguments.folder)
    print(f"{arguments.folder}: {len(dataset.test):,} pictures in {len(dataset.classes)} class folders")


def run_chapter(arguments: argparse.Namespace, values: dict[str, Any]) -> None:
    """Execute a chapter beside its destination and move it there if it succeeds. Its page is in the same folder."""
    # JupyterLab brings it, and jsonschema would compile its grammar, 2 s; None is how Python marks what is not there.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import jupytext  # noqa: PLC0415
    import papermill  # noqa: PLC0415

    source, output = arguments.source, arguments.output
    if not source.is_file():
        raise InputError(f"{source} is missing; allowed: {', '.join(map(str, sorted(source.parent.glob('*.md'))))}")
    os.environ |= {PLACE: str(output.parent)} | OF_CHAPTERS  # the files of the page are kept in the former
    failed = Path("build") / output.with_suffix(".failed.ipynb").name
    notebook, partial = failed.with_name(f".{os.getpid()}.ipynb"), output.with_name(f".{output.name}.partial.ipynb")
    for path in (notebook, output):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        content = jupytext.read(source)
        for cell in content.cells:
            if cell.cell_type == "markdown":
                cell.source = moved(cell.source, source, output)
        jupytext.write(content, notebook)
        patience = {"start_timeout": 300, "iopub_timeout": 60}  # seconds, on a busy machine
        papermill.execute_notebook(notebook, partial, values, kernel_name="python3", progress_bar=False, **patience)
        partial.replace(output)
    except papermill.PapermillExecutionError as error:
        partial.replace(failed)  # for inspection; the book does not take it for a result
        raise InputError(f"{source}: {error.ename}: {error.evalue} (see {failed})") from None
    finally:
        notebook.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)


def moved(text: str, source: Path, output: Path) -> str:
    """The Markdown of a chapter, with links to other pages relative to its page.

    Links to another chapter lead to its page in the same study: in the same folder, or one level up or down if one of
    the two is about a single network and the other compares networks.
    """
    about_one = is_about_one(source)

    def link(found: re.Match[str]) -> str:
        target = source.parent / found[1]
        if target.resolve().parent == source.parent.resolve():
            above = "../" if about_one and not is_about_one(target) else ""
            return f"]({above}{target.stem}.ipynb{found[2] or ''})"
        return f"]({Path(os.path.relpath(target, output.parent)).as_posix()}{found[2] or ''})"

    return re.sub(r"\]\(([^()#\s:]+\.md)(#[^()\s]*)?\)", link, text)


def is_about_one(chapter: Path) -> bool:
    """Whether a chapter is about one network, according to its parameters."""
    return chapter.is_file() and is_about_one_network(chapter.read_text("utf-8"))


def run_record(arguments: argparse.Namespace, values: dict[str, Any]) -> None:
    from analysis import recording, runs  # noqa: PLC0415
    from analysis.studies import read_studies  # noqa: PLC0415

    study = read_studies({"studies": arguments.study})[arguments.study]
    for run in (start for arch in study.runs for start in study.starts(arch)):
        if runs.finished(run) is None:
            raise InputError(f"{run.run_dir} is not finished: run study {arguments.study} first")
    print(f"recorded in {recording.record(study.parameters, study.runs, whole=not study.chapters)}")


if __name__ == "__main__":
    end_tidily()
    sys.exit(main())
