"""The documentation: Markdown that reads the same on GitHub and as a site, and what makes its pictures.

layers      the import contract of pyproject.toml as a picture: ``python -m docs.layers``
pictures    pictures of what the commands make, from the simulated cohort: ``python -m docs.pictures``
hooks       what mkdocs is told beyond mkdocs.yml: the project's own files as pages, a reference page a room
docstrings  docstrings as Markdown: maps of rooms, Sphinx roles
"""
