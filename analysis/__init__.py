"""Angular Visual Hardness, reproduced: the module behind the book's chapters."""
