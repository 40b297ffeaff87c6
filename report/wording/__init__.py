"""Answers in a reader's words: tables for readers, captions, sentences, and figures for who cannot see them."""

from report.wording.baselines import (
    absent_scores,
    baselines_sentences,
    baselines_table,
    describe_baselines,
    numerator_sentence,
    with_labels,
)
from report.wording.claims import (
    judged,
    judged_caption,
    matrix,
    outcome,
    outcomes_of_claims,
    rule,
    said,
    tally,
    verdict,
)
from report.wording.control import (
    causes_caption,
    causes_missing,
    causes_sentences,
    causes_table,
    describe_causes,
    describe_grid,
    remainder_sentences,
    smallest_group,
)
from report.wording.correlations import (
    apart_table,
    bins_caption,
    bins_sentence,
    bins_table,
    ceilings_table,
    coefficients_table,
    describe_bins,
    disagreement_sentence,
    given_correctness_sentence,
    given_correctness_table,
    lead_table,
    leads,
    strength_sentences,
)
from report.wording.curves import (
    describe_curves,
    describe_training,
)
from report.wording.disputed import best_finders, detected, detections_table, detections_title, finders_compared
from report.wording.examples import examples_sentences, last_angles, last_norms, people_answers, with_answers
from report.wording.front import FRONT_CAPTION, answer_in_words, claims_in_studies, describe_front, over_networks
from report.wording.hardness import (
    boxes,
    class_ends_caption,
    describe_class_ends,
    describe_suspects,
    hardest_table,
    not_drawn,
    people_expectation,
    suspected,
    suspects_caption,
    suspects_table,
)
from report.wording.heads import heads_said
from report.wording.histograms import (
    describe_distribution,
    describe_histograms,
    granularity_table,
    histograms_caption,
    rising_groups,
)
from report.wording.overtaking import (
    DIFFERENCES,
    accuracy_changes,
    describe_overtaking,
    moments_caption,
    norm_sentences,
    overtakes,
    reasons,
)
from report.wording.provenance import plain_value, stamp_in_words
from report.wording.readings import (
    bin_sizes_table,
    describe_readings,
    named_readings,
    readings_sentences,
    readings_table,
)
from report.wording.starts import (
    SEEN,
    describe_starts,
    lacks_margin,
    margin_leads,
    margin_leads_table,
    numbers_table,
    plotted_starts,
    starts_judged,
    starts_said,
    turned_points,
)
from report.wording.study import BATCH_NORM, about, given_weights, network, scale, transformed, undefined_scores
from report.wording.summary import accuracy_sentence, summary_table
