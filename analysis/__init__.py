"""Angular Visual Hardness, reproduced: the package behind the chapters of the book."""
