# The graph: data -> one run per network -> executed chapters -> the book.
#
#   snakemake                                        the default study, as `make book` runs it
#   snakemake --config studies=cifar10h-small        another study, from studies/
#   snakemake --config archs=resnet18 epochs=10 study=quick      any parameter
#   snakemake --config studies=own root=... weights=...          a network and pictures of one's own, nothing trained
#   snakemake --config studies=cifar10h results_dir=recorded     a recorded study analysed again, nothing trained
#   snakemake --workflow-profile profiles/slurm                  on a cluster; that file says what to change
#
# The book also holds every recorded study that was not asked for, as it was recorded.
# Snakemake does not see changes in an imported module, so each rule lists those that decide its output.

import os
import re
import shlex

from pathlib import Path

from analysis import runs
from analysis.datasets import DECLARATIONS, present
from analysis.errors import as_one_sentence
from analysis.parameters import OF_PAGES
from analysis.studies import as_given, check_networks, options, read_studies, with_recorded
from report import contents
from report.graph import SHOWN_BY, modules
from report.manifest import Manifest


with as_one_sentence():
    read = read_studies(as_given(config, workflow.config_settings.config_args))
    if workflow.is_main_process:
        check_networks(read.values())
os.environ["PYTHONUTF8"] = "1"  # of jobs: names and texts are UTF-8, whatever the person's locale
STUDIES = {study.name: study for study in read.values()}  # by the folder that their results are in
TRAINED = [name for name, study in STUDIES.items() if not study.measured]
GIVEN = [name for name, study in STUDIES.items() if study.measured]  # weights
(RESULTS_DIR,) = {str(Path(study.parameters.results_dir)) for study in STUDIES.values()}
RESULTS = re.sub("[{}]", r"\g<0>\g<0>", RESULTS_DIR)  # in a pattern
ALL = with_recorded(STUDIES)
RECORDED = [name for name in ALL if name not in STUDIES]


def of_analysis(names):
    return modules(*(f"analysis/{name}" for name in names))


def run(wildcards):
    return ALL[wildcards.study].runs[wildcards.arch]


def results(wildcards):
    """What a page reads: the description of the data, and the tables of a network, or of all of a study's."""
    study = ALL[wildcards.study]
    archs = [wildcards.arch] if "arch" in wildcards.keys() else study.runs
    folder = study.folder if wildcards.study in STUDIES else Path("recorded", wildcards.study)
    files = [folder / file for arch in archs for file in study.files(arch)]
    if folder.parent == Path("recorded"):  # where some starts may not be yet; a chapter says what it lacks
        files = [file for file in files if file.exists()]
    return [folder / "dataset.json", *files]


def tables(names, folder=f"{RESULTS}/{{study}}/{{arch}}"):
    """The files of a run."""
    return [f"{folder}/{file}" for file in runs.file_names(names)]


def weights(wildcards):
    """The file that weights are in, unless they are torchvision's or the file is not here, which a sentence will say."""
    given = run(wildcards)
    return [file for file in (given.weights, given.start_from) if Path(file).is_file()]


def gpu_quarters(wildcards):
    """How much of a GPU a network takes: with small pictures, four of them side by side keep it busy."""
    small = (run(wildcards).input_size or run(wildcards).image_size) <= 64
    own = not run(wildcards).weights or run(wildcards).weights.endswith(".safetensors")
    return 1 if small and own else 4  # what torchvision publishes, by name or as .pth, is given pictures of its own size


def one_of(names):
    return "|".join(map(re.escape, sorted(names))) or "(?!)"  # nothing matches the latter


def words(parameters):
    return shlex.join(options(parameters))


def words_of_run(parameters):
    """Without what decides no result, so that nothing is trained for it."""
    return shlex.join(options(parameters, OF_PAGES))


def page_words(study, **networks):
    """What a page is given that reads finished results: where they are."""
    parameters = ALL[study].parameters
    folder = RESULTS_DIR if study in STUDIES else "recorded"
    places = {"study": study, "results_dir": folder, "data_dir": parameters.data_dir, **networks}
    return shlex.join(word for name, value in places.items() if value for word in ("-p", name, value))


def notebooks(studies=ALL, without=()):
    """The executed chapters of studies, in the book's order."""
    for name, study in studies.items():
        yield from (f"book/runs/{name}/{chapter}.ipynb" for chapter in contents.of_study(study))
        for arch in study.runs:
            chapters = (chapter for chapter in contents.of_network(study) if chapter not in without)
            yield from (f"book/runs/{name}/{arch}/{chapter}.ipynb" for chapter in chapters)


def quoted(wildcards):
    """The pages of the book whose numbers a page repeats."""
    pages = contents.quoted_by(wildcards.chapter)
    return [page for page in notebooks() if Path(page) in pages]


def made():
    """What jobs make here, but for the book itself: pages and, unless they are recorded, results."""
    yield from notebooks(STUDIES)
    yield from (page for page in notebooks() if page.endswith("/explorer.ipynb"))
    for study in STUDIES.values() if RESULTS_DIR != "recorded" else ():
        of_networks = [file for arch in study.runs for file in study.files(arch)]
        yield from (str(study.folder / file) for file in ("dataset.json", "images.parquet", *of_networks))


FOLDERS = [  # of what the book is made of
    *("recorded", *(f"book/runs/{name}" for name in ALL)),
    *(str(study.folder) for study in STUDIES.values() if RESULTS_DIR != "recorded"),
]
INDEX = "_build/html/index.html"
READ = with_recorded({})  # the book of what is recorded alone: `make read`
if workflow.is_main_process:
    with as_one_sentence():
        Manifest(INDEX).check_recorded(["recorded", *(f"book/runs/{name}" for name in RECORDED)], made())
THERE = {
    path: (runs.sha256(path), path.stat().st_mtime_ns) for path in map(Path, (INDEX, *notebooks())) if path.exists()
}


localrules:
    book,
    toc,


wildcard_constraints:
    study=one_of(STUDIES),
    arch=r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
    seed=r"\d+",


rule book:
    input:
        INDEX,


# Pages are written beside and renamed, and update() keeps those that are there until then: a job that fails takes
# nothing away. Snakemake gives such a page back with today's date, by which it would pass for made: it gets its own.
onerror:
    for path, (content, time) in THERE.items():
        if path.exists() and runs.sha256(path) == content:
            os.utime(path, ns=(time, time))


if RESULTS_DIR != "recorded":  # which is read and never made

    rule data:
        input:
            lambda w: of_analysis(f"datasets/{name}" for name in DECLARATIONS[STUDIES[w.study].parameters.dataset].made_by),
        output:
            f"{RESULTS}/{{study}}/dataset.json",
            f"{RESULTS}/{{study}}/images.parquet",
        params:
            words=lambda w: words(STUDIES[w.study].parameters),
        log:
            "build/log/data-{study}.log",
        shell:
            "python -m analysis data {params.words} > {log} 2>&1"

    rule train:
        input:
            f"{RESULTS}/{{study}}/images.parquet",
            weights,
            of_analysis(runs.TRAINED_BY),
        output:
            tables(runs.TABLES),
        wildcard_constraints:
            study=one_of(TRAINED),
        params:
            command="train",
            words=lambda w: words_of_run(run(w)),
        threads: lambda w: max(1, workflow.cores // len(STUDIES[w.study].runs))
        resources:
            gpu=1,  # of a cluster's
            gpu_quarters=gpu_quarters,  # of this machine's, as make counts them
        log:
            "build/log/train-{study}-{arch}.log",
        # Before the pages, which fill the cores that trainings leave; the slowest network, listed last, first of all.
        priority: lambda w: 1 + list(STUDIES[w.study].runs).index(w.arch)
        shell:
            "python -m analysis {params.command} --quarters {resources.gpu_quarters} --threads {threads} {params.words} > {log} 2>&1"

    use rule train as train_another_start with:
        output:
            tables(runs.TABLES, f"{RESULTS}/{{study}}/{{arch}}/seed-{{seed}}"),
        log:
            "build/log/train-{study}-{arch}-seed-{seed}.log",
        params:
            words=lambda w: words_of_run(run(w).model_copy(update={"start_seed": int(w.seed)})),

    use rule train as measure with:
        input:
            f"{RESULTS}/{{study}}/images.parquet",
            weights,
            of_analysis(runs.MEASURED_BY),
        output:
            tables(runs.MEASURED),
        wildcard_constraints:
            study=one_of(GIVEN),
        params:
            command="measure",
        log:
            "build/log/measure-{study}-{arch}.log",


rule chapter:
    input:
        quoted,
        chapter="book/chapters/{chapter}.md",
        results=results,
        modules=modules(*SHOWN_BY),
    output:
        update("book/runs/{study}/{arch}/{chapter}.ipynb"),
    wildcard_constraints:
        chapter=one_of(chapter.name for chapter in contents.chapters() if chapter.of_network and chapter.name != "explorer"),
    params:
        words=lambda w: words(run(w)),
    log:
        "build/log/chapter-{study}-{arch}-{chapter}.log",
    shell:
        "python -m analysis chapter {input.chapter} {output} {params.words} > {log} 2>&1"


use rule chapter as comparison with:
    output:
        update("book/runs/{study}/{chapter}.ipynb"),
    wildcard_constraints:
        chapter=one_of(chapter.name for chapter in contents.chapters() if not chapter.of_network),
    params:
        words=lambda w: page_words(w.study, archs=",".join(STUDIES[w.study].runs)),
    log:
        "build/log/comparison-{study}-{chapter}.log",


# Of a recorded study the one page that is not recorded: it shows pictures, which are not ours.
use rule chapter as explorer with:
    wildcard_constraints:
        study=one_of(ALL),
        chapter="explorer",
    params:
        words=lambda w: page_words(w.study, arch=w.arch),
        there=lambda w: present(run(w))[0],  # once pictures are here, they are shown


def sources(toc):
    """What the pages around the chapters are made of."""
    files = (*Path("book").glob("*.md"), *Path("book/_ext").glob("*.py"), *Path("book/_static").glob("*"))
    files += (Path("report/front.py"), Path("report/numbers.py"), *Path("report").glob("*/front.py"))
    return ["_config.yml", toc, *sorted(map(str, files)), *sorted(map(str, Path("report/explorer").glob("*.*s")))]


def whole(index, pages, toc, made=()):
    """What a book is made of. Of it and of what is made for it, what is not as it was written is made again: it counts
    as if it were asked for by --forcerun."""

    def parts(wildcards):
        if workflow.is_main_process:
            workflow.dag.forcefiles.update(Manifest(index).made_again(made))
        return [*pages, *sources(toc)]

    return parts


rule toc:
    output:
        "build/_toc.yml",
        "build/_toc_read.yml",
    params:
        whole=contents.table_of_contents(ALL),
        recorded=contents.table_of_contents(READ, without=contents.NOT_RECORDED),
    priority: 1_000  # as of the book that is read meanwhile, which needs it
    run:
        for path, text in zip(output, params, strict=True):
            Path(path).write_text(text, "utf-8")


rule pages:
    input:
        whole(INDEX, [*notebooks()], "build/_toc.yml", [*made()]),
    output:
        update(INDEX),
        update(str(Manifest(INDEX).path)),
    params:
        toc="build/_toc.yml",
        folders=shlex.join(FOLDERS),
    log:
        "build/log/pages.log",
    shell:
        """
        python -m report.html {params.toc} build/{rule} $(dirname {output[0]}) > {log} 2>&1
        python -m report.manifest {output[0]} $(dirname {output[0]}) {params.folders} >> {log} 2>&1
        """


use rule pages as read with:
    input:
        whole("_build/read/index.html", [*notebooks(READ, without=contents.NOT_RECORDED)], "build/_toc_read.yml"),
    output:
        update("_build/read/index.html"),
        update(str(Manifest("_build/read/index.html").path)),
    params:
        toc="build/_toc_read.yml",
        folders="",
    log:
        "build/log/read.log",
    priority: 1_000  # first, to be read while the rest is made
