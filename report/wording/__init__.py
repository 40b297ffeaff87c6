"""Answers in a reader's words: tables for readers, captions, sentences, and figures for readers who cannot see them.

A module for each question that ``analysis.study`` asks; ``forms`` has what they share.
"""

from report.wording import (
    baselines,
    claims,
    control,
    correlations,
    curves,
    disputed,
    dynamics,
    examples,
    forms,
    front,
    hardness,
    heads,
    histograms,
    overtaking,
    provenance,
    readings,
    starts,
    study,
    summary,
)
