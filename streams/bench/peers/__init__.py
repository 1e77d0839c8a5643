"""Peers of the benchmark: what other stream processors make of one daily ratio of each organisation.

environment ─┬─► command line ─► a script or class beside it (task in, sums and one line of measures out)
jvm ─────────┘
"""
