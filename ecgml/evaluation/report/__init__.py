"""The report's sections about evaluation: plain results in, `ecgml.page.Section` out.

protocols   several splits and the drop between them
subgroups   sex, age, source, date, signal, heart rate
"""
