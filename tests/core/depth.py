"""How many lives each property is tried on.

A quarter and a tenth of what the profile says: ``--hypothesis-profile=campaign`` looks deeper,
and elsewhere each time; a commit is judged by the same lives on every machine.
"""

from hypothesis import HealthCheck, settings

_lives = settings().max_examples

several = settings(
    max_examples=_lives // 4,
    derandomize=_lives <= 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
few = settings(several, max_examples=_lives // 10)
