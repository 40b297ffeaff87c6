"""Figures draw what their tables say: data, labels and colours, never pixels."""

import numpy as np
import pandas as pd
import pytest
import recorded

from analysis import figures, statistics, styles, tables
from analysis.errors import InputError

FOUR = ["resnet50", "alexnet", "vgg19", "densenet121"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tables.Study:
    """Four networks over images with people's answers, of which one bin of HSF is empty."""
    parameters = recorded.study(tmp_path_factory.mktemp("results"), FOUR)
    read = tables.read(parameters, parameters.archs)
    read.images["selected"] = read.images["selected"].where(~read.images["selected"].isin([5, 6]), 7)
    return read


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> tables.Study:
    """One network that is not in the table of styles, over images that nobody was asked about."""
    parameters = recorded.study(tmp_path_factory.mktemp("silent"), ["shufflenet_v2_x0_5"], people=False, epochs=2)
    return tables.read(parameters, parameters.archs)


def panels(fig) -> list:
    """The figure's axes without its colour bars."""
    return [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]


def titles(fig) -> list[str]:
    return [ax.get_title() for ax in panels(fig) if ax.get_title()]


def test_networks_are_in_the_papers_order(study):
    assert list(study.runs) == ["alexnet", "vgg19", "densenet121", "resnet50"]


def test_figure_1_draws_the_counts_of_its_table(study):
    table = tables.histograms(study, ["resnet50"], ["confidence", "norm_in_class", "avh_scaled"])
    axes = panels(figures.figure_1(table))
    assert [ax.get_ylabel() for ax in axes] == ["confidence", "norm within its class", "AVH, scaled to [0, 1]"]
    assert {ax.get_xlabel() for ax in axes} == {"human selection frequency"}
    for ax, score in zip(axes, table["score"].unique(), strict=True):
        drawn = ax.collections[0].get_array().filled(0).sum()
        assert drawn == table.loc[table["score"] == score, "n"].sum()


def test_figure_1_counts_every_image_with_a_score(study):
    table = tables.histograms(study, ["resnet50"], ["avh_scaled"])
    assert table["n"].sum() == recorded.N - 1  # one AVH is undefined


def test_a_histograms_line_joins_the_means_of_bins(study):
    table = tables.histograms(study, ["resnet50"], ["avh_scaled"])
    (ax,) = panels(figures.figure_1(table))
    bins = tables.score_by_bin(study, "resnet50", ["avh_scaled"]).dropna(subset="mean")
    line = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(line.get_ydata(), bins["mean"])
    np.testing.assert_allclose(line.get_xdata(), [0.1, 0.3, 0.7, 0.9])  # (0.4, 0.6] is empty


def test_figure_2_draws_the_means_from_epoch_1(study):
    table = tables.curves(study)
    fig = figures.figure_2(table)
    assert titles(fig) == ["AlexNet", "VGG19", "DenseNet121", "ResNet50"]
    ax = panels(fig)[4 + 2]  # the second row, AVH, of DenseNet121
    raw = study.runs["densenet121"].epochs
    np.testing.assert_allclose(ax.lines[0].get_ydata(), raw[raw["epoch"] > 0].groupby("epoch")["avh"].mean())
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[0].get_color() == styles.ARCHITECTURES["densenet121"].colour


def test_figure_2_marks_where_the_learning_rate_falls(study):
    fig = figures.figure_2(tables.curves(study))
    for ax in panels(fig):
        assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [1.5, 2.5]


def test_figure_2_has_one_scale_of_avh(study):
    axes = panels(figures.figure_2(tables.curves(study)))
    assert len({ax.get_ylim() for ax in axes[4:8]}) == 1
    assert {ax.get_ylim() for ax in axes[8:12]} == {(0, 1)}


def test_figure_3_has_a_curve_per_bin_and_counts_it(study):
    table = tables.curves_by_bin(study)
    fig = figures.figure_3(table)
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
    fig = figures.figure_6(table)
    assert len(panels(fig)) == 6
    assert titles(fig) == ["AlexNet", "VGG19", "DenseNet121"]


def test_training_curves_show_both_kinds_of_images(study):
    run = study.runs["vgg19"]
    fig = figures.training_curves(tables.training(run))
    loss, accuracy, rate = panels(fig)
    assert loss.lines[0].get_ydata().tolist() == run.training["loss"].tolist()
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["training images", "test images"]
    assert rate.get_yscale() == "log"


def test_the_overview_names_every_bin_and_its_size(study):
    cells = tables.histograms(study, ["vgg19"], ["avh"])
    bins = tables.score_by_bin(study, "vgg19", ["avh"])
    lower = panels(figures.hardness_overview(cells, bins))[1]
    labels = [label.get_text() for label in lower.get_xticklabels()]
    assert labels == [f"{name}\nn = {n}" for name, n in zip(bins["bin"], bins["n"], strict=True)]
    assert bins["n"].sum() == recorded.N - 1


def test_a_distribution_counts_right_and_wrong_images(study):
    table = tables.distribution(study.runs["alexnet"])
    (ax,) = panels(figures.distribution(table))
    drawn = sum(patch.get_data().values.sum() for patch in ax.patches)
    assert drawn == table["n"].sum() == recorded.N - 1


@pytest.mark.parametrize("draw", [figures.figure_1, figures.figure_3, figures.figure_6])
def test_without_people_nothing_about_people_is_drawn(silent, draw):
    (arch,) = silent.runs
    table = tables.curves_by_bin(silent) if draw is figures.figure_3 else tables.histograms(silent, [arch], ["avh"])
    assert table.empty
    assert draw(table) is None


def test_any_network_is_drawn_under_its_own_name(silent):
    (arch,) = silent.runs
    fig = figures.figure_2(tables.curves(silent))
    assert titles(fig) == [arch]
    assert len(panels(fig)) == 3
    assert figures.training_curves(tables.training(silent.runs[arch])) is not None
    assert figures.distribution(tables.distribution(silent.runs[arch])) is not None


def test_many_networks_go_on_below(tmp_path):
    archs = [*FOUR, "resnet18", "googlenet", "vgg11"]
    study = tables.read(recorded.study(tmp_path, archs, epochs=2), archs)
    fig = figures.figure_2(tables.curves(study))
    assert titles(fig) == [styles.architecture(arch).label for arch in styles.in_order(archs)]
    assert len(panels(fig)) == 3 * len(archs)
    assert len(panels(figures.figure_3(tables.curves_by_bin(study)))) == 3 * len(archs)


@pytest.mark.parametrize("epochs", [2, 90])
def test_any_number_of_epochs_fits_its_axis(tmp_path, epochs):
    study = tables.read(recorded.study(tmp_path, ["resnet50"], epochs=epochs), ["resnet50"])
    axes = panels(figures.figure_3(tables.curves_by_bin(study)))
    assert axes[-1].get_xlim() == (0.5, epochs + 0.5)
    assert axes[-1].get_xlabel() == "epoch"


def test_undefined_everywhere_is_drawn_as_nothing(study):
    table = tables.curves(study).assign(mean=np.nan, low=np.nan, high=np.nan)
    assert figures.figure_2(table) is not None


def test_drawing_leaves_the_table_as_it_is(study):
    table = tables.curves_by_bin(study)
    before = table.copy()
    figures.figure_3(table)
    pd.testing.assert_frame_equal(table, before)


def test_results_of_another_study_are_refused(tmp_path):
    parameters = recorded.study(tmp_path, ["resnet50"])
    with pytest.raises(InputError, match=r"other parameters.*seed is 0 there and 1 here"):
        tables.read(parameters.model_copy(update={"seed": 1}), ["resnet50"])
    with pytest.raises(InputError, match=r"vgg19/run.json is missing"):
        tables.read(parameters, ["resnet50", "vgg19"])


def test_the_summary_tells_what_is_in_the_tables(study):
    rows = tables.summary(study).set_index(["arch", "quantity"])
    scores = study.runs["vgg19"].scores
    expected = statistics.correlation(scores["avh"], study.hsf)
    assert tuple(rows.loc[("vgg19", "avh"), ["value", "low", "high", "n"]]) == pytest.approx(tuple(expected))
    assert rows.loc[("vgg19", "accuracy"), "value"] == scores["correct"].mean()
    assert expected.value < -0.5  # AVH falls where people agree: the made-up results say so
    assert 0.3 < tables.ceiling(study).value <= 1


def test_the_hardest_images_are_those_of_highest_avh(study):
    table = tables.extremes(study, "vgg19", 5)
    scores = study.runs["vgg19"].scores
    assert table["image"].tolist() == scores.sort_values("avh", ascending=False)["id"].head(5).tolist()
