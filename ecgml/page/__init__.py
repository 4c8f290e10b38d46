"""A page of figures, tables and words: one HTML file that needs nothing from elsewhere. Exploration and reports.

sections        Section, Picture, Listing: what a page is made of
html            sections -> the page, all text escaped
rendering       templates by Jinja2; sentences and Markdown as HTML. The server's page extends the same base
writing         page, pictures and tables as files: whole or not at all
"""
