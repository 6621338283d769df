"""The questions of ``stripe-sync probe``: each a function of an account that gives its typed answer.

A question is one function under ``@question(name)``, with the name of its row of docs/unknowns.md.
"""
