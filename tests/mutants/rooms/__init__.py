"""The faults by room."""
