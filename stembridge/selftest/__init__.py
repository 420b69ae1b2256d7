"""`stembridge selftest`: attacks this installation's daemon and says how it stood, in a table.

house   a daemon as a process of its own, on a folder of its own, with the fake model
soak    jobs for hours: what grows?
"""
