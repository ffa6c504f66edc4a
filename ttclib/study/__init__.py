"""A store opened for questions: the one place where the command, Python, a notebook and a page get their answers.

Rooms: `question` (what is asked), `opening` (whose samples answer it), `compared` (what is compared on which problems),
`study` (the questions), `captions` (what a reader must know), then one module a larger subject.
"""
