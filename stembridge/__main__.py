"""`python -m stembridge`."""

from stembridge.cli import main

main()
