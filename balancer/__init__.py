"""Balancer: keeps an electrically heated house warm on a small supply."""

__version__ = "0.1.0"
