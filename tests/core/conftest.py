"""How deep the properties are searched: as ``--hypothesis-profile`` says."""

from hypothesis import settings

settings.register_profile("campaign", max_examples=1000, deadline=None)
