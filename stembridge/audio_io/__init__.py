"""The ears: audition of takes and capture of what is played, on real devices.

frame_clock  which frame sounds at which moment
player       one looped take, block by block
recorder     the input's recent past, and takes cut out of it
latency      the round trip, measured with a sweep
engine       all of it in one callback, without a device: numpy in, numpy out
loading      files -> samples at the device's rate and the listening level
devices      the only sounddevice user
process      the child process around engine and device
"""
