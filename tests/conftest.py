"""What every test shares."""

from hypothesis import settings

# No deadline: a busy machine is not a failure. Derandomised: a red run is red again.
settings.register_profile("stembridge", deadline=None, derandomize=True)
settings.load_profile("stembridge")
