"""The builder: a routing group as a form, created and edited.

`deployment_rows.py` is what can be done to the list of deployments (pure), `forms.py` what is typed, `drafts.py` the
two together, `picker.py` the search over the catalog, `views.py` the pages.
"""
