"""Faults that tests must notice: each is put into a copy of the code, alone, and the tests concerned are run on it.

fault       one fault, and how it is put in
rooms       the faults, room by room
registry    all of them, by name
trial       a copy of the tree, and what the tests say of a fault in it
__main__    `python -m tests.mutants`
"""
