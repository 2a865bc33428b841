"""Fetal head biometry by landmark detection: the importable part of the workflow."""
