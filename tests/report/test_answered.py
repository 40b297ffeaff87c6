"""What a page announced would count against the paper is answered under its figure, from the figure's own table."""

import madeup
import numpy as np
import pandas as pd
import pytest

from analysis.statistics import Estimate
from analysis.study import claims, tables
from analysis.study.readings import GROUPS
from analysis.study.results import read_results
from analysis.study.verdicts import Part, conclude
from report import wording


def steps(**networks: tuple[float, float]) -> pd.DataFrame:
    """Norms of two images over 60 steps, which change over the second half by what is given: hard, easy."""
    rows = [
        (arch, example, "norm", step, norm)
        for arch, changes in networks.items()
        for example, change in zip(("hard", "easy"), changes, strict=True)
        for step, norm in ((0, 1.0), (30, 2.0), (60, 2.0 + change))
    ]
    return pd.DataFrame(rows, columns=["arch", "example", "measure", "step", "mean"])


def test_a_hard_images_norm_that_stops_climbing_counts_against_the_paper():
    said = wording.examples.last_norms(steps(alexnet=(1.0, 0.2), vgg19=(-0.5, 0.1)))
    assert "changes by 1 for AlexNet (easy image: 0.2) and −0.5 for VGG19" in said
    assert said.endswith("It does not rise for VGG19, which contradicts the paper.")
    assert wording.examples.last_norms(steps(alexnet=(1.0, 0.2))).endswith("It rises in all networks.")
    assert wording.examples.last_norms(pd.DataFrame()) == ""


def test_what_would_count_against_avh_is_said_to_have_occurred_or_not():
    """In each of the four cases, by the ends of two intervals."""
    for avh, lead, said in (
        ((-0.5, -0.3), (0.1, 0.2), "neither occurred."),
        ((-0.5, 0.1), (0.1, 0.2), "one occurred: the correlation does not lie below 0."),
        ((-0.5, -0.3), (-0.1, 0.2), "one occurred: confidence correlates with HSF as strongly or more strongly."),
        ((0.2, 0.3), (-0.2, -0.1), "both occurred."),
        ((np.nan, np.nan), (0.1, 0.2), "neither result can be judged."),
    ):
        rows = [(name, 0.1, *ends, 50) for name, ends in (("avh", avh), ("lead", lead))]
        table = pd.DataFrame(rows, columns=["quantity", "value", "low", "high", "n"])
        assert wording.summary.against_avh(table).endswith(said)
        few = table.assign(n=[50, claims.FEWEST_IMAGES - 1])
        assert wording.summary.against_avh(few).endswith("neither result can be judged.")
    assert wording.summary.against_avh(pd.DataFrame({"quantity": ["accuracy"]})) == ""  # without people


def test_the_raw_norm_answers_where_classes_are_too_small_for_scaling():
    def table(score: str, *ends: tuple[float, float]) -> pd.DataFrame:
        rows = [
            ("spearman", score, arch, 0.1, *low_high, 90)
            for arch, low_high in zip(("alexnet", "vgg19"), ends, strict=False)
        ]
        return pd.DataFrame(rows, columns=["kind", "score", "arch", "value", "low", "high", "n"])

    said = wording.correlations.raw_norm_sentence(table("norm", (0.05, 0.2), (-0.1, 0.2)))
    assert "rises with HSF, against the paper: 0.10 [0.05,\u00a00.20] for AlexNet" in said
    assert "neither is clear: 0.10 [−0.10,\u00a00.20] for VGG19" in said
    both = pd.concat([table("norm", (0.05, 0.2)), table("norm_in_class", (0.05, 0.2))])
    assert wording.correlations.raw_norm_sentence(both) == ""  # Prediction 1 is judged
    assert wording.correlations.raw_norm_sentence(pd.DataFrame()) == ""  # nobody was asked


def test_a_changed_verdict_on_a_group_of_classes_is_not_told_as_prediction_1s():
    rows = [
        (GROUPS, name, "alexnet", verdict, name != "") for name, verdict in (("", "inconclusive"), ("HSF", "supported"))
    ]
    table = pd.DataFrame(rows, columns=["claim", "reading", "arch", "verdict", "changed"])
    assert wording.readings.readings_sentences(table)[1] == (
        "P1 within the largest group of classes (Figure 7), with HSF: different verdict for AlexNet (from inconclusive "
        "to supported)."
    )


def test_an_undecided_verdict_comes_with_the_number_that_leaves_it_open():
    finding = conclude(Part("lead", Estimate(1.0, -2.0, 4.0, 60), (0, np.inf)))
    row = {"claim": "P2c", "arch": "alexnet", "verdict": finding.verdict, "why": finding.why, "starts": 1, "alike": 1}
    table = pd.DataFrame([row | finding.parts[0].row | {"part": finding.parts[0].verdict}])
    assert wording.claims.outcome(table, "P2c").endswith("for AlexNet (lead: 1 [−2,\u00a04], required: above 0).")
    assert wording.claims.judged(table, "P2c", Estimate(0, 0, 0, 0))["verdict"].tolist() == ["?\u00a0inconclusive"]


def test_a_reason_that_networks_share_is_said_once():
    row = {"claim": "P1", "verdict": "inconclusive", "starts": 1, "alike": 1, "quantity": "", "n": 0, "part": ""}
    rows = [row | {"arch": arch, "why": why} for arch, why in (("alexnet", "few"), ("vgg19", "few"))]
    assert wording.claims.outcome(pd.DataFrame(rows), "P1").endswith("inconclusive for AlexNet and VGG19 (few).")
    rows[1] |= {"why": "none"}
    assert wording.claims.outcome(pd.DataFrame(rows), "P1").endswith("for AlexNet (few) and VGG19 (none).")


def test_a_number_out_of_range_comes_with_the_range():
    part = Part("norm with HSF", Estimate(0.229, 0.2, 0.25, 60), claims.UNCORRELATED)
    row = {"claim": "P1", "arch": "alexnet", "verdict": "not supported", "why": "", "starts": 1, "alike": 1}
    said = wording.claims.outcome(pd.DataFrame([row | part.row | {"part": part.verdict}]), "P1")
    assert said.endswith("not supported for AlexNet (norm with HSF: 0.229, required: between −0.1 and 0.1).")


def panels(*rows: tuple[str, str, float, float, int]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["arch", "superclass", "low", "high", "n"])
    return tables.granularity_verdicts(table.assign(value=(table["low"] + table["high"]) / 2))


def test_groups_of_classes_are_judged_by_prediction_1s_range_where_they_have_enough_images():
    """A correlation of 0.05 that excludes 0 is none, as on the verdicts page; three images decide nothing."""
    table = panels(
        ("alexnet", "animals", 0.02, 0.08, 500),
        ("alexnet", "fungus", 0.5, 1.0, 3),
        ("alexnet", "vehicles", -0.3, -0.2, 500),
        ("vgg19", "animals", 0.05, 0.15, 500),
        ("vgg19", "vehicles", 0.2, 0.3, 30),
    )
    assert wording.histograms.groups_sentence(table) == (
        "By the range of Prediction 1, −0.1 to 0.1, there is no correlation in 1 of 4 panels; 1 is undecided, and 2 "
        "contradict the paper: vehicles for AlexNet and VGG19. Not counted: 1 panel of fewer than 30 images."
    )
    few = wording.histograms.groups_sentence(panels(("alexnet", "fungus", 0.5, 1.0, 3)))
    assert few == "Every group has fewer than 30 images, too few to answer the question."
    assert wording.histograms.groups_sentence(tables.granularity_verdicts(pd.DataFrame())) == ""


def test_an_undefined_norm_is_named_and_no_norm_that_rises():
    nan = float("nan")
    said = wording.examples.last_norms(steps(alexnet=(1.0, 0.2), vgg19=(nan, 0.1)))
    assert said.endswith("There it rises. The change in norm is undefined for VGG19.")
    assert "VGG19 (" not in said
    assert wording.examples.last_norms(steps(vgg19=(nan, nan))) == "The change in norm is undefined for VGG19."


def test_an_undefined_angle_is_named_and_not_said_to_be_lower_or_not():
    rows = [("vgg19", "easy", 1.0), ("vgg19", "hard", float("nan")), ("alexnet", "easy", 1.0), ("alexnet", "hard", 2.0)]
    table = pd.DataFrame(rows, columns=["arch", "example", "mean"]).assign(measure="angle", step=60)
    said = wording.examples.last_angles(table)
    assert said.endswith("is lower for AlexNet (1.00 against 2.00). The angle at the last step is undefined for VGG19.")
    assert wording.examples.last_angles(table[:2]) == "The angle at the last step is undefined for VGG19."


def test_an_undefined_lead_is_on_no_side():
    nan = float("nan")
    rows = [("alexnet", -0.2, -0.3, -0.1, 60), ("vgg19", nan, nan, nan, 60)]
    table = pd.DataFrame(rows, columns=["arch", "value", "low", "high", "n"])
    said = wording.correlations.leads(table)
    assert "neither" not in said
    assert said.endswith("The lead of AVH over confidence is undefined for VGG19.")
    assert wording.correlations.leads(table[1:]) == "The lead of AVH over confidence is undefined for VGG19."


@pytest.mark.parametrize(
    ("archs", "said"),
    [
        (["vgg19"], ""),
        (["alexnet", "resnet50"], "[Figure 1](#fig-1) shows ResNet50, and Figure 6 the other networks."),
    ],
)
def test_the_network_that_figure_6_leaves_out_is_named(archs, said, tmp_path):
    study = read_results(madeup.study(tmp_path, archs), archs)
    assert wording.histograms.in_figure_1(study) == said
    assert (study.others() == archs) == (said == "")
