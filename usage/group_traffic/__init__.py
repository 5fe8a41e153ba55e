"""The traffic of one routing group over the last minutes and the last day, counted when the log is written.

A page that shows it, or a hundred, read sums of a few slices, which cost the same for a log of any size. A request is
counted in the slice in which it began, as in the log, so that both have the same number for the same period. Slices of
ten seconds become slices of ten minutes after an hour.
"""
