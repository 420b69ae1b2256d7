"""Audio on the numpy side: buffers, files, resampling, loudness, onsets. No network, no model.

Conventions: samples are float32, time is the last axis, full scale is 1.0 (0 dBFS).
"""
