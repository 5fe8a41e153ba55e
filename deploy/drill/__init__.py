"""The failure drill: one part after the other fails under load, and callers notice nothing."""
