"""The builder: a routing group as a form, created and edited.

`deployment_rows.py` edits the list of deployments (pure), `forms.py` has the fields, `drafts.py` joins the two,
`picker.py` searches the catalog, `views.py` has the pages.
"""
