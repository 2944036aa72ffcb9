"""The engines, each in a process of its own behind the same small protocol (`protocol.py`).

A peer is a module with

- `about()`: versions and thread counts as plain data;
- `RUNS`: by kind of task, the ways to do it by name, the usually fastest first; each takes the
  `Task`, sets everything up, and returns a function that does so many steps and gives the seconds
  that one took;
- `load(task)` where there are data: reads them, so that their memory can be told apart.
"""
