"""The pages of the book: answers in words, figures, and their place; `analysis` is below and knows none of it."""
