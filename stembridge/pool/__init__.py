"""Where work that takes many processes is done: this process, several of it, or a cluster's.

cluster    joining a Ray cluster, or starting one of this machine alone; the only importer of Ray
jobs       a function over many jobs, on any of the three
"""
