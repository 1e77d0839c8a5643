"""Exposition: rows as Prometheus text and as a plain page, served over HTTP."""
