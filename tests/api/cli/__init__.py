"""Tests of the command line: in this process by Typer's runner, and as real processes where that matters."""
