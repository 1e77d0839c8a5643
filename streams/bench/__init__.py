"""The benchmark: how much of the raw consumer's rate the hot path keeps, with every result checked.

workload ─► topic of a one-node Apache Kafka, and a file ─► contenders, each in a fresh interpreter
│ time, memory, result
oracle (plain Python over newest versions) ─── equal or it does not count ─┘─► docs/benchmarks.*
"""
