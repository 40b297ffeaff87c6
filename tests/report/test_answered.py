"""What a page announced would count against the paper is answered under its figure, from the figure's own table."""

import pandas as pd

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


def test_panels_count_as_rising_or_falling_where_the_interval_leaves_out_0():
    table = pd.DataFrame({"low": [0.1, -0.1, -0.3, 0.2], "high": [0.2, 0.1, -0.1, 0.3]})
    said = wording.histograms.rising_groups(table)
    assert "in 2 of 4 panels and falls in 1" in said
    assert wording.histograms.rising_groups(pd.DataFrame()) == ""
