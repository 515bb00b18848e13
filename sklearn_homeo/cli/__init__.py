"""The command line: a file for each verb.

A verb's file has ``add_options(parser)`` and ``run(options)``; its docstring is what
``--help`` shows. Nothing slow is imported before options and paths were checked.
"""
