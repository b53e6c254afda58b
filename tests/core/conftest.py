"""How deep the properties are searched: as ``--hypothesis-profile`` says."""

from hypothesis import settings

settings.register_profile("campaign", max_examples=2000, deadline=None)
