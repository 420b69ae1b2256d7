"""`stembridge selftest`: attacks this installation's daemon and says how it stood, in a table.

table    the sixteen rows, their marks, and running them
ground   what rows have in common
house    a daemon as a process of its own, on a folder of its own, with the fake model
*_rows   the attacks
soak     jobs for hours: what grows?
"""
