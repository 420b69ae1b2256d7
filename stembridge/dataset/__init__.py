"""Training music: composed and rendered by the project itself, Slakh2100, or a folder of stems.

No torch here: this room makes notes, audio and annotations, and `training` turns them into
latents.
"""
