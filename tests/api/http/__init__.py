"""Tests of the HTTP door, over a real socket."""
