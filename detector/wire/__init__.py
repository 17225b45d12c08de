"""Codecs at the edges: records in, the log, CloudEvents out."""
