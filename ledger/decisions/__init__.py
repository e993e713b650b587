"""Decisions: what may happen next. Pure functions of the past and a command; one file a lifecycle."""
