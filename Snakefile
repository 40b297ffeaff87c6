# The graph: data -> one run per network -> executed chapters -> the book.
#
#   snakemake                                        the default study, as `make book` runs it
#   snakemake --config studies=cifar10h-small        another study, from studies/
#   snakemake --config archs=resnet18 epochs=10 study=quick      any parameter
#   snakemake --config studies=own root=... weights=...          a network and pictures of one's own, nothing trained
#
# Snakemake does not see changes in an imported module, so each rule lists those that decide its output.

import re
import shlex

from pathlib import Path

from analysis.config import options, read_studies
from analysis.toc import MEASURED, contents

STUDIES = read_studies(config)
STUDIES = {study.name: study for study in STUDIES.values()}  # by the folder that their results are in
TRAINED = [name for name, study in STUDIES.items() if not study.measured]
GIVEN = [name for name, study in STUDIES.items() if study.measured]  # weights
CHAPTERS = ("training", "hardness", "explorer")  # of one network; MEASURED of these where weights are given
COMPARISONS = ("verdicts", "comparison", "first-iterations", "granularity")  # of a study's networks together
SHOWN = ("claims", "explorer", "figures", "pages", "ranking", "statistics", "styles", "tables", "words")  # of a page
RESULTS = ("scores.parquet", "epochs.parquet", "iterations.parquet", "training.parquet", "run.json")
DATASETS = {
    "synthetic": ["base", "synthetic", "shapes", "annotators"],
    "cifar10h": ["base", "cifar10h", "files", "subsets"],
    "imagefolder": ["base", "imagefolder", "decoding", "files", "subsets"],
}


def modules(*names):
    """The files of modules, and of packages of them."""
    source = Path(workflow.basedir) / "analysis"
    return sorted(str(file) for name in names for file in (*source.glob(f"{name}.py"), *source.glob(f"{name}/*.py")))


def run(wildcards):
    return STUDIES[wildcards.study].runs[wildcards.arch]


def results(wildcards):
    files = ("scores.parquet", "run.json") if wildcards.study in GIVEN else RESULTS
    return expand("results/{study}/{arch}/{file}", study=wildcards.study, arch=wildcards.arch, file=files)


def weights(wildcards):
    """The file that weights are in, unless they are torchvision's or the file is not here, which a sentence will say."""
    return [file for file in [run(wildcards).weights] if Path(file).is_file()]


def one_of(names):
    return "|".join(map(re.escape, names)) or "(?!)"  # nothing matches the latter


def words(parameters):
    return shlex.join(options(parameters))


def notebooks():
    for name, study in STUDIES.items():
        yield from (f"book/runs/{name}/{comparison}.ipynb" for comparison in COMPARISONS if name in TRAINED)
        for arch in study.runs:
            chapters = CHAPTERS if name in TRAINED else MEASURED
            yield from (f"book/runs/{name}/{arch}/{chapter}.ipynb" for chapter in chapters)


wildcard_constraints:
    study=r"[a-z0-9_.-]+",
    arch=r"[a-z0-9_]+",
    chapter="|".join(CHAPTERS),
    comparison="|".join(COMPARISONS),


rule book:
    input:
        "_build/html/index.html",


rule data:
    input:
        lambda w: modules(*(f"datasets/{name}" for name in DATASETS[STUDIES[w.study].parameters.dataset])),
    output:
        "results/{study}/dataset.json",
        "results/{study}/images.parquet",
    params:
        words=lambda w: words(STUDIES[w.study].parameters),
    shell:
        "python -m analysis data {params.words}"


rule train:
    input:
        "results/{study}/images.parquet",
        modules("architectures", "devices", "extraction", "scores", "training"),
    output:
        expand("results/{{study}}/{{arch}}/{file}", file=RESULTS),
    wildcard_constraints:
        study=one_of(TRAINED),
    params:
        words=lambda w: words(run(w)),
    threads: lambda w: max(1, workflow.cores // len(STUDIES[w.study].runs))
    resources:
        gpu=1,
    shell:
        "python -m analysis train --threads {threads} {params.words}"


rule measure:
    input:
        "results/{study}/images.parquet",
        weights,
        modules("architectures", "devices", "extraction", "measuring", "scores", "weights"),
    output:
        expand("results/{{study}}/{{arch}}/{file}", file=("scores.parquet", "run.json")),
    wildcard_constraints:
        study=one_of(GIVEN),
    params:
        words=lambda w: words(run(w)),
    threads: lambda w: max(1, workflow.cores // len(STUDIES[w.study].runs))
    resources:
        gpu=1,
    shell:
        "python -m analysis measure --threads {threads} {params.words}"


rule chapter:
    input:
        chapter="book/chapters/{chapter}.md",
        results=results,
        modules=modules(*SHOWN),
    output:
        "book/runs/{study}/{arch}/{chapter}.ipynb",
    params:
        words=lambda w: words(run(w)),
    shell:
        "python -m analysis chapter {input.chapter} {output} {params.words}"


rule comparison:
    input:
        chapter="book/chapters/{comparison}.md",
        results=lambda w: expand(
            "results/{study}/{arch}/{file}", study=w.study, arch=STUDIES[w.study].runs, file=RESULTS
        ),
        modules=modules(*SHOWN),
    output:
        "book/runs/{study}/{comparison}.ipynb",
    params:
        words=lambda w: words(STUDIES[w.study].parameters) + " -p archs " + ",".join(STUDIES[w.study].runs),
    shell:
        "python -m analysis chapter {input.chapter} {output} {params.words}"


rule toc:
    output:
        "build/_toc.yml",
    params:
        text=contents({name: list(study.runs) for name, study in STUDIES.items()}, GIVEN),
    run:
        Path(output[0]).write_text(params.text)


rule pages:
    input:
        list(notebooks()),
        "_config.yml",
        "build/_toc.yml",
        sorted(map(str, (*Path("book").glob("*.md"), *Path("book/_ext").glob("*.py"), *Path("book/_static").glob("*")))),
    output:
        "_build/html/index.html",
    log:
        "build/pages.log",
    shell:  # into a folder beside, so that a failed build leaves the earlier book as it is
        """
        rm -rf build/book
        jupyter-book build . -W --keep-going --quiet --toc build/_toc.yml --path-output build/book > {log} 2>&1 \
            || {{ cat {log}; exit 1; }}
        rm -rf _build/html && mkdir -p _build && mv build/book/_build/html _build/html
        """
