"""Strategies side by side on the same house, and what they came to."""
