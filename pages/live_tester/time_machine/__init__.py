"""The page of the outage time machine: a year of real incidents through one group."""
