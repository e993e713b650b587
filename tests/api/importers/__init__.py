"""Tests of the importers: files of other systems, told exactly or refused."""
