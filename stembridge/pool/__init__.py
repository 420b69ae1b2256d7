"""Where work is done that is shared out: this process, several of it, or a cluster's.

cluster    joining a Ray cluster, or starting one of this machine alone; the only importer of Ray
jobs       a function over many jobs, on any of the three
threads    calls side by side inside one process
"""
