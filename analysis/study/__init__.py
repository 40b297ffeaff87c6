"""What a study's tables answer: results in, tidy tables and verdicts out; no figure, no sentence."""
