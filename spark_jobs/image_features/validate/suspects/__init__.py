"""Suspects: images whose label their vectors contradict, as a dataset and as a labels file to correct."""
