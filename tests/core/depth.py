"""How many lives each property is tried on.

A quarter and a tenth of what the profile says: ``--hypothesis-profile=campaign`` looks deeper,
and elsewhere each time; a commit is judged by the same lives on every machine.
"""

from hypothesis import HealthCheck, settings

several = settings(
    max_examples=settings.default.max_examples // 4,
    derandomize=settings.default.max_examples <= 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
few = settings(several, max_examples=settings.default.max_examples // 10)
