"""dist/pk: all of pk in one file that runs without Python; `python -m binary`, why in docs/decisions/one-file.md.

__main__.py builds it: pk.c is the program, start.py what runs in it first, payload.py what that finds behind its end.
"""
