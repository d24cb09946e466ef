"""Tests of this package. Written by hand, but for `subject` and `operations.json`."""
