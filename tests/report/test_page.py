"""Pages: files and Markdown that belong together, numbers in words, text from users made harmless."""

import ast
import html
import re
from dataclasses import replace
from pathlib import Path

import jupytext
import madeup
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from analysis import runs
from analysis.errors import InputError
from analysis.parameters import ComparisonParameters, NetworkPageParameters, RunParameters, StudyParameters
from analysis.statistics import Estimate
from analysis.studies import StudyPlan
from analysis.study import claims, disputed, tables
from analysis.study.results import NetworkResults, StudyResults, read_results
from report import contents, figures, wording
from report import page as pages
from report import shown as in_three_forms
from report.text import THIN, bracketed, captioned, duration, escape, number, percent, short, with_interval
from report.wording import claims as claims_in_words
from report.wording.summary import QUANTITIES

ROOT = Path(__file__).parent.parent.parent
MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).use(colon_fence_plugin)
CHAPTERS = {
    chapter.name: RunParameters if chapter.of_network else ComparisonParameters for chapter in contents.chapters()
}
CHAPTERS["explorer"] = NetworkPageParameters


@pytest.fixture
def shown(monkeypatch, tmp_path) -> list[str]:
    """The Markdown that a chapter would show, in a folder that stands for the repository's root."""
    monkeypatch.chdir(tmp_path)
    seen: list[str] = []
    monkeypatch.setattr(in_three_forms, "display", lambda what: seen.append(what.myst))
    return seen


@pytest.fixture
def study(tmp_path) -> StudyResults:
    parameters = madeup.study(tmp_path / "results", ["resnet50", "vgg19"])
    return read_results(parameters, parameters.archs)


def page_of(study: StudyResults | None = None, arch: str = "", parameters: StudyParameters | None = None) -> pages.Page:
    """A page of the book."""
    return pages.Page(parameters or RunParameters(), study, arch, folder=Path("book/runs/synthetic", arch))


def show_figure_2(study: StudyResults, page: pages.Page, **more) -> pd.DataFrame:
    drawn = figures.figure_2(tables.epoch_means(study))._replace(kind='"Curves" & more', numbers=[], **more)
    page.figure("2", drawn, caption="Two\n    lines.")
    return drawn.data


@pytest.mark.parametrize(("raster", "start"), [(False, b"<?xml"), (True, b"\x89PNG")])
def test_a_figure_leaves_its_picture_and_its_data(study, shown, raster, start):
    page = page_of()
    table = show_figure_2(study, page, raster=raster)
    folder = Path("book/runs/synthetic")
    (markdown,) = shown
    picture = re.search(r'<img src="([^"]+)"', markdown)[1]
    assert (folder / picture).read_bytes().startswith(start)
    csv = re.search(r"\[Data of this figure\]\(([^)]+)\)", markdown)[1]
    pd.testing.assert_frame_equal(pd.read_csv(folder / csv), table, check_dtype=False)


def test_a_figure_has_label_number_caption_and_alternative_text(study, shown):
    show_figure_2(study, page_of())
    assert shown[0].startswith(":::{figure-md} fig-2-synthetic\n\n<img ")
    assert 'alt="&quot;Curves&quot; &amp; more."' in shown[0]
    assert "**Figure 2.** Two lines. [Data" in shown[0]


def test_a_caption_follows_the_figures_own(study, shown):
    page = page_of()
    drawn = figures.figure_6(tables.histograms(study, ["vgg19", "resnet50"], ["norm_in_class"]))
    page.figure("6", drawn, caption="More.")
    assert (
        "**Figure 6.** The norm (scaled to between 0 and 1 within each class) against human selection frequency, for "
        "VGG19 and ResNet50. Colours show"
    ) in shown[0]
    assert "intervals. More. [Data" in shown[0]


def test_a_long_alternative_text_is_cut_at_a_sentence_and_its_numbers_are_a_table(study, shown):
    table = pd.DataFrame({"x": [0, 1]})
    numbers = [(f"Dr. {i}: net", f"{i / 100} in the first bin and {i / 10} in the last") for i in range(40)]
    page_of().figure("9", figures.Drawn(Figure(), table, "Curves", numbers), caption="Two lines.")
    alt = html.unescape(re.search(r'alt="([^"]*)"', shown[0])[1])
    assert 100 < len(alt) <= 250
    assert alt.startswith("Curves. Dr. 0: net: 0.0 in the first bin and 0.0 in the last. ")
    assert alt.endswith(" in the last. All numbers are in the table below.")
    behind = shown[0].partition("{dropdown} Figure 9 in numbers")[2]
    assert all(rf"| Dr\. {i}\: net | " in behind for i in range(40))
    assert "| 0\\.39 in the first bin and 3\\.9 in the last |" in behind


def test_the_same_figure_gives_the_same_bytes(study, shown):
    picture = Path("book/runs/synthetic/files/fig-2.svg")
    show_figure_2(study, page_of())
    first = picture.read_bytes()
    show_figure_2(study, page_of())
    assert picture.read_bytes() == first


def test_labels_are_unique_in_the_book():
    places = [("", "a"), ("resnet50", "a"), ("vgg19", "a"), ("", "b"), ("resnet50", "b")]
    labels = {pages.Page(RunParameters(study=study), arch=arch).label("fig-2") for arch, study in places}
    assert len(labels) == len(places)


def test_a_caption_counts_undefined_scores_of_the_networks_drawn(study, shown):
    page = page_of(study)
    page.histograms("6", figures.figure_6, ["vgg19"], ["avh_scaled", "norm_in_class"])
    assert "AVH is undefined for 1 of 60 images of VGG19 (" in shown[0]
    assert "Norm within class is" not in shown[0]
    assert "1 of 60 images of VGG19 and ResNet50" in page.undefined
    page.histograms("N1", figures.figure_6, ["vgg19"], ["norm_in_class"])
    assert "No score is undefined." in shown[1]
    assert wording.histograms.largest_in_class(["norm_in_class"]) and not wording.histograms.largest_in_class(["norm"])


def test_a_score_that_is_undefined_for_all_images_has_no_panel(study, shown):
    runs = {arch: replace(run, scores=run.scores.assign(norm_in_class=np.nan)) for arch, run in study.runs.items()}
    page_of(replace(study, runs=runs)).histograms("6", figures.figure_6, ["vgg19"], ["avh_scaled", "norm_in_class"])
    assert "Norm within class is undefined for all 60 images of VGG19 (scaling needs 5 images" in shown[0]
    drawn = pd.read_csv("book/runs/synthetic/files/fig-6.csv")
    assert drawn["score"].unique().tolist() == ["avh_scaled"]


def test_a_figure_that_cannot_be_drawn_says_why(shown):
    page_of().figure("3", None, caption="")
    assert shown == ["Figure 3 needs human labels, which this dataset does not have, and is not drawn."]
    assert not Path("book").exists()


def test_long_tables_are_offered_as_parquet(shown, monkeypatch, study):
    page = page_of(study, "vgg19")
    page.downloads(*runs.TABLES, "not-there")
    monkeypatch.setattr(pages, "LARGEST_CSV", 2000)
    page.downloads("epochs")
    assert "(files/epochs.csv)" in shown[0]
    assert "(files/epochs.parquet)" in shown[1]
    copied = Path("book/runs/synthetic/vgg19/files/epochs.parquet")
    assert copied.read_bytes() == (study.runs["vgg19"].folder / "epochs.parquet").read_bytes()
    for link in re.findall(r"\((files/[^)]+)\)", "".join(shown)):
        assert (copied.parent.parent / link).is_file()


def test_every_parameter_is_listed(shown, study):
    parameters = RunParameters(arch="vgg19", epochs=7)
    page_of(study, "vgg19", parameters).provenance()
    for name, value in (("arch", "vgg19"), ("epochs", "7"), ("study", r"\(empty\)")):
        assert f"| {escape(name)} | {value} |" in shown[0]
    assert all(escape(name) in shown[0] for name in set(RunParameters.model_fields) - parameters.unused)


def test_the_stamp_says_what_made_the_results(shown, study):
    page_of(study, "vgg19").provenance()
    for fact in ("0123456789ab", "python 3", "2 min 34 s", "a CPU", "1,234,567"):
        assert escape(fact) in shown[1]


def test_the_stamp_of_a_fine_tuned_network_says_where_it_started(shown, study):
    page_of(study, "vgg19").provenance()
    pixels = {"mean": [0.5] * 3, "std": [0.25] * 3, "by": "its publisher"}
    study.runs["vgg19"].stamp["started"] = {"from": "lite0.pth", "sha256": "d" * 64, "normalisation": pixels}
    page_of(study, "vgg19").provenance()
    without, with_start = shown[1], shown[3]
    for fact in ("lite0.pth", "d" * 16, "(pixel - 0.5 0.5 0.5) / 0.25 0.25 0.25, its publisher"):
        assert escape(fact) in with_start
        assert escape(fact) not in without


def test_a_table_behind_a_title_is_whole_and_an_empty_one_leaves_no_title(shown):
    page = page_of()
    table = pd.DataFrame({"a": ["x"]})
    page.table("x", table, caption="Few.", data=table, behind="More")
    page.table("y", table[:0], caption="None.", behind="Nothing")
    (text,) = shown
    assert text.startswith("::::{dropdown} More\n")
    assert ":name: tab-x-synthetic" in text
    assert "[Data of this table](files/tab-x.csv)" in text
    assert text.rstrip().endswith("::::")


def test_a_table_is_told_under_the_caption_of_what_tells_it(shown):
    @captioned(lambda table, _: f"Of {len(table)}.")
    def names(table, end):
        return pd.DataFrame({"name": table["a"] + end})

    page_of().told("x", names, pd.DataFrame({"a": ["x"]}), "!")
    assert shown[0].startswith(":::{table} Of 1. [Data of this table](files/tab-x.csv).\n")
    assert "| x\\! |" in shown[0]


def test_nothing_is_told_of_empty_data(shown):
    @captioned(lambda table: str(table["a"].iloc[0]))
    def names(table):
        return table[["a"]]

    page_of().told("x", names, pd.DataFrame())
    assert shown == []


def test_seeds_are_told_where_there_are_several(shown, study):
    page_of(study).starts("avh", "avh")
    (said,) = shown
    assert "trained with one seed" in said
    other = replace(study.runs["vgg19"], stamp=study.runs["vgg19"].stamp | {"parameters": {"seed": 1}})
    repeated = replace(study, runs={"vgg19": replace(study.runs["vgg19"], other_seeds=(other,))})
    page_of(repeated).starts("avh", "avh")
    assert ":name: tab-avh-starts-synthetic" in shown[2]


def test_detections_are_a_table_for_each_set_of_images(shown, study):
    found = disputed.detect(study)
    page = page_of(study)
    page.detections(found)
    page.detections(found[:0])
    names = re.findall(r"\(files/tab-([^)]+)\.csv\)", "".join(shown))
    assert names == ["disputed-all", "disputed-correctly"]
    told = pd.read_csv("book/runs/synthetic/files/tab-disputed-correctly.csv")
    assert set(told["images"]) == {"correctly classified"}


def test_details_hold_a_list_and_a_table_behind_a_title():
    rule, numbers = (
        in_three_forms.bulleted(["One.", "Two."]),
        in_three_forms.table(pd.DataFrame({"a": [1]}), "Numbers."),
    )
    whole = in_three_forms.folded("More", in_three_forms.joined(rule, numbers)).myst
    opening, *body, closing = whole.rstrip("\n").split("\n")
    assert (opening, closing) == ("::::{dropdown} More", "::::")
    assert [line for line in body if line.startswith(("- ", ":::{"))] == ["- One.", "- Two.", ":::{table} Numbers."]
    assert not any(line.startswith("::::") for line in body)  # which would close it early


def measured(study: StudyResults, **more) -> StudyResults:
    """The study as if its ResNet50's weights had been given and nobody been asked."""
    run = study.runs["resnet50"]
    made = {"weights": "my_model*.pth", "sha256": "e" * 64, "by_name": True} | more
    stamp = {name: value for name, value in run.stamp.items() if name not in ("learning_rate", "steps", "temperature")}
    stamp |= {"measured": made, "classes": [*madeup.CLASSES, "dog"]}
    run = NetworkResults(run.arch, run.folder, stamp, run.scores)
    images = study.images.drop(columns=["selected", "shown"])
    return StudyResults(study.name, study.dataset | {"people": None, "simulated": False}, images, {"resnet50": run})


def test_the_stamp_of_given_weights_says_where_they_are_from(shown, study):
    page_of(measured(study), "resnet50").provenance()
    for fact in ("my_model*.pth", "e" * 16, "evaluation took"):
        assert escape(fact) in shown[1]
    assert "learning rate" not in shown[1]
    assert "training took" not in shown[1]
    assert "those of the dataset" in shown[1]


def test_the_stamp_of_published_weights_says_how_pictures_were_made(shown, study):
    made = {"resized": 232, "size": 224, "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3}
    page_of(measured(study, transforms=made), "resnet50").provenance()
    assert escape("232 px (bicubic), then the central 224 px") in shown[1]


def test_a_page_of_given_weights_says_how_outputs_met_classes(study):
    by_name, by_order = (" ".join(wording.study.about(measured(study, by_name=named))) for named in (True, False))
    for text in (by_name, by_order):
        assert f"No training: the weights of ResNet50 are given, {escape('my_model*.pth')}" in text
        assert "networks are trained" not in text
    assert "it has 1 other class" in by_name
    assert "near chance, 25" in by_order
    said = " ".join(wording.study.about(study))
    assert "60 test images of 3 classes; the networks are trained on 80 others" in said  # 10 of 90 are held out
    few = replace(study, images=study.images.assign(label=0))
    assert "60 test images from 1 of the 3 classes;" in " ".join(wording.study.about(few))


def test_a_page_of_a_fine_tuned_network_says_where_its_training_started(study):
    assert "Fine-tuning" not in " ".join(wording.study.about(study))
    pixels = {"mean": [0.5] * 3, "std": [0.5] * 3, "by": "its publisher"}
    study.runs["vgg19"].stamp["started"] = {"from": "my_model*.pth", "normalisation": pixels}
    at_sight = wording.study.about(study)[: pages.AT_SIGHT]
    (said,) = [sentence for sentence in at_sight if sentence.startswith("Fine-tuning: VGG19")]
    assert escape("my_model*.pth") in said
    assert said.endswith("according to its publisher.")


def test_without_people_a_sentence_says_so(study):
    assert "no human labels" in wording.hardness.people_expectation(measured(study))
    assert "[Figure H1](#fig-h1)" in wording.hardness.people_expectation(study)


def test_parameters_that_play_no_part_are_not_shown(shown, study):
    page_of(study, parameters=RunParameters(weights="a.pth")).provenance()
    page_of(study, parameters=RunParameters()).provenance()
    assert "| epochs |" in shown[2]
    assert "| epochs |" not in shown[0]
    assert "| weights |" in shown[0]


def test_what_is_said_in_place_of_a_figure(shown):
    page = page_of()
    for absent in ("is not drawn: no such image.", ""):
        page.figure("H4", None, caption="", absent=absent)
    assert shown == ["Figure H4 is not drawn: no such image."]


def test_the_ranking_is_a_csv_however_long(shown, monkeypatch):
    monkeypatch.setattr(pages, "LARGEST_CSV", 10)
    table = pd.DataFrame({"id": [f"image {i}" for i in range(99)]})
    page_of(arch="resnet50").csv(table, "ranking", "All")
    assert shown == ["- All: [ranking.csv](files/ranking.csv)"]
    assert len(pd.read_csv("book/runs/synthetic/resnet50/files/ranking.csv")) == 99


def test_nothing_to_list_shows_nothing(shown):
    page_of().points([])
    assert shown == []


def test_an_empty_table_shows_nothing(shown):
    page_of().table("x", pd.DataFrame(), caption="Nothing.", data=pd.DataFrame())
    assert shown == []


def text_of(markdown: str) -> list[str]:
    """The text of each block, if there is nothing but text in it."""
    blocks = [token for token in MARKDOWN.parse(markdown) if token.type == "inline"]
    children = [child for block in blocks for child in block.children]
    assert {child.type for child in children} <= {"text", "text_special"}, children
    return ["".join(child.content for child in block.children) for block in blocks]


@given(st.text(max_size=40))
def test_escaped_text_shows_itself_and_does_nothing(text):
    shown = re.sub(" +", " ", "".join(c if c.isprintable() or c in "\u202f\u00a0" else " " for c in text)).strip(" ")
    table = pd.DataFrame({"name": [text], "n": [1]})
    assert text_of(in_three_forms.markdown(table)) == ["name", "n", shown.strip(), "1"]


def test_tables_are_made_safe(shown):
    table = pd.DataFrame({"class": madeup.CLASSES, "AVH": np.float32([0.5, 0.08312, np.nan]), "n": [1000, 2, 3]})
    page_of().table("names", table, caption="Names.")
    assert r"| a\|b | 0.0831 | 2 |" in shown[0]
    assert "<b>" not in shown[0].replace(r"\<b", "")
    assert "| circle | 0.5 | 1,000 |" in shown[0]
    assert "| undefined | 3 |" in shown[0]
    assert ":name: tab-names-synthetic" in shown[0]


def test_a_study_is_introduced_with_what_a_reader_must_know(study):
    text = " ".join(wording.study.about(study))
    assert "not real people" in text
    assert "with batch norm, which the paper's network does not have" in text
    assert "2 of 120 AVH values are undefined" in text


@pytest.mark.parametrize(("widths", "sentence"), [
    ([1, 1], None),
    ([0.25, 0.25], "the networks have 25 % of the channels of the published ones, so that a CPU can train them; "
     "with `width: 1` in the study's file they have all."),
    ([1, 0.5], "the networks have 50 % of the channels"),
])  # fmt: skip
def test_a_study_of_narrow_networks_says_so_at_sight(study, widths, sentence):
    for run, width in zip(study.runs.values(), widths, strict=True):
        run.stamp["parameters"]["width"] = width
    said = " ".join(wording.study.about(study)[: pages.AT_SIGHT]).replace(THIN, " ")
    assert ("Scale: " in said) == (sentence is not None)
    assert (sentence or "") in said


def test_the_summary_has_a_row_per_quantity_and_a_column_per_network(study):
    table = wording.summary.summary_table(tables.summary(study), tables.ceiling(study))
    assert list(table) == ["", "VGG19", "ResNet50", "n"]
    assert table[""].tolist() == list(QUANTITIES.values())
    assert table["n"].tolist() == ["60", "59", "59", "60", "59"]  # one AVH, and so one confidence, is undefined
    assert re.fullmatch(r"−0\.\d\d \[.*\] \(\d+\u202f%\)", table["VGG19"][1])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.50"), (-0.416, "−0.42"), (-0.001, "0.00"), (np.float32(1234.5), "1,234.50"), (np.nan, "undefined")],
)
def test_numbers_in_words(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.49, 0.57, "[0.49, 0.57]"),
        (-0.2, -0.0017, "[−0.20, −0.002]"),
        (0.0004, 0.2, "[0.0004, 0.20]"),
        (-0.2, 0.0, "[−0.20, 0.00]"),
        (np.nan, np.nan, "[undefined, undefined]"),
    ],
)
def test_an_interval_shows_on_which_side_of_0_it_ends(low, high, said):
    assert bracketed(low, high).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.08312, "0.0831"),
        (12345.6, "12,300"),
        (-2, "−2"),
        (0, "0"),
        (1.5e-7, "1.50e−07"),
        (np.nan, "undefined"),
        (0.66, "0.66"),
    ],
)
def test_short_numbers(value, text):
    assert short(value) == text


def test_estimates_in_words():
    text = with_interval(Estimate(np.float64(0.53), np.float64(0.49), 0.57, np.int64(1000)))
    assert text == "0.53 [0.49,\u00a00.57], n\u00a0=\u00a01,000"
    assert with_interval(Estimate(0.5, np.nan, np.nan, 2), n=False) == "0.50"
    assert percent(0.534) == "53\u202f%"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "under 1 s"), (59.6, "1 min"), (154, "2 min 34 s"), (7260, "2 h 1 min")]
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


def test_curves_are_told_to_who_cannot_see_them(study):
    together, (network, ends), (other, _) = wording.curves.describe_curves(tables.epoch_means(study))
    changes = "norm rises in 2 of 2, AVH falls in 2 of 2, accuracy rises in 2 of 2"
    assert together == ("Of these, from epoch 1 to 3", changes)
    assert (network, other) == ("VGG19", "ResNet50")
    assert ends.startswith("norm ")
    assert "VGG19, HSF (0.8, 1]" in dict(wording.curves.describe_curves(tables.epoch_means_by_bin(study)))
    cells = tables.histograms(study, ["vgg19"], ["avh"])
    assert list(dict(wording.histograms.describe_histograms(cells))) == [
        "VGG19, 59 images, mean AVH by human selection frequency"
    ]


def test_verdicts_are_told_at_a_glance_in_words_and_in_numbers(study):
    table, ceiling = claims.judge(study), tables.ceiling(study)
    matrix = wording.claims.matrix(table, study)
    assert list(matrix) == ["claim, with simulated annotators", "VGG19", "ResNet50"]
    assert len(matrix) == len(claims.CLAIMS)
    found = table.drop_duplicates(["claim", "arch"]).set_index(["claim", "arch"])["verdict"]
    assert matrix["VGG19"].iloc[0] == wording.claims.verdict(found["H1", "vgg19"])
    assert matrix["VGG19"].iloc[8].startswith("?\u00a0inconclusive (all together)")
    assert wording.claims.tally(table).startswith("19 verdicts: ")
    assert len(wording.claims.outcomes_of_claims(table)) == len(claims.CLAIMS)
    assert wording.claims.outcome(table, "P2a") == wording.claims.outcomes_of_claims(table)[2]
    assert wording.claims.outcome(table, "P2a").startswith("**P2a**: AVH falls as HSF rises")
    assert [text.split("**")[1] for text in wording.claims.rule("P2a")] == [
        "Statistic.",
        "Supported when",
        "Inconclusive when",
        "Fixed",
    ]
    rows = wording.claims.judged(table, "P2a", ceiling)
    assert rows["network"].tolist() == ["VGG19", "ResNet50"]
    assert re.fullmatch(r"−\S+ \[−\S+,\u00a0−\S+\] \(\d+\u202f%\)", rows["value"].iloc[0])
    assert rows["required"].iloc[0] == "below 0: ✓\u00a0supported"
    assert "share of the noise ceiling" in wording.claims.judged_caption("P2a", ceiling)


def test_a_claim_links_only_to_figures_that_are_drawn(study, tmp_path):
    assert "[Figure 1](#fig-1)" in wording.claims.said(study, "P1")
    assert "[Figure N1](#fig-n1)" in wording.claims.said(study, "P1")
    parameters = madeup.study(tmp_path / "silent", ["vgg19"], people=False)
    silent = read_results(parameters, parameters.archs)
    assert "](#fig" not in wording.claims.said(silent, "P1")
    assert "](#fig" in wording.claims.said(silent, "Obs. 1")
    table = claims.judge(silent)
    assert wording.claims.judged(table, "H1", tables.ceiling(silent))["verdict"].str.contains("no human labels").all()
    assert wording.claims.matrix(table, silent).columns[0] == "claim"


def test_a_claim_declared_beside_the_papers_has_a_heading_of_its_own(study, shown, monkeypatch):
    def show() -> list[str]:
        shown.clear()
        page = page_of(study)
        for cell in jupytext.read(ROOT / "book/chapters/verdicts.md").cells:
            if cell.cell_type == "code" and "laims(" in cell.source:
                exec(cell.source, {"page": page})
        return [line for line in shown if line.startswith(("#", "**"))]

    before = show()
    assert len(before) == len(claims.CLAIMS) and not any("#" in line for line in before)
    own = replace(claims.CLAIMS[0], id="Own", title="This is new")
    monkeypatch.setattr(claims, "CLAIMS", [own, *claims.CLAIMS])
    *paper, heading, last = show()
    assert paper == before
    assert heading == "## Further claims"
    assert last.startswith("**Own**: This is new: ")


def test_infinite_numbers_have_their_sign():
    assert claims_in_words._signed(np.inf) == "∞"
    assert claims_in_words._signed(-np.inf) == "−∞"


# --- chapters and contents


def parameters_cell(chapter: str) -> str:
    notebook = jupytext.read(ROOT / f"book/chapters/{chapter}.md")
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    return cell.source


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapters_parameters_are_the_schemas(chapter):
    """Every parameter with the schema's default and meaning, in its order."""
    source, model = parameters_cell(chapter), CHAPTERS[chapter]
    lines = {
        node.target.id: (ast.literal_eval(node.value), line.partition("  # ")[2])
        for node, line in zip(ast.parse(source).body, source.splitlines(), strict=True)
    }
    assert list(lines) == list(model.model_fields)
    for name, field in model.model_fields.items():
        assert lines[name] == (field.default, field.description)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapters_cells_hold_no_logic(chapter):
    """Load, call, show: no branches, loops, functions or arithmetic beyond one division."""
    for cell in jupytext.read(ROOT / f"book/chapters/{chapter}.md").cells:
        if cell.cell_type != "code":
            continue
        assert {"hide-input", "remove-cell"} & set(cell.metadata["tags"])
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.If, ast.For, ast.While, ast.FunctionDef, ast.Lambda, ast.Try, ast.IfExp}
        assert len(cell.source.splitlines()) <= 15 or "parameters" in cell.metadata["tags"]


@pytest.mark.parametrize(
    ("given", "read"), [("resnet50, vgg19", ["resnet50", "vgg19"]), (["alexnet"], ["alexnet"]), ("", []), ([], [])]
)
def test_networks_come_as_a_list_or_with_commas(given, read):
    assert ComparisonParameters.parse({"archs": given}).archs == read


@pytest.mark.parametrize("archs", ["resnet50,resnet50", "../x", "a,,b", "timm/a,timm-a"])
def test_bad_networks_are_refused_in_one_sentence(archs):
    with pytest.raises(ValueError, match="archs"):
        ComparisonParameters.parse({"archs": archs})


def test_contents_list_every_page_of_every_study():
    def study(*archs):
        runs = {arch: RunParameters(arch=arch) for arch in archs}
        return StudyPlan(StudyParameters(), runs)

    text = contents.table_of_contents({"synthetic": study("resnet50", "alexnet"), "quick": study("resnet18")})
    files = re.findall(r"file: (\S+)", text)
    assert "book/runs/synthetic/confidence-gap" in files
    assert files.index("book/runs/synthetic/alexnet/training") < files.index("book/runs/synthetic/resnet50/training")
    assert "book/runs/quick/resnet18/hardness" in files
    assert "'ResNet50: hardness'" in text
    assert all((ROOT / f"{file}.md").is_file() for file in files if "/runs/" not in file)


def test_a_study_has_the_pages_that_it_names_and_can_have():
    run = RunParameters(arch="alexnet")
    one = StudyPlan(StudyParameters(study="some"), {"alexnet": run}, chapters=("verdicts", "heads", "training"))
    assert list(contents.of_study(one)) == ["verdicts"]  # no head is exchanged
    assert list(contents.of_network(one)) == ["training"]
    wrong = StudyPlan(StudyParameters(study="some"), {"alexnet": run}, chapters=("verdict",))
    with pytest.raises(InputError, match="unknown chapter of study some 'verdict'; allowed: verdicts, confidence-gap"):
        contents.of_study(wrong)


CHAPTER = """---
{header}
---

# How it is

arch: str = "resnet50"
"""


def test_a_chapter_says_in_its_header_what_it_is(tmp_path):
    path = tmp_path / "sound.md"
    path.write_text(CHAPTER.format(header="chapter: {place: 1.5}"))
    assert contents.read_chapter(path) == ("sound", "How it is", (), 1.5, True, "")
    said = "chapter:\n  place: 2\n  about: people, training\n  title: short\n  quotes: other"
    path.write_text(CHAPTER.format(header=said))
    assert contents.read_chapter(path) == ("sound", "short", ("people", "training"), 2, True, "other")


@pytest.mark.parametrize(
    "header", ["", "chapter: {about: people}", "chapter: {place: first}", "chapter: [", "chapter:"]
)
def test_a_chapter_without_a_place_is_refused_in_a_sentence(tmp_path, header):
    path = tmp_path / "sound.md"
    path.write_text(CHAPTER.format(header=header))
    with pytest.raises(InputError, match=r"sound\.md has no valid chapter header; "):
        contents.read_chapter(path)


def test_a_chapter_about_what_no_study_has_is_refused(tmp_path):
    path = tmp_path / "sound.md"
    path.write_text(CHAPTER.format(header="chapter: {place: 1, about: persons}"))
    allowed = "causes, first steps, heads, people, real people, training"
    with pytest.raises(InputError, match=f"'persons'; allowed: {allowed}"):
        contents.read_chapter(path)
