"""The pages of the book: answers as text, figures and layout; `analysis` is below and knows none of it."""
