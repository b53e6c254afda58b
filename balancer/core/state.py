"""What is remembered between events; made by ``initial_state``, changed only by ``step``."""
