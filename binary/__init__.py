"""Builds dist/pk, all of pk in one file that runs without Python: `python -m binary` (docs/decisions/0009-one-file.md).

program.py links pk.c, in which start.py runs first; payload.py is what that finds behind the program's end.
"""
