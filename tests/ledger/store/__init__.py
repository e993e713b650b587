"""The event store and the writer, proven on both databases: published suites, races, faults, migrations."""
