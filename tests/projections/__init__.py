"""The read models: what each folds, and that no crash, batch or second process changes a row."""
