"""Failures that happen on users' machines, provoked on purpose: `make drill`."""
