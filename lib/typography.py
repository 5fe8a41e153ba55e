"""What stands between a number and its unit in sentences and on pages: `43 %`, `149 ms`."""

THIN = "\u2009"
