"""Reputation and repurchase figures, reckoned a second time in SQL from what the documents define."""
