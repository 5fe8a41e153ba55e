"""How `make docs` builds the site: Sphinx reads the repository's own Markdown, and is strict about its links."""

project = "Routing Console"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**"]
# Not searched: a virtual environment has thousands of folders.
exclude_patterns = [".*", "var", "node_modules", "static", "templates", "tests", "screenshots"]

highlight_language = "none"

# Anchors of headings, as repository hosts make them.
myst_heading_anchors = 3

html_theme = "furo"
html_title = "Routing Console"
html_favicon = "../static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "redirect.html"}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
