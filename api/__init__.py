"""The doors of the ledger: HTTP, the command line, importers and exporters."""
