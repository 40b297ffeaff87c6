"""Figures draw what their tables say: data, labels and colours, never pixels."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis import statistics, studies
from analysis.study import hardness, tables
from analysis.study.results import StudyResults, read_results
from report import figures, styles, text, wording
from report.figures.panels import LAYOUT, PAGE, PHONE, dodge, figure
from report.page import LONGEST_ALT

FOUR = ["resnet50", "alexnet", "vgg19", "densenet121"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    """Four networks over images with people's answers, of which one bin of HSF is empty."""
    parameters = madeup.study(tmp_path_factory.mktemp("results"), FOUR)
    read = read_results(parameters, parameters.archs)
    read.images["selected"] = read.images["selected"].where(~read.images["selected"].isin([5, 6]), 7)
    return read


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> StudyResults:
    """One network that is not in the table of styles, over images that nobody was asked about."""
    parameters = madeup.study(tmp_path_factory.mktemp("silent"), ["shufflenet_v2_x0_5"], people=False, epochs=2)
    return read_results(parameters, parameters.archs)


def panels(drawn) -> list:
    """The axes of a figure, or of what was drawn, without its colour bars."""
    return [ax for ax in drawn.figure.axes if ax.get_label() != "<colorbar>"]


def titles(fig) -> list[str]:
    return [ax.get_title() for ax in panels(fig) if ax.get_title()]


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    shares = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(
        np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)
    )


def test_marks_stand_out_from_white_and_differ_in_shape():
    networks = [(style.colour, style.marker) for style in (styles.PAPER_NETWORKS | styles.VARIANTS).values()]
    for group in (
        networks,
        styles.OTHER_LOOKS,
        styles.BIN_LOOKS,
        [(s.colour, s.marker) for s in styles.EXAMPLES.values()],
    ):
        assert {colour: 1.05 / (luminance(colour) + 0.05) >= 3 for colour, _ in group} == {c: True for c, _ in group}
    for group in (styles.PAPER_NETWORKS.values(), styles.EXAMPLES.values()):
        assert len({style.marker for style in group}) == len(list(group))
    assert len({marker for _, marker in styles.BIN_LOOKS}) == len(styles.BIN_LOOKS)


def test_figure_1_draws_the_counts_of_its_table(study):
    table = tables.histograms(study, ["resnet50"], ["confidence", "norm_in_class", "avh_scaled"])
    axes = panels(figures.figure_1(table))
    assert [ax.get_ylabel() for ax in axes] == ["confidence", "norm within class", "AVH, scaled to [0, 1]"]
    assert {ax.get_xlabel() for ax in axes} == {"human selection frequency"}
    for ax, score in zip(axes, table["score"].unique(), strict=True):
        drawn = ax.collections[0].get_array().filled(0).sum()
        assert drawn == table.loc[table["score"] == score, "n"].sum()


@pytest.mark.parametrize("score", ["avh", "norm", "loss", "confidence"])
def test_every_image_with_a_score_is_in_a_cell(study, score):
    cells = tables.histograms(study, ["resnet50"], [score])
    assert cells["n"].sum() == study.runs["resnet50"].scores[score].notna().sum() > 0


def means_by_bin(study: StudyResults, arch: str, score: str) -> pd.DataFrame:
    scores = study.runs[arch].scores.assign(bin=statistics.binned(study.hsf))
    return statistics.means(scores, ["bin"], score)


def test_markers_are_spread_around_the_middle_of_a_row():
    np.testing.assert_allclose(dodge(1, 0.8), [0])
    np.testing.assert_allclose(dodge(4, 0.8), [-0.3, -0.1, 0.1, 0.3])
    assert dodge(0, 0.8).size == 0


def test_what_is_drawn_comes_with_its_data_and_its_words(study):
    table = tables.histograms(study, ["resnet50"], ["avh_scaled"])
    drawn = figures.figure_1(table)
    assert drawn.data is table and drawn.raster
    ((what, numbers),) = wording.histograms.describe_histograms(table)
    assert drawn.alt == f"Two-dimensional histograms. {what}: {numbers}."
    bins = means_by_bin(study, "resnet50", "avh")
    drawn = figures.figure_h1(tables.histograms(study, ["resnet50"], ["avh"]))
    pd.testing.assert_frame_equal(drawn.data[list(bins)], bins)
    assert set(drawn.data["arch"]) == {"resnet50"} and set(drawn.data["score"]) == {"avh"}


def test_the_words_of_many_panels_begin_with_how_means_change(study):
    others = study.others("resnet50")
    drawn = figures.figure_6(tables.histograms(study, others, ["avh", "norm"]))
    said = text.cut_at_sentence(drawn.sentences, LONGEST_ALT, "More below.").split(". ")[1]
    for score, name in (("avh", "AVH"), ("norm", "norm")):
        means = [means_by_bin(study, arch, score)["mean"].dropna() for arch in others]
        first, last = (np.array([each.iloc[end] for each in means]) for end in (0, -1))
        falls, rises = (last < first).sum(), (last > first).sum()
        way = f"falls in {falls}" if falls > rises else f"rises in {rises}"
        assert f"mean {name} {way} of 3, {text.short(first[0])} to {text.short(last[0])} for AlexNet" in said


def test_what_many_values_have_in_common():
    points = pd.DataFrame({"label": ["a", "b", "b", "c", "a"], "value": [0.1, 0.5, -0.2, 0.3, np.nan]})
    assert wording.forms.span_of(points["value"]) == "−0.20 to 0.50"
    assert wording.forms.span_of(points["value"][4:]) == "undefined"
    assert wording.forms.extremes(points, "value", also="b") == "highest c 0.30, lowest a 0.10, b −0.20 to 0.50"
    first = pd.Series([1.0, 2.0, 3.0])
    assert wording.forms.direction(first, pd.Series([0.0, 1.0, 4.0])) == "falls in 2 of 3"
    assert wording.forms.direction(first[:1], pd.Series([4.0])) == "rises"
    assert wording.forms.direction(first[:1], first[:1]) == "does not change"


def test_figure_1_counts_every_image_with_a_score(study):
    table = tables.histograms(study, ["resnet50"], ["avh_scaled"])
    assert table["n"].sum() == madeup.N - 1  # one AVH is undefined


def test_a_histograms_line_joins_the_means_of_bins(study):
    table = tables.histograms(study, ["resnet50"], ["avh_scaled"])
    (ax,) = panels(figures.figure_1(table))
    bins = means_by_bin(study, "resnet50", "avh_scaled").dropna(subset="mean")
    line = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(line.get_ydata(), bins["mean"])
    np.testing.assert_allclose(line.get_xdata(), [0.1, 0.3, 0.7, 0.9])  # (0.4, 0.6] is empty


def test_figure_2_draws_the_means_from_epoch_1(study):
    table = tables.epoch_means(study)
    fig = figures.figure_2(table).figure
    assert titles(fig) == ["AlexNet", "VGG19", "DenseNet121", "ResNet50"]
    ax = panels(fig)[4 + 2]  # the second row, AVH, of DenseNet121
    raw = study.runs["densenet121"].epochs
    np.testing.assert_allclose(ax.lines[0].get_ydata(), raw[raw["epoch"] > 0].groupby("epoch")["avh"].mean())
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[0].get_color() == styles.PAPER_NETWORKS["densenet121"].colour


def test_figure_2_marks_where_the_learning_rate_falls(study):
    fig = figures.figure_2(tables.epoch_means(study)).figure
    for ax in panels(fig):
        assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [1.5, 2.5]


def test_figure_2_has_one_scale_of_avh(study):
    axes = panels(figures.figure_2(tables.epoch_means(study)))
    assert len({ax.get_ylim() for ax in axes[4:8]}) == 1
    assert {ax.get_ylim() for ax in axes[8:12]} == {(0, 1)}


def test_figure_3_has_a_curve_per_bin_and_counts_it(study):
    table = tables.epoch_means_by_bin(study)
    fig = figures.figure_3(table).figure
    ax = panels(fig)[0]
    curves = [line for line in ax.lines if not line.get_label().startswith("_")]
    sizes = pd.Series(statistics.binned(study.hsf)).value_counts(sort=False)
    assert [line.get_label() for line in curves] == [
        f"HSF {name} (n = {sizes[name]})" for name in statistics.bin_names()
    ]
    assert len({line.get_color() for line in curves}) == len({line.get_marker() for line in curves}) == 5
    assert np.isnan(curves[2].get_ydata()).all()  # the empty bin is named and has no curve
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [line.get_label() for line in curves]


def test_figure_6_has_a_row_per_score_and_a_column_per_network(study):
    others = study.others("resnet50")
    table = tables.histograms(study, others, ["avh_scaled", "norm_in_class"])
    fig = figures.figure_6(table).figure
    assert len(panels(fig)) == 6
    assert titles(fig) == ["AlexNet", "VGG19", "DenseNet121"]
    assert fig.get_supxlabel() == "human selection frequency"  # once: under four narrow panels it would overlap


def test_training_curves_show_both_kinds_of_images(study):
    run = study.runs["vgg19"]
    fig = figures.figure_t1(tables.training_curves(run)).figure
    loss, accuracy, rate = panels(fig)
    assert loss.lines[0].get_ydata().tolist() == run.training["loss"].tolist()
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["training images", "test images"]
    assert rate.get_yscale() == "log"


def test_the_overview_names_every_bin_and_its_size(study):
    cells = tables.histograms(study, ["vgg19"], ["avh"])
    bins = means_by_bin(study, "vgg19", "avh")
    lower = panels(figures.figure_h1(cells))[1]
    labels = [label.get_text() for label in lower.get_xticklabels()]
    assert labels == [f"{name}\nn = {n}" for name, n in zip(bins["bin"], bins["n"], strict=True)]
    assert bins["n"].sum() == madeup.N - 1


def test_a_distribution_counts_right_and_wrong_images(study):
    table = tables.distribution(study.runs["alexnet"])
    (ax,) = panels(figures.figure_h2(table))
    drawn = sum(patch.get_data().values.sum() for patch in ax.patches)
    assert drawn == table["n"].sum() == madeup.N - 1


def test_figure_4_draws_the_means_of_every_step_from_0(study):
    table = tables.step_means(study)
    fig = figures.figure_4(table).figure
    assert titles(fig) == ["AlexNet", "VGG19", "DenseNet121", "ResNet50"]
    assert [ax.get_ylabel() for ax in panels(fig)[::4]] == ["mean norm ‖x‖", "mean angle in radians"]
    raw = study.runs["vgg19"].iterations
    for ax, column in zip(panels(fig)[1::4], ("norm", "angle"), strict=True):
        (line,) = ax.lines
        assert line.get_xdata().tolist() == [0, 1, 2]
        np.testing.assert_allclose(line.get_ydata(), raw.groupby("step")[column].mean(), rtol=1e-6)


def with_answers(study: StudyResults, counts: list[list[int]]) -> StudyResults:
    """The study with these answers to its first images, and no others."""
    counts = np.array(counts)
    label = study.images["label"].to_numpy()[: len(counts)]
    answers = {f"count_{k}": counts[:, k] for k in range(counts.shape[1])}
    images = study.images.head(len(counts))[["id", "label"]].assign(**answers, shown=counts.sum(1))
    return dataclasses.replace(study, images=images.assign(selected=counts[np.arange(len(counts)), label]))


def test_the_examples_are_chosen_by_their_rule(study):
    """Labels are 0, 1, 2, 0, 1, 2."""
    chosen = [[10, 0, 0], [0, 12, 0], [4, 3, 5], [4, 4, 4], [4, 4, 4], [30, 0, 0]]
    answered = with_answers(study, chosen)
    table = wording.examples.with_answers(answered, tables.examples(answered))
    # Easy: of the two with HSF 1 the one that more were shown. Hard: not image 5, whose class nobody names; of two
    # equals the first.
    assert table["image"].tolist() == [1, 3]
    assert table["HSF"].tolist() == [1, pytest.approx(1 / 3)]
    assert table["people"].unique().tolist() == ["simulated annotators"]
    assert table["answers"].tolist() == ["a|b 12, of 12", "circle 4, a|b 4, <b>*x*</b> 4, of 12"]


def test_the_examples_do_not_depend_on_a_network(study):
    bare = dataclasses.replace(study, runs={})
    pd.testing.assert_frame_equal(tables.examples(bare), tables.examples(study))


def test_figure_5_shows_the_two_images_and_their_own_courses(study):
    chosen = wording.examples.with_answers(study, tables.examples(study))
    pictures = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)).astype(np.uint8)
    table = tables.example_steps(study, chosen)
    fig = figures.figure_5(table, chosen, pictures).figure
    shown = [ax for ax in fig.axes if ax.images]
    for ax, picture, row in zip(shown, pictures, chosen.itertuples(), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)
        assert ax.get_title() == f"{row.example}: {row.label}, HSF {row.HSF:.2f}"
        assert ax.get_xlabel().replace("\n", " ") == f"simulated annotators: {row.answers}"
    ax = next(ax for ax in fig.axes if ax.get_title() == "DenseNet121")  # its norm
    raw = study.runs["densenet121"].iterations
    for line, image in zip(ax.lines, chosen["image"], strict=True):
        np.testing.assert_array_equal(line.get_ydata(), raw.loc[raw["image"] == image, "norm"])
    assert [line.get_label() for line in ax.lines] == ["easy", "hard"]
    assert len({line.get_marker() for line in ax.lines}) == 2


def test_hsf_of_a_superclass_counts_every_answer_within_it(study):
    """By an independent loop over people."""
    random = np.random.default_rng(1)
    answered = with_answers(study, random.multinomial(12, [0.5, 0.3, 0.2], 30).tolist())
    expected = []
    for row in answered.images.to_dict("records"):
        said = [k for k in range(3) for _ in range(row[f"count_{k}"])]
        expected.append(sum(k in (0, 2) for k in said) / len(said))
    np.testing.assert_allclose(tables.superclass_hsf(answered, [0, 2]), expected)
    np.testing.assert_allclose(tables.superclass_hsf(answered, [0, 1, 2]), 1)
    np.testing.assert_allclose(tables.superclass_hsf(study, [0, 2]), study.hsf)  # no full answers: the class's own


@pytest.mark.parametrize(
    ("every", "chosen"),
    [
        ({"all": [0]}, ["all"]),
        ({"b": [0], "a": [1, 2]}, ["a", "b"]),
        ({"d": [0], "c": [1], "b": [2, 3], "a": [4, 5, 6], "e": [7, 8]}, ["a", "e", "d"]),
        ({"c": [0], "b": [1, 2], "a": [9, 10, 11], "d": [3, 4, 5, 12]}, ["d", "b", "c"]),  # no image is of a
    ],
)
def test_superclasses_of_many_some_and_few_classes(study, every, chosen):
    images = study.images.assign(label=np.arange(madeup.N) % 9)
    other = dataclasses.replace(study, dataset=study.dataset | {"superclasses": every}, images=images)
    assert list(tables.chosen_superclasses(other)) == chosen


def test_among_many_superclasses_those_of_the_papers_sizes_are_shown(study):
    """Of several with as many classes the one with most images, and none that no image is of."""
    sizes = {"whole": 90, "near": 57, "far": 60, "seven": 7, "six": 6, "none": 58, "few": 1, "one": 1}
    edges = np.cumsum([3, *sizes.values()])
    every = {name: list(range(low, high)) for name, low, high in zip(sizes, edges, edges[1:], strict=False)}
    labels = [every[name][0] for name in every if name != "none"]
    labels += [every["one"][0]] * (madeup.N - len(labels))
    images = study.images.assign(label=labels)
    other = dataclasses.replace(study, dataset=study.dataset | {"superclasses": every}, images=images)
    assert list(tables.chosen_superclasses(other)) == ["near", "seven", "one"]


def test_figure_7_counts_the_images_of_each_superclass(study):
    split = dataclasses.replace(study, dataset=study.dataset | {"superclasses": {"two": [0, 2], "one": [1]}})
    once = tables.granularity(split)
    images = pd.concat([once, once], ignore_index=True)  # of enough images
    cells = tables.granularity_cells(images)
    fig = figures.figure_7(cells).figure
    assert titles(fig) == ["two: 2 classes", "one: 1 class"]
    drawn = [ax.collections[0].get_array().filled(0).sum() for ax in panels(fig)]
    assert drawn == 4 * [80, 40]
    of_two = once[(once["arch"] == "alexnet") & (once["superclass"] == "two")]["norm_in_superclass"]
    norm = study.runs["alexnet"].scores["norm"][study.images["label"] != 1]
    np.testing.assert_allclose(of_two, (norm - norm.min()) / (norm.max() - norm.min()), rtol=1e-5)
    told = tables.granularity_correlations(images)
    assert told["n"].tolist() == 4 * [80, 40]


def test_figure_7_draws_no_group_and_no_mean_of_few_images(study):
    """Of 60 images, 40 and 20; whose HSF lies in a bin with four others or more in one of them."""
    split = dataclasses.replace(study, dataset=study.dataset | {"superclasses": {"two": [0, 2], "one": [1]}})
    cells = tables.granularity_cells(tables.granularity(split))
    drawn = figures.figure_7(cells)
    assert titles(drawn.figure) == ["two: 2 classes"]
    assert drawn.caption.endswith("Not drawn, because there are fewer than 30 images: one 20.")
    bins = cells[(cells["arch"] == "alexnet") & (cells["superclass"] == "two")].drop_duplicates("bin")
    assert (bins["bin_n"] < 5).any()
    assert len(panels(drawn)[0].lines[-1].get_ydata()) == (bins["bin_n"] >= 5).sum()
    small = cells[cells["superclass"] == "one"]
    assert figures.figure_7(small) is None
    assert wording.histograms.groups_absent(small) == "is not drawn: each group has fewer than 30 test images (one 20)."


def test_a_colour_bar_of_few_images_has_whole_numbers(study):
    cells = tables.histograms(study, ["alexnet"], ["avh"])
    fig = figures.figure_1(cells.assign(n=cells["n"].clip(upper=3))).figure
    (bar,) = [ax for ax in fig.axes if ax.get_label() == "<colorbar>"]
    assert bar.get_yticks().tolist() == [1, 2, 3]


def test_without_people_there_is_no_example_and_no_granularity(silent):
    chosen = tables.examples(silent)
    course = tables.example_steps(silent, chosen)
    assert chosen.empty and course.empty
    assert figures.figure_5(course, chosen, np.zeros((0, 8, 8, 3))) is None
    cells = tables.granularity_cells(tables.granularity(silent))
    assert figures.figure_7(cells) is None
    assert figures.figure_4(tables.step_means(silent)) is not None


@pytest.mark.parametrize("draw", [figures.figure_1, figures.figure_3, figures.figure_6])
def test_without_people_nothing_about_people_is_drawn(silent, draw):
    (arch,) = silent.runs
    table = (
        tables.epoch_means_by_bin(silent) if draw is figures.figure_3 else tables.histograms(silent, [arch], ["avh"])
    )
    assert table.empty
    assert draw(table) is None


def test_any_network_is_drawn_under_its_own_name(silent):
    (arch,) = silent.runs
    fig = figures.figure_2(tables.epoch_means(silent)).figure
    assert titles(fig) == [arch]
    assert len(panels(fig)) == 3
    assert figures.figure_t1(tables.training_curves(silent.runs[arch])) is not None
    assert figures.figure_h2(tables.distribution(silent.runs[arch])) is not None


def test_many_networks_go_on_below(tmp_path):
    archs = [*FOUR, "resnet18", "googlenet", "vgg11"]
    study = read_results(madeup.study(tmp_path, archs, epochs=2), archs)
    fig = figures.figure_2(tables.epoch_means(study)).figure
    assert titles(fig) == [styles.architecture(arch).label for arch in studies.in_order(archs)]
    assert len(panels(fig)) == 3 * len(archs)
    assert len(panels(figures.figure_3(tables.epoch_means_by_bin(study)))) == 3 * len(archs)


@pytest.mark.parametrize("epochs", [2, 90])
def test_any_number_of_epochs_fits_its_axis(tmp_path, epochs):
    study = read_results(madeup.study(tmp_path, ["resnet50"], epochs=epochs), ["resnet50"])
    axes = panels(figures.figure_3(tables.epoch_means_by_bin(study)))
    assert axes[-1].get_xlim() == (0.5, epochs + 0.5)
    assert axes[-1].get_xlabel() == "epoch"


def test_undefined_everywhere_is_drawn_as_nothing(study):
    table = tables.epoch_means(study).assign(mean=np.nan, low=np.nan, high=np.nan)
    assert figures.figure_2(table) is not None


def test_drawing_leaves_the_table_as_it_is(study):
    table = tables.epoch_means_by_bin(study)
    before = table.copy()
    figures.figure_3(table)
    pd.testing.assert_frame_equal(table, before)


def test_the_summary_tells_what_is_in_the_tables(study):
    rows = tables.summary(study).set_index(["arch", "quantity"])
    scores = study.runs["vgg19"].scores
    expected = statistics.correlation(scores["avh"], study.hsf)
    assert tuple(rows.loc[("vgg19", "avh"), ["value", "low", "high", "n"]]) == pytest.approx(tuple(expected))
    assert rows.loc[("vgg19", "accuracy"), "value"] == scores["correct"].mean()
    assert expected.value < -0.5  # AVH falls where people agree: the made-up results say so
    assert 0.3 < tables.ceiling(study).value <= 1


def test_candidates_for_label_errors_come_with_hsf_where_it_is_known(study, silent):
    order = hardness.ranking(study, "vgg19")
    table = wording.hardness.suspects_table(order, study)
    assert table["HSF"].tolist() == study.hsf[order["image"][: len(table)]].tolist()
    (arch,) = silent.runs
    assert "HSF" not in wording.hardness.suspects_table(hardness.ranking(silent, arch), silent)


def test_the_hardest_images_are_those_of_highest_avh(study):
    table = wording.hardness.hardest_table(study, hardness.ranking(study, "vgg19"))
    scores = study.runs["vgg19"].scores
    assert table["image"].tolist() == scores.sort_values("avh", ascending=False)["id"].head(10).tolist()


PANELS = {
    "1": lambda study: figures.figure_1(tables.histograms(study, ["resnet50"], ["confidence", "norm_in_class", "avh"])),
    "2": lambda study: figures.figure_2(tables.epoch_means(study)),
    "3": lambda study: figures.figure_3(tables.epoch_means_by_bin(study)),
    "6": lambda study: figures.figure_6(tables.histograms(study, FOUR[:3], ["avh", "norm_in_class"])),
}


@pytest.mark.parametrize("number", PANELS)
def test_a_phone_has_the_same_panels_in_two_columns(study, number):
    wide = PANELS[number](study)
    narrow = wide.narrow()
    assert narrow.get_figwidth() < 4 < wide.figure.get_figwidth()
    drawn_wide, drawn_narrow = (
        [ax for ax in fig.axes if ax.get_label() != "<colorbar>"] for fig in (wide.figure, narrow)
    )
    assert len(drawn_wide) == len(drawn_narrow)
    assert len({round(ax.get_position().x0, 2) for ax in drawn_narrow}) == 2
    titles = [sorted(ax.get_title() for ax in axes) for axes in (drawn_wide, drawn_narrow)]
    assert titles[0] == titles[1]
    assert figures.panels.LAYOUT.get() is figures.panels.PAGE  # as it was before


def test_a_figure_that_fits_a_phone_is_drawn_once(study):
    assert figures.figure_h2(tables.distribution(study.runs["vgg19"])).narrow is None


def test_a_drawing_that_fails_for_a_phone_leaves_the_next_one_its_layout():
    @figure("Nothing", str)
    def drawn(table: pd.DataFrame) -> Figure:
        if LAYOUT.get() is PHONE:
            raise RuntimeError("too narrow")
        return Figure(figsize=(PAGE.width, 1))

    with pytest.raises(RuntimeError, match="too narrow"):
        drawn(pd.DataFrame({"a": [1]})).narrow()
    assert LAYOUT.get() is PAGE


@pytest.mark.parametrize(("first", "last"), [(0.909, 0.946), (0.1, 0.94), (0.9, 0.905), (0.5, 0.5)])
def test_accuracies_on_an_axis_are_told_apart(first, last):
    rows = [("resnet50", 1, first), ("resnet50", 2, last)]
    table = pd.DataFrame(
        [(*row, score, 0.3, 0.2, 0.4) for row in rows for score in ("avh", "confidence", "lead")],
        columns=["arch", "epoch", "accuracy", "score", "value", "low", "high"],
    )
    fig = figures.figure_d1(table).figure
    axis = fig.axes[1].xaxis
    fig.canvas.draw()
    labels = [tick.get_text() for tick in axis.get_ticklabels()]
    assert len(set(labels)) == len(labels) > 1
    assert [float(label.rstrip("%")) / 100 for label in labels] == pytest.approx(axis.get_ticklocs())
