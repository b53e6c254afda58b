"""Outsiders that judge the balancer by the wire and by the house."""
