# The graph, a rule for each arrow, in this order:
#
#   data ──▶ train, train_another_start ──▶ chapter, comparison, explorer ──▶ pages: the book, in the order of toc
#            measure: of given weights                                        read: of what is recorded alone
#
#   MAKE   data, train and measure run analysis/ and write the tables of results/<study>/<arch>/, a row per image.
#   ASK    A chapter is executed as a notebook of book/runs/<study>/. It reads the tables, asks analysis/study,
#   SHOW   and shows the answers through report/. The notebooks, as HTML, are the book.
#
#   snakemake                                        the default study, as `make book` runs it
#   snakemake --config studies=cifar10h-small        another study, from studies/
#   snakemake --config archs=resnet18 epochs=10 study=quick      any parameter
#   snakemake --config studies=own root=... weights=...          a network and pictures of one's own, nothing trained
#   snakemake --config studies=cifar10h results_dir=recorded     a recorded study analysed again, nothing trained
#   snakemake --workflow-profile profiles/slurm                  on a cluster; that file says what to change
#
# The book also holds every recorded study that was not asked for, as it was recorded.
# Snakemake does not see changes in an imported module, so each rule lists those that decide its output. Which files a
# rule reads, and the parameters that it gives to a command, are in report/graph.py.

import os
import shlex

from pathlib import Path

from analysis import runs
from analysis.datasets import present
from analysis.errors import as_one_sentence
from analysis.studies import as_given, with_recorded
from report import contents
from report.graph import Graph, alternatives, as_pattern, give_times_back, notebooks, page_sources, shown_by, written
from report.manifest import Manifest


INDEX = "_build/html/index.html"
READ = "_build/read/index.html"
with as_one_sentence():
    graph = Graph.of(as_given(config, workflow.config_settings.config_args))
    if workflow.is_main_process:
        graph.check(INDEX)
os.environ["PYTHONUTF8"] = "1"  # of jobs: names and texts are UTF-8, whatever the person's locale
RESULTS = as_pattern(graph.results_dir)
RECORDED = with_recorded({})  # the studies of `make read`
CHAPTERS = [chapter for chapter in contents.chapters() if chapter.name != contents.EXPLORER]
THERE = written([INDEX, *notebooks(graph.shown)])


localrules:
    book,
    toc,


wildcard_constraints:
    study=alternatives(graph.asked),
    arch=r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
    seed=r"\d+",


rule book:
    input:
        INDEX,


# Pages are written beside and renamed, and update() keeps those that are there until then: a job that fails takes
# nothing away. Snakemake gives such a page back with today's date, by which it would pass for made: it gets its own.
onerror:
    give_times_back(THERE)


if graph.makes_results:  # recorded ones are read and never made

    rule data:
        input:
            graph.data_modules,
        output:
            f"{RESULTS}/{{study}}/dataset.json",
            f"{RESULTS}/{{study}}/images.parquet",
        params:
            words=graph.data_options,
        log:
            "build/log/data-{study}.log",
        shell:
            "python -m analysis data {params.words} > {log} 2>&1"

    rule train:
        input:
            f"{RESULTS}/{{study}}/images.parquet",
            graph.own_files,
            runs.source_files(measured=False),
        output:
            graph.tables(runs.TABLES),
        wildcard_constraints:
            study=alternatives(graph.names(measured=False)),
        params:
            command="train",
            words=graph.run_options,
        threads: lambda w: max(1, workflow.cores // len(graph.asked[w.study].runs))
        resources:
            gpu=1,  # of a cluster's
            gpu_quarters=graph.gpu_quarters,  # of this machine's, as make counts them
        log:
            "build/log/train-{study}-{arch}.log",
        # Before the pages, which fill the cores that trainings leave; the slowest network, listed last, first of all.
        priority: graph.place
        shell:
            "python -m analysis {params.command} --quarters {resources.gpu_quarters} --threads {threads} {params.words} > {log} 2>&1"

    use rule train as train_another_start with:
        output:
            graph.tables(runs.TABLES, "seed-{seed}"),
        log:
            "build/log/train-{study}-{arch}-seed-{seed}.log",

    use rule train as measure with:
        input:
            f"{RESULTS}/{{study}}/images.parquet",
            graph.own_files,
            runs.source_files(measured=True),
        output:
            graph.tables(runs.MEASURED),
        wildcard_constraints:
            study=alternatives(graph.names(measured=True)),
        params:
            command="measure",
        log:
            "build/log/measure-{study}-{arch}.log",


rule chapter:
    input:
        graph.quoted,
        chapter="book/chapters/{chapter}.md",
        results=graph.results,
        modules=shown_by(),
    output:
        update("book/runs/{study}/{arch}/{chapter}.ipynb"),
    wildcard_constraints:
        chapter=alternatives(chapter.name for chapter in CHAPTERS if chapter.of_network),
    params:
        words=graph.chapter_options,
    log:
        "build/log/chapter-{study}-{arch}-{chapter}.log",
    shell:
        "python -m analysis chapter {input.chapter} {output} {params.words} > {log} 2>&1"


use rule chapter as comparison with:
    output:
        update("book/runs/{study}/{chapter}.ipynb"),
    wildcard_constraints:
        chapter=alternatives(chapter.name for chapter in CHAPTERS if not chapter.of_network),
    params:
        words=graph.finished_options,
    log:
        "build/log/comparison-{study}-{chapter}.log",


# Of a recorded study the one page that is not recorded: it shows pictures, which are not ours.
use rule chapter as explorer with:
    wildcard_constraints:
        study=alternatives(graph.shown),
        chapter=contents.EXPLORER,
    params:
        words=graph.finished_options,
        there=lambda w: present(graph.run(w))[0],  # once pictures are here, they are shown


rule toc:
    output:
        "build/_toc.yml",
        "build/_toc_read.yml",
    params:
        whole=contents.table_of_contents(graph.shown),
        recorded=contents.table_of_contents(RECORDED, without=contents.NOT_RECORDED),
    priority: 1_000  # as of the book that is read meanwhile, which needs it
    run:
        for path, text in zip(output, params, strict=True):
            Path(path).write_text(text, "utf-8")


def book_of(index, pages, toc, made=()):
    """What a book is made of. Of it and of what is made for it, what is not as it was written is made again: it counts
    as if it were asked for by --forcerun."""

    def parts(wildcards):
        if workflow.is_main_process:
            workflow.dag.forcefiles.update(Manifest(index).made_again(made))
        return [*pages, *page_sources(toc)]

    return parts


rule pages:
    input:
        book_of(INDEX, notebooks(graph.shown), "build/_toc.yml", graph.made()),
    output:
        update(INDEX),
        update(str(Manifest(INDEX).path)),
    params:
        toc="build/_toc.yml",
        folders=shlex.join(graph.folders()),
    log:
        "build/log/pages.log",
    shell:
        """
        python -m report.html {params.toc} build/{rule} $(dirname {output[0]}) > {log} 2>&1
        python -m report.manifest {output[0]} $(dirname {output[0]}) {params.folders} >> {log} 2>&1
        """


use rule pages as read with:
    input:
        book_of(READ, notebooks(RECORDED, without=contents.NOT_RECORDED), "build/_toc_read.yml"),
    output:
        update(READ),
        update(str(Manifest(READ).path)),
    params:
        toc="build/_toc_read.yml",
        folders="",
    log:
        "build/log/read.log",
    priority: 1_000  # first, to be read while the rest is made
