"""`ecgml measure`: rates, intervals and axes of recordings.

measure        a line of a table or a JSON object a file
interval_page  a page that shows where the marks lie
"""
